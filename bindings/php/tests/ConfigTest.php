<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{AckMode, ConfigException, Config, Credentials, Exception, InvalidArgumentException, Kind, Protocol};
use PHPUnit\Framework\TestCase;

final class ConfigTest extends TestCase
{
    /**
     * @return array<string, mixed>
     */
    private static function everything(): array
    {
        return [
            'endpoint' => 'mqtt://127.0.0.1:1',
            'instanceId' => 'post-cn-test',
            'groupId' => 'GID_test',
            'deviceId' => 'device1',
            'credentials' => Credentials::signature('test-id', 'test-secret'),
            'protocol' => Protocol::V5,
            'cleanSession' => false,
            'sessionExpiry' => 3600,
            'receiveMaximum' => 10,
            'keepAlive' => 30,
            'timeout' => 1.5,
            'maxWindow' => 500,
            'limits' => ['payloadLen' => 1 << 18, 'filters' => 100],
            'strictNames' => true,
            'maxPublishRate' => 20.0,
            'ordered' => true,
            'ackMode' => AckMode::Manual,
            'messageAge' => 60,
            'refusalPatience' => 60,
            'refusedTopicPause' => 60,
            'backoff' => ['min' => 1, 'max' => 60],
            'tokenRenewal' => 0.5,
            'deliverNotices' => true,
            'spool' => ['path' => sys_get_temp_dir() . '/spool', 'maxBytes' => 1 << 20, 'sync' => 0.5],
            'proxy' => 'http://127.0.0.1:1',
            'proxyCredentials' => ['user', 'fake-password'],
            'systemRoots' => true,
        ];
    }

    public function testNamedArgumentsMethodsAndArraysAreTheSame(): void
    {
        self::assertInstanceOf(Config::class, (new Config(...self::everything()))->check());
        self::assertInstanceOf(Config::class, Config::fromArray(self::everything())->check());
        $config = new Config();
        foreach (self::everything() as $name => $value) {
            self::assertSame($config, is_array($value) ? $config->$name(...$value) : $config->$name($value));
        }
        $config->check();
        $config->window(50);
        $config->limits(outboxMessages: 10);
    }

    public function testAnUnknownSettingIsAnError(): void
    {
        try {
            // @phpstan-ignore-next-line: what it tests
            new Config(endpiont: 'host');
            self::fail('no error');
        } catch (\Error $error) {
            self::assertStringContainsString('$endpiont', $error->getMessage());
        }
        try {
            Config::fromArray(['endpiont' => 'host']);
            self::fail('no error');
        } catch (InvalidArgumentException $exception) {
            $text = 'there is no setting endpiont; there are endpoint, ';
            self::assertStringStartsWith($text, $exception->getMessage());
        }
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessage('there is no limit payload; there are clientIdLen, ');
        new Config(limits: ['payload' => 1]);
    }

    public function testAWrongTypeIsAnErrorWithoutTheValue(): void
    {
        try {
            Config::fromArray(['timeout' => 'secret-text']);
            self::fail('no error');
        } catch (InvalidArgumentException $exception) {
            self::assertStringContainsString('$timeout', $exception->getMessage());
            self::assertStringNotContainsString('secret-text', (string) $exception);
        }
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessageMatches('/^backoff: Too few arguments .*, 1 passed and exactly 2 expected$/');
        new Config(backoff: ['min' => 1]);
    }

    public function testValuesAreCheckedWithTheirNames(): void
    {
        $wrong = ['keepAlive' => 1.0, 'tokenRenewal' => 7.0, 'endpoint' => 'ftp://x', 'groupId' => 'x'];
        foreach ($wrong as $name => $value) {
            try {
                Config::fromArray([$name => $value] + self::everything())->check();
                self::fail("$name is not checked");
            } catch (Exception $exception) {
                self::assertContains($exception->getKind(), [Kind::Config, Kind::Invalid], $name);
            }
        }
        foreach ([-1.0, NAN, INF] as $seconds) {
            try {
                (new Config())->timeout($seconds);
                self::fail("$seconds is not checked");
            } catch (InvalidArgumentException $exception) {
                self::assertStringContainsString('timeout must be a number of seconds', $exception->getMessage());
            }
        }
        $this->expectException(InvalidArgumentException::class);
        $this->expectExceptionMessage('endpoint contains a NUL character');
        (new Config())->endpoint("a\0b");
    }

    public function testAMissingSettingIsNamed(): void
    {
        try {
            (new Config(endpoint: 'mqtt://127.0.0.1:1'))->check();
            self::fail('no error');
        } catch (ConfigException $exception) {
            self::assertSame(Kind::Config, $exception->getKind());
            self::assertSame('instance_id', $exception->getMissingSetting());
            self::assertNotNull($exception->getHint());
            self::assertNotNull($exception->getHintKey());
            self::assertNull($exception->getFate());
        }
    }
}
