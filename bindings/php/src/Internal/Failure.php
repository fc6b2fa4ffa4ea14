<?php

declare(strict_types=1);

namespace AliyunMqtt\Internal;

use AliyunMqtt\{ApiException, ClosedException, ConfigException, ConnectionException, CredentialsException, Exception};
use AliyunMqtt\{Fate, ForkedException, FullException, InvalidArgumentException, Kind, RejectedException, Stage};
use AliyunMqtt\{TimeoutException, UndeliveredException};
use FFI\CData;

/**
 * Makes exceptions of the C library's errors.
 *
 * @internal
 */
final class Failure
{
    /**
     * Returns the exception that an error object is, and frees the object.
     */
    public static function exception(CData $error): Exception
    {
        try {
            return self::of($error);
        } finally {
            Library::get('amq_error_free', $error);
        }
    }

    /**
     * Returns the exception that an error object is.
     */
    public static function of(CData $error): Exception
    {
        $kind = Kind::tryFrom(self::number('amq_error_kind', $error)) ?? Kind::Other;
        $fate = self::number('amq_error_fate', $error);
        $stage = self::number('amq_error_stage', $error);
        $code = self::number('amq_error_code', $error);
        $class = self::name($kind);
        return new $class(
            self::text('amq_error_text', $error) ?? '',
            $kind,
            fate: $fate === 0 ? null : Fate::tryFrom($fate) ?? Fate::Other,
            stage: $stage === 0 ? null : Stage::tryFrom($stage) ?? Stage::Other,
            serverCode: $code === -1 ? null : $code,
            reason: self::text('amq_error_message', $error),
            hint: self::text('amq_error_hint', $error),
            hintKey: self::text('amq_error_hint_key', $error),
            missingSetting: self::text('amq_error_missing_setting', $error),
            causes: self::text('amq_error_causes', $error),
            retryable: Library::get('amq_error_is_retryable', $error) === true,
            undelivered: self::number('amq_error_undelivered', $error),
            apiStatus: self::number('amq_error_api_status', $error),
            apiCode: self::text('amq_error_api_code', $error),
            requestId: self::text('amq_error_request_id', $error),
        );
    }

    /**
     * @return class-string<Exception>
     */
    private static function name(Kind $kind): string
    {
        return match ($kind) {
            Kind::Timeout => TimeoutException::class,
            Kind::Resolve, Kind::Connect, Kind::Proxy, Kind::Tls, Kind::Refused, Kind::Protocol,
            Kind::ConnectionLost => ConnectionException::class,
            Kind::Credentials, Kind::TokenInvalid => CredentialsException::class,
            Kind::Config => ConfigException::class,
            Kind::Invalid, Kind::Misuse => InvalidArgumentException::class,
            Kind::Rejected, Kind::SuspectedRefusal => RejectedException::class,
            Kind::Api => ApiException::class,
            Kind::Full => FullException::class,
            Kind::Closed => ClosedException::class,
            Kind::Undelivered => UndeliveredException::class,
            Kind::Forked => ForkedException::class,
            Kind::Spool, Kind::Internal, Kind::Other => Exception::class,
        };
    }

    private static function number(string $function, CData $error): int
    {
        $number = Library::get($function, $error);
        return is_int($number) ? $number : 0;
    }

    private static function text(string $function, CData $error): ?string
    {
        $text = Library::get($function, $error, null);
        return is_string($text) ? $text : null;
    }
}
