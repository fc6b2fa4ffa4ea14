<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library};
use FFI\CData;

/**
 * How a client logs in.
 */
final class Credentials extends Handle
{
    /**
     * @internal
     */
    public function __construct(CData $credentials)
    {
        $this->adopt($credentials);
    }

    /**
     * Signature mode: the AccessKey of an account or RAM user. The secret itself is not sent. Meant for servers:
     * anybody with the key can do everything that it permits.
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

    /**
     * Token mode with several tokens, at most one of each kind. They are not renewed.
     */
    public static function tokens(string $accessKeyId, Token ...$tokens): self
    {
        return self::withTokens('tokens', $accessKeyId, $tokens);
    }

    /**
     * Token mode with tokens that this program renews: `Client::renewTokens`, or `tokensWanted` and `handInTokens`.
     */
    public static function tokensByHand(string $accessKeyId, Token ...$tokens): self
    {
        return self::withTokens('tokens_by_hand', $accessKeyId, $tokens);
    }

    /**
     * Token mode with tokens that the library applies for and renews. For servers: it needs the account's key.
     */
    public static function applyTokens(Api $api, TokenRequest ...$requests): self
    {
        $requests = array_values($requests);
        $array = Library::pointers('const amq_token_request', $requests);
        return self::from('amq_credentials_apply_tokens', $api->pointer(), $array, count($requests));
    }

    /**
     * The credentials of the environment, in the mode that ALIYUN_MQTT_AUTH names, or in another one.
     *
     * @throws ConfigException a variable is missing
     */
    public static function fromEnv(AuthMode $mode = AuthMode::Environment): self
    {
        return self::from('amq_credentials_from_env', $mode->value);
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

    /**
     * @param array<Token> $tokens
     */
    private static function withTokens(string $mode, string $accessKeyId, array $tokens): self
    {
        $tokens = array_values($tokens);
        $array = Library::pointers('const amq_token', $tokens);
        return self::from("amq_credentials_$mode", $accessKeyId, strlen($accessKeyId), $array, count($tokens));
    }

    private static function from(string $function, #[\SensitiveParameter] mixed ...$arguments): self
    {
        return new self(Library::make('amq_credentials', $function, ...$arguments));
    }
}
