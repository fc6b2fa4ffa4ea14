<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library};

/**
 * How a client logs in.
 */
final class Credentials extends Handle
{
    /**
     * Signature mode: the AccessKey of an account or RAM user. The secret itself is not sent. Meant for servers: anybody
     * with the key can do everything that it permits.
     */
    public static function signature(string $accessKeyId, #[\SensitiveParameter] string $accessKeySecret): self
    {
        return self::of('signature', $accessKeyId, $accessKeySecret);
    }

    /**
     * The key of one device (一机一密), registered with the service. Needs a device id.
     */
    public static function device(string $deviceAccessKeyId, #[\SensitiveParameter] string $deviceAccessKeySecret): self
    {
        return self::of('device', $deviceAccessKeyId, $deviceAccessKeySecret);
    }

    /**
     * Token mode with a text such as "RW|..." or several of these joined. They are not renewed.
     */
    public static function token(string $accessKeyId, #[\SensitiveParameter] string $tokens): self
    {
        return self::of('token', $accessKeyId, $tokens);
    }

    /**
     * A user and a password as they are.
     */
    public static function customPlain(string $user, #[\SensitiveParameter] string $password): self
    {
        return self::of('custom_plain', $user, $password);
    }

    /**
     * A user, and the secret that was uploaded for it, with which the client id is signed.
     */
    public static function customSigned(string $user, #[\SensitiveParameter] string $uploadedSecret): self
    {
        return self::of('custom_signed', $user, $uploadedSecret);
    }

    protected static function type(): string
    {
        return 'amq_credentials';
    }

    private static function of(string $mode, #[\SensitiveParameter] string ...$texts): self
    {
        $arguments = [];
        foreach ($texts as $text) {
            array_push($arguments, $text, strlen($text));
        }
        return self::from("amq_credentials_$mode", ...$arguments);
    }

    private static function from(string $function, #[\SensitiveParameter] mixed ...$arguments): self
    {
        $credentials = new self();
        $credentials->adopt(Library::make('amq_credentials', $function, ...$arguments));
        return $credentials;
    }

    private function __construct()
    {
    }
}
