<?php

/*
 * Sends a message to one client by its client id. The receiver subscribes to nothing.
 *
 * It plays both sides, and therefore sets two device ids itself.
 */

declare(strict_types=1);

require __DIR__ . '/bootstrap.php';

use AliyunMqtt\{Client, Config};

$connect = static function (string $deviceId): Client {
    $client = Client::connect(Config::fromEnv()->deviceId($deviceId));
    echo "connected to {$client->endpoint()} as {$client->clientId()}\n";
    return $client;
};

$receiver = $connect('p2p_receiver');
$sender = $connect('p2p_sender');

$sender->sendP2p((string) getenv('ALIYUN_MQTT_TOPIC'), $receiver->clientId(), 'just for you');
echo "sent to {$receiver->clientId()}\n";

$message = $receiver->recv(10) ?? throw new RuntimeException('no message came within 10 seconds');
echo "received on {$message->topic()}: {$message->payload()}\n";
$sender->disconnect();
$receiver->disconnect();
echo "done\n";
