<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The C library cannot be used: it is missing or too old or new, or PHP does not allow FFI.
 */
final class LibraryException extends Exception
{
}
