<?php

/*
 * A page that fails with a client of its own: PHP then calls no destructors.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use AliyunMqtt\{Client, Config};

$client = Client::connect(Config::fromEnv());
$client->publish(getenv('ALIYUN_MQTT_TOPIC') . '/fpm', $client->clientId());
ini_set('memory_limit', '8M');
echo str_repeat('x', 1 << 30);
