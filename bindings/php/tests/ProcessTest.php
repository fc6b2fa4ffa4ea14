<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{Client, ForkedException, Kind, Outgoing};
use AliyunMqtt\Tests\Support\{Traces, Wait};

/**
 * Forks, signals, and clients that stand until the process ends.
 */
final class ProcessTest extends ServiceTestCase
{
    public function testAChildHasAClearErrorAndAClientOfItsOwn(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $subscription = $client->subscription("$topic/+");
        $delivery = $client->enqueue(new Outgoing("$topic/x", 'x'));
        $output = self::inAChild(function () use (&$client, &$subscription, &$delivery, $topic): void {
            foreach ([
                fn () => $client->publish($topic, 'x'),
                fn () => $client->recv(1),
                fn () => $client->subscribe($topic),
                fn () => $client->disconnect(),
                fn () => $subscription->recv(1),
                fn () => $client->events(),
            ] as $call) {
                try {
                    $call();
                    echo 'no error ';
                } catch (ForkedException $exception) {
                    echo $exception->getKind() === Kind::Forked ? '.' : '?';
                }
            }
            $begin = microtime(true);
            $client = $subscription = $delivery = null;
            echo microtime(true) - $begin < 0.5 ? ' freed at once ' : ' freed late ';
            $own = self::client();
            $own->publish($topic, 'from the child');
            $own->disconnect();
            echo 'published';
        });
        self::assertSame('...... freed at once published', $output);
        self::assertSame('from the child', $client->recv(10)?->payload());
        $delivery->wait();
        $client->disconnect();
        self::assertSame(['connect', 'disconnect'], Traces::of(self::$emulator, $client->clientId()), 'one connection');
    }

    public function testAStandingClientOfAParentIsNotTheChilds(): void
    {
        $client = Client::shared(self::config(), 'fork', keep: false);
        $id = $client->clientId();
        $output = self::inAChild(function () use ($id): void {
            $own = Client::shared(self::config(), 'fork');
            $own->publish(self::topic(), 'x');
            echo $own->clientId() === $id ? 'the same' : 'another';
        });
        self::assertSame('another', $output);
        $client->publish(self::topic(), 'x');
    }

    public function testASharedClientIsConnectedOnceAndGoesWithItsLastObject(): void
    {
        $one = Client::shared(self::config(), 'test', keep: false);
        $two = Client::shared(self::config(), 'test', keep: false);
        $id = $one->clientId();
        self::assertSame($id, $two->clientId());
        self::assertNotSame($id, Client::shared(self::config(), 'another', keep: false)->clientId());
        unset($one);
        $two->publish(self::topic(), 'x');
        self::assertSame(['connect'], Traces::of(self::$emulator, $id));
        unset($two);
        self::assertSame(['connect', 'disconnect'], Traces::of(self::$emulator, $id));
    }

    public function testASharedClientIsReplacedWhenItsSettingsDifferOrItHasEnded(): void
    {
        $one = Client::shared(self::config(), 'replaced', keep: false);
        $two = Client::shared(self::config()->timeout(20), 'replaced', keep: false);
        self::assertNotSame($one->clientId(), $two->clientId());
        $two->disconnect();
        $three = Client::shared(self::config()->timeout(20), 'replaced', keep: false);
        self::assertNotSame($two->clientId(), $three->clientId());
        $three->publish(self::topic(), 'x');
    }

    public function testAStandingClientSaysGoodbyeWhenItsProcessEnds(): void
    {
        $begin = microtime(true);
        $id = self::script('echo AliyunMqtt\Client::shared(AliyunMqtt\Config::fromEnv())->clientId();');
        self::assertLessThan(5.0, microtime(true) - $begin);
        self::assertSame(['connect', 'disconnect'], Wait::for('its end', function () use ($id): ?array {
            $events = Traces::of(self::$emulator, $id);
            return count($events) > 1 ? $events : null;
        }));
    }

    public function testHandlersOfSignalsAreCalledInAWait(): void
    {
        $client = self::client();
        pcntl_async_signals(true);
        $interrupted = false;
        pcntl_signal(SIGALRM, function () use (&$interrupted): void {
            $interrupted = true;
            throw new \DomainException('enough');
        });
        $begin = microtime(true);
        pcntl_alarm(1);
        try {
            $client->recv();
            self::fail('something came');
        } catch (\DomainException) {
        } finally {
            pcntl_async_signals(false);
            pcntl_signal(SIGALRM, SIG_DFL);
        }
        self::assertTrue($interrupted);
        self::assertLessThan(10.0, microtime(true) - $begin);
    }

    /**
     * Runs a function in a child, and returns what it printed. The child ends without PHP's and PHPUnit's ends.
     */
    private static function inAChild(callable $function): string
    {
        $pipe = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0) ?: self::fail('no pipe');
        $pid = pcntl_fork();
        if ($pid === 0) {
            ob_start();
            try {
                $function();
            } catch (\Throwable $exception) {
                echo $exception;
            }
            fwrite($pipe[1], (string) ob_get_clean());
            posix_kill((int) getmypid(), SIGKILL);
        }
        fclose($pipe[1]);
        $output = (string) stream_get_contents($pipe[0]);
        pcntl_waitpid($pid, $status);
        return $output;
    }
}
