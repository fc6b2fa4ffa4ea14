<?php

/* Sends a message to one client by its client id. The receiver subscribes to nothing. */

declare(strict_types=1);

require __DIR__ . '/mqtt.php';

[$receiver, $sender] = [Mqtt::signature('php_p2p_receiver'), Mqtt::signature('php_p2p_sender')];
$topic = env('ALIYUN_MQTT_TOPIC') . "/p2p/$receiver->clientId";
$sender->publish($topic, 'just for you');
expect($receiver->receive() === [$topic, 'just for you'], 'the message arrives');
$sender->disconnect();
$receiver->disconnect();
