<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library, Status, Time};
use FFI;
use FFI\CData;

/**
 * The outcome of one queued message, from `Client::enqueue`.
 *
 * It is settled exactly once, by the message's own deadline at the latest. Dropping it does not withdraw the message:
 * the next `flush` or `disconnect` reports a failure that the program has not seen.
 */
final class Delivery extends Handle
{
    /**
     * @internal
     */
    public function __construct(CData $delivery)
    {
        $this->adopt($delivery);
    }

    /**
     * Waits until the message is settled, at most for so many seconds. Returns null if it is not settled by then.
     *
     * @throws Exception the reason why the message failed, with its fate
     */
    public function wait(float $timeout = INF): ?Receipt
    {
        return Time::inPieces($timeout, function (int $millis): ?Receipt {
            $attempts = Library::new('uint32_t');
            $status = Library::call('amq_delivery_wait', $this->pointer(), $millis, FFI::addr($attempts));
            return $status === Status::OK ? new Receipt($attempts->cdata) : null;
        });
    }

    protected static function type(): string
    {
        return 'amq_delivery';
    }
}
