<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\Instant;

/**
 * The tokens that a client wants, from `Client::renewTokens` and `Client::tokensWanted`.
 */
final class TokensWanted
{
    /**
     * @param list<TokenKind> $kinds
     * @param ?\DateTimeImmutable $expires the time at which the first of the present ones expires, if that is known
     */
    private function __construct(public readonly array $kinds, public readonly ?\DateTimeImmutable $expires)
    {
    }

    /**
     * @internal
     */
    public static function of(int $bits, int $expires): self
    {
        $wanted = array_filter(TokenKind::cases(), fn (TokenKind $kind) => ($bits & (1 << $kind->value)) !== 0);
        return new self(array_values($wanted), Instant::of($expires));
    }
}
