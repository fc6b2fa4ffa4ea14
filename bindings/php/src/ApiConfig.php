<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Library, Settings, Time};

/**
 * The settings of the API: as named arguments, or one method for each. Times are seconds.
 *
 * Required are the instance id, an AccessKey, and the region or the endpoint.
 */
final class ApiConfig extends Settings
{
    /**
     * @param ?array{0?: string, 1?: string, accessKeyId?: string, accessKeySecret?: string} $accessKey
     * @param ?array{0?: string, 1?: string, 2?: string, accessKeyId?: string, accessKeySecret?: string,
     *     securityToken?: string} $stsKey
     * @param ?array{0?: float, 1?: float, min?: float, max?: float} $backoff
     * @param ?array{0?: string, 1?: string, user?: string, password?: string} $proxyCredentials
     */
    public function __construct(
        ?string $region = null,
        ?bool $vpc = null,
        ?string $endpoint = null,
        ?string $instanceId = null,
        #[\SensitiveParameter] ?array $accessKey = null,
        #[\SensitiveParameter] ?array $stsKey = null,
        ?Signing $signing = null,
        ?float $timeout = null,
        ?array $backoff = null,
        #[\SensitiveParameter] ?string $proxy = null,
        #[\SensitiveParameter] ?array $proxyCredentials = null,
        ?bool $proxyFromEnv = null,
        ?string $caFile = null,
        ?string $caPem = null,
        ?bool $systemRoots = null,
    ) {
        $settings = get_defined_vars();
        $this->adopt(Library::get('amq_api_config_new'));
        $this->take($settings);
    }

    /**
     * Takes the settings of the environment variables `ALIYUN_MQTT_*` and `ALIBABA_CLOUD_*`. What is set afterwards
     * replaces them.
     */
    public static function fromEnv(): self
    {
        $config = new self();
        $config->free();
        $config->adopt(Library::get('amq_api_config_from_env'));
        return $config;
    }

    /** The region of the instance, such as "cn-hangzhou", which determines the address. */
    public function region(string $region): self
    {
        return $this->text('region', $region);
    }

    /** Uses the region's address inside a VPC. Default false. */
    public function vpc(bool $vpc = true): self
    {
        return $this->set('vpc', $vpc);
    }

    /** The URL of the API, in place of the region's. */
    public function endpoint(string $endpoint): self
    {
        return $this->text('endpoint', $endpoint);
    }

    public function instanceId(string $instanceId): self
    {
        return $this->text('instance_id', $instanceId);
    }

    /** The AccessKey of an account or RAM user. */
    public function accessKey(string $accessKeyId, #[\SensitiveParameter] string $accessKeySecret): self
    {
        return $this->texts('access_key', $accessKeyId, $accessKeySecret);
    }

    /** A temporary AccessKey (STS) with its security token. */
    public function stsKey(
        string $accessKeyId,
        #[\SensitiveParameter] string $accessKeySecret,
        #[\SensitiveParameter] string $securityToken,
    ): self {
        return $this->texts('sts_key', $accessKeyId, $accessKeySecret, $securityToken);
    }

    /** Default V3. */
    public function signing(Signing $signing): self
    {
        return $this->set('signing', $signing->value);
    }

    /** The timeout of a call with all its attempts: 1 s to 1 h, default 30 s. */
    public function timeout(float $seconds): self
    {
        return $this->time('timeout', $seconds);
    }

    /** The shortest and the longest pause between attempts, default 0.5 and 10 s. */
    public function backoff(float $min, float $max): self
    {
        return $this->set('backoff', Time::duration('min', $min), Time::duration('max', $max));
    }

    protected static function type(): string
    {
        return 'amq_api_config';
    }
}
