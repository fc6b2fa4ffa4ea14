<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The permission of a token.
 */
enum TokenKind: int
{
    /** "R": to subscribe. */
    case Read = 1;

    /** "W": to publish. */
    case Write = 2;

    /** "RW": both. */
    case ReadWrite = 3;
}
