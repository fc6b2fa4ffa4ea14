<?php

/* Logs in by signature, and sends one message to itself. A wrong password is refused. */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';

$client = Mqtt::signature('php_signature');
$topic = env('ALIYUN_MQTT_TOPIC') . '/signature';
expect($client->subscribe($topic) === 1, 'QoS 1 is granted');
$client->publish($topic, 'hello');
expect($client->receive() === [$topic, 'hello'], 'the message arrives');
$client->disconnect();

$username = sprintf('Signature|%s|%s', env('ALIBABA_CLOUD_ACCESS_KEY_ID'), env('ALIYUN_MQTT_INSTANCE_ID'));
$wrong = fn () => new Mqtt($client->clientId, $username, sign($client->clientId, 'wrong'));
expect(fails(Refused::class, 4, $wrong), 'CONNACK 4 for a wrong password');
