<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{AckMode, Client, Exception, InvalidArgumentException, Kind, Outgoing, Protocol};

/**
 * Acknowledgements, properties and requests.
 */
final class MessageTest extends ServiceTestCase
{
    public function testAMessageIsAcknowledgedByHandOnce(): void
    {
        $client = Client::connect(self::config()->ackMode(AckMode::Manual));
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publish($topic, 'x');
        $message = $client->recv(10) ?? self::fail('no message came');
        $message->ack();
        $this->expectException(InvalidArgumentException::class);
        $message->ack();
    }

    public function testPropertiesOfMqtt5(): void
    {
        $client = self::client();
        $topic = self::topic();
        $outgoing = (new Outgoing($topic, 'body'))->contentType('text/plain')->payloadFormatUtf8()->messageExpiry(59.5)
            ->responseTopic(self::topic('reply'))->correlationData("\0\xff")
            ->userProperty('key', 'one')->userProperty('key', 'two')->userProperty('名', '值')->timeout(10);
        if (self::protocol() !== Protocol::V5) {
            $this->expectException(InvalidArgumentException::class);
            $client->publishMessage($outgoing);
        }
        $client->subscribe($topic, identifier: 7);
        $client->publishMessage($outgoing);
        $client->publishMessage($outgoing);
        for ($time = 0; $time < 2; $time++) {
            $message = $client->recv(10) ?? self::fail('no message came');
            self::assertSame(['text/plain', true, "\0\xff"], [
                $message->contentType(), $message->payloadFormatUtf8(), $message->correlationData(),
            ]);
            self::assertSame([['key', 'one'], ['key', 'two'], ['名', '值']], $message->userProperties());
            self::assertSame(['one', null], [$message->userProperty('key'), $message->userProperty('other')]);
            self::assertEqualsWithDelta(60.0, $message->messageExpiry(), 1.0);
            self::assertSame([7], $message->subscriptionIdentifiers());
            self::assertStringContainsString('/reply/', (string) $message->responseTopic());
        }
    }

    public function testWhatAMessageDoesNotHave(): void
    {
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        $client->publish($topic, 'x');
        $message = $client->recv(10) ?? self::fail('no message came');
        self::assertSame([null, null, null, null], [
            $message->contentType(), $message->messageExpiry(), $message->responseTopic(), $message->correlationData(),
        ]);
        self::assertSame([[], [], false, null], [
            $message->userProperties(), $message->subscriptionIdentifiers(), $message->isRequest(),
            $message->requestPayload(),
        ]);
    }

    public function testARequestHasAReply(): void
    {
        // PHP has one thread: another process answers.
        $topic = self::topic('requests');
        $server = proc_open([PHP_BINARY, __DIR__ . '/server.php', $topic], [1 => ['pipe', 'w']], $pipes);
        self::assertIsResource($server);
        self::assertSame("ready\n", fgets($pipes[1]));
        $client = self::client();
        $reply = $client->request($topic, 'question', 10);
        self::assertSame('answer to question', $reply->payload());
        $reply = $client->requestMessage(new Outgoing($topic, 'another'), envelope: true, timeout: 10);
        self::assertSame('answer to another', $reply->payload());
        $serverId = trim((string) fgets($pipes[1]));
        $reply = $client->requestP2p((string) getenv('ALIYUN_MQTT_TOPIC'), $serverId, 'direct', 10);
        self::assertSame('answer to direct', $reply->payload());
        $client->publish($topic, 'end');
        proc_close($server);
        try {
            $client->request($topic, 'nobody is there', 1);
            self::fail('no error');
        } catch (Exception $exception) {
            self::assertSame(Kind::Timeout, $exception->getKind());
        }
    }
}
