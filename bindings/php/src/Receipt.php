<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The confirmation of an acknowledged message.
 */
final class Receipt
{
    /**
     * @param int $attempts how many times the message was sent. Above 1, receivers may have seen it more than once.
     */
    public function __construct(public readonly int $attempts)
    {
    }
}
