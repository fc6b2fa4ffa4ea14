<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The reason why a call failed. Its subclasses are for `catch`; the kind says more.
 *
 * `getMessage()` is one line for people: what failed and why, the stage, and the hint. `getCode()` is the code that the
 * server, the service or a proxy gave (CONNACK, SUBACK, PUBACK, DISCONNECT, an HTTP status), 0 if there is none.
 */
class Exception extends \RuntimeException
{
    /**
     * @internal
     */
    final public function __construct(
        string $message,
        private readonly Kind $kind = Kind::Other,
        ?\Throwable $previous = null,
        private readonly ?Fate $fate = null,
        private readonly ?Stage $stage = null,
        private readonly ?int $serverCode = null,
        private readonly ?string $reason = null,
        private readonly ?string $hint = null,
        private readonly ?string $hintKey = null,
        private readonly ?string $missingSetting = null,
        private readonly ?string $causes = null,
        private readonly bool $retryable = false,
        private readonly int $undelivered = 0,
        private readonly int $apiStatus = 0,
        private readonly ?string $apiCode = null,
        private readonly ?string $requestId = null,
    ) {
        parent::__construct($message, $serverCode ?? 0, $previous);
    }

    /**
     * @internal
     */
    public static function of(string $message): static
    {
        return new static($message, Kind::Misuse);
    }

    /**
     * @internal
     */
    public static function closed(string $message = 'this program has disconnected the client'): ClosedException
    {
        return new ClosedException($message, Kind::Closed);
    }

    /**
     * @internal
     */
    public static function internal(string $message): self
    {
        return new self("a fault in this library, please report it: $message", Kind::Internal);
    }

    public function getKind(): Kind
    {
        return $this->kind;
    }

    /**
     * Returns the fate of the message that was not acknowledged, or of the request that was not answered; null if the
     * exception is about none.
     */
    public function getFate(): ?Fate
    {
        return $this->fate;
    }

    /**
     * Returns the stage in which the call was; null if stages have no meaning for it.
     */
    public function getStage(): ?Stage
    {
        return $this->stage;
    }

    /**
     * Returns `getCode()`, but null if there is none: 0 is a code of MQTT 5.
     */
    public function getServerCode(): ?int
    {
        return $this->serverCode;
    }

    /**
     * Returns the message without the stage and the hint.
     */
    public function getReason(): string
    {
        return $this->reason ?? $this->getMessage();
    }

    /**
     * Returns what to do, if the usual cause is known.
     */
    public function getHint(): ?string
    {
        return $this->hint;
    }

    /**
     * Returns a short name of the hint that programs can compare and translate. It stays the same from version to
     * version.
     */
    public function getHintKey(): ?string
    {
        return $this->hintKey;
    }

    /**
     * Returns the name of the setting that is missing, such as "instance_id".
     */
    public function getMissingSetting(): ?string
    {
        return $this->missingSetting;
    }

    /**
     * Returns the causes below, such as those of the system or of TLS, separated by ": ".
     */
    public function getCauses(): ?string
    {
        return $this->causes;
    }

    /**
     * Returns true if the same call may succeed later without a change.
     */
    public function isRetryable(): bool
    {
        return $this->retryable;
    }

    /**
     * Returns the number of messages that were not delivered, from `flush` and `disconnect`; else 0.
     */
    public function getUndelivered(): int
    {
        return $this->undelivered;
    }

    /**
     * Returns the HTTP status of the API's answer; 0 if the exception is not from the API.
     */
    public function getApiStatus(): int
    {
        return $this->apiStatus;
    }

    /**
     * Returns the API's error code, such as "PermissionDenied".
     */
    public function getApiCode(): ?string
    {
        return $this->apiCode;
    }

    /**
     * Returns the API's request id, by which the provider's support finds the call.
     */
    public function getRequestId(): ?string
    {
        return $this->requestId;
    }
}
