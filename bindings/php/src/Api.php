<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library, Time};
use FFI;

/**
 * The service's API (OnsMqtt) over HTTPS. For servers: it needs the account's key.
 *
 *     $api = new Api(new ApiConfig(region: 'cn-hangzhou', instanceId: '...', accessKey: ['...', '...']));
 *     $token = $api->applyToken(new TokenRequest(TokenKind::ReadWrite, ['demo/#']));
 *
 * A `timeout` of null is the configured one.
 */
final class Api extends Handle
{
    /**
     * @throws ConfigException a setting is missing or invalid
     */
    public function __construct(ApiConfig $config)
    {
        $this->adopt(Library::make('amq_api', 'amq_api_new', $config->pointer()));
    }

    /**
     * Takes the settings of the environment.
     *
     * @throws ConfigException a variable is missing or invalid
     */
    public static function fromEnv(): self
    {
        return new self(ApiConfig::fromEnv());
    }

    public function instanceId(): string
    {
        return $this->text('amq_api_instance_id');
    }

    /** The URL of the API. */
    public function endpoint(): string
    {
        return $this->text('amq_api_endpoint');
    }

    public function region(): ?string
    {
        $region = Library::get('amq_api_region', $this->pointer(), null);
        return is_string($region) ? $region : null;
    }

    /**
     * Applies for a token (ApplyToken).
     *
     * @throws Exception
     */
    public function applyToken(TokenRequest $request, ?float $timeout = null): Token
    {
        $arguments = [$this->pointer(), $request->pointer(), Time::timeout($timeout)];
        return Token::of(Library::make('amq_token', 'amq_api_apply_token', ...$arguments));
    }

    /**
     * Returns true if a token is valid (QueryToken).
     *
     * @throws Exception
     */
    public function queryToken(Token $token, ?float $timeout = null): bool
    {
        $valid = Library::new('bool');
        $text = $token->text();
        $arguments = [$this->pointer(), $text, strlen($text), Time::timeout($timeout), FFI::addr($valid)];
        Library::call('amq_api_query_token', ...$arguments);
        return $valid->cdata;
    }

    /**
     * Revokes a token (RevokeToken).
     *
     * @throws Exception
     */
    public function revokeToken(Token $token, ?float $timeout = null): void
    {
        $text = $token->text();
        Library::call('amq_api_revoke_token', $this->pointer(), $text, strlen($text), Time::timeout($timeout));
    }

    /**
     * Sends a message through the API (SendMessage), and returns its id.
     *
     * @throws Exception
     */
    public function sendMessage(string $topic, string $payload, ?float $timeout = null): string
    {
        $arguments = [$topic, strlen($topic), $payload, strlen($payload), Time::timeout($timeout)];
        return $this->answer('amq_api_send_message', ...$arguments);
    }

    /**
     * Returns true if a client is online (QuerySessionByClientId).
     *
     * @throws Exception
     */
    public function querySession(string $clientId, ?float $timeout = null): bool
    {
        $online = Library::new('bool');
        $arguments = [$clientId, strlen($clientId), Time::timeout($timeout), FFI::addr($online)];
        Library::call('amq_api_query_session', $this->pointer(), ...$arguments);
        return $online->cdata;
    }

    /**
     * Creates the key of a device (RegisterDeviceCredential). An existing one is replaced.
     *
     * @throws Exception
     */
    public function registerDeviceCredential(string $clientId, ?float $timeout = null): DeviceCredential
    {
        return $this->device('register', $clientId, $timeout);
    }

    /**
     * Returns the key of a device (GetDeviceCredential).
     *
     * @throws Exception
     */
    public function getDeviceCredential(string $clientId, ?float $timeout = null): DeviceCredential
    {
        return $this->device('get', $clientId, $timeout);
    }

    /**
     * Replaces the secret of a device (RefreshDeviceCredential).
     *
     * @throws Exception
     */
    public function refreshDeviceCredential(string $clientId, ?float $timeout = null): DeviceCredential
    {
        return $this->device('refresh', $clientId, $timeout);
    }

    /**
     * Deletes the key of a device (UnRegisterDeviceCredential).
     *
     * @throws Exception
     */
    public function unregisterDeviceCredential(string $clientId, ?float $timeout = null): void
    {
        $arguments = [$clientId, strlen($clientId), Time::timeout($timeout)];
        Library::call('amq_api_unregister_device_credential', $this->pointer(), ...$arguments);
    }

    /**
     * Makes any call, such as "ListGroupId", and returns the service's JSON object. Most need the parameter
     * "InstanceId".
     *
     * @param array<string, string|int|bool> $parameters those of the query; lists as "Name.1", "Name.2"
     * @param array<string, string|int|bool> $form those of the body, which some operations require
     * @param list<string> $hidden the names of parameters with secrets, which errors do not show
     * @param bool $get as GET, as the official SDK does for some operations
     * @param bool $repeatable may be repeated if its outcome is unknown
     * @return array<string, mixed>
     * @throws Exception
     */
    public function call(
        string $action,
        #[\SensitiveParameter] array $parameters = [],
        #[\SensitiveParameter] array $form = [],
        array $hidden = [],
        bool $get = false,
        bool $repeatable = false,
        ?float $timeout = null,
    ): array {
        $call = Library::make('amq_call', 'amq_call_new', $action, strlen($action));
        try {
            foreach (['parameter' => $parameters, 'form' => $form] as $place => $values) {
                foreach ($values as $name => $value) {
                    $value = is_bool($value) ? ($value ? 'true' : 'false') : (string) $value;
                    $arguments = [(string) $name, strlen((string) $name), $value, strlen($value)];
                    Library::call("amq_call_add_$place", $call, ...$arguments);
                }
            }
            foreach ($hidden as $name) {
                Library::call('amq_call_hide', $call, $name, strlen($name));
            }
            if ($get) {
                Library::call('amq_call_use_get', $call);
            }
            Library::call('amq_call_set_repeatable', $call, $repeatable);
            $answer = json_decode($this->answer('amq_api_call', $call, Time::timeout($timeout)), true);
        } finally {
            Library::get('amq_call_free', $call);
        }
        return is_array($answer) ? $answer : [];
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : ['endpoint' => $this->endpoint(), 'instanceId' => $this->instanceId()];
    }

    protected static function type(): string
    {
        return 'amq_api';
    }

    private function device(string $verb, string $clientId, ?float $timeout): DeviceCredential
    {
        return new DeviceCredential(Library::make(
            'amq_device_credential',
            "amq_api_{$verb}_device_credential",
            $this->pointer(),
            $clientId,
            strlen($clientId),
            Time::timeout($timeout)
        ));
    }

    /**
     * Calls a function that makes a text, and returns the text.
     */
    private function answer(string $function, #[\SensitiveParameter] mixed ...$arguments): string
    {
        $answer = Library::make('amq_text', $function, $this->pointer(), ...$arguments);
        try {
            $text = Library::get('amq_text_data', $answer, null);
            return is_string($text) ? $text : '';
        } finally {
            Library::get('amq_text_free', $answer);
        }
    }

    private function text(string $function): string
    {
        $text = Library::get($function, $this->pointer(), null);
        return is_string($text) ? $text : '';
    }
}
