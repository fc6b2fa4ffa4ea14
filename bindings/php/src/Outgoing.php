<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library, Time};
use FFI\CData;

/**
 * A message to send. It may be sent several times.
 *
 *     (new Outgoing('demo/orders', $body))->timeout(5)->userProperty('source', 'shop')
 */
final class Outgoing extends Handle
{
    private string $topic;

    public function __construct(string $topic, string $payload, QoS|int $qos = QoS::AtLeastOnce)
    {
        $this->topic = $topic;
        $this->adopt(Library::make(
            'amq_outgoing',
            'amq_outgoing_new',
            $topic,
            strlen($topic),
            QoS::of($qos)->value,
            $payload,
            strlen($payload)
        ));
    }

    /**
     * A message to one client, by its client id. The parent topic is the first level of the topic.
     */
    public static function p2p(string $parent, string $clientId, string $payload, QoS|int $qos = QoS::AtLeastOnce): self
    {
        return new self(Topic::p2p($parent, $clientId), $payload, $qos);
    }

    /**
     * A message with a value as JSON.
     *
     * @throws \JsonException the value has no JSON
     */
    public static function json(string $topic, mixed $value, QoS|int $qos = QoS::AtLeastOnce): self
    {
        return new self($topic, json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), $qos);
    }

    /**
     * The reply to a request, in the form of the request, for any call that sends.
     *
     * @throws InvalidArgumentException the message is no request
     */
    public static function reply(Message $request, string $payload, QoS|int $qos = QoS::AtLeastOnce): self
    {
        $arguments = [$request->pointer(), QoS::of($qos)->value, $payload, strlen($payload)];
        $outgoing = Library::make('amq_outgoing', 'amq_outgoing_reply', ...$arguments);
        return self::take($request->requestResponseTopic() ?? '', $outgoing);
    }

    public function topic(): string
    {
        return $this->topic;
    }

    /** The message's own deadline, in place of the configured timeout. */
    public function timeout(float $seconds): self
    {
        return $this->set('timeout', Time::duration('timeout', $seconds));
    }

    /** MQTT 5. */
    public function contentType(string $contentType): self
    {
        return $this->set('content_type', $contentType, strlen($contentType));
    }

    /** Declares the payload as UTF-8 text. MQTT 5. */
    public function payloadFormatUtf8(): self
    {
        return $this->set('payload_format_utf8');
    }

    /** The server discards the message after so many seconds, rounded up to whole ones. MQTT 5. */
    public function messageExpiry(float $seconds): self
    {
        return $this->set('message_expiry', Time::duration('message_expiry', $seconds));
    }

    /** MQTT 5. */
    public function responseTopic(string $topic): self
    {
        return $this->set('response_topic', $topic, strlen($topic));
    }

    /** Any bytes. MQTT 5. */
    public function correlationData(string $data): self
    {
        return $this->set('correlation_data', $data, strlen($data));
    }

    /** Adds a pair; a key may have several values. MQTT 5. */
    public function userProperty(string $key, string $value): self
    {
        Library::call('amq_outgoing_add_user_property', $this->pointer(), $key, strlen($key), $value, strlen($value));
        return $this;
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['topic' => $this->topic];
    }

    protected static function type(): string
    {
        return 'amq_outgoing';
    }

    private static function take(string $topic, CData $pointer): self
    {
        $outgoing = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $outgoing->topic = $topic;
        $outgoing->adopt($pointer);
        return $outgoing;
    }

    private function set(string $property, int|string|bool ...$values): self
    {
        Library::call("amq_outgoing_set_$property", $this->pointer(), ...$values);
        return $this;
    }
}
