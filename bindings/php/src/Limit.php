<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * A limit of the service, or a bound of the client's queues: a setting of `Config::limits`.
 */
enum Limit: int
{
    /** Longest client id: 1 to 65,535 characters. Default 64. */
    case ClientIdLen = 0;

    /** Longest topic or filter: 1 to 65,535 characters. Default 128. */
    case TopicLen = 1;

    /**
     * Largest payload to send: 1 to 209,715,200 bytes. Default 65,536. Raising it also raises
     * `PacketLen`.
     */
    case PayloadLen = 2;

    /**
     * Most filters of one client: at least 1. Default 30. The service accepts more, but sends nothing for them.
     */
    case Filters = 3;

    /**
     * Largest packet from the server that reaches the program: 1 to 268,435,455 bytes. Default 262,144. A
     * larger one is acknowledged and discarded, with an event.
     */
    case PacketLen = 4;

    /** Most messages and requests accepted for sending and not settled: at least 1. Default 10,000. */
    case OutboxMessages = 5;

    /** Most memory of those: at least 1 byte. Default 67,108,864. */
    case OutboxBytes = 6;

    /** Most received messages held until the program takes them: at least 1. Default 10,000. */
    case InboxMessages = 7;

    /** Most memory of those: at least 1 byte. Default 67,108,864. */
    case InboxBytes = 8;

    /**
     * @internal
     */
    public static function of(string $name): self
    {
        foreach (self::cases() as $limit) {
            if (lcfirst($limit->name) === $name) {
                return $limit;
            }
        }
        $names = array_map(fn (self $limit) => lcfirst($limit->name), self::cases());
        throw InvalidArgumentException::of("there is no limit $name; there are " . implode(', ', $names));
    }
}
