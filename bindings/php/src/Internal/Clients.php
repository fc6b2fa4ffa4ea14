<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

/**
 * The clients of this request. PHP calls no destructors after a fatal error, such as no memory or no time: the client
 * of a request would stay connected for the life of an FPM worker. Functions that run at shutdown are called, however.
 *
 * @internal
 */
final class Clients
{
    private const FATAL = E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR | E_PARSE;

    /** @var array<int, \WeakReference<Handle>> */
    private static ?array $alive = null;

    public static function add(Handle $client): void
    {
        if (self::$alive === null) {
            self::$alive = [];
            register_shutdown_function(static function (): void {
                if (((error_get_last()['type'] ?? 0) & self::FATAL) !== 0) {
                    foreach (self::$alive ?? [] as $client) {
                        $client->get()?->__destruct();
                    }
                }
            });
        }
        self::$alive[spl_object_id($client)] = \WeakReference::create($client);
    }

    public static function remove(Handle $client): void
    {
        unset(self::$alive[spl_object_id($client)]);
    }
}
