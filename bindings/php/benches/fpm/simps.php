<?php

/*
 * A page: what tests/fpm/each.php does, with the library of the PHP demo, simps/mqtt, in its form for FPM.
 */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    require getenv('SIMPS_MQTT') . '/src/' . str_replace('\\', '/', substr($class, strlen('Simps\\MQTT\\'))) . '.php';
});
require_once getenv('SIMPS_MQTT') . '/src/constants.php';

use Simps\MQTT\Client;
use Simps\MQTT\Config\ClientConfig;

$clientId = getenv('ALIYUN_MQTT_GROUP_ID') . '@@@' . uniqid('simps_');
$id = getenv('ALIBABA_CLOUD_ACCESS_KEY_ID');
$password = base64_encode(hash_hmac('sha1', $clientId, (string) getenv('ALIBABA_CLOUD_ACCESS_KEY_SECRET'), true));
$config = (new ClientConfig())->setClientId($clientId)->setPassword($password)->setKeepAlive(90)->setMaxAttempts(0)
    ->setUserName("Signature|$id|" . getenv('ALIYUN_MQTT_INSTANCE_ID'))
    ->setSwooleConfig(['open_mqtt_protocol' => true, 'package_max_length' => 2 * 1024 * 1024]);
$address = parse_url((string) getenv('ALIYUN_MQTT_ENDPOINT'));
$client = new Client($address['host'], $address['port'], $config, Client::SYNC_CLIENT_TYPE);
$client->connect();
$client->publish(getenv('ALIYUN_MQTT_TOPIC') . '/fpm', (string) $_GET['number'], 1);
$client->close();
echo getmypid(), ' ', $clientId;
