<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\Tests\Support\Folder;

/**
 * Finding the library, and what is said when that fails. Each in a process of its own.
 */
final class LibraryTest extends ServiceTestCase
{
    private const USE = 'try { echo get_class(new AliyunMqtt\Config()); } catch (AliyunMqtt\LibraryException $e) '
        . '{ echo $e->getMessage(); }';

    public static function setUpBeforeClass(): void
    {
    }

    public function testTheLibraryIsFoundByItsSoname(): void
    {
        $folder = Folder::make();
        symlink(Support\library(), "$folder/libaliyun_mqtt.so.1");
        $output = self::script(self::USE, ['ALIYUN_MQTT_LIBRARY' => '', 'LD_LIBRARY_PATH' => $folder]);
        self::assertSame('AliyunMqtt\Config', $output);
    }

    public function testTheLibraryIsFoundByAPathThatTheProgramSets(): void
    {
        $path = var_export(Support\library(), true);
        $code = "AliyunMqtt\Internal\Library::setPath($path);" . self::USE;
        self::assertSame('AliyunMqtt\Config', self::script($code, ['ALIYUN_MQTT_LIBRARY' => '/nowhere.so']));
    }

    public function testAMissingLibraryIsNamed(): void
    {
        $output = self::script(self::USE, ['ALIYUN_MQTT_LIBRARY' => '/nowhere/lib.so']);
        self::assertStringContainsString('the library /nowhere/lib.so cannot be used', $output);
        self::assertStringContainsString('ALIYUN_MQTT_LIBRARY', $output);
    }

    public function testAnotherLibraryIsNotUsed(): void
    {
        $output = self::script(self::USE, ['ALIYUN_MQTT_LIBRARY' => 'libc.so.6']);
        self::assertStringContainsString('the library libc.so.6 cannot be used', $output);
        self::assertStringContainsString('amq_', $output);
    }

    public function testAnotherVersionOfTheInterfaceIsNotUsed(): void
    {
        // All functions, of a version to come.
        preg_match_all('/\b(amq_\w+)\(/', (string) file_get_contents(dirname(__DIR__) . '/aliyun_mqtt.ffi.h'), $names);
        $folder = Folder::make();
        $code = implode("\n", array_map(fn ($name) => "int $name(void) { return 99; }", $names[1]));
        file_put_contents("$folder/stub.c", $code);
        exec("cc -shared -fPIC -o $folder/stub.so $folder/stub.c 2>&1", $output, $failed);
        self::assertSame(0, $failed, implode("\n", $output));
        $output = self::script(self::USE, ['ALIYUN_MQTT_LIBRARY' => "$folder/stub.so"]);
        self::assertStringContainsString('has version 99 of the interface, and this package needs version 1', $output);
    }

    public function testFfiThatIsOffIsSaid(): void
    {
        $output = self::script(self::USE, [], ['-d', 'ffi.enable=0']);
        self::assertStringContainsString('PHP does not allow FFI here, since ffi.enable is "0"', $output);
        self::assertStringContainsString('preload.php', $output);
    }

    public function testAPhpWithoutFfiIsSaid(): void
    {
        // Without any php.ini: Debian's FFI is an extension that one of them loads.
        $output = self::script(self::USE, [], ['-n']);
        self::assertStringContainsString('PHP has no FFI extension', $output);
    }

    public function testComposersAutoloaderFindsTheClasses(): void
    {
        exec('command -v composer', $output, $missing);
        if ($missing !== 0) {
            self::markTestSkipped('composer is not installed');
        }
        $folder = Folder::make();
        foreach (['src', 'aliyun_mqtt.ffi.h', 'composer.json'] as $name) {
            symlink(dirname(__DIR__) . "/$name", "$folder/$name");
        }
        exec("COMPOSER_ALLOW_SUPERUSER=1 composer dump-autoload --quiet -d $folder 2>&1", $output, $failed);
        self::assertSame(0, $failed, implode("\n", $output));
        $code = "require '$folder/vendor/autoload.php'; echo get_class(new AliyunMqtt\\Config());";
        $output = shell_exec(PHP_BINARY . ' -r ' . escapeshellarg($code));
        exec("rm -r $folder/vendor");
        self::assertSame('AliyunMqtt\Config', $output);
    }
}
