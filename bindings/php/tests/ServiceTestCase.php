<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{Client, Config, Protocol};
use AliyunMqtt\Tests\Support\Emulator;
use PHPUnit\Framework\TestCase;

/**
 * A test with an emulator, over the transport and protocol that the environment names: ALIYUN_MQTT_TEST_TRANSPORT (tcp
 * by default) and ALIYUN_MQTT_TEST_PROTOCOL (3.1.1 by default, or 5). All classes of one run use the same emulator.
 */
abstract class ServiceTestCase extends TestCase
{
    protected static Emulator $emulator;
    private static ?Emulator $shared = null;

    public static function setUpBeforeClass(): void
    {
        self::$emulator = self::$shared ??= new Emulator(getenv('ALIYUN_MQTT_TEST_TRANSPORT') ?: 'tcp');
        self::$emulator->export();
    }

    protected static function config(): Config
    {
        return Config::fromEnv()->protocol(self::protocol());
    }

    protected static function client(): Client
    {
        return Client::connect(self::config());
    }

    protected static function protocol(): Protocol
    {
        return getenv('ALIYUN_MQTT_TEST_PROTOCOL') === '5' ? Protocol::V5 : Protocol::V311;
    }

    /**
     * A topic that nobody else uses.
     */
    protected static function topic(string $name = 'test'): string
    {
        return getenv('ALIYUN_MQTT_TOPIC') . "/$name/" . bin2hex(random_bytes(4));
    }

    /**
     * Runs a script in a process of its own, and returns its output.
     *
     * @param array<string, string> $environment
     * @param list<string> $options
     */
    protected static function script(string $code, array $environment = [], array $options = []): string
    {
        $code = sprintf("<?php\nrequire %s; %s", var_export(dirname(__DIR__) . '/autoload.php', true), $code);
        $descriptors = [['pipe', 'r'], ['pipe', 'w'], ['redirect', 1]];
        $process = proc_open([PHP_BINARY, ...$options], $descriptors, $pipes, null, $environment + getenv());
        self::assertIsResource($process);
        fwrite($pipes[0], $code);
        fclose($pipes[0]);
        $output = (string) stream_get_contents($pipes[1]);
        proc_close($process);
        return $output;
    }
}
