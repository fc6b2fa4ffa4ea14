<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The kind of a notice of the service.
 */
enum NoticeKind: int
{
    /** A token expires soon: expires, tokenKind. */
    case TokenExpire = 1;

    /** A token is not accepted, and the service is about to close the connection: noticeCode, tokenKind. */
    case TokenInvalid = 2;

    /** A notice that could not be understood: topic, noticePayload. */
    case Other = 3;
}
