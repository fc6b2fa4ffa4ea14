<?php

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/Support/library.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'AliyunMqtt\\Tests\\')) {
        require __DIR__ . '/' . str_replace('\\', '/', substr($class, strlen('AliyunMqtt\\Tests\\'))) . '.php';
    }
});

putenv('ALIYUN_MQTT_LIBRARY=' . AliyunMqtt\Tests\Support\library());
