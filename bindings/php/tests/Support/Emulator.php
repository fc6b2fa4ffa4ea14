<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests\Support;

/**
 * The local service, as a process of its own. It ends with the object.
 */
final class Emulator
{
    /** @var array<string, string> the variables that its clients need */
    public readonly array $environment;

    /** @var resource */
    private $process;

    /** @var resource its end is the emulator's */
    private $input;

    public function __construct(string $transport = 'tcp')
    {
        $program = getenv('ALIYUN_MQTT_EMULATOR');
        $program = $program !== false ? $program : dirname(__DIR__, 4) . '/target/debug/aliyun-mqtt-emulator';
        $folder = Folder::make();
        $command = [$program, '--transport', $transport, '--ca-file', "$folder/ca.pem", '--ram-role', 'test'];
        $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], STDERR], $pipes);
        if ($process === false) {
            throw new \RuntimeException("$program cannot be run");
        }
        $this->process = $process;
        $this->input = $pipes[0];
        $environment = [];
        // The last two are written together.
        while (
            !isset($environment['ALIYUN_MQTT_CA_FILE'], $environment['ALIYUN_MQTT_REGION_ID'])
            && ($line = fgets($pipes[1])) !== false
        ) {
            if (preg_match("/^export (\w+)='?(.*?)'?\$/", trim($line), $parts)) {
                $environment[$parts[1]] = $parts[2];
            }
        }
        $this->environment = $environment;
    }

    public function __destruct()
    {
        fclose($this->input);
        proc_close($this->process);
    }

    /**
     * Sets the variables in this process.
     */
    public function export(): void
    {
        foreach ($this->environment as $name => $value) {
            putenv("$name=$value");
        }
    }
}
