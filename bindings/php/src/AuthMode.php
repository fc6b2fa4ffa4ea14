<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * Which of the environment's credentials are used.
 */
enum AuthMode: int
{
    /**
     * The mode that ALIYUN_MQTT_AUTH names: "signature", "token", "device" or "chain". If it is not set: chain mode
     * without a key, token mode with a temporary key, otherwise signature mode.
     */
    case Environment = 0;

    /** ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET. */
    case Signature = 1;

    /**
     * ALIBABA_CLOUD_ACCESS_KEY_ID and ALIYUN_MQTT_TOKEN. Without that token, the library applies for one for
     * everything below ALIYUN_MQTT_TOPIC and renews it.
     */
    case Token = 2;

    /** ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID and ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET. */
    case Device = 3;

    /**
     * The first key that the SDKs of Alibaba Cloud would find: in the environment, their files, the role of an OIDC
     * token, or the RAM role of the machine. A permanent one signs the login; with a temporary one, the library
     * applies for tokens as in token mode, and renews key and tokens.
     */
    case Chain = 4;
}
