<?php

/*
 * Subscribes, publishes ten messages, and receives them.
 */

declare(strict_types=1);

require __DIR__ . '/bootstrap.php';

use AliyunMqtt\{Client, Outgoing};

const COUNT = 10;

$client = Client::fromEnv();
echo "connected to {$client->endpoint()} as {$client->clientId()}\n";

// One filter for all topics below it; a client may have 30 filters.
$parent = getenv('ALIYUN_MQTT_TOPIC');
$granted = $client->subscribe("$parent/message/#");
echo "subscribed, granted QoS {$granted->value}\n";

for ($number = 0; $number < COUNT; $number++) {
    // Returns without waiting for the acknowledgement; `flush` waits for all of them.
    $client->enqueue(new Outgoing("$parent/message/$number", "message $number"));
}
$client->flush(10);
echo 'published ' . COUNT . " messages, all acknowledged\n";

for ($number = 0; $number < COUNT; $number++) {
    $message = $client->recv(10) ?? throw new RuntimeException('no message came within 10 seconds');
    echo "received on {$message->topic()}: {$message->payload()}\n";
}
$client->disconnect();
echo "done\n";
