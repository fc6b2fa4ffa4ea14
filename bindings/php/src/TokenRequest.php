<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Handle, Instant, Library, Time};

/**
 * What a token is to be valid for: an application to the API.
 */
final class TokenRequest extends Handle
{
    /**
     * @param list<string> $topics 1 to 100, with the wildcards + and # below the first level
     * @param ?float $lifetime seconds from the request: 60 s to 30 days, one hour by default
     * @param ?\DateTimeInterface $expires the time at which it expires, in place of a lifetime; the library does
     *     not renew such a token
     */
    public function __construct(
        TokenKind $kind,
        array $topics,
        ?float $lifetime = null,
        ?\DateTimeInterface $expires = null,
    ) {
        $this->adopt(Library::make('amq_token_request', 'amq_token_request_new', $kind->value));
        foreach ($topics as $topic) {
            Library::call('amq_token_request_add_topic', $this->pointer(), $topic, strlen($topic));
        }
        if ($lifetime !== null) {
            $millis = Time::duration('lifetime', $lifetime);
            Library::call('amq_token_request_set_lifetime', $this->pointer(), $millis);
        }
        if ($expires !== null) {
            Library::call('amq_token_request_set_expiry', $this->pointer(), Instant::millis($expires));
        }
    }

    protected static function type(): string
    {
        return 'amq_token_request';
    }
}
