<?php

declare(strict_types=1);

namespace AliyunMqtt\Benches;

/**
 * A server for TCP that passes everything on, late: half of the round trip each way. A process of its own, which ends
 * with the object.
 */
final class Delay
{
    public readonly string $endpoint;

    /** @var resource */
    private $process;

    public function __construct(string $endpoint, float $roundTrip)
    {
        $address = parse_url($endpoint);
        $target = "{$address['host']}:{$address['port']}";
        $process = proc_open([PHP_BINARY, __FILE__, $target, (string) ($roundTrip / 2)], [1 => ['pipe', 'w']], $pipes);
        $process !== false or throw new \RuntimeException('PHP cannot be run');
        $this->process = $process;
        $port = trim((string) fgets($pipes[1]));
        $this->endpoint = "{$address['scheme']}://{$address['host']}:$port" . ($address['path'] ?? '');
    }

    public function __destruct()
    {
        proc_terminate($this->process);
        proc_close($this->process);
    }

    public static function serve(string $target, float $pause): never
    {
        $server = stream_socket_server('tcp://127.0.0.1:0') ?: exit(1);
        echo explode(':', (string) stream_socket_get_name($server, false))[1], "\n";
        $streams = $others = [];
        $waiting = new \SplQueue();
        for (;;) {
            $readable = [$server, ...array_values($streams)];
            $none = null;
            $rest = $waiting->isEmpty() ? 1.0 : max(0.0, $waiting->bottom()[0] - microtime(true));
            stream_select($readable, $none, $none, (int) $rest, (int) (($rest - (int) $rest) * 1e6));
            foreach ($readable as $stream) {
                if ($stream === $server) {
                    $one = stream_socket_accept($server);
                    $two = stream_socket_client("tcp://$target");
                    foreach ([[$one, $two], [$two, $one]] as [$from, $to]) {
                        stream_set_blocking($from, false);
                        $streams[(int) $from] = $from;
                        $others[(int) $from] = $to;
                    }
                    continue;
                }
                $data = (string) fread($stream, 65536);
                $waiting->enqueue([microtime(true) + $pause, $others[(int) $stream], $data]);
                if ($data === '' && feof($stream)) {
                    unset($streams[(int) $stream]);
                }
            }
            while (!$waiting->isEmpty() && $waiting->bottom()[0] <= microtime(true)) {
                [, $to, $data] = $waiting->dequeue();
                $data === '' ? @stream_socket_shutdown($to, STREAM_SHUT_WR) : @fwrite($to, $data);
            }
        }
    }
}

if (isset($argv[2]) && realpath($argv[0]) === __FILE__) {
    Delay::serve($argv[1], (float) $argv[2]);
}
