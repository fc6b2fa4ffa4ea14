<?php

/*
 * Answers requests on a topic until a message says "end".
 */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use AliyunMqtt\{Client, Config, Outgoing, Protocol};

$protocol = getenv('ALIYUN_MQTT_TEST_PROTOCOL') === '5' ? Protocol::V5 : Protocol::V311;
$client = Client::connect(Config::fromEnv()->protocol($protocol));
$client->subscribe($argv[1]);
echo "ready\n", $client->clientId(), "\n";
foreach ($client->messages(idle: 30) as $message) {
    if (!$message->isRequest()) {
        break;
    }
    $answer = "answer to {$message->requestPayload()}";
    if ($message->requestPayload() === 'another') {
        $client->publishMessage(Outgoing::reply($message, $answer));
    } else {
        $client->reply($message, $answer);
    }
}
