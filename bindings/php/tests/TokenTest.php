<?php

declare(strict_types=1);

namespace AliyunMqtt\Tests;

use AliyunMqtt\{Api, ApiException, AuthMode, Client, Credentials, EventKind, Exception, InvalidArgumentException, Kind};
use AliyunMqtt\{Token, TokenKind, TokenRequest, TokensWanted};

/**
 * Tokens and the API.
 */
final class TokenTest extends ServiceTestCase
{
    private static function request(): TokenRequest
    {
        return new TokenRequest(TokenKind::ReadWrite, [getenv('ALIYUN_MQTT_TOPIC') . '/#'], lifetime: 3600);
    }

    /**
     * A client whose token seems to expire soon, so that it wants another at once.
     */
    private static function expiring(): Client
    {
        $token = Api::fromEnv()->applyToken(self::request());
        $soon = new Token($token->kind(), $token->text(), new \DateTimeImmutable('+2 seconds'));
        $credentials = Credentials::tokensByHand((string) getenv('ALIBABA_CLOUD_ACCESS_KEY_ID'), $soon);
        return Client::connect(self::config()->credentials($credentials)->tokenRenewal(0.1));
    }

    public function testTokensAreRenewedBetweenCalls(): void
    {
        $client = self::expiring();
        $events = $client->events();
        $api = Api::fromEnv();
        $asked = null;
        Support\Wait::for('a token is wanted', function () use ($client, $api, &$asked): bool {
            return $client->renewTokens(function (TokensWanted $wanted) use ($api, &$asked): Token {
                $asked = $wanted;
                return $api->applyToken(self::request());
            });
        });
        self::assertEquals([TokenKind::ReadWrite], $asked?->kinds);
        self::assertEqualsWithDelta(time(), $asked->expires?->getTimestamp(), 5);
        do {
            $event = $events->recv(10) ?? self::fail('no event came');
        } while ($event->kind() !== EventKind::TokenRenewed);
        self::assertSame(TokenKind::ReadWrite, $event->tokenKind());
        self::assertEqualsWithDelta(time() + 3600, $event->expires()?->getTimestamp(), 5);
        self::assertFalse($client->renewTokens(fn () => self::fail('asked again')), 'now it wants none');
        $client->publish(self::topic(), 'still here');
    }

    public function testWhatTheFunctionThrowsIsSaidToBoth(): void
    {
        $client = self::expiring();
        $events = $client->events();
        self::assertNotNull($client->tokensWanted(10));
        try {
            $client->renewTokens(fn () => throw new \DomainException('fake-secret'));
            self::fail('no exception');
        } catch (\DomainException) {
        }
        do {
            $event = $events->recv(10) ?? self::fail('no event came');
        } while ($event->kind() !== EventKind::TokenRenewalFailed);
        self::assertStringContainsString('DomainException', (string) $event);
        self::assertStringNotContainsString('fake-secret', (string) $event);
        self::assertNotNull($event->reason());
    }

    public function testOtherCredentialsWantNoTokens(): void
    {
        $this->expectException(InvalidArgumentException::class);
        self::client()->renewTokens(fn () => self::fail('asked'));
    }

    public function testEveryWayToLogInWithTokens(): void
    {
        $id = (string) getenv('ALIBABA_CLOUD_ACCESS_KEY_ID');
        $token = Api::fromEnv()->applyToken(self::request());
        foreach ([
            Credentials::token($id, (string) getenv('ALIYUN_MQTT_TOKEN')),
            Credentials::tokens($id, $token),
            Credentials::applyTokens(Api::fromEnv(), self::request()),
            Credentials::fromEnv(AuthMode::Token),
        ] as $credentials) {
            $client = Client::connect(self::config()->credentials($credentials));
            $client->publish(self::topic(), 'x');
            self::assertTrue($client->isConnected());
            $client->disconnect();
        }
    }

    public function testTheChainLogsInWithAPermanentAndWithATemporaryKey(): void
    {
        $client = Client::connect(self::config()->credentials(Credentials::fromEnv(AuthMode::Chain)));
        $client->publish(self::topic(), 'x');
        $client->disconnect();
        $output = self::script(sprintf(
            <<<'PHP'
                use AliyunMqtt\{AuthMode, Client, Config, Credentials};
                putenv('ALIBABA_CLOUD_ACCESS_KEY_ID');
                putenv('ALIBABA_CLOUD_ACCESS_KEY_SECRET');
                putenv('ALIYUN_MQTT_TOKEN');
                putenv('ALIYUN_MQTT_AUTH');
                foreach ([AuthMode::Chain, AuthMode::Environment, AuthMode::Signature] as $mode) {
                    try {
                        $client = Client::connect(Config::fromEnv()->credentials(Credentials::fromEnv($mode)));
                        $client->publish(%s, 'x');
                        $client->disconnect();
                        echo 'sent ';
                    } catch (AliyunMqtt\CredentialsException $exception) {
                        echo $exception->getMessage();
                    }
                }
                PHP,
            var_export(self::topic(), true)
        ), [
            'ALIBABA_CLOUD_CREDENTIALS_URI' => getenv('ALIYUN_MQTT_API_ENDPOINT') . '/credentials',
            'ALIBABA_CLOUD_ECS_METADATA_DISABLED' => 'true',
            'HOME' => '/nonexistent',
        ]);
        self::assertStringStartsWith('sent sent ', $output);
        self::assertStringContainsString('a temporary one, which cannot sign a login', $output);
    }

    public function testATokenIsUploaded(): void
    {
        $id = (string) getenv('ALIBABA_CLOUD_ACCESS_KEY_ID');
        $api = Api::fromEnv();
        $credentials = Credentials::tokens($id, $api->applyToken(self::request()));
        $client = Client::connect(self::config()->credentials($credentials));
        $client->uploadToken($api->applyToken(self::request()));
        $client->publish(self::topic(), 'x');
        $this->expectException(Exception::class);
        $client->uploadToken(new Token(TokenKind::ReadWrite, 'LzMT.fake'));
    }

    public function testTokensOfTheApi(): void
    {
        $api = Api::fromEnv();
        $token = $api->applyToken(self::request());
        self::assertSame(TokenKind::ReadWrite, $token->kind());
        self::assertEqualsWithDelta(time() + 3600, $token->expires()?->getTimestamp(), 5);
        self::assertTrue($api->queryToken($token));
        $api->revokeToken($token);
        self::assertFalse($api->queryToken($token));
    }

    public function testMessagesAndSessionsOfTheApi(): void
    {
        $api = Api::fromEnv();
        $client = self::client();
        $topic = self::topic();
        $client->subscribe($topic);
        self::assertNotSame('', $api->sendMessage($topic, 'from the API'));
        self::assertSame('from the API', $client->recv(10)?->payload());
        self::assertTrue($api->querySession($client->clientId()));
        $client->disconnect();
        self::assertFalse($api->querySession($client->clientId()));
        self::assertSame(getenv('ALIYUN_MQTT_INSTANCE_ID'), $api->instanceId());
        self::assertSame(rtrim((string) getenv('ALIYUN_MQTT_API_ENDPOINT'), '/'), rtrim($api->endpoint(), '/'));
    }

    public function testTheKeyOfADevice(): void
    {
        $api = Api::fromEnv();
        $clientId = getenv('ALIYUN_MQTT_GROUP_ID') . '@@@php_device';
        $device = $api->registerDeviceCredential($clientId);
        self::assertSame($clientId, $device->clientId());
        self::assertNotNull($device->created());
        self::assertSame($device->accessKeyId(), $api->getDeviceCredential($clientId)->accessKeyId());
        self::assertNotSame($device->accessKeySecret(), $api->refreshDeviceCredential($clientId)->accessKeySecret());
        $credentials = $api->getDeviceCredential($clientId)->credentials();
        Client::connect(self::config()->deviceId('php_device')->credentials($credentials))->disconnect();
        $api->unregisterDeviceCredential($clientId);
        $this->expectException(ApiException::class);
        $api->getDeviceCredential($clientId);
    }

    public function testAnyCallAndItsErrors(): void
    {
        $api = Api::fromEnv();
        $answer = $api->call('ListGroupId', ['InstanceId' => $api->instanceId()]);
        self::assertArrayHasKey('RequestId', $answer);
        try {
            $api->call('NoSuchAction', ['Secret' => 'fake-secret'], hidden: ['Secret']);
            self::fail('no error');
        } catch (ApiException $exception) {
            self::assertSame(Kind::Api, $exception->getKind());
            self::assertSame([404, 'ApiNotSupport'], [$exception->getApiStatus(), $exception->getApiCode()]);
            self::assertNotNull($exception->getRequestId());
            self::assertStringNotContainsString('fake-secret', (string) $exception);
        }
    }
}
