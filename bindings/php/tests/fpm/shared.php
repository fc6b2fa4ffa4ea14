<?php

/*
 * A page: publishes its number over the standing client of its worker.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use AliyunMqtt\{Client, Config};

$client = Client::shared(Config::fromEnv());
$client->publish(getenv('ALIYUN_MQTT_TOPIC') . '/fpm', (string) $_GET['number']);
echo getmypid(), ' ', $client->clientId();
