<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library};
use FFI;
use FFI\CData;

/**
 * A received message.
 */
final class Message extends Handle
{
    private ?string $topic = null;
    private ?string $payload = null;

    /**
     * @internal
     */
    public function __construct(CData $message)
    {
        $this->adopt($message);
    }

    public function topic(): string
    {
        return $this->topic ??= $this->text('topic') ?? '';
    }

    /** Any bytes. */
    public function payload(): string
    {
        return $this->payload ??= $this->bytes('payload') ?? '';
    }

    /**
     * Returns the value that the payload has as JSON; objects are arrays.
     *
     * @throws \JsonException the payload is no JSON
     */
    public function json(): mixed
    {
        return json_decode($this->payload(), true, flags: JSON_THROW_ON_ERROR);
    }

    public function qos(): QoS
    {
        return QoS::from($this->number('qos'));
    }

    /** True if the server marks the message as sent again. */
    public function isDuplicate(): bool
    {
        return $this->fact('is_duplicate');
    }

    public function isRetained(): bool
    {
        return $this->fact('is_retained');
    }

    /** MQTT 5. */
    public function contentType(): ?string
    {
        return $this->text('content_type');
    }

    /** True if the sender declared the payload as UTF-8 text. MQTT 5. */
    public function payloadFormatUtf8(): bool
    {
        return $this->fact('payload_format_utf8');
    }

    /** The seconds after which the message would have expired on the server, null without an end. MQTT 5. */
    public function messageExpiry(): ?float
    {
        $millis = $this->number('message_expiry');
        return $millis < 0 ? null : $millis / 1000;
    }

    /** MQTT 5. */
    public function responseTopic(): ?string
    {
        return $this->text('response_topic');
    }

    /** Any bytes. MQTT 5. */
    public function correlationData(): ?string
    {
        return $this->bytes('correlation_data');
    }

    /**
     * Returns the pairs of key and value in their order; a key may come several times. MQTT 5.
     *
     * @return list<array{string, string}>
     */
    public function userProperties(): array
    {
        $pairs = [];
        $key = Library::new('const char *');
        $value = Library::new('const char *');
        $keyLength = Library::new('size_t');
        $valueLength = Library::new('size_t');
        $places = [FFI::addr($key), FFI::addr($keyLength), FFI::addr($value), FFI::addr($valueLength)];
        for ($index = 0; Library::get('amq_message_user_property', $this->pointer(), $index, ...$places); $index++) {
            $pairs[] = [FFI::string($key, $keyLength->cdata), FFI::string($value, $valueLength->cdata)];
        }
        return $pairs;
    }

    /** Returns the first value of a key. MQTT 5. */
    public function userProperty(string $key): ?string
    {
        $value = Library::get('amq_message_user_property_named', $this->pointer(), $key, strlen($key), null);
        return is_string($value) ? $value : null;
    }

    /**
     * Returns the identifiers of the subscriptions that match. MQTT 5.
     *
     * @return list<int>
     */
    public function subscriptionIdentifiers(): array
    {
        $identifiers = [];
        $count = $this->number('subscription_identifier_count');
        for ($index = 0; $index < $count; $index++) {
            $identifiers[] = $this->number('subscription_identifier', $index);
        }
        return $identifiers;
    }

    /**
     * Acknowledges the message, with `AckMode::Manual`.
     *
     * @throws InvalidArgumentException it is acknowledged already
     */
    public function ack(): void
    {
        Library::call('amq_message_ack', $this->pointer());
    }

    /** True if the message is a request, which `Client::reply` answers. */
    public function isRequest(): bool
    {
        return $this->fact('is_request');
    }

    /** Returns the payload of a request without the envelope that MQTT 3.1.1 needs; null if it is none. */
    public function requestPayload(): ?string
    {
        return $this->isRequest() ? $this->bytes('request_payload') : null;
    }

    /** The topic of the reply to a request, which its sender chose; null if it is none. */
    public function requestResponseTopic(): ?string
    {
        return $this->text('request_response_topic');
    }

    /** What a reply has to carry; null if the message is no request, or has none. Any bytes. */
    public function requestCorrelationData(): ?string
    {
        return $this->bytes('request_correlation_data');
    }

    /** True if the request came in the envelope, and not with the properties of MQTT 5. */
    public function requestIsEnveloped(): bool
    {
        return $this->fact('request_is_enveloped');
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : [
            'topic' => $this->topic(),
            'qos' => $this->qos(),
            'bytes' => strlen($this->payload()),
        ];
    }

    protected static function type(): string
    {
        return 'amq_message';
    }

    private function number(string $name, int ...$arguments): int
    {
        $number = Library::get("amq_message_$name", $this->pointer(), ...$arguments);
        return is_int($number) ? $number : 0;
    }

    private function fact(string $name): bool
    {
        return Library::get("amq_message_$name", $this->pointer()) === true;
    }

    private function text(string $name): ?string
    {
        $text = Library::get("amq_message_$name", $this->pointer(), null);
        return is_string($text) ? $text : null;
    }

    private function bytes(string $name): ?string
    {
        $length = Library::new('size_t');
        $bytes = Library::get("amq_message_$name", $this->pointer(), FFI::addr($length));
        return $bytes instanceof CData ? FFI::string($bytes, $length->cdata) : null;
    }
}
