<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use FFI\CData;

/**
 * An object of the C library that this request has to free. PHP calls no destructors after a fatal error, such as no
 * memory or no time: a client, or the subscription of a standing one, would stay for the life of an FPM worker.
 * Functions that run at shutdown are called, however.
 *
 * @internal
 */
final class Owned
{
    private const CLIENT = 'amq_client';

    /** @var array<int, self> */
    private static array $clients = [];

    /** @var array<int, self> what is not a client, and may belong to one */
    private static array $others = [];

    /** Tells at shutdown whether PHP still calls destructors: it has one. */
    private static ?object $witness = null;

    private static bool $destructs = false;

    /**
     * @param CData|null $pointer null when it is freed; not to be changed elsewhere. A property is faster than a method
     * @param string $type the prefix of its functions
     */
    public function __construct(public ?CData $pointer, private readonly string $type)
    {
        if ($type === self::CLIENT) {
            self::$clients[\spl_object_id($this)] = $this;
        } else {
            self::$others[\spl_object_id($this)] = $this;
        }
        if (self::$witness === null && !self::$destructs) {
            self::watch();
        }
    }

    public function free(): void
    {
        $pointer = $this->pointer;
        if ($pointer === null) {
            return;
        }
        // First, so that it is freed once, whatever happens.
        $this->pointer = null;
        if ($this->type === self::CLIENT) {
            unset(self::$clients[\spl_object_id($this)]);
        } else {
            unset(self::$others[\spl_object_id($this)]);
        }
        Library::get($this->type . '_free', $pointer);
    }

    private static function watch(): void
    {
        self::$witness = new class (static fn () => self::$destructs = true) {
            public function __construct(private readonly \Closure $destructed)
            {
            }

            public function __destruct()
            {
                ($this->destructed)();
            }
        };
        // Twice, so that it runs after the functions that the program has registered later: they may use the objects.
        register_shutdown_function(static function (): void {
            register_shutdown_function(self::atShutdown(...));
        });
    }

    private static function atShutdown(): void
    {
        self::$witness = null;
        if (self::$destructs) {
            return;
        }
        // Without a copy of the lists: there may be no memory for it.
        while (($last = array_key_last(self::$others)) !== null) {
            self::$others[$last]->free();
        }
        while (($last = array_key_last(self::$clients)) !== null) {
            self::$clients[$last]->free();
        }
    }
}
