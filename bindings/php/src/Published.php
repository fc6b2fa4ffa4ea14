<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The result of one message of `Client::publishEach`: a receipt, or the reason why it failed.
 */
final class Published
{
    /**
     * @internal
     */
    public function __construct(
        public readonly Outgoing $message,
        public readonly ?Receipt $receipt,
        public readonly ?Exception $error,
    ) {
    }

    /** True if the server has acknowledged the message. */
    public function isAcknowledged(): bool
    {
        return $this->error === null;
    }
}
