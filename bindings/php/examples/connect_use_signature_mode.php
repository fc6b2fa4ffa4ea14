<?php

/*
 * Logs in by signature (AccessKey id and secret), and sends one message to itself.
 */

declare(strict_types=1);

require __DIR__ . '/bootstrap.php';

use AliyunMqtt\{AuthMode, Client, Config, Credentials};

// This login whatever ALIYUN_MQTT_AUTH says; `fromEnv` alone follows that variable.
$credentials = Credentials::fromEnv(AuthMode::Signature);
$client = Client::connect(Config::fromEnv()->credentials($credentials));
echo "connected to {$client->endpoint()} as {$client->clientId()}\n";

$topic = getenv('ALIYUN_MQTT_TOPIC') . '/signature';
echo "subscribed to $topic, granted QoS {$client->subscribe($topic)->value}\n";
// Waits until the service has acknowledged the message.
$client->publish($topic, 'hello');
echo "published to $topic: the service has it\n";

$message = $client->recv(10) ?? throw new RuntimeException('no message came within 10 seconds');
echo "received on {$message->topic()}: {$message->payload()}\n";
$client->disconnect();
echo "done\n";
