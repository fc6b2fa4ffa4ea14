<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{AckMode, Api, ApiConfig, Client, Config, Credentials, Outgoing, Token, TokenKind, TokenRequest};
use AliyunMqtt\Internal\Handle;

/**
 * The objects of the library that PHP's stand for: each is freed once, and shows no secrets.
 */
final class HandleTest extends ServiceTestCase
{
    private const SECRET = 'fake-secret-fake-secret';

    /**
     * @return list<Handle>
     */
    private static function handles(): array
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publish($topic, 'x');
        return [
            $client, $client->recv(10) ?? self::fail('no message came'), $client->subscription("$topic/+"),
            $client->enqueue(new Outgoing($topic, 'x')), $client->events(), new Outgoing($topic, 'x'), self::config(),
            Credentials::signature('id', self::SECRET), new Token(TokenKind::Read, self::SECRET),
            new TokenRequest(TokenKind::Read, ['a/#']), Api::fromEnv(),
            new ApiConfig(accessKey: ['id', self::SECRET]),
            Client::connect(self::config()->proxyFromEnv(false)),
            new Config(proxyCredentials: ['user', self::SECRET]),
        ];
    }

    public function testNothingIsClonedOrSerialized(): void
    {
        foreach (self::handles() as $handle) {
            $serialized = sprintf('O:%d:"%s":0:{}', strlen($handle::class), $handle::class);
            foreach ([
                'cannot be cloned' => fn () => clone $handle,
                'cannot be serialized' => fn () => serialize($handle),
                'cannot be unserialized' => fn () => unserialize($serialized),
            ] as $what => $call) {
                try {
                    $call();
                    self::fail($handle::class . " $what");
                } catch (\LogicException $exception) {
                    self::assertStringStartsWith($handle::class . " $what", $exception->getMessage());
                }
            }
        }
    }

    public function testTheOriginalOfAFailedCloneIsWhole(): void
    {
        $outgoing = new Outgoing($topic = self::topic(), 'x');
        try {
            clone $outgoing;
        } catch (\LogicException) {
        }
        gc_collect_cycles();
        $client = self::client();
        $client->publishMessage($outgoing);
        self::assertSame($topic, $outgoing->topic());
        // And is freed once: a second time would end the process.
        unset($outgoing);
    }

    public function testWhatDumpsShow(): void
    {
        foreach (self::handles() as $handle) {
            ob_start();
            var_dump($handle);
            print_r($handle);
            $shown = (string) ob_get_clean();
            self::assertStringNotContainsString(self::SECRET, $shown);
            self::assertStringNotContainsString((string) getenv('ALIBABA_CLOUD_ACCESS_KEY_SECRET'), $shown);
            self::assertStringNotContainsString('CData', $shown);
        }
    }

    public function testTracesShowNoSecrets(): void
    {
        if (PHP_VERSION_ID < 80200) {
            self::markTestSkipped('#[\SensitiveParameter] is of PHP 8.2');
        }
        // In a process of its own, where traces have all arguments.
        $secret = self::SECRET;
        $calls = [
            "AliyunMqtt\Credentials::signature(\"i\0d\", '$secret');",
            "AliyunMqtt\Credentials::device('id', \"$secret\0\");",
            "AliyunMqtt\Credentials::token('id', \"$secret\0\");",
            "AliyunMqtt\Credentials::customPlain('id', \"$secret\0\");",
            "AliyunMqtt\Credentials::customSigned('id', \"$secret\0\");",
            "new AliyunMqtt\Token(AliyunMqtt\TokenKind::Read, \"$secret\0\");",
            "new AliyunMqtt\Config(proxyCredentials: ['user', \"$secret\0\"]);",
            "new AliyunMqtt\Config(proxyCredentials: ['user', '$secret', 'more']);",
            "(new AliyunMqtt\Config())->clientCertificatePem(\"x\", \"$secret\0\")->check();",
            "AliyunMqtt\Config::fromArray(['proxyCredentials' => ['user', \"$secret\0\"]]);",
            "AliyunMqtt\Config::fromArray(['proxyCredentials' => '$secret']);",
            "AliyunMqtt\Config::fromArray(['proxi' => '$secret']);",
            "new AliyunMqtt\ApiConfig(stsKey: ['id', '$secret', \"$secret\0\"]);",
        ];
        foreach ($calls as $call) {
            $code = "try { $call echo 'no exception'; } catch (Throwable \$e) { "
                . 'do { echo $e, print_r($e->getTrace(), true); } while ($e = $e->getPrevious()); }';
            $options = ['-d', 'zend.exception_ignore_args=0', '-d', 'zend.exception_string_param_max_len=1000'];
            $output = self::script($code, [], $options);
            self::assertStringContainsString('Exception', $output, $call);
            self::assertFalse(str_contains($output, $secret), $call);
        }
    }

    public function testAMessageOutlivesItsClient(): void
    {
        $client = Client::connect(self::config()->ackMode(AckMode::OnArrival));
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publish($topic, 'still here');
        $message = $client->recv(10) ?? self::fail('no message came');
        $subscription = $client->subscription("$topic/+");
        $delivery = $client->enqueue(new Outgoing($topic, 'x'));
        $delivery->wait();
        unset($client);
        self::assertSame('still here', $message->payload());
        self::assertSame("$topic/+", $subscription->filter());
        self::assertSame(1, $delivery->wait()?->attempts);
    }

    public function testADroppedClientDisconnects(): void
    {
        $client = self::client();
        $id = $client->clientId();
        unset($client);
        self::assertSame(['connect', 'disconnect'], Support\Traces::of(self::$emulator, $id));
    }

    public function testTenThousandMessagesLeaveNothingBehind(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $round = function (int $count) use ($client, $topic): void {
            $messages = (function () use ($topic, $count): \Generator {
                for ($number = 0; $number < $count; $number++) {
                    yield new Outgoing($topic, str_repeat('x', 1000));
                }
            })();
            $received = 0;
            foreach ($client->publishEach($messages) as $result) {
                self::assertTrue($result->isAcknowledged());
                // Errors are objects, too.
                try {
                    $client->publish('a bad topic', 'x');
                } catch (\AliyunMqtt\Exception) {
                }
                while ($received < $count && ($message = $client->recv(0)) !== null) {
                    $received++;
                    unset($message);
                }
            }
            while ($received < $count) {
                self::assertNotNull($client->recv(10));
                $received++;
            }
        };
        // What is allocated once.
        $round(2000);
        gc_collect_cycles();
        [$php, $process] = [memory_get_usage(), self::residentBytes()];
        $round(10_000);
        gc_collect_cycles();
        self::assertLessThan(100_000, memory_get_usage() - $php, 'PHP');
        // 10,000 messages of 1,000 bytes are 10 MB, once.
        self::assertLessThan(5_000_000, self::residentBytes() - $process, 'the process');
    }

    public function testClientsLeaveNoDescriptorsAndThreadsBehind(): void
    {
        $count = fn () => [count(glob('/proc/self/fd/*') ?: []), count(glob('/proc/self/task/*') ?: [])];
        self::client()->disconnect();
        $before = $count();
        for ($number = 0; $number < 50; $number++) {
            $client = self::client();
            $number % 2 === 0 ? $client->disconnect() : null;
            unset($client);
        }
        Support\Wait::for('no thread is left', fn () => $count()[1] <= $before[1]);
        self::assertLessThanOrEqual($before[0], $count()[0]);
    }

    private static function residentBytes(): int
    {
        preg_match('/^VmRSS:\s+(\d+) kB/m', (string) file_get_contents('/proc/self/status'), $parts);
        return 1024 * (int) ($parts[1] ?? 0);
    }
}
