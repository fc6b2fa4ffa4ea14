<?php

/**
 * For PHP-FPM: `opcache.preload = .../preload.php` with `ffi.enable = preload`. Compiles the classes of this package and
 * opens the library once, before the workers start. It makes no client.
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
\AliyunMqtt\Internal\Library::preload();
