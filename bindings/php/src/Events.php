<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Library, Time};
use FFI\CData;

/**
 * What happens to a client in the background, from `Client::events`. It keeps up to 1,000 events; then the oldest are
 * dropped and counted.
 *
 * @implements \IteratorAggregate<int, Event>
 */
final class Events extends Handle implements \IteratorAggregate
{
    /**
     * @internal
     */
    public function __construct(CData $events)
    {
        $this->adopt($events);
    }

    /**
     * Takes the next event. Waits for it at most for so many seconds: 0 does not wait, INF waits as long as the client
     * lives. Returns null if none came in time.
     *
     * @throws ClosedException the client has ended, and every event was taken
     */
    public function recv(float $timeout = INF): ?Event
    {
        return Time::inPieces($timeout, function (int $millis): ?Event {
            $event = Library::obtain('amq_event', 'amq_events_recv', $this->pointer(), $millis);
            return $event === null ? null : new Event($event);
        });
    }

    /**
     * Takes events until the client has ended.
     *
     * @return \Generator<int, Event, void, void>
     */
    public function getIterator(): \Generator
    {
        try {
            while (($event = $this->recv()) !== null) {
                yield $event;
                unset($event);
            }
        } catch (ClosedException) {
            // The end.
        }
    }

    /** The number of events that were dropped because the queue was full. */
    public function dropped(): int
    {
        $dropped = Library::get('amq_events_dropped', $this->pointer());
        return is_int($dropped) ? $dropped : 0;
    }

    protected static function type(): string
    {
        return 'amq_events';
    }
}
