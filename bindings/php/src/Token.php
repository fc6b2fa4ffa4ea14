<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Instant, Library};

/**
 * A token of the service, as the API's ApplyToken returns it. It is a secret.
 */
final class Token extends Handle
{
    /**
     * @param string $text the token without the kind in front of it
     * @param ?\DateTimeInterface $expires the time at which it expires, if that is known: a client renews it before
     */
    public function __construct(
        TokenKind $kind,
        #[\SensitiveParameter] string $text,
        ?\DateTimeInterface $expires = null,
    ) {
        $this->adopt(Library::make('amq_token', 'amq_token_new', $kind->value, $text, strlen($text)));
        if ($expires !== null) {
            Library::call('amq_token_set_expiry', $this->pointer(), Instant::millis($expires));
        }
    }

    /**
     * Takes over what the API gave.
     *
     * @internal
     */
    public static function of(\FFI\CData $token): self
    {
        $made = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $made->adopt($token);
        return $made;
    }

    public function kind(): TokenKind
    {
        $kind = Library::get('amq_token_get_kind', $this->pointer());
        return TokenKind::from(is_int($kind) ? $kind : 0);
    }

    /** The secret itself. */
    public function text(): string
    {
        $text = Library::get('amq_token_text', $this->pointer(), null);
        return is_string($text) ? $text : '';
    }

    public function expires(): ?\DateTimeImmutable
    {
        return Instant::of(Library::get('amq_token_expiry', $this->pointer()));
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : ['kind' => $this->kind(), 'expires' => $this->expires()?->format(DATE_ATOM)];
    }

    protected static function type(): string
    {
        return 'amq_token';
    }
}
