<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * How requests to the API are signed.
 */
enum Signing: int
{
    /** ACS3-HMAC-SHA256, as in the official SDK. */
    case V3 = 3;

    /** The older RPC signature, HMAC-SHA1. */
    case V2 = 2;
}
