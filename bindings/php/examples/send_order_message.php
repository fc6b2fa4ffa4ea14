<?php

/*
 * Sends messages in ordered mode: the service keeps the messages of this connection in one sequence.
 *
 * On the real service the parent topic must be of the ordered type, and the sequence is seen by a RocketMQ consumer of
 * that topic; among MQTT receivers the service promises no strict order.
 */

declare(strict_types=1);

require __DIR__ . '/bootstrap.php';

use AliyunMqtt\{Client, Config};

const COUNT = 5;

// Each connect enables ordered mode before anything else is sent.
$client = Client::connect(Config::fromEnv()->ordered());
echo "connected to {$client->endpoint()} as {$client->clientId()}\n";

$topic = getenv('ALIYUN_MQTT_TOPIC') . '/order';
$client->subscribe($topic);
for ($number = 1; $number <= COUNT; $number++) {
    $client->publish($topic, "step $number");
    echo "published step $number\n";
}
$received = 0;
foreach ($client->messages(idle: 10) as $message) {
    echo "received on {$message->topic()}: {$message->payload()}\n";
    if (++$received === COUNT) {
        break;
    }
}
$client->disconnect();
echo "done\n";
