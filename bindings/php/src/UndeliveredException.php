<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * Some messages accepted earlier were not delivered: `getUndelivered()` is their number.
 */
final class UndeliveredException extends Exception
{
}
