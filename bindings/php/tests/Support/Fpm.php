<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * Debian's php-fpm, by the user that runs the test, in the foreground, with files of its own. It ends with the object.
 */
final class Fpm
{
    public readonly FastCgi $requests;
    public readonly string $log;

    /** @var resource */
    private $process;

    private bool $ended = false;

    /**
     * @param array<string, string> $ini settings of php.ini
     * @param array<string, string> $pool settings of the pool
     * @param array<string, string> $environment variables that scripts see
     */
    public function __construct(array $ini, array $pool, array $environment)
    {
        $folder = Folder::make();
        $this->log = "$folder/log";
        $settings = $pool + [
            'listen' => "$folder/fpm.sock",
            'listen.backlog' => '511',
            'pm' => 'static',
            'pm.max_children' => '4',
            'catch_workers_output' => 'yes',
            'clear_env' => 'no',
        ];
        // By default a worker has no time to end in: at the end and at a reload it is killed.
        $text = "[global]\nerror_log = $this->log\ndaemonize = no\nprocess_control_timeout = 5s\n[test]\n";
        foreach ($settings as $name => $value) {
            $text .= "$name = $value\n";
        }
        file_put_contents("$folder/fpm.conf", $text);
        $php = "error_log = $this->log\nlog_errors = 1\nhtml_errors = 0\n";
        if (isset($ini['opcache.preload']) && posix_geteuid() === 0) {
            // As root it has to be told.
            $ini['opcache.preload_user'] = 'root';
        }
        foreach ($ini as $name => $value) {
            $php .= "$name = $value\n";
        }
        file_put_contents("$folder/php.ini", $php);

        // As root it asks for a word.
        $root = posix_geteuid() === 0 ? ['--allow-to-run-as-root'] : [];
        $command = [self::program(), '--nodaemonize', '-c', "$folder/php.ini", '-y', "$folder/fpm.conf", ...$root];
        $none = ['file', '/dev/null', 'r'];
        $output = ['file', $this->log, 'a'];
        $environment += ['PATH' => (string) getenv('PATH')];
        $process = proc_open($command, [$none, $output, $output], $pipes, $folder, $environment);
        if ($process === false) {
            throw new \RuntimeException('php-fpm cannot be run');
        }
        $this->process = $process;
        $this->requests = new FastCgi("$folder/fpm.sock");
        Wait::for('php-fpm is ready', function () use ($folder): bool {
            if (!proc_get_status($this->process)['running']) {
                throw new \RuntimeException('php-fpm has ended: ' . file_get_contents($this->log));
            }
            return str_contains((string) @file_get_contents($this->log), 'ready to handle connections');
        });
    }

    public function __destruct()
    {
        $this->stop();
    }

    /**
     * Ends it as `systemctl reload` and a graceful stop do (SIGQUIT), and waits for that. Returns the seconds it took.
     */
    public function stop(): float
    {
        if ($this->ended) {
            return 0;
        }
        $this->ended = true;
        $begin = microtime(true);
        proc_terminate($this->process, SIGQUIT);
        proc_close($this->process);
        return microtime(true) - $begin;
    }

    private static function program(): string
    {
        $version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        foreach (["/usr/sbin/php-fpm$version", '/usr/sbin/php-fpm'] as $program) {
            if (is_executable($program)) {
                return $program;
            }
        }
        throw new \RuntimeException("php-fpm$version is not installed");
    }
}
