<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The service's API answered with an error.
 */
final class ApiException extends Exception
{
}
