<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The kind of a notice of the service.
 */
enum NoticeKind: int
{
    /** A token expires soon: expires, token_kind. */
    case TokenExpire = 1;

    /** A token is not accepted, and the service is about to close the connection: notice_code, token_kind. */
    case TokenInvalid = 2;

    /** A notice that could not be understood: topic, notice_payload. */
    case Other = 3;
}
