<?php

/**
 * For PHP-FPM with `ffi.enable = preload`: `opcache.preload = .../preload.php`. Loads the classes of this package
 * before the workers start, and makes no client. With `ffi.preload = .../aliyun_mqtt.ffi.h` beside it, the library is
 * opened once as well, and not at each request.
 */

declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

/** @var \SplFileInfo $file */
foreach (new \RecursiveIteratorIterator(new \RecursiveDirectoryIterator(__DIR__ . '/src')) as $file) {
    if ($file->getExtension() === 'php') {
        $class = substr($file->getPathname(), strlen(__DIR__ . '/src/'), -strlen('.php'));
        // Loads the class, and before it those that it needs.
        class_exists('AliyunMqtt\\' . str_replace('/', '\\', $class));
    }
}
