<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * This program has disconnected the client.
 */
final class ClosedException extends Exception
{
}
