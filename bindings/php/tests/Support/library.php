<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * Returns the library that is tested: ALIYUN_MQTT_LIBRARY, or what `.ci/header` built.
 */
function library(): string
{
    $named = getenv('ALIYUN_MQTT_LIBRARY');
    $built = glob(dirname(__DIR__, 4) . '/target/capi/*/debug/libaliyun_mqtt.so') ?: [];
    return $named !== false ? $named : $built[0] ?? throw new \RuntimeException('no library: run .ci/header');
}
