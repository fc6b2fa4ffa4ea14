<?php

/* Sends ten messages to another client, which has subscribed to all of their topics by one filter. */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';

$parent = env('ALIYUN_MQTT_TOPIC') . '/message';
[$receiver, $sender] = [Mqtt::signature('php_receiver'), Mqtt::signature('php_sender')];
$receiver->subscribe("$parent/#");
for ($number = 0; $number < 10; $number++) {
    $sender->publish("$parent/$number", "message $number");
    expect($receiver->receive() === ["$parent/$number", "message $number"], "message $number arrives");
}
$sender->publish("$parent/large", $large = str_repeat('x', 65536));
expect($receiver->receive()[1] === $large, '64 KiB arrive');
$sender->disconnect();
$receiver->disconnect();
