<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * A deadline passed: `getStage()` says where, and `getFate()` what became of the message.
 */
final class TimeoutException extends Exception
{
}
