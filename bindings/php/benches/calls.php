<?php

/*
 * calls.php [COUNT]: the time of calls through PHP, against an emulator on this machine, in microseconds.
 */

declare(strict_types=1);

require __DIR__ . '/../tests/bootstrap.php';

use AliyunMqtt\{AckMode, Client, Config, Outgoing, QoS, Stat};
use AliyunMqtt\Tests\Support\{Emulator, Wait};

$count = (int) ($argv[1] ?? 5000);
if (getenv('ALIYUN_MQTT_ENDPOINT') === false) {
    $emulator = new Emulator();
    $emulator->export();
}
$client = Client::connect(Config::fromEnv()->ackMode(AckMode::OnArrival)->limits(inboxMessages: 2 * $count));
$topic = getenv('ALIYUN_MQTT_TOPIC') . '/calls';
$payload = str_repeat('x', 100);

$measure = static function (string $name, callable $call, int $times) {
    $begin = hrtime(true);
    for ($number = 0; $number < $times; $number++) {
        $call();
    }
    $micros = (hrtime(true) - $begin) / 1e3 / $times;
    printf("%-28s %8.2f us\n", $name, $micros);
};

$measure('recv(0), nothing there', fn () => $client->recv(0), $count);
$measure('publish QoS 1', fn () => $client->publish($topic, $payload), $count);
$measure('publish QoS 0', fn () => $client->publish($topic, $payload, QoS::AtMostOnce), $count);
$topic .= '/received';
$client->subscribe($topic);
$messages = (fn () => yield from array_fill(0, $count, new Outgoing($topic, $payload)))();
$measure('publishEach QoS 1, a message', function () use ($client, $messages): void {
    static $results = null;
    $results ??= $client->publishEach($messages);
    $results->current();
    $results->next();
}, $count);
Wait::for('all messages are in the inbox', fn () => $client->stat(Stat::InboxMessages) === $count);
$measure('recv, topic and payload', function () use ($client): void {
    $message = $client->recv(0);
    $message->topic();
    $message->payload();
}, $count);
