<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Instant, Library};
use FFI\CData;

/**
 * The key of one device (一机一密), from the API. Its secret is a secret.
 */
final class DeviceCredential extends Handle
{
    /**
     * @internal
     */
    public function __construct(CData $device)
    {
        $this->adopt($device);
    }

    public function clientId(): string
    {
        return $this->text('client_id');
    }

    public function accessKeyId(): string
    {
        return $this->text('access_key_id');
    }

    /** The secret itself. */
    public function accessKeySecret(): string
    {
        return $this->text('access_key_secret');
    }

    public function created(): ?\DateTimeImmutable
    {
        return Instant::of(Library::get('amq_device_credential_created', $this->pointer()));
    }

    public function updated(): ?\DateTimeImmutable
    {
        return Instant::of(Library::get('amq_device_credential_updated', $this->pointer()));
    }

    /** For the device's login. */
    public function credentials(): Credentials
    {
        $arguments = ['amq_credentials', 'amq_device_credential_credentials', $this->pointer()];
        return new Credentials(Library::make(...$arguments));
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : ['clientId' => $this->clientId(), 'accessKeyId' => $this->accessKeyId()];
    }

    protected static function type(): string
    {
        return 'amq_device_credential';
    }

    private function text(string $name): string
    {
        $text = Library::get("amq_device_credential_$name", $this->pointer(), null);
        return is_string($text) ? $text : '';
    }
}
