<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Library, Receiver};
use FFI\CData;

/**
 * Receives the messages of one filter, from `Client::subscription`. When it is dropped, it unsubscribes, and what it
 * still holds goes to the client's own queue.
 */
final class Subscription extends Receiver
{
    /**
     * @internal
     */
    public function __construct(CData $subscription)
    {
        $this->adopt($subscription);
    }

    public function filter(): string
    {
        $filter = Library::get('amq_subscription_filter', $this->pointer(), null);
        return is_string($filter) ? $filter : '';
    }

    /**
     * Ends the subscription now, and not with the last reference to it.
     */
    public function close(): void
    {
        $this->free();
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : ['filter' => $this->filter()];
    }

    protected static function type(): string
    {
        return 'amq_subscription';
    }
}
