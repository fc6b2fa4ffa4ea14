<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\InvalidArgumentException;

/**
 * Times: seconds in PHP, milliseconds in C.
 *
 * @internal
 */
final class Time
{
    /** AMQ_TIMEOUT_DEFAULT of the C header: the configured timeout. */
    public const CONFIGURED = -2;

    /** AMQ_TIMEOUT_NONE of the C header: as long as it takes. */
    public const NONE = -1;

    /** Some 30,000 years: what C takes, and a float holds exactly. */
    private const LONGEST = 1e15;

    /**
     * The timeout of an operation: null is the configured one.
     */
    public static function timeout(?float $seconds): int
    {
        return $seconds === null ? self::CONFIGURED : self::duration('timeout', $seconds);
    }

    /**
     * The time to wait for something to come: INF is as long as it takes.
     */
    public static function wait(float $seconds): int
    {
        return $seconds === INF ? self::NONE : self::duration('timeout', $seconds);
    }

    /**
     * A length of time. What is not 0 is not rounded to 0.
     */
    public static function duration(string $name, float $seconds): int
    {
        $millis = ceil(round($seconds * 1000, 3));
        if (!($millis >= 0 && $millis <= self::LONGEST)) {
            throw InvalidArgumentException::of("$name must be a number of seconds from 0, not $seconds");
        }
        return (int) $millis;
    }

    /**
     * Waits in `$wait`, which gets milliseconds and returns null if nothing came. With pcntl_async_signals(true) it
     * waits in short pieces, between which PHP calls the handlers of signals.
     *
     * @template T of object
     * @param callable(int): ?T $wait
     * @return ?T
     */
    public static function inPieces(float $seconds, callable $wait): ?object
    {
        $millis = self::wait($seconds);
        if ($millis === 0 || !function_exists('pcntl_async_signals') || !pcntl_async_signals()) {
            return $wait($millis);
        }
        $end = $seconds === INF ? INF : microtime(true) + $seconds;
        do {
            $rest = $end - microtime(true);
            $found = $wait($rest < 0.1 ? max(0, (int) ceil($rest * 1000)) : 100);
        } while ($found === null && microtime(true) < $end);
        return $found;
    }
}
