<?php

/*
 * A page that receives a message over the standing client of its worker. With fatal=1 it fails in the middle, with a
 * subscription and all else that a client has: PHP then calls no destructors.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use AliyunMqtt\{Client, Config, Outgoing};

$client = Client::shared(Config::fromEnv(), 'standing');
$topic = getenv('ALIYUN_MQTT_TOPIC') . '/standing';
echo getmypid(), ' ', $client->clientId(), ' ';
if ($_GET['fatal'] === '1') {
    $events = $client->events();
    $subscription = $client->subscription($topic);
    $delivery = $client->enqueue(new Outgoing($topic, 'first'));
    $message = $subscription->recv(10);
    echo $message?->payload();
    ini_set('memory_limit', '8M');
    echo str_repeat('x', 1 << 30);
}
$client->subscribe($topic);
$client->publish($topic, 'second');
echo $client->recv(3)?->payload() ?? 'nothing';
