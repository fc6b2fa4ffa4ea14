<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\Exception;
use FFI\CData;

/**
 * An object of the C library, which is freed with the PHP object.
 *
 * @internal
 */
abstract class Handle
{
    private ?CData $pointer = null;

    /**
     * Takes over an object. `$type` is the name of its type in C.
     */
    protected function adopt(CData $pointer): void
    {
        $this->pointer = $pointer;
    }

    /**
     * Returns the prefix of the functions of this type, such as "amq_client".
     */
    abstract protected static function type(): string;

    /**
     * @internal
     */
    final public function pointer(): CData
    {
        return $this->pointer ?? throw Exception::closed(static::class . ' is already freed');
    }

    /**
     * Frees the object now, and not with the last reference to it. Later calls fail.
     */
    final protected function free(): void
    {
        $pointer = $this->pointer;
        // First, so that it is freed once, whatever happens.
        $this->pointer = null;
        if ($pointer !== null) {
            Library::get(static::type() . '_free', $pointer);
        }
    }

    final protected function isFreed(): bool
    {
        return $this->pointer === null;
    }

    public function __destruct()
    {
        $this->free();
    }

    final public function __clone()
    {
        // The original has it.
        $this->pointer = null;
        throw new \LogicException(static::class . ' cannot be cloned: it stands for one object of the C library');
    }

    /**
     * @return never
     */
    final public function __serialize(): array
    {
        throw new \LogicException(static::class . ' cannot be serialized: it stands for an object of this process');
    }

    /**
     * @param array<mixed> $data
     * @return never
     */
    final public function __unserialize(array $data): void
    {
        throw new \LogicException(static::class . ' cannot be unserialized: it stands for an object of a process');
    }

    /**
     * Shows nothing that could be secret.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
