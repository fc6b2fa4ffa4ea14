<?php

/*
 * A page: connects, publishes its number, and disconnects.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use AliyunMqtt\{Client, Config};

$client = Client::connect(Config::fromEnv());
$client->publish(getenv('ALIYUN_MQTT_TOPIC') . '/fpm', (string) $_GET['number']);
$client->disconnect();
echo getmypid(), ' ', $client->clientId();
