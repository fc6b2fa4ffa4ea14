<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * Waits for conditions.
 */
final class Wait
{
    private const PATIENCE = 20.0;

    /**
     * @template T
     * @param callable(): T $condition
     * @return T what the condition returned that is true
     */
    public static function for(string $what, callable $condition): mixed
    {
        $end = microtime(true) + self::PATIENCE;
        do {
            $result = $condition();
            if ($result) {
                return $result;
            }
            usleep(5_000);
        } while (microtime(true) < $end);
        throw new \RuntimeException("not in time: $what");
    }
}
