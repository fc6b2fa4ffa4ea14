<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The server refused this very operation, or probably did.
 */
final class RejectedException extends Exception
{
}
