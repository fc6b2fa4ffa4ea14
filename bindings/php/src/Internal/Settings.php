<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\InvalidArgumentException;

/**
 * Settings that are methods and named arguments of the constructor alike, and those that clients and the API share: the
 * proxy and the CA certificates.
 *
 * @internal
 */
abstract class Settings extends Handle
{
    /**
     * Takes settings by their names, such as those of a file. An unknown name is an error.
     *
     * @param array<string, mixed> $settings
     */
    public static function fromArray(#[\SensitiveParameter] array $settings): static
    {
        $known = array_column((new \ReflectionMethod(static::class, '__construct'))->getParameters(), 'name');
        foreach (array_keys($settings) as $name) {
            if (!in_array($name, $known, true)) {
                throw InvalidArgumentException::of("there is no setting $name; there are " . implode(', ', $known));
            }
        }
        try {
            // Not by reflection, whose frame in traces has the values.
            // @phpstan-ignore-next-line: PHP checks the types
            return new static(...$settings);
        } catch (\TypeError $error) {
            throw InvalidArgumentException::of(self::short($error));
        }
    }

    /** The URL of an HTTP proxy. */
    public function proxy(#[\SensitiveParameter] string $url): static
    {
        return $this->text('proxy', $url);
    }

    public function proxyCredentials(string $user, #[\SensitiveParameter] string $password): static
    {
        return $this->texts('proxy_credentials', $user, $password);
    }

    /** Takes the proxy that the environment names: HTTPS_PROXY and NO_PROXY. */
    public function proxyFromEnv(bool $take = true): static
    {
        return $take ? $this->set('proxy_from_env') : $this;
    }

    /** A file with CA certificates to trust, as PEM. */
    public function caFile(string $path): static
    {
        return $this->text('ca_file', $path);
    }

    /** CA certificates to trust, as PEM. */
    public function caPem(string $pem): static
    {
        return $this->text('ca_pem', $pem);
    }

    /** Trusts the system's CA certificates beside those given. Default true. */
    public function systemRoots(bool $trust = true): static
    {
        return $this->set('system_roots', $trust);
    }

    /**
     * Calls the method of each setting that is given.
     *
     * @param array<string, mixed> $settings
     */
    final protected function take(#[\SensitiveParameter] array $settings): void
    {
        foreach ($settings as $name => $value) {
            if (is_array($value)) {
                $method = new \ReflectionMethod($this, $name);
                if (!$method->isVariadic() && count($value) > $method->getNumberOfParameters()) {
                    throw InvalidArgumentException::of("$name has too many values");
                }
                try {
                    $this->$name(...$value);
                } catch (\Error $error) {
                    throw InvalidArgumentException::of("$name: " . self::short($error));
                }
            } elseif ($value !== null) {
                $this->$name($value);
            }
        }
    }

    final protected function text(string $setting, #[\SensitiveParameter] string $value): static
    {
        return $this->set($setting, $value, strlen($value));
    }

    final protected function texts(string $setting, #[\SensitiveParameter] string ...$values): static
    {
        $arguments = [];
        foreach ($values as $value) {
            array_push($arguments, $value, strlen($value));
        }
        return $this->set($setting, ...$arguments);
    }

    final protected function time(string $setting, float $seconds): static
    {
        return $this->set($setting, Time::duration($setting, $seconds));
    }

    final protected function set(string $setting, #[\SensitiveParameter] mixed ...$values): static
    {
        Library::call(static::type() . "_set_$setting", $this->pointer(), ...$values);
        return $this;
    }

    /**
     * PHP's words without its classes and places, such as "($timeout) must be of type ?float, string given".
     */
    private static function short(\Error $error): string
    {
        $places = ['/^.*?\(\): Argument #\d+ /', '/, called in .*$/', '/ in \S+ on line \d+/'];
        return (string) preg_replace($places, '', $error->getMessage());
    }
}
