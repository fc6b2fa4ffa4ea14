<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{AckMode, ApiConfig, AuthMode, Config, EventKind, Fate, Kind, Limit, NoticeKind, Protocol, QoS, Signing};
use AliyunMqtt\{SpoolSync, Stage, Stat, TokenKind};
use AliyunMqtt\Internal\{Library, Status, Time};
use PHPUnit\Framework\TestCase;

/**
 * What stands in PHP and in the C header is the same.
 */
final class HeaderTest extends TestCase
{
    private static string $header;

    public static function setUpBeforeClass(): void
    {
        self::$header = (string) file_get_contents(dirname(__DIR__) . '/aliyun_mqtt.ffi.h');
    }

    /**
     * @return iterable<string, array{string, array<string, int>}>
     */
    public static function enums(): iterable
    {
        $enums = ['amq_ack_mode' => AckMode::class, 'amq_auth_mode' => AuthMode::class,
            'amq_event_kind' => EventKind::class, 'amq_fate' => Fate::class, 'amq_kind' => Kind::class,
            'amq_limit' => Limit::class, 'amq_notice_kind' => NoticeKind::class, 'amq_protocol' => Protocol::class,
            'amq_qos' => QoS::class, 'amq_signing' => Signing::class, 'amq_spool_sync' => SpoolSync::class,
            'amq_stage' => Stage::class, 'amq_stat' => Stat::class, 'amq_token_kind' => TokenKind::class];
        foreach ($enums as $name => $class) {
            yield $name => [$name, array_column($class::cases(), 'value', 'name')];
        }
    }

    /**
     * @dataProvider enums
     * @param array<string, int> $cases
     */
    public function testEnumsHaveTheNumbersOfTheHeader(string $name, array $cases): void
    {
        $numbers = [];
        foreach (self::numbers($name) as $constant => $number) {
            $short = substr($constant, strlen($name) + 1);
            // There null is in its place.
            if ($short !== 'NONE') {
                $numbers[str_replace(' ', '', ucwords(strtolower(strtr($short, '_', ' '))))] = $number;
            }
        }
        self::assertSame($numbers, $cases);
    }

    public function testEveryEnumOfTheHeaderIsKnown(): void
    {
        preg_match_all('/^typedef enum (\w+)/m', self::$header, $names);
        // PHP has no log: its functions cannot be called by another thread.
        $others = ['amq_status', 'amq_log_level'];
        $known = array_keys(iterator_to_array(self::enums()));
        self::assertEqualsCanonicalizing($names[1], [...$known, ...$others]);
    }

    public function testConstantsAreThoseOfTheHeader(): void
    {
        $statuses = (new \ReflectionClass(Status::class))->getConstants();
        $named = array_combine(array_map(fn ($name) => "AMQ_$name", array_keys($statuses)), $statuses);
        self::assertSame(self::numbers('amq_status'), $named);
        preg_match_all('/(AMQ_\w+) = (-?\d+)/', explode("\n", self::$header)[3], $parts);
        self::assertEquals(array_combine($parts[1], $parts[2]), [
            'AMQ_TIMEOUT_DEFAULT' => Time::CONFIGURED,
            'AMQ_TIMEOUT_NONE' => Time::NONE,
            'AMQ_ABI_VERSION' => Library::ABI_VERSION,
        ]);
        self::assertStringContainsString('#define FFI_LIB "' . Library::SONAME . '"', self::$header);
    }

    public function testEverySettingIsAMethodAndAnArgument(): void
    {
        foreach (['amq_config' => Config::class, 'amq_api_config' => ApiConfig::class] as $prefix => $class) {
            preg_match_all("/\b{$prefix}_set_(\w+)\(/", self::$header, $setters);
            $names = array_map(fn ($name) => lcfirst(str_replace('_', '', ucwords($name, '_'))), $setters[1]);
            $names = str_replace(['limit', 'qoS'], ['limits', 'qos'], $names);
            $arguments = array_column((new \ReflectionMethod($class, '__construct'))->getParameters(), 'name');
            self::assertEqualsCanonicalizing($names, $arguments);
            foreach ($names as $name) {
                self::assertTrue(method_exists($class, $name), $name);
            }
        }
    }

    public function testEveryFunctionThatPhpCallsIsInTheHeader(): void
    {
        $files = glob(dirname(__DIR__) . '/src/{,Internal/}*.php', GLOB_BRACE) ?: [];
        $named = [];
        foreach ($files as $file) {
            preg_match_all("/'(amq_\w+)'/", (string) file_get_contents($file), $names);
            array_push($named, ...$names[1]);
        }
        self::assertGreaterThan(40, count($named));
        foreach (array_unique($named) as $name) {
            self::assertMatchesRegularExpression("/\b$name\b/", self::$header);
        }
    }

    /**
     * @return array<string, int>
     */
    private static function numbers(string $enum): array
    {
        self::assertSame(1, preg_match("/^typedef enum $enum \{(.*?)\}/m", self::$header, $body), $enum);
        preg_match_all('/(AMQ_\w+) = (-?\d+)/', $body[1], $parts);
        return array_map(intval(...), array_combine($parts[1], $parts[2]));
    }
}
