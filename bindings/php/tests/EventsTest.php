<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{Api, ClosedException, EventKind, Kind};

final class EventsTest extends ServiceTestCase
{
    public function testWhatHappensIsReceivedInOrder(): void
    {
        $client = \AliyunMqtt\Client::connect(self::config()->backoff(0.01, 0.02));
        $events = $client->events();
        self::assertNull($events->recv(0));
        // The service closes the connection.
        $parameters = ['InstanceId' => getenv('ALIYUN_MQTT_INSTANCE_ID'), 'ClientId' => $client->clientId()];
        Api::fromEnv()->call('CloseConnection', $parameters);
        $event = $events->recv(10) ?? self::fail('no event came');
        self::assertSame(EventKind::Disconnected, $event->kind());
        self::assertNotNull($event->retryIn());
        self::assertSame(Kind::ConnectionLost, $event->reason()?->getKind());
        self::assertSame(Kind::ConnectionLost, $event->reason()->getKind(), 'the reason can be taken again');
        do {
            $event = $events->recv(10) ?? self::fail('no event came');
        } while ($event->kind() !== EventKind::Connected);
        self::assertSame([2, false], [$event->number(), $event->isSessionPresent()]);
        self::assertNotSame('', (string) $event);
        self::assertSame([null, null, null, null, 0], [
            $event->topic(), $event->filter(), $event->reason(), $event->noticeKind(), $event->heldBack(),
        ]);
        $client->disconnect();
        $kinds = [];
        foreach ($events as $event) {
            $kinds[] = $event->kind();
        }
        self::assertSame([EventKind::Ended], $kinds);
        self::assertSame(0, $events->dropped());
        $this->expectException(ClosedException::class);
        $events->recv();
    }
}
