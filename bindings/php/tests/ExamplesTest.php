<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\Tests\Support\Folder;

/**
 * The five programs of the demo.
 */
final class ExamplesTest extends ServiceTestCase
{
    /**
     * @return array<string, array{string, list<string>}>
     */
    public static function programs(): array
    {
        $connected = 'connected to ENDPOINT as GID_emulator@@@\w+';
        $received = array_map(fn ($number) => "received on emulator/message/$number: message $number", range(0, 9));
        $mode = fn (string $name) => [
            $connected, "subscribed to emulator/$name, granted QoS 1",
            "published to emulator/$name: the service has it",
            "received on emulator/$name: hello",
        ];
        return [
            'messages' => ['send_message_to_mqtt', [
                $connected, 'subscribed, granted QoS 1', 'published 10 messages, all acknowledged', ...$received,
            ]],
            'signature' => ['connect_use_signature_mode', $mode('signature')],
            'token' => ['connect_use_token_mode', $mode('token')],
            'order' => ['send_order_message', [
                $connected,
                ...array_map(fn ($number) => "published step $number", range(1, 5)),
                ...array_map(fn ($number) => "received on emulator/order: step $number", range(1, 5)),
            ]],
            'p2p' => ['send_p2p_message_to_mqtt', [
                'connected to ENDPOINT as GID_emulator@@@p2p_receiver',
                'connected to ENDPOINT as GID_emulator@@@p2p_sender',
                'sent to GID_emulator@@@p2p_receiver',
                'received on emulator/p2p/GID_emulator@@@p2p_receiver: just for you',
            ]],
        ];
    }

    /**
     * @dataProvider programs
     * @param list<string> $lines
     */
    public function testItPrintsWhatTheRustExamplePrints(string $name, array $lines): void
    {
        $environment = ['ALIYUN_MQTT_PROTOCOL' => self::protocol()->name === 'V5' ? '5' : '3.1.1'];
        $output = self::program(dirname(__DIR__) . '/examples', $name, $environment + getenv());
        $endpoint = preg_quote(rtrim((string) getenv('ALIYUN_MQTT_ENDPOINT'), '/'), '~');
        $pattern = str_replace('ENDPOINT', "$endpoint/?", implode('\n', [...$lines, 'done\n']));
        self::assertMatchesRegularExpression("~\A$pattern\z~", $output);
    }

    /**
     * @dataProvider configurations
     */
    public function testTheDemosConfigIsRead(string $form): void
    {
        if (getenv('ALIYUN_MQTT_TEST_TRANSPORT') !== false && getenv('ALIYUN_MQTT_TEST_TRANSPORT') !== 'tcp') {
            self::markTestSkipped('the demo knows plain connections only');
        }
        $environment = self::$emulator->environment;
        $address = parse_url($environment['ALIYUN_MQTT_ENDPOINT']);
        self::assertIsArray($address);
        $values = ['{access_key}' => $environment['ALIBABA_CLOUD_ACCESS_KEY_ID'],
            '{secret_key}' => $environment['ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
            '{instance_id}' => $environment['ALIYUN_MQTT_INSTANCE_ID'],
            '{group_id}' => $environment['ALIYUN_MQTT_GROUP_ID'], '{topic}' => $environment['ALIYUN_MQTT_TOPIC'],
            '{end_point}' => $address['host'] ?? '', '{port}' => (string) ($address['port'] ?? '')];
        // The examples as a user has them, with his config.php.
        $package = Folder::make();
        mkdir("$package/examples");
        foreach (['src', 'autoload.php', 'aliyun_mqtt.ffi.h'] as $file) {
            symlink(dirname(__DIR__) . "/$file", "$package/$file");
        }
        foreach (['bootstrap', 'send_message_to_mqtt'] as $file) {
            copy(dirname(__DIR__) . "/examples/$file.php", "$package/examples/$file.php");
        }
        file_put_contents("$package/examples/config.php", '<?php ' . strtr($form, $values));
        $kept = array_diff_key(getenv(), $environment);
        try {
            self::assertStringEndsWith("done\n", self::program("$package/examples", 'send_message_to_mqtt', $kept));
        } finally {
            array_map(unlink(...), glob("$package/examples/*") ?: []);
            rmdir("$package/examples");
        }
    }

    /**
     * @return array<string, array{string}>
     */
    public static function configurations(): array
    {
        return [
            'array' => ["return ['access_key' => '{access_key}', 'secret_key' => '{secret_key}', 'port' => {port},
                'end_point' => '{end_point}', 'instance_id' => '{instance_id}', 'topic' => '{topic}',
                'group_id' => '{group_id}'];"],
            'variables' => ['$accessKey = "{access_key}"; $secretKey = "{secret_key}"; $endPoint = "{end_point}";
                $instanceId = "{instance_id}"; $topic = "{topic}"; $groupId = "{group_id}"; $port = {port};'],
        ];
    }

    public function testAFailureIsALineAndACode(): void
    {
        $environment = ['ALIYUN_MQTT_ENDPOINT' => 'mqtt://127.0.0.1:1'] + getenv();
        $output = self::program(dirname(__DIR__) . '/examples', 'send_message_to_mqtt', $environment, $code);
        self::assertStringStartsWith('failed: cannot connect to mqtt://127.0.0.1:1: ', $output);
        self::assertSame([1, 1], [$code, substr_count($output, "\n")]);
    }

    /**
     * @param array<string, string> $environment
     */
    private static function program(string $folder, string $name, array $environment, ?int &$code = null): string
    {
        $command = [PHP_BINARY, "$folder/$name.php"];
        $process = proc_open($command, [1 => ['pipe', 'w'], 2 => ['redirect', 1]], $pipes, null, $environment);
        self::assertIsResource($process);
        $output = (string) stream_get_contents($pipes[1]);
        $code = proc_close($process);
        return $output;
    }
}
