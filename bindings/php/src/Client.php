<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Clients, Failure, Library, Receiver, Status, Time};
use FFI;
use FFI\CData;

/**
 * A connection to the service, with blocking calls. A lost connection is made again in the background.
 *
 * Times are seconds. A `timeout` of null is the configured one (30 s unless it was set); `recv` and what else waits for
 * something to come takes INF for as long as it takes, and 0 to look only.
 *
 * Dropping the last reference to a client disconnects it, within 1 s; `disconnect()` says what was not delivered.
 */
final class Client extends Receiver
{
    /**
     * Connects and logs in. It is tried once: a failure is reported at once with its reason.
     *
     * @throws Exception
     */
    public static function connect(Config $config): self
    {
        return new self(Library::make('amq_client', 'amq_client_connect', $config->pointer()));
    }

    /**
     * Connects with the settings of the environment: `Config::fromEnv()`.
     *
     * @throws Exception
     */
    public static function fromEnv(): self
    {
        return self::connect(Config::fromEnv());
    }

    /**
     * Returns the standing client of this name in this process, or connects it: an FPM worker connects once, and not at
     * each request. It is replaced if its settings differ from these, or if it has ended.
     *
     * With `keep` it stays until the process ends, and then says goodbye. Without, it ends with its last object.
     *
     * @throws Exception
     */
    public static function shared(Config $config, string $name = 'default', bool $keep = true): self
    {
        $arguments = [$config->pointer(), $name, strlen($name), $keep];
        return new self(Library::make('amq_client', 'amq_client_shared', ...$arguments));
    }

    private function __construct(CData $client)
    {
        $this->adopt($client);
        Clients::add($this);
    }

    public function __destruct()
    {
        Clients::remove($this);
        parent::__destruct();
    }

    /**
     * Delivers what is queued, says goodbye to the server and ends the client; a shared one for all that use it.
     *
     * @throws UndeliveredException some messages were not delivered; the client has ended nevertheless
     * @throws TimeoutException the same, at the deadline
     */
    public function disconnect(?float $timeout = null): void
    {
        Library::call('amq_client_disconnect', $this->pointer(), Time::timeout($timeout));
    }

    /** True if there is a connection that the server has accepted. */
    public function isConnected(): bool
    {
        return Library::get('amq_client_is_connected', $this->pointer()) === true;
    }

    public function clientId(): string
    {
        return $this->text('amq_client_id');
    }

    /** The server's address as a URL. */
    public function endpoint(): string
    {
        return $this->text('amq_client_endpoint');
    }

    /**
     * Publishes a message, and waits until the server has acknowledged it (QoS 0: until it was written).
     *
     * @throws Exception `getFate()` says what became of the message
     */
    public function publish(
        string $topic,
        string $payload,
        QoS|int $qos = QoS::AtLeastOnce,
        ?float $timeout = null,
    ): void {
        Library::call(
            'amq_client_publish',
            $this->pointer(),
            $topic,
            strlen($topic),
            QoS::of($qos)->value,
            $payload,
            strlen($payload),
            Time::timeout($timeout)
        );
    }

    /**
     * As `publish`, with all that an `Outgoing` can have.
     *
     * @throws Exception
     */
    public function publishMessage(Outgoing $message, ?float $timeout = null): void
    {
        $arguments = [$this->pointer(), $message->pointer(), Time::timeout($timeout)];
        Library::call('amq_client_publish_outgoing', ...$arguments);
    }

    /**
     * Publishes a message to one client, by its client id.
     *
     * @throws Exception
     */
    public function sendP2p(
        string $parent,
        string $clientId,
        string $payload,
        QoS|int $qos = QoS::AtLeastOnce,
        ?float $timeout = null,
    ): void {
        Library::call(
            'amq_client_send_p2p',
            $this->pointer(),
            $parent,
            strlen($parent),
            $clientId,
            strlen($clientId),
            QoS::of($qos)->value,
            $payload,
            strlen($payload),
            Time::timeout($timeout)
        );
    }

    /**
     * Queues a message, and returns without waiting for the acknowledgement. Waits for room only: with a timeout of 0
     * it is a `FullException` if there is none now.
     *
     * @throws Exception
     */
    public function enqueue(Outgoing $message, ?float $timeout = null): Delivery
    {
        $arguments = [$this->pointer(), $message->pointer(), Time::timeout($timeout)];
        return new Delivery(Library::make('amq_delivery', 'amq_client_enqueue', ...$arguments));
    }

    /**
     * Queues a batch of messages, as `enqueue`: with a spool, the batch costs one sync to the disk. Returns a delivery
     * for each, or the reason why it was not queued, with the keys of the messages.
     *
     * @template K of array-key
     * @param array<K, Outgoing> $messages
     * @return array<K, Delivery|Exception>
     * @throws Exception none was queued
     */
    public function enqueueMany(array $messages, ?float $timeout = null): array
    {
        $count = count($messages);
        $size = max(1, $count);
        $pointers = Library::pointers('const amq_outgoing', array_values($messages));
        $deliveries = Library::new("amq_delivery *[$size]");
        $errors = Library::new("amq_error *[$size]");
        $failed = Library::new('size_t');
        $arguments = [$this->pointer(), $pointers, $count, Time::timeout($timeout), $deliveries, $errors];
        Library::call('amq_client_enqueue_many', ...[...$arguments, FFI::addr($failed)]);
        $results = [];
        foreach (array_keys($messages) as $index => $key) {
            $delivery = $deliveries[$index];
            // NULL is null here.
            $results[$key] = $delivery === null ? Failure::exception($errors[$index]) : new Delivery($delivery);
        }
        return $results;
    }

    /**
     * Checks a message as the calls that send it do, as far as that needs no connection.
     *
     * @throws InvalidArgumentException the topic, the size or a property breaks a rule
     */
    public function check(Outgoing $message): void
    {
        Library::call('amq_client_check', $this->pointer(), $message->pointer());
    }

    /**
     * Publishes messages, many at a time, and returns one result for each, in their order and with their keys. Takes
     * messages from `$messages` as there is room for them, so it may be a generator that never holds all of them.
     *
     *     foreach ($client->publishEach($messages) as $key => $result) {
     *         $result->error === null or ...
     *     }
     *
     * @template K
     * @param iterable<K, Outgoing> $messages
     * @return \Generator<K, Published, void, void>
     */
    public function publishEach(iterable $messages): \Generator
    {
        /** @var \SplQueue<array{K, Outgoing, Delivery|Exception}> $window */
        $window = new \SplQueue();
        $size = $askIn = 0;
        foreach ($messages as $key => $message) {
            // The client's window grows on a long line.
            if ($askIn-- === 0) {
                $size = max(1, $this->stat(Stat::Window));
                $askIn = intdiv($size, 4);
            }
            while (count($window) >= $size) {
                yield from $this->oldest($window);
            }
            $window->enqueue([$key, $message, $this->begin($message)]);
        }
        while (count($window) > 0) {
            yield from $this->oldest($window);
        }
    }

    /**
     * Waits until all messages of this client are settled.
     *
     * @throws UndeliveredException some have failed, and the program has not seen that yet
     * @throws TimeoutException some are not settled by then
     */
    public function flush(?float $timeout = null): void
    {
        Library::call('amq_client_flush', $this->pointer(), Time::timeout($timeout));
    }

    /**
     * Subscribes to a filter for the client's own queue: `recv` and `messages`. Returns the QoS that the server
     * granted.
     *
     * @param bool $noLocal leave out the client's own messages; MQTT 5
     * @param int $identifier what `Message::subscriptionIdentifiers` then has, 0 for none; MQTT 5
     * @throws Exception
     */
    public function subscribe(
        string $filter,
        QoS|int $qos = QoS::AtLeastOnce,
        bool $noLocal = false,
        int $identifier = 0,
        ?float $timeout = null,
    ): QoS {
        $granted = Library::new('amq_qos');
        Library::call(
            'amq_client_subscribe_with',
            $this->pointer(),
            $filter,
            strlen($filter),
            QoS::of($qos)->value,
            $noLocal,
            $identifier,
            Time::timeout($timeout),
            FFI::addr($granted)
        );
        return QoS::from($granted->cdata);
    }

    /**
     * Subscribes to several filters at once. Returns the QoS that the server granted for each.
     *
     * @param array<string, QoS|int> $filters the QoS of each filter
     * @return array<string, QoS>
     * @throws Exception
     */
    public function subscribeMany(array $filters, ?float $timeout = null): array
    {
        $count = count($filters);
        $names = array_map(strval(...), array_keys($filters));
        [$texts, $kept] = Library::texts($names);
        $wanted = Library::new(sprintf('int32_t[%d]', max(1, $count)));
        $granted = Library::new(sprintf('amq_qos[%d]', max(1, $count)));
        foreach (array_values($filters) as $index => $qos) {
            $wanted[$index] = QoS::of($qos)->value;
        }
        $arguments = [$this->pointer(), $texts, null, $wanted, $count, Time::timeout($timeout), $granted];
        Library::call('amq_client_subscribe_many', ...$arguments);
        unset($kept);
        $result = [];
        foreach ($names as $index => $name) {
            $result[$name] = QoS::from($granted[$index]);
        }
        return $result;
    }

    /**
     * Subscribes to a filter, and returns what receives its messages in place of the client's own queue; those first
     * that already wait there.
     *
     * @throws Exception
     */
    public function subscription(
        string $filter,
        QoS|int $qos = QoS::AtLeastOnce,
        bool $noLocal = false,
        int $identifier = 0,
        ?float $timeout = null,
    ): Subscription {
        return new Subscription(Library::make(
            'amq_subscription',
            'amq_client_subscription',
            $this->pointer(),
            $filter,
            strlen($filter),
            QoS::of($qos)->value,
            $noLocal,
            $identifier,
            Time::timeout($timeout)
        ));
    }

    /**
     * Ends the subscription to a filter.
     *
     * @throws Exception
     */
    public function unsubscribe(string $filter, ?float $timeout = null): void
    {
        Library::call('amq_client_unsubscribe', $this->pointer(), $filter, strlen($filter), Time::timeout($timeout));
    }

    /**
     * Publishes a request, and waits for the reply to it.
     *
     * @throws Exception `getFate()` is `Delivered` if the server has the request, but no reply came
     */
    public function request(string $topic, string $payload, ?float $timeout = null): Message
    {
        return new Message(Library::make(
            'amq_message',
            'amq_client_request',
            $this->pointer(),
            $topic,
            strlen($topic),
            $payload,
            strlen($payload),
            Time::timeout($timeout)
        ));
    }

    /**
     * Sends a request to one client, and waits for the reply to it.
     *
     * @throws Exception
     */
    public function requestP2p(string $parent, string $clientId, string $payload, ?float $timeout = null): Message
    {
        return new Message(Library::make(
            'amq_message',
            'amq_client_request_p2p',
            $this->pointer(),
            $parent,
            strlen($parent),
            $clientId,
            strlen($clientId),
            $payload,
            strlen($payload),
            Time::timeout($timeout)
        ));
    }

    /**
     * As `request`, with all that an `Outgoing` can have.
     *
     * @param bool $envelope puts the reply's topic into the payload, as MQTT 3.1.1 needs it
     * @throws Exception
     */
    public function requestMessage(Outgoing $request, bool $envelope = true, ?float $timeout = null): Message
    {
        $arguments = [$this->pointer(), $request->pointer(), $envelope, Time::timeout($timeout)];
        return new Message(Library::make('amq_message', 'amq_client_request_outgoing', ...$arguments));
    }

    /**
     * Replies to a request at QoS 1, on the topic that its sender chose: `Message::requestResponseTopic`. Any other
     * call sends `Outgoing::reply`.
     *
     * @throws Exception
     */
    public function reply(Message $request, string $payload, ?float $timeout = null): void
    {
        $arguments = [$this->pointer(), $request->pointer(), $payload, strlen($payload), Time::timeout($timeout)];
        Library::call('amq_client_reply', ...$arguments);
    }

    /**
     * Returns what happens to the client in the background from now on.
     *
     * @throws Exception
     */
    public function events(): Events
    {
        return new Events(Library::make('amq_events', 'amq_events_new', $this->pointer()));
    }

    /**
     * Returns the client's counters and gauges, by the names of the cases of `Stat`.
     *
     * @return array<string, int>
     * @throws Exception
     */
    public function stats(): array
    {
        $stats = [];
        foreach (Stat::cases() as $stat) {
            $stats[lcfirst($stat->name)] = $this->stat($stat);
        }
        return $stats;
    }

    /**
     * Returns one of the client's counters and gauges.
     *
     * @throws Exception
     */
    public function stat(Stat $stat): int
    {
        $value = Library::new('uint64_t');
        Library::call('amq_client_stats_value', $this->pointer(), $stat->value, FFI::addr($value));
        return $value->cdata;
    }

    /**
     * Replaces the token of its kind on the present connection, and waits until the service has accepted it.
     *
     * @throws Exception
     */
    public function uploadToken(Token $token, ?float $timeout = null): void
    {
        Library::call('amq_client_upload_token', $this->pointer(), $token->pointer(), Time::timeout($timeout));
    }

    /**
     * Gets new tokens from a function if the client wants some, and hands them in. Returns true if it did. Does not
     * wait: to be called now and then, such as at the beginning of a request and in a loop that receives. The client
     * must have `Credentials::tokensByHand`.
     *
     *     $client->renewTokens(fn (TokensWanted $wanted) => $myServer->applyForToken());
     *
     * What the function throws is thrown to the caller, once the client knows that there are no tokens now: it asks
     * again after a pause.
     *
     * @param callable(TokensWanted): (Token|iterable<Token>) $fetch
     * @throws Exception
     */
    public function renewTokens(callable $fetch): bool
    {
        $wanted = $this->tokensWanted(0);
        if ($wanted === null) {
            return false;
        }
        try {
            $tokens = $fetch($wanted);
            $this->handInTokens(...($tokens instanceof Token ? [$tokens] : $tokens));
        } catch (\Throwable $reason) {
            // Without its text, which may have a secret.
            $this->refuseTokens('the program could not get tokens: ' . $reason::class);
            throw $reason;
        }
        return true;
    }

    /**
     * Waits until the client wants new tokens; returns null if it wants none by then.
     *
     * @throws Exception
     */
    public function tokensWanted(float $timeout = INF): ?TokensWanted
    {
        return Time::inPieces($timeout, function (int $millis): ?TokensWanted {
            $kinds = Library::new('uint32_t');
            $expires = Library::new('int64_t');
            $places = [FFI::addr($kinds), FFI::addr($expires)];
            $status = Library::call('amq_client_token_wanted', $this->pointer(), $millis, ...$places);
            if ($status === Status::END) {
                throw Exception::closed();
            }
            return $status === Status::OK ? TokensWanted::of($kinds->cdata, $expires->cdata) : null;
        });
    }

    /**
     * Hands in new tokens, at most one of each kind. Does not wait for the service's answer, which is an event.
     *
     * @throws Exception
     */
    public function handInTokens(Token ...$tokens): void
    {
        $tokens = array_values($tokens);
        $arguments = [$this->pointer(), Library::pointers('const amq_token', $tokens), count($tokens)];
        Library::call('amq_client_hand_in_tokens', ...$arguments);
    }

    /**
     * Says that there are no tokens now, and why. The reason appears in events and in the log: no secrets.
     *
     * @throws Exception
     */
    public function refuseTokens(string $reason): void
    {
        Library::call('amq_client_refuse_tokens', $this->pointer(), $reason, strlen($reason));
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : [
            'endpoint' => $this->endpoint(),
            'clientId' => $this->clientId(),
            'connected' => $this->isConnected(),
        ];
    }

    protected static function type(): string
    {
        return 'amq_client';
    }

    /**
     * Begins to send a message of `publishEach`.
     */
    private function begin(Outgoing $message): Delivery|Exception
    {
        try {
            return $this->enqueue($message);
        } catch (Exception $exception) {
            return $exception;
        }
    }

    /**
     * Waits for the oldest message of `publishEach`, and takes it from the window.
     *
     * @template K
     * @param \SplQueue<array{K, Outgoing, Delivery|Exception}> $window
     * @return \Generator<K, Published, void, void>
     */
    private function oldest(\SplQueue $window): \Generator
    {
        [$key, $message, $delivery] = $window->dequeue();
        if ($delivery instanceof Exception) {
            yield $key => new Published($message, null, $delivery);
            return;
        }
        try {
            $published = new Published($message, $delivery->wait(), null);
        } catch (Exception $exception) {
            $published = new Published($message, null, $exception);
        }
        yield $key => $published;
    }

    private function text(string $function): string
    {
        $text = Library::get($function, $this->pointer(), null);
        return is_string($text) ? $text : '';
    }
}
