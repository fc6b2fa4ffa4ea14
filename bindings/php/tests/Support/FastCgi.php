<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * A FastCGI client, as a web server is one: a connection for each request, several at a time.
 */
final class FastCgi
{
    private const BEGIN = 1;
    private const END = 3;
    private const PARAMETERS = 4;
    private const INPUT = 5;
    private const OUTPUT = 6;
    private const ERRORS = 7;

    public function __construct(private readonly string $socket)
    {
    }

    /**
     * Requests a script so many times, with the number in the query. Returns the bodies, in the order of the numbers.
     *
     * @return list<string>
     */
    public function many(string $script, int $count, int $atATime): array
    {
        $bodies = $buffers = $streams = [];
        $next = 0;
        while (count($bodies) < $count) {
            while (count($streams) < $atATime && $next < $count) {
                $streams[$next] = $this->send($script, "number=$next");
                $buffers[$next++] = '';
            }
            $readable = $streams;
            $none = null;
            if (stream_select($readable, $none, $none, 30) === 0) {
                throw new \RuntimeException('no answer within 30 s');
            }
            foreach ($readable as $number => $stream) {
                $data = fread($stream, 65536);
                if ($data !== false && $data !== '') {
                    $buffers[$number] .= $data;
                } else {
                    fclose($stream);
                    $bodies[$number] = self::body($buffers[$number]);
                    unset($streams[$number], $buffers[$number]);
                }
            }
        }
        ksort($bodies);
        return array_values($bodies);
    }

    /**
     * Requests a script once, and returns the body.
     */
    public function one(string $script, string $query = ''): string
    {
        $stream = $this->send($script, $query);
        $answer = (string) stream_get_contents($stream);
        fclose($stream);
        return self::body($answer);
    }

    /**
     * @return resource
     */
    private function send(string $script, string $query)
    {
        $stream = @stream_socket_client("unix://$this->socket", $code, $text, 5);
        if ($stream === false) {
            throw new \RuntimeException("no connection to $this->socket: $text");
        }
        $parameters = '';
        $values = [
            'GATEWAY_INTERFACE' => 'CGI/1.1',
            'REQUEST_METHOD' => 'GET',
            'SCRIPT_FILENAME' => $script,
            'SCRIPT_NAME' => '/' . basename($script),
            'QUERY_STRING' => $query,
            'SERVER_PROTOCOL' => 'HTTP/1.1',
        ];
        foreach ($values as $name => $value) {
            $parameters .= self::length($name) . self::length($value) . $name . $value;
        }
        // The role of a responder; the connection is closed after the request.
        $request = self::record(self::BEGIN, pack('nCx5', 1, 0)) . self::record(self::PARAMETERS, $parameters)
            . self::record(self::PARAMETERS, '') . self::record(self::INPUT, '');
        if (fwrite($stream, $request) !== strlen($request)) {
            throw new \RuntimeException('the request was not written');
        }
        return $stream;
    }

    private static function record(int $type, string $content): string
    {
        return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
    }

    private static function length(string $text): string
    {
        return strlen($text) < 128 ? chr(strlen($text)) : pack('N', strlen($text) | 0x80000000);
    }

    private static function body(string $answer): string
    {
        $output = $errors = '';
        $ended = false;
        for ($at = 0; $at + 8 <= strlen($answer); $at += 8 + $record['length'] + $record['padding']) {
            /** @var array{type: int, length: int, padding: int} $record */
            $record = unpack('Cversion/Ctype/nid/nlength/Cpadding', $answer, $at);
            $content = substr($answer, $at + 8, $record['length']);
            match ($record['type']) {
                self::OUTPUT => $output .= $content,
                self::ERRORS => $errors .= $content,
                self::END => $ended = true,
                default => null,
            };
        }
        if (!$ended) {
            throw new \RuntimeException("the answer has no end: $output $errors");
        }
        $parts = explode("\r\n\r\n", $output, 2);
        return ($parts[1] ?? '') . $errors;
    }
}
