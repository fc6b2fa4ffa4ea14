<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Library, Settings, Time};

/**
 * The settings of a client: as named arguments, or one method for each. They are checked when a client connects. A
 * client keeps a copy.
 *
 * Required are the endpoint, the instance id, the group id and the credentials. Times are seconds.
 *
 *     new Config(endpoint: '...', instanceId: '...', groupId: 'GID_demo', credentials: ..., timeout: 10)
 *     Config::fromEnv()->deviceId('0001')->ordered()
 *
 * In an argument, a setting with several values is an array: `backoff: [1, 60]`, or with their names,
 * `spool: ['path' => '/var/spool/demo', 'maxBytes' => 1 << 30]`.
 */
final class Config extends Settings
{
    /**
     * @param ?array{0?: float, 1?: float, min?: float, max?: float} $backoff
     * @param ?array<string, int> $limits
     * @param ?array{0?: string, 1?: int, path?: string, maxBytes?: int, setAsideDamaged?: bool,
     *     sync?: float|bool} $spool
     * @param ?array{0?: string, 1?: string, user?: string, password?: string} $proxyCredentials
     * @param ?array{0?: string, 1?: string, certificate?: string, key?: string} $clientCertificateFiles
     * @param ?array{0?: string, 1?: string, certificate?: string, key?: string} $clientCertificatePem
     */
    public function __construct(
        ?string $endpoint = null,
        ?string $instanceId = null,
        ?string $groupId = null,
        ?string $deviceId = null,
        ?string $clientId = null,
        ?Credentials $credentials = null,
        ?Protocol $protocol = null,
        ?bool $cleanSession = null,
        ?float $sessionExpiry = null,
        ?int $receiveMaximum = null,
        ?float $keepAlive = null,
        ?float $timeout = null,
        ?int $window = null,
        ?int $maxWindow = null,
        ?array $limits = null,
        ?bool $strictNames = null,
        ?float $maxPublishRate = null,
        ?bool $ordered = null,
        ?AckMode $ackMode = null,
        ?float $messageAge = null,
        ?float $refusalPatience = null,
        ?float $refusedTopicPause = null,
        ?array $backoff = null,
        ?float $tokenRenewal = null,
        ?bool $deliverNotices = null,
        ?string $responseTopic = null,
        ?array $spool = null,
        #[\SensitiveParameter] ?string $proxy = null,
        #[\SensitiveParameter] ?array $proxyCredentials = null,
        ?bool $proxyFromEnv = null,
        ?string $caFile = null,
        ?string $caPem = null,
        ?bool $systemRoots = null,
        ?array $clientCertificateFiles = null,
        #[\SensitiveParameter] ?array $clientCertificatePem = null,
    ) {
        $settings = get_defined_vars();
        $this->adopt(Library::get('amq_config_new'));
        $this->take($settings);
    }

    /**
     * Takes the settings of the environment variables `ALIYUN_MQTT_*` and `ALIBABA_CLOUD_*`, credentials included. What
     * is set afterwards replaces them. A missing or invalid variable is reported when a client connects.
     *
     * Variables set by `putenv()` count. FPM passes none of its own unless the pool has `clear_env = no` or `env[...]`.
     */
    public static function fromEnv(): self
    {
        $config = new self();
        $config->free();
        $config->adopt(Library::get('amq_config_from_env'));
        return $config;
    }

    /** The server: host, host:port, or an mqtt://, mqtts://, ws:// or wss:// URL. */
    public function endpoint(string $endpoint): self
    {
        return $this->text('endpoint', $endpoint);
    }

    /** The id of the instance, such as "post-cn-xxxx". */
    public function instanceId(string $instanceId): self
    {
        return $this->text('instance_id', $instanceId);
    }

    /** The group id, which begins with "GID_" or "GID-". */
    public function groupId(string $groupId): self
    {
        return $this->text('group_id', $groupId);
    }

    /**
     * The device id, which makes the client id with the group id. Two clients with the same client id disconnect each
     * other. A unique one is made for each client by default.
     */
    public function deviceId(string $deviceId): self
    {
        return $this->text('device_id', $deviceId);
    }

    /** The whole client id, for custom authentication. */
    public function clientId(string $clientId): self
    {
        return $this->text('client_id', $clientId);
    }

    public function credentials(Credentials $credentials): self
    {
        return $this->set('credentials', $credentials->pointer());
    }

    /** Default 3.1.1. */
    public function protocol(Protocol $protocol): self
    {
        return $this->set('protocol', $protocol->value);
    }

    /** Default true. A kept session needs a device id of its own. */
    public function cleanSession(bool $clean = true): self
    {
        return $this->set('clean_session', $clean);
    }

    /** The time for which the server keeps the session after the connection's end. MQTT 5. */
    public function sessionExpiry(float $seconds): self
    {
        return $this->time('session_expiry', $seconds);
    }

    /** The number of unacknowledged messages that the server may send. MQTT 5. */
    public function receiveMaximum(int $messages): self
    {
        return $this->set('receive_maximum', $messages);
    }

    /** 5 to 480 s, default 60. */
    public function keepAlive(float $seconds): self
    {
        return $this->time('keep_alive', $seconds);
    }

    /** The timeout of the client's calls, default 30 s. */
    public function timeout(float $seconds): self
    {
        return $this->time('timeout', $seconds);
    }

    /** A fixed window of unacknowledged messages. By default it begins with 100 and grows. */
    public function window(int $messages): self
    {
        return $this->set('window', $messages);
    }

    /** The bound of the growing window, default 1,000. */
    public function maxWindow(int $messages): self
    {
        return $this->set('max_window', $messages);
    }

    /**
     * The service's limits, which are checked before anything is sent, and the bounds of the client's queues, by the
     * names of the cases of `Limit` in camelCase: `limits(payloadLen: 262144, filters: 100)`.
     */
    public function limits(int ...$limits): self
    {
        foreach ($limits as $name => $value) {
            $this->set('limit', Limit::of((string) $name)->value, $value);
        }
        return $this;
    }

    /** Default true: applies the service's rules to names of topics, groups and devices. */
    public function strictNames(bool $strict = true): self
    {
        return $this->set('strict_names', $strict);
    }

    /** Messages a second; off by default. */
    public function maxPublishRate(float $perSecond): self
    {
        return $this->set('max_publish_rate', $perSecond);
    }

    /** Ordered mode: the service keeps the messages of the connection in one sequence. Default false. */
    public function ordered(bool $ordered = true): self
    {
        return $this->set('ordered', $ordered);
    }

    /** When received messages are acknowledged; by default when the program takes them. */
    public function ackMode(AckMode $mode): self
    {
        return $this->set('ack_mode', $mode->value);
    }

    /** The time for which messages may wait to be sent. */
    public function messageAge(float $seconds): self
    {
        return $this->time('message_age', $seconds);
    }

    /** The time for which a login that is refused later is tried again, default 600 s. */
    public function refusalPatience(float $seconds): self
    {
        return $this->time('refusal_patience', $seconds);
    }

    /** The time for which messages to a refused topic fail without being sent. */
    public function refusedTopicPause(float $seconds): self
    {
        return $this->time('refused_topic_pause', $seconds);
    }

    /** The shortest and the longest pause between attempts to connect again, default 1 and 120 s. */
    public function backoff(float $min, float $max): self
    {
        return $this->set('backoff', Time::duration('min', $min), Time::duration('max', $max));
    }

    /** The part of a token's life after which a new one is asked for. */
    public function tokenRenewal(float $part): self
    {
        return $this->set('token_renewal', $part);
    }

    /** Receives the service's notices as messages, too. Default false. */
    public function deliverNotices(bool $deliver = true): self
    {
        return $this->set('deliver_notices', $deliver);
    }

    /** The topic on which replies to requests arrive. */
    public function responseTopic(string $topic): self
    {
        return $this->text('response_topic', $topic);
    }

    /**
     * Keeps messages in a file until they are acknowledged: over the end of the process, too. One process may use a
     * file at a time.
     *
     * @param int $maxBytes the largest size; 0 is the default
     * @param bool $setAsideDamaged renames a damaged file and starts a new one, instead of an error
     * @param float|bool $sync true: each message is on the disk before `enqueue` returns; false: the system decides;
     *     a number: at most so many seconds later
     */
    public function spool(string $path, int $maxBytes = 0, bool $setAsideDamaged = false, float|bool $sync = true): self
    {
        $policy = is_float($sync) ? SpoolSync::Interval : ($sync ? SpoolSync::Each : SpoolSync::System);
        $interval = is_float($sync) ? Time::duration('sync', $sync) : 0;
        return $this->set('spool', $path, strlen($path), $maxBytes, $policy->value, $interval, $setAsideDamaged);
    }

    /** The client's certificate and its key: files with PEM. */
    public function clientCertificateFiles(string $certificate, string $key): self
    {
        return $this->texts('client_certificate_files', $certificate, $key);
    }

    /** The client's certificate and its key, as PEM. */
    public function clientCertificatePem(string $certificate, #[\SensitiveParameter] string $key): self
    {
        return $this->texts('client_certificate_pem', $certificate, $key);
    }

    /**
     * Checks all settings, as `Client::connect` does, without connecting.
     *
     * @throws Exception a setting is missing or invalid
     */
    public function check(): self
    {
        Library::call('amq_config_check', $this->pointer());
        return $this;
    }

    protected static function type(): string
    {
        return 'amq_config';
    }
}
