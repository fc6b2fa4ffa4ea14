<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * No connection could be made, the server refused it, or it was lost.
 */
final class ConnectionException extends Exception
{
}
