<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * Which of the environment's credentials are used.
 */
enum AuthMode: int
{
    /**
     * The mode that ALIYUN_MQTT_AUTH names: "signature", "token" or "device"; signature mode if it is not set.
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
}
