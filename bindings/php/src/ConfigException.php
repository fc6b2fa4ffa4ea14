<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * A setting is missing or invalid; nothing was tried.
 */
final class ConfigException extends Exception
{
}
