<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\Client;
use AliyunMqtt\Tests\Support\{Emulator, Folder, Fpm, Traces, Wait};
use PHPUnit\Framework\TestCase;

/**
 * PHP-FPM, with its workers as Debian starts them.
 *
 * @group fpm
 */
final class FpmTest extends TestCase
{
    private const REQUESTS = 1000;
    private const WORKERS = 4;
    private const PACKAGE = __DIR__ . '/..';
    private const PRELOAD = ['ffi.enable' => 'preload', 'opcache.preload' => self::PACKAGE . '/preload.php'];
    private const HEADER = ['ffi.preload' => self::PACKAGE . '/aliyun_mqtt.ffi.h'];

    private static Emulator $emulator;
    private static Client $subscriber;

    public static function setUpBeforeClass(): void
    {
        self::$emulator = new Emulator(getenv('ALIYUN_MQTT_TEST_TRANSPORT') ?: 'tcp');
        self::$emulator->export();
        self::$subscriber = Client::fromEnv();
        self::$subscriber->subscribe(getenv('ALIYUN_MQTT_TOPIC') . '/fpm');
    }

    public static function tearDownAfterClass(): void
    {
        self::$subscriber->disconnect();
    }

    public function testPreloadedWorkersConnectOnce(): void
    {
        $this->workersConnectOnce($this->fpm(self::PRELOAD + self::HEADER));
    }

    public function testPreloadedWorkersFindTheLibraryByItsPath(): void
    {
        $fpm = $this->fpm(self::PRELOAD, environment: ['ALIYUN_MQTT_LIBRARY' => Support\library()]);
        $this->workersConnectOnce($fpm, 100);
    }

    public function testWorkersWithoutPreloadingConnectOnce(): void
    {
        $this->workersConnectOnce($this->fpm(['ffi.enable' => '1']));
    }

    public function testEachNewProcessConnectsOnce(): void
    {
        $fpm = $this->fpm(self::PRELOAD + self::HEADER, ['pm.max_requests' => '50']);
        [$processes, $clients] = $this->request($fpm, self::REQUESTS);
        self::assertGreaterThanOrEqual(self::REQUESTS / 50, count($processes));
        self::assertCount(count($processes), $clients, 'each process has one client');
        $fpm->stop();
        $this->allSaidGoodbye($clients);
    }

    public function testPreloadingMakesNoClient(): void
    {
        // What connects to this server waits there.
        $server = stream_socket_server('tcp://127.0.0.1:0');
        self::assertIsResource($server);
        $endpoint = 'mqtt://' . stream_socket_get_name($server, false);
        $fpm = $this->fpm(self::PRELOAD + self::HEADER, environment: ['ALIYUN_MQTT_ENDPOINT' => $endpoint]);
        $bodies = $fpm->requests->many(__DIR__ . '/fpm/nothing.php', 20, self::WORKERS);
        foreach ($bodies as $body) {
            self::assertStringEndsWith(' preloaded', $body);
        }
        $fpm->stop();
        self::assertFalse(@stream_socket_accept($server, 0), 'nobody has connected');
    }

    public function testAFatalErrorEndsTheClientsOfItsRequest(): void
    {
        $fpm = $this->fpm(['ffi.enable' => '1'], ['pm.max_children' => '1']);
        $body = $fpm->requests->one(__DIR__ . '/fpm/fatal.php');
        self::assertStringContainsString('Allowed memory size', $body);
        $client = self::$subscriber->recv(10)?->payload() ?? self::fail('no message came');
        // The worker goes on, and its client has ended.
        $pid = (int) $fpm->requests->one(__DIR__ . '/fpm/nothing.php');
        self::assertTrue(posix_kill($pid, 0));
        $this->allSaidGoodbye([$client]);
    }

    public function testFfiThatIsOffIsAClearError(): void
    {
        foreach (['preload', '0'] as $value) {
            $fpm = $this->fpm(['ffi.enable' => $value]);
            $body = $fpm->requests->one(__DIR__ . '/fpm/shared.php', 'number=0');
            self::assertStringContainsString("PHP does not allow FFI here, since ffi.enable is \"$value\"", $body);
            self::assertStringContainsString('preload.php', $body);
        }
    }

    private function workersConnectOnce(Fpm $fpm, int $count = self::REQUESTS): void
    {
        [$processes, $clients] = $this->request($fpm, $count);
        self::assertCount(self::WORKERS, $processes, 'every worker had requests');
        self::assertCount(self::WORKERS, $clients, 'each worker has one client');
        foreach ($clients as $client) {
            self::assertSame(['connect'], Traces::of(self::$emulator, $client), 'and connected it once');
        }
        self::assertLessThan(2.0, $fpm->stop());
        $this->allSaidGoodbye($clients);
    }

    /**
     * Has the requests answered, and their messages received. Returns the processes and client ids.
     *
     * @return array{list<string>, list<string>}
     */
    private function request(Fpm $fpm, int $count): array
    {
        $bodies = $fpm->requests->many(__DIR__ . '/fpm/shared.php', $count, 2 * self::WORKERS);
        $processes = $clients = $numbers = [];
        foreach ($bodies as $body) {
            self::assertMatchesRegularExpression('/^\d+ GID_\S+$/', $body);
            [$process, $client] = explode(' ', $body);
            $processes[$process] = $clients[$client] = true;
        }
        while (count($numbers) < $count) {
            $message = self::$subscriber->recv(10);
            self::assertNotNull($message, 'only ' . count($numbers) . ' messages came');
            $numbers[$message->payload()] = true;
        }
        return [array_map(strval(...), array_keys($processes)), array_keys($clients)];
    }

    /**
     * @param list<string> $clients
     */
    private function allSaidGoodbye(array $clients): void
    {
        foreach ($clients as $client) {
            $events = Wait::for("$client has ended", function () use ($client): ?array {
                $events = Traces::of(self::$emulator, $client);
                return count($events) > 1 ? $events : null;
            });
            self::assertSame(['connect', 'disconnect'], $events, "$client sent DISCONNECT");
        }
    }

    /**
     * @param array<string, string> $ini
     * @param array<string, string> $pool
     * @param array<string, string> $environment
     */
    private function fpm(array $ini, array $pool = [], array $environment = []): Fpm
    {
        if (!isset($environment['ALIYUN_MQTT_LIBRARY'])) {
            // By its soname, as an installed library is found.
            $folder = Folder::make();
            symlink(Support\library(), "$folder/libaliyun_mqtt.so.1");
            $environment['LD_LIBRARY_PATH'] = $folder;
        }
        $pool += ['pm.max_children' => (string) self::WORKERS];
        return new Fpm($ini, $pool, $environment + self::$emulator->environment);
    }
}
