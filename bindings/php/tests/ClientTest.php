<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\Tests\Support\Folder;
use AliyunMqtt\{ClosedException, Client, ConnectionException, Credentials, Delivery, Fate, FullException};
use AliyunMqtt\{InvalidArgumentException, Kind, Outgoing, QoS, RejectedException, Stage, Stat, TimeoutException, Topic};

/**
 * Sending and receiving.
 */
final class ClientTest extends ServiceTestCase
{
    public function testMessagesArriveAsTheyWereSent(): void
    {
        $client = self::client();
        $topic = self::topic();
        self::assertSame(QoS::AtLeastOnce, $client->subscribe($topic));
        $payloads = ['', 'text', "any\0bytes\xff", str_repeat('x', 65536)];
        foreach ($payloads as $payload) {
            $client->publish($topic, $payload);
        }
        foreach ($payloads as $payload) {
            $message = $client->recv(10);
            self::assertSame([$topic, $payload], [$message?->topic(), $message?->payload()]);
            self::assertSame(QoS::AtLeastOnce, $message?->qos());
            self::assertFalse($message->isDuplicate() || $message->isRetained());
        }
        self::assertNull($client->recv(0));
        self::assertNull($client->recv(0.01));
        $client->disconnect();
    }

    public function testFactsOfAClient(): void
    {
        $client = Client::connect(self::config()->deviceId('php_facts'));
        self::assertTrue($client->isConnected());
        self::assertSame(getenv('ALIYUN_MQTT_GROUP_ID') . '@@@php_facts', $client->clientId());
        self::assertSame(rtrim((string) getenv('ALIYUN_MQTT_ENDPOINT'), '/'), rtrim($client->endpoint(), '/'));
        self::assertSame(1, $client->stat(Stat::Connections));
        self::assertSame(1, $client->stats()['connections']);
        self::assertCount(count(Stat::cases()), $client->stats());
        $client->disconnect();
        self::assertFalse($client->isConnected());
    }

    public function testEveryQualityOfServiceAndItsNumber(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic, 2);
        foreach ([QoS::AtMostOnce, 1, QoS::ExactlyOnce] as $qos) {
            $client->publish($topic, 'x', $qos);
            self::assertNotNull($client->recv(10));
        }
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessage('QoS is 0, 1 or 2, not 3');
        $client->publish($topic, 'x', 3);
    }

    public function testManyFiltersAtOnceAndTheEndOfOne(): void
    {
        $client = self::client();
        [$one, $two] = [self::topic('one'), self::topic('two')];
        $granted = $client->subscribeMany([$one => QoS::AtLeastOnce, $two => 0]);
        self::assertSame([$one => QoS::AtLeastOnce, $two => QoS::AtMostOnce], $granted);
        $client->unsubscribe($one);
        $client->publish($one, 'nobody');
        $client->publish($two, 'somebody');
        self::assertSame('somebody', $client->recv(10)?->payload());
        self::assertSame([], iterator_to_array($client->messages(idle: 0.05)));
    }

    public function testASubscriptionReceivesInPlaceOfTheClient(): void
    {
        $client = self::client();
        $topic = self::topic();
        $subscription = $client->subscription("$topic/#");
        self::assertSame("$topic/#", $subscription->filter());
        $client->publish("$topic/a", 'for the subscription');
        self::assertSame('for the subscription', $subscription->recv(10)?->payload());
        self::assertNull($client->recv(0));
        $client->publish("$topic/b", 'left');
        self::assertNotNull(Support\Wait::for('its arrival', fn () => $client->stat(Stat::InboxMessages)));
        // What it holds goes to the client.
        $subscription->close();
        self::assertSame('left', $client->recv(10)?->payload());
        $this->expectException(ClosedException::class);
        $subscription->recv(0);
    }

    public function testP2pNeedsNoSubscription(): void
    {
        [$receiver, $sender] = [self::client(), self::client()];
        $parent = (string) getenv('ALIYUN_MQTT_TOPIC');
        $sender->sendP2p($parent, $receiver->clientId(), 'one');
        $sender->publishMessage(Outgoing::p2p($parent, $receiver->clientId(), 'two'));
        $topic = Topic::p2p($parent, $receiver->clientId());
        foreach (['one', 'two'] as $payload) {
            $message = $receiver->recv(10);
            self::assertSame([$topic, $payload], [$message?->topic(), $message?->payload()]);
        }
    }

    public function testTopics(): void
    {
        self::assertTrue(Topic::matches('a/+/c', 'a/b/c'));
        self::assertFalse(Topic::matches('a/+/c', 'a/b/d'));
        $this->expectException(InvalidArgumentException::class);
        Topic::matches("a\0b", 'a/b/c');
    }

    public function testAQueuedMessageIsSettledOnce(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $delivery = $client->enqueue(new Outgoing($topic, 'queued'));
        self::assertSame(1, $delivery->wait()?->attempts);
        self::assertSame(1, $delivery->wait(0)?->attempts, 'and stays settled');
        $client->enqueue(new Outgoing($topic, 'flushed'));
        $client->flush(10);
        self::assertSame(['queued', 'flushed'], array_map(
            fn ($message) => $message->payload(),
            [$client->recv(10) ?? self::fail(), $client->recv(10) ?? self::fail()]
        ));
    }

    public function testABatchHasADeliveryOrAnErrorForEach(): void
    {
        $client = self::client();
        $topic = self::topic();
        $messages = ['one' => new Outgoing($topic, '1'), 'bad' => new Outgoing('a bad topic', '2')];
        $results = $client->enqueueMany($messages + ['two' => new Outgoing($topic, '3')]);
        self::assertSame(['one', 'bad', 'two'], array_keys($results));
        self::assertInstanceOf(InvalidArgumentException::class, $results['bad']);
        foreach (['one', 'two'] as $key) {
            self::assertInstanceOf(Delivery::class, $results[$key]);
            self::assertSame(1, $results[$key]->wait()?->attempts);
        }
        self::assertSame([], $client->enqueueMany([]));
        $client->check($messages['one']);
        $this->expectException(InvalidArgumentException::class);
        $client->check($messages['bad']);
    }

    public function testMessagesGoThroughASpool(): void
    {
        $topic = self::topic();
        $client = self::client();
        $client->subscribe($topic);
        $spool = Folder::make() . '/spool';
        $config = self::config()->spool($spool, sync: false)->deviceId('php_spool');
        $spooling = Client::connect($config);
        $spooling->enqueueMany([new Outgoing($topic, 'spooled'), new Outgoing($topic, 'too')]);
        self::assertGreaterThanOrEqual(0, $spooling->stat(Stat::SpooledMessages));
        $spooling->disconnect();
        self::assertFileExists($spool);
        self::assertSame(['spooled', 'too'], [$client->recv(10)?->payload(), $client->recv(10)?->payload()]);
    }

    public function testOneResultForEachMessageWithItsKey(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $taken = 0;
        $messages = (function () use ($topic, &$taken): \Generator {
            for ($number = 0; $number < 500; $number++) {
                $taken++;
                yield "key $number" => new Outgoing($number === 123 ? 'a bad topic' : $topic, (string) $number);
            }
        })();
        $keys = $failed = [];
        foreach ($client->publishEach($messages) as $key => $result) {
            if ($keys === []) {
                self::assertLessThan(500, $taken, 'they are taken as there is room');
            }
            $keys[] = $key;
            if (!$result->isAcknowledged()) {
                $failed[$key] = $result->error?->getKind();
                self::assertSame('a bad topic', $result->message->topic());
                self::assertNull($result->receipt);
            }
        }
        self::assertSame(array_map(fn ($number) => "key $number", range(0, 499)), $keys);
        self::assertSame(['key 123' => Kind::Invalid], $failed);
        $received = [];
        foreach ($client->messages(idle: 10) as $message) {
            $received[] = (int) $message->payload();
            if (count($received) === 499) {
                break;
            }
        }
        self::assertSame(array_values(array_diff(range(0, 499), [123])), $received, 'in order');
    }

    public function testMessagesEndWithTheClient(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publish($topic, 'last');
        $payloads = [];
        foreach ($client->messages() as $message) {
            $payloads[] = $message->payload();
            $client->disconnect();
        }
        self::assertSame(['last'], $payloads);
        $this->expectException(ClosedException::class);
        $client->recv(1);
    }

    public function testJson(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publishMessage(Outgoing::json($topic, ['名' => [1, 2.5, null]]));
        $message = $client->recv(10);
        self::assertSame(['名' => [1, 2.5, null]], $message?->json());
        self::assertStringContainsString('名', $message->payload());
        $client->publish($topic, 'no JSON');
        $this->expectException(\JsonException::class);
        $client->recv(10)?->json();
    }

    public function testWhatIsRefusedBeforeItIsSent(): void
    {
        $client = self::client();
        foreach (['emulator/#', '', "a\0b", "\xff", str_repeat('x', 1000)] as $topic) {
            try {
                $client->publish($topic, 'x');
                self::fail('no error');
            } catch (InvalidArgumentException $exception) {
                self::assertContains($exception->getKind(), [Kind::Invalid, Kind::Misuse]);
                self::assertFalse($exception->isRetryable());
            }
        }
        try {
            $client->publish(self::topic(), str_repeat('x', 65537));
            self::fail('no error');
        } catch (InvalidArgumentException $exception) {
            self::assertSame(Fate::NotSent, $exception->getFate());
        }
        // As long as it takes is for receiving only.
        $this->expectException(InvalidArgumentException::class);
        $client->publish(self::topic(), 'x', timeout: INF);
    }

    public function testNoRoomIsAnError(): void
    {
        $client = Client::connect(self::config()->limits(outboxMessages: 1)->window(1));
        $full = null;
        for ($number = 0; $number < 1000 && $full === null; $number++) {
            try {
                $client->enqueue(new Outgoing(self::topic(), 'x'), timeout: 0);
            } catch (FullException $exception) {
                $full = $exception;
            }
        }
        self::assertSame([Kind::Full, Fate::NotSent], [$full?->getKind(), $full?->getFate()]);
        $client->flush();
    }

    public function testARefusedConnectionSaysWhy(): void
    {
        try {
            Client::connect(self::config()->endpoint('mqtt://127.0.0.1:1'));
            self::fail('no error');
        } catch (ConnectionException $exception) {
            self::assertSame(Kind::Connect, $exception->getKind());
            self::assertSame(Stage::Connect, $exception->getStage());
            self::assertTrue($exception->isRetryable());
            self::assertStringStartsWith('cannot connect to mqtt://127.0.0.1:1: ', $exception->getMessage());
            self::assertStringStartsWith($exception->getReason(), $exception->getMessage());
        }
        try {
            Client::connect(self::config()->credentials(Credentials::signature('emulator-access-key-id', 'wrong')));
            self::fail('no error');
        } catch (ConnectionException $exception) {
            self::assertSame(Kind::Refused, $exception->getKind());
            self::assertContains($exception->getCode(), [4, 5, 0x86, 0x87]);
            self::assertSame($exception->getCode(), $exception->getServerCode());
            self::assertNotNull($exception->getHint());
        }
    }

    public function testATimeoutSaysItsStageAndTheFate(): void
    {
        // It takes connections and says nothing.
        $server = stream_socket_server('tcp://127.0.0.1:0');
        self::assertIsResource($server);
        $endpoint = 'mqtt://' . stream_socket_get_name($server, false);
        $begin = microtime(true);
        try {
            Client::connect(self::config()->endpoint($endpoint)->timeout(1));
            self::fail('no error');
        } catch (TimeoutException $exception) {
            self::assertSame([Kind::Timeout, Stage::Connack], [$exception->getKind(), $exception->getStage()]);
        }
        self::assertGreaterThanOrEqual(0.99, microtime(true) - $begin);
    }

    public function testAForbiddenTopicIsAProbableRefusal(): void
    {
        $client = Client::connect(self::config()->backoff(0.01, 0.02));
        try {
            $client->publish('of_somebody_else/topic', 'x', timeout: 20);
            self::fail('no error');
        } catch (RejectedException $exception) {
            self::assertContains($exception->getKind(), [Kind::SuspectedRefusal, Kind::Rejected]);
            self::assertSame(Fate::Refused, $exception->getFate());
        }
    }

    public function testAfterTheEndEveryCallSaysSo(): void
    {
        $client = self::client();
        $client->disconnect();
        foreach ([
            fn () => $client->publish(self::topic(), 'x'),
            fn () => $client->subscribe('emulator/x'),
            fn () => $client->recv(0),
            fn () => $client->enqueue(new Outgoing(self::topic(), 'x')),
        ] as $call) {
            try {
                $call();
                self::fail('no error');
            } catch (ClosedException $exception) {
                self::assertSame(Kind::Closed, $exception->getKind());
            }
        }
    }
}
