<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * No credentials were obtained, or the service reports the token as invalid.
 */
final class CredentialsException extends Exception
{
}
