<?php

/*
 * MQTT 3.1.1 over a plain socket, as much of it as these programs need. The settings come from the environment, and
 * every unexpected answer is an exception.
 */

declare(strict_types=1);

final class Refused extends RuntimeException
{
}

final class Closed extends RuntimeException
{
}

final class Mqtt
{
    private const TIMEOUT = 20;
    /** @var resource */
    private $socket;
    private int $lastId = 0;
    /** @var list<array{string, string}> topics and payloads that came while something else was awaited */
    private array $received = [];

    public function __construct(public readonly string $clientId, string $username, string $password)
    {
        $endpoint = str_replace('mqtt://', 'tcp://', env('ALIYUN_MQTT_ENDPOINT'));
        $this->socket = stream_socket_client($endpoint, $code, $error, self::TIMEOUT) ?: throw new Closed($error);
        stream_set_timeout($this->socket, self::TIMEOUT);
        // Protocol level 4; user name, password, clean session; keep-alive 90 s.
        $fields = array_map(self::text(...), [$clientId, $username, $password]);
        $this->send(0x10, self::text('MQTT') . "\x04\xC2" . pack('n', 90) . implode('', $fields));
        $code = ord($this->await(0x20)[1]);
        if ($code !== 0) {
            throw new Refused('the login is refused', $code);
        }
    }

    /** Logs in by signature. */
    public static function signature(string $deviceId): self
    {
        $clientId = env('ALIYUN_MQTT_GROUP_ID') . "@@@$deviceId";
        $username = sprintf('Signature|%s|%s', env('ALIBABA_CLOUD_ACCESS_KEY_ID'), env('ALIYUN_MQTT_INSTANCE_ID'));
        return new self($clientId, $username, sign($clientId, env('ALIBABA_CLOUD_ACCESS_KEY_SECRET')));
    }

    /** Publishes with QoS 1, and waits for the acknowledgement. */
    public function publish(string $topic, string $payload): void
    {
        $id = pack('n', ++$this->lastId);
        $this->send(0x32, self::text($topic) . $id . $payload);
        expect($this->await(0x40) === $id, 'PUBACK has the id of the PUBLISH');
    }

    /** Subscribes, and returns the granted QoS. */
    public function subscribe(string $filter, int $qos = 1): int
    {
        $id = pack('n', ++$this->lastId);
        $this->send(0x82, $id . self::text($filter) . chr($qos));
        $answer = $this->await(0x90);
        expect(substr($answer, 0, 2) === $id, 'SUBACK has the id of the SUBSCRIBE');
        return ord($answer[2]);
    }

    /**
     * Waits for a message and acknowledges it.
     *
     * @return array{string, string} topic and payload
     */
    public function receive(): array
    {
        if ($this->received === []) {
            $this->await(0x30);
        }
        return array_shift($this->received);
    }

    public function disconnect(): void
    {
        $this->send(0xE0, '');
        fclose($this->socket);
    }

    /** Reads until a packet of this type has come, and returns its body. */
    private function await(int $type): string
    {
        for (;;) {
            $head = ord($this->read(1));
            for ($length = $shift = 0, $byte = 0x80; $byte & 0x80; $shift += 7) {
                $byte = ord($this->read(1));
                $length |= ($byte & 0x7F) << $shift;
            }
            $body = $length ? $this->read($length) : '';
            if (($head & 0xF0) === 0x30) {
                $this->take($body, ($head >> 1) & 3);
            }
            if (($head & 0xF0) === $type) {
                return $body;
            }
        }
    }

    private function take(string $body, int $qos): void
    {
        $size = unpack('n', $body)[1];
        $this->received[] = [substr($body, 2, $size), substr($body, $size + ($qos ? 4 : 2))];
        if ($qos === 1) {
            $this->send(0x40, substr($body, $size + 2, 2));
        }
    }

    private function read(int $length): string
    {
        for ($bytes = ''; strlen($bytes) < $length; $bytes .= $more) {
            $more = fread($this->socket, $length - strlen($bytes));
            expect(!stream_get_meta_data($this->socket)['timed_out'], 'the server answers in time');
            if ($more === '' || $more === false) {
                throw new Closed('the server closed the connection');
            }
        }
        return $bytes;
    }

    private function send(int $head, string $body): void
    {
        for ($length = '', $rest = strlen($body); $length === '' || $rest > 0; $rest >>= 7) {
            $length .= chr(($rest & 0x7F) | ($rest > 0x7F ? 0x80 : 0));
        }
        // Blocks until all is sent. A closed connection shows when the answer is read.
        @fwrite($this->socket, chr($head) . $length . $body);
    }

    private static function text(string $text): string
    {
        return pack('n', strlen($text)) . $text;
    }
}

function env(string $name): string
{
    return getenv($name) ?: throw new RuntimeException("$name is not set");
}

function sign(string $text, string $key): string
{
    return base64_encode(hash_hmac('sha1', $text, $key, true));
}

function expect(bool $holds, string $what): void
{
    if (!$holds) {
        throw new RuntimeException("expected: $what");
    }
}

/** Returns true if this ends with an exception of this class and code. */
function fails(string $class, int $code, callable $run): bool
{
    try {
        $run();
    } catch (RuntimeException $error) {
        return $error instanceof $class && $error->getCode() === $code;
    }
    return false;
}
