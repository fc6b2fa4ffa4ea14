<?php

/*
 * What all examples begin with. The settings are those of the demo's config.php, if there is one beside this file (see
 * config.example.php), else the environment variables ALIYUN_MQTT_* and ALIBABA_CLOUD_*.
 */

declare(strict_types=1);

require is_file(__DIR__ . '/vendor/autoload.php') ? __DIR__ . '/vendor/autoload.php' : __DIR__ . '/../autoload.php';

set_exception_handler(static function (Throwable $exception): void {
    fwrite(STDERR, "failed: {$exception->getMessage()}\n");
    exit(1);
});

(static function (): void {
    if (!is_file(__DIR__ . '/config.php')) {
        return;
    }
    $config = require __DIR__ . '/config.php';
    // Some set variables, such as $accessKey; some return an array, with keys such as access_key.
    $config = is_array($config) ? $config : get_defined_vars();
    $names = ['accesskey' => 'ALIBABA_CLOUD_ACCESS_KEY_ID', 'secretkey' => 'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
        'endpoint' => 'ALIYUN_MQTT_ENDPOINT', 'instanceid' => 'ALIYUN_MQTT_INSTANCE_ID',
        'groupid' => 'ALIYUN_MQTT_GROUP_ID', 'deviceid' => 'ALIYUN_MQTT_DEVICE_ID', 'topic' => 'ALIYUN_MQTT_TOPIC',
        'token' => 'ALIYUN_MQTT_TOKEN', 'tokenstr' => 'ALIYUN_MQTT_TOKEN'];
    foreach ($config as $key => $value) {
        $name = $names[strtolower(str_replace('_', '', (string) $key))] ?? null;
        if ($name !== null && is_string($value) && $value !== '') {
            // Without a port the connection is TLS on 8883; the demo's 1883 is not encrypted.
            $port = $name === 'ALIYUN_MQTT_ENDPOINT' && isset($config['port']) ? ":{$config['port']}" : '';
            putenv("$name=$value$port");
        }
    }
})();
