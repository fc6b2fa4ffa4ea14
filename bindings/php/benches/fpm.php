<?php

/*
 * fpm.php [REQUESTS [TRANSPORT]]: requests to four workers of php-fpm, eight at a time, each of which
 * publishes one QoS 1 message: over a standing client, and with a connection of its own; beside it, with the library of
 * the PHP demo, if SIMPS_MQTT names its folder and SWOOLE the file swoole.so (over tcp only).
 */

declare(strict_types=1);

require __DIR__ . '/../tests/bootstrap.php';

use AliyunMqtt\{Client, Config};
use AliyunMqtt\Tests\Support\{Emulator, Folder, Fpm};

$count = (int) ($argv[1] ?? 1000);
$transport = $argv[2] ?? 'tcp';

$emulator = new Emulator($transport);
$emulator->export();
$environment = $emulator->environment;

$folder = Folder::make();
symlink(AliyunMqtt\Tests\Support\library(), "$folder/libaliyun_mqtt.so.1");
$environment['LD_LIBRARY_PATH'] = $folder;
$package = dirname(__DIR__);
$preload = ['ffi.enable' => 'preload', 'opcache.preload' => "$package/preload.php"];
$header = ['ffi.preload' => "$package/aliyun_mqtt.ffi.h"];
$cases = [
    'a standing client, preloaded' => [$preload + $header, "$package/tests/fpm/shared.php"],
    'a standing client, not preloaded' => [['ffi.enable' => '1'], "$package/tests/fpm/shared.php"],
    'a connection at each request, preloaded' => [$preload + $header, "$package/tests/fpm/each.php"],
];
if (getenv('SIMPS_MQTT') !== false && getenv('SWOOLE') !== false) {
    $environment['SIMPS_MQTT'] = (string) getenv('SIMPS_MQTT');
    $cases['simps/mqtt, a connection at each request'] = [
        ['extension' => (string) getenv('SWOOLE')],
        __DIR__ . '/fpm/simps.php',
    ];
}

$subscriber = Client::connect(Config::fromEnv());
$subscriber->subscribe($environment['ALIYUN_MQTT_TOPIC'] . '/fpm');

// Interleaved, since other programs use the machine as well.
$times = [];
$connections = [];
for ($round = 0; $round < 3; $round++) {
    foreach ($cases as $name => [$ini, $page]) {
        $fpm = new Fpm($ini, [], $environment);
        // Each worker has compiled the page.
        $fpm->requests->many($page, 16, 8);
        $begin = hrtime(true);
        $bodies = $fpm->requests->many($page, $count, 8);
        $times[$name][] = (hrtime(true) - $begin) / 1e6 / $count;
        $fpm->stop();
        $clients = [];
        foreach ($bodies as $body) {
            preg_match('/^\d+ (\S+)$/', $body, $parts) === 1 or exit("$name: $body\n");
            $clients[$parts[1]] = true;
        }
        $connections[$name] = count($clients);
        $numbers = 0;
        foreach ($subscriber->messages(idle: 0.5) as $message) {
            $numbers++;
        }
        $numbers === $count + 16 or exit("$name: $numbers messages came\n");
    }
}

printf("%d requests, 4 workers, 8 at a time, %s; the best of 3\n", $count, $transport);
printf("%-44s %12s %12s %12s\n", '', 'ms/request', 'requests/s', 'connections');
foreach ($times as $name => $rounds) {
    $best = min($rounds);
    printf("%-44s %12.2f %12.0f %12d\n", $name, $best, 1000 / $best, $connections[$name]);
}
