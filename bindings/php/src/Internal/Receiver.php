<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\ClosedException;
use AliyunMqtt\Exception;
use AliyunMqtt\Message;

/**
 * What receives messages: a client and a subscription.
 *
 * @internal
 */
abstract class Receiver extends Handle
{
    /**
     * Takes the next message. Waits for it at most for so many seconds: 0 does not wait, INF waits as long as the
     * client lives. Returns null if none came in time.
     *
     * @throws ClosedException this program has disconnected the client
     * @throws Exception the client has given up
     */
    public function recv(float $timeout = INF): ?Message
    {
        return Time::inPieces($timeout, function (int $millis): ?Message {
            $message = Library::obtain('amq_message', static::type() . '_recv', $this->pointer(), $millis);
            return $message === null ? null : new Message($message);
        });
    }

    /**
     * Takes messages, until none came for `idle` seconds, or this program disconnects the client.
     *
     *     foreach ($client->messages(idle: 5) as $message) { ... }
     *
     * @return \Generator<int, Message, void, void>
     * @throws Exception the client has given up
     */
    public function messages(float $idle = INF): \Generator
    {
        try {
            while (($message = $this->recv($idle)) !== null) {
                yield $message;
                // Not kept while the next one is waited for.
                unset($message);
            }
        } catch (ClosedException $closed) {
            // Its end by this program is no error.
        }
    }
}
