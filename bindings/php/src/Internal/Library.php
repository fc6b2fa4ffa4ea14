<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\Exception;
use AliyunMqtt\Kind;
use AliyunMqtt\LibraryException;
use FFI;
use FFI\CData;
use FFI\CType;

/**
 * The C library: finds it, calls its functions, and turns its errors into exceptions.
 *
 * The other classes use functions of the C header through this one only.
 *
 * @internal
 */
final class Library
{
    /** The AMQ_ABI_VERSION that this package is written for. */
    public const ABI_VERSION = 1;

    /** The file that the system's loader looks for. */
    public const SONAME = 'libaliyun_mqtt.so.' . self::ABI_VERSION;

    /** The environment variable with the path of another file; `env[...]` of an FPM pool. */
    public const VARIABLE = 'ALIYUN_MQTT_LIBRARY';

    private const SCOPE = 'ALIYUN_MQTT';
    private const HEADER = __DIR__ . '/../../aliyun_mqtt.ffi.h';

    private static ?FFI $ffi = null;
    private static ?string $path = null;

    /** @var array<string, CType> */
    private static array $types = [];

    /**
     * Sets the path of the library, in place of the environment variable. To be called before anything else.
     */
    public static function setPath(string $path): void
    {
        if (self::$ffi !== null) {
            throw new \LogicException('the library is already loaded');
        }
        self::$path = $path;
    }

    /**
     * Calls a function that cannot fail.
     */
    public static function get(string $function, #[\SensitiveParameter] mixed ...$arguments): mixed
    {
        return self::ffi()->$function(...$arguments);
    }

    /**
     * Calls a function that can fail, without its last parameter, the error. Returns its status, AMQ_OK or positive.
     *
     * @throws Exception
     */
    public static function call(string $function, #[\SensitiveParameter] mixed ...$arguments): int
    {
        $error = self::slot('amq_error');
        $status = self::ffi()->$function(...[...$arguments, FFI::addr($error)]);
        if ($status < 0) {
            throw Failure::exception($error);
        }
        return $status;
    }

    /**
     * Calls a function that makes an object, without its last two parameters, the result and the error. Returns the
     * object, or null with AMQ_TIMEOUT and AMQ_END.
     *
     * @throws Exception
     */
    public static function obtain(string $type, string $function, #[\SensitiveParameter] mixed ...$arguments): ?CData
    {
        $result = self::slot($type);
        $status = self::call($function, ...[...$arguments, FFI::addr($result)]);
        if ($status === Status::END) {
            throw Exception::closed();
        }
        return $status === Status::OK ? $result : null;
    }

    /**
     * As obtain, for functions that have an object for every good status.
     *
     * @throws Exception
     */
    public static function make(string $type, string $function, #[\SensitiveParameter] mixed ...$arguments): CData
    {
        return self::obtain($type, $function, ...$arguments) ?? throw Exception::internal("$function gave no object");
    }

    /**
     * Returns a pointer to an object of the library, NULL at first.
     */
    public static function slot(string $type): CData
    {
        return self::new("$type *");
    }

    /**
     * Returns a new value of a C type.
     */
    public static function new(string $type): CData
    {
        $ffi = self::ffi();
        // Parsing the name of a type takes longer than most calls.
        $value = $ffi->new(self::$types[$type] ??= $ffi->type($type));
        return $value ?? throw Exception::internal("no memory for $type");
    }

    /**
     * Returns an array of pointers to texts, and what must be kept while it is used.
     *
     * @param list<string> $texts
     * @return array{CData, list<CData>}
     */
    public static function texts(array $texts): array
    {
        $ffi = self::ffi();
        $array = $ffi->new(sprintf('const char *[%d]', max(1, count($texts))));
        $kept = [];
        foreach ($texts as $index => $text) {
            $copy = $ffi->new(sprintf('char[%d]', strlen($text) + 1));
            FFI::memcpy($copy, $text, strlen($text));
            $kept[] = $copy;
            $array[$index] = $ffi->cast('const char *', FFI::addr($copy));
        }
        return [$array, $kept];
    }

    /**
     * Returns an array of the pointers that objects have.
     *
     * @param list<Handle> $objects
     */
    public static function pointers(string $type, array $objects): CData
    {
        $array = self::ffi()->new(sprintf('%s *[%d]', $type, max(1, count($objects))));
        foreach ($objects as $index => $object) {
            $array[$index] = $object->pointer();
        }
        return $array;
    }

    /**
     * Returns the version of the library, such as "0.1.0".
     */
    public static function version(): string
    {
        $version = self::get('amq_version');
        return is_string($version) ? $version : '';
    }

    private static function ffi(): FFI
    {
        return self::$ffi ??= self::load();
    }

    private static function load(): FFI
    {
        if (!class_exists(FFI::class, false)) {
            throw new LibraryException('PHP has no FFI extension: install it (Debian: php-common has it) and load it');
        }
        try {
            // What the setting ffi.preload has opened.
            $ffi = FFI::scope(self::SCOPE);
        } catch (FFI\Exception $exception) {
            if (str_contains($exception->getMessage(), 'restricted by')) {
                throw self::disabled($exception);
            }
            try {
                // cdef knows no preprocessor lines.
                $ffi = FFI::cdef((string) preg_replace('/^#.*$/m', '', self::header()), self::path());
            } catch (FFI\Exception $exception) {
                throw self::missing($exception);
            }
        }
        self::check($ffi);
        return $ffi;
    }

    private static function header(): string
    {
        $header = file_get_contents(self::HEADER);
        return $header === false ? throw new LibraryException(self::HEADER . ' cannot be read') : $header;
    }

    private static function path(): string
    {
        $named = getenv(self::VARIABLE);
        return self::$path ?? ($named !== false && $named !== '' ? $named : self::SONAME);
    }

    private static function check(FFI $ffi): void
    {
        $version = $ffi->{'amq_abi_version'}();
        if ($version !== self::ABI_VERSION) {
            throw new LibraryException(sprintf(
                'the library %s has version %d of the interface, and this package needs version %d',
                self::path(),
                $version,
                self::ABI_VERSION
            ));
        }
    }

    private static function disabled(\Throwable $cause): LibraryException
    {
        $text = sprintf(
            'PHP does not allow FFI here, since ffi.enable is "%s": in php.ini, set ffi.enable=preload and '
                . 'opcache.preload=%s, or ffi.enable=1',
            (string) ini_get('ffi.enable'),
            dirname(__DIR__, 2) . '/preload.php'
        );
        return new LibraryException($text, Kind::Config, previous: $cause);
    }

    private static function missing(\Throwable $cause): LibraryException
    {
        if (str_contains($cause->getMessage(), 'restricted by')) {
            return self::disabled($cause);
        }
        $text = sprintf(
            'the library %s cannot be used: install it where the system\'s loader finds it, or name its file in the '
                . 'environment variable %s (%s)',
            self::path(),
            self::VARIABLE,
            $cause->getMessage()
        );
        return new LibraryException($text, Kind::Config, previous: $cause);
    }
}
