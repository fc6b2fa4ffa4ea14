<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The object was made in another process, before a fork: make a client in this one.
 */
final class ForkedException extends Exception
{
}
