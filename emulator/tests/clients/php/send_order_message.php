<?php

/* Turns ordered mode on, before anything else is sent, and sends five messages in order. */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';

$client = Mqtt::signature('php_order');
$client->publish('$SYS/enableOrderMsg', json_encode(['order' => 'true']));
$topic = env('ALIYUN_MQTT_TOPIC') . '/order';
$client->subscribe($topic);
$steps = ['step 1', 'step 2', 'step 3', 'step 4', 'step 5'];
array_walk($steps, fn ($step) => $client->publish($topic, $step));
expect(array_map(fn () => $client->receive()[1], $steps) === $steps, 'the messages arrive in order');
$client->disconnect();
