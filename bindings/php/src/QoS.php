<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The quality of service of a message or subscription.
 */
enum QoS: int
{
    /** Sent once, without an acknowledgement. */
    case AtMostOnce = 0;

    /** Acknowledged; may arrive more than once. */
    case AtLeastOnce = 1;

    /** Arrives exactly once as long as the server keeps the session. */
    case ExactlyOnce = 2;

    /**
     * @internal
     */
    public static function of(self|int $qos): self
    {
        return $qos instanceof self ? $qos
            : self::tryFrom($qos) ?? throw InvalidArgumentException::of("QoS is 0, 1 or 2, not $qos");
    }
}
