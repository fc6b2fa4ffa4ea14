<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * A version of MQTT: the protocol level of CONNECT.
 */
enum Protocol: int
{
    /** MQTT 3.1.1, which every instance of the service supports. */
    case V311 = 4;

    /** MQTT 5. */
    case V5 = 5;
}
