<?php

/*
 * Logs in with a token, and replaces it on the open connection. Then the first token can be revoked; with the second
 * one, the connection ends.
 */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';
require __DIR__ . '/api.php';

function token(): string
{
    $resources = env('ALIYUN_MQTT_TOPIC') . '/#';
    $expires = (time() + 3600) * 1000;
    return api('ApplyToken', ['Actions' => 'R,W', 'Resources' => $resources, 'ExpireTime' => $expires])['Token'];
}

$topic = env('ALIYUN_MQTT_TOPIC') . '/token';
$username = sprintf('Token|%s|%s', env('ALIBABA_CLOUD_ACCESS_KEY_ID'), env('ALIYUN_MQTT_INSTANCE_ID'));
$first = token();
$client = new Mqtt(env('ALIYUN_MQTT_GROUP_ID') . '@@@php_token', $username, "RW|$first");
$client->subscribe($topic);
$client->publish($topic, 'with the first token');
expect($client->receive() === [$topic, 'with the first token'], 'the message arrives');

$second = token();
$client->publish('$SYS/uploadToken', json_encode(['token' => $second, 'type' => 'RW']));
api('RevokeToken', ['Token' => $first]);
$client->publish($topic, 'with the second token');
expect($client->receive() === [$topic, 'with the second token'], 'the message arrives');

api('RevokeToken', ['Token' => $second]);
[$noticeTopic, $notice] = $client->receive();
expect($noticeTopic === '$SYS/tokenInvalidNotice', 'a notice arrives');
expect(json_decode($notice, true) === ['code' => 3, 'type' => 'RW'], 'the notice says revoked');
expect(fails(Closed::class, 0, fn () => $client->receive()), 'the connection is closed');
