<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

/**
 * Points in time: milliseconds since 1970 in C.
 *
 * @internal
 */
final class Instant
{
    public static function millis(\DateTimeInterface $time): int
    {
        return $time->getTimestamp() * 1000 + intdiv((int) $time->format('u'), 1000);
    }

    public static function of(mixed $millis): ?\DateTimeImmutable
    {
        if (!is_int($millis) || $millis < 0) {
            return null;
        }
        $time = sprintf('%d.%03d', intdiv($millis, 1000), $millis % 1000);
        return \DateTimeImmutable::createFromFormat('U.v', $time) ?: null;
    }
}
