<?php

/* Sends a message by the OpenAPI to a client, whose session the API knows. */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';
require __DIR__ . '/api.php';

$client = Mqtt::signature('php_api');
$topic = env('ALIYUN_MQTT_TOPIC') . '/api';
$client->subscribe($topic);
$answer = api('SendMessage', ['MqttTopic' => $topic, 'Payload' => '来自 API']);
expect($answer['MsgId'] !== '', 'the API returns a message id');
expect($client->receive() === [$topic, '来自 API'], 'the message arrives');
expect(api('QuerySessionByClientId', ['ClientId' => $client->clientId])['OnlineStatus'], 'the client is online');
$client->disconnect();
