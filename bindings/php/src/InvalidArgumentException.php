<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * An argument cannot be used, or breaks a rule of MQTT or of the service; nothing was sent.
 */
final class InvalidArgumentException extends Exception
{
}
