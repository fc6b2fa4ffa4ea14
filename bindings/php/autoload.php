<?php

/**
 * Loads the classes of this package where Composer's autoloader is not used.
 */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'AliyunMqtt\\')) {
        $file = __DIR__ . '/src/' . str_replace('\\', '/', substr($class, strlen('AliyunMqtt\\'))) . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
