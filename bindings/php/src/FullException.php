<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * There is no room: the outbox is at its bound, or the publish rate leaves no slot now.
 */
final class FullException extends Exception
{
}
