<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * Temporary folders, which are removed when the process that made them ends.
 */
final class Folder
{
    public static function make(): string
    {
        $folder = sys_get_temp_dir() . '/aliyun-mqtt-php-' . bin2hex(random_bytes(6));
        mkdir($folder, 0700);
        $owner = getmypid();
        register_shutdown_function(static function () use ($folder, $owner): void {
            if (getmypid() === $owner) {
                array_map(unlink(...), glob("$folder/*") ?: []);
                rmdir($folder);
            }
        });
        return $folder;
    }
}
