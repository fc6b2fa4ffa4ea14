<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

use AliyunMqtt\{Api, ApiConfig};

/**
 * What the emulator's log has about connections, through its API.
 */
final class Traces
{
    /**
     * The connections of a client, and how they ended: "connect"; then "disconnect" if the client sent DISCONNECT,
     * "close" if it did not.
     *
     * @return list<string>
     */
    public static function of(Emulator $emulator, string $clientId): array
    {
        $answer = self::api($emulator)->call('QueryMqttTraceDevice', [
            'InstanceId' => $emulator->environment['ALIYUN_MQTT_INSTANCE_ID'],
            'MqttRegionId' => $emulator->environment['ALIYUN_MQTT_REGION_ID'],
            'ClientId' => $clientId,
            'BeginTime' => 0,
            'EndTime' => (int) (microtime(true) * 1000) + 1000,
            'CurrentPage' => 1,
            'PageSize' => 100,
        ]);
        $events = array_column($answer['DeviceInfoList'], 'Action');
        return array_values($events);
    }

    private static function api(Emulator $emulator): Api
    {
        static $apis = [];
        $environment = $emulator->environment;
        return $apis[$environment['ALIYUN_MQTT_API_ENDPOINT']] ??= new Api(new ApiConfig(
            endpoint: $environment['ALIYUN_MQTT_API_ENDPOINT'],
            instanceId: $environment['ALIYUN_MQTT_INSTANCE_ID'],
            accessKey: [
                $environment['ALIBABA_CLOUD_ACCESS_KEY_ID'],
                $environment['ALIBABA_CLOUD_ACCESS_KEY_SECRET'],
            ],
            caFile: $environment['ALIYUN_MQTT_CA_FILE'],
        ));
    }
}
