<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

/**
 * amq_status of the C header. A test compares the numbers.
 *
 * @internal
 */
final class Status
{
    public const OK = 0;
    public const TIMEOUT = 1;
    public const END = 2;
    public const ERROR = -1;
    public const ERROR_TIMEOUT = -2;
    public const ERROR_MISUSE = -3;
    public const ERROR_PANIC = -4;
}
