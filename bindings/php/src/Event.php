<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\{Failure, Handle, Instant, Library};
use FFI\CData;

/**
 * Something that happened to a client in the background. What an event of its kind does not have is null, 0 or false.
 */
final class Event extends Handle implements \Stringable
{
    /**
     * @internal
     */
    public function __construct(CData $event)
    {
        $this->adopt($event);
    }

    public function kind(): EventKind
    {
        return EventKind::tryFrom($this->value('get_kind')) ?? EventKind::Other;
    }

    /** The event as a line for people; it may change. */
    public function __toString(): string
    {
        return $this->text('text') ?? '';
    }

    public function reason(): ?Exception
    {
        $reason = Library::get('amq_event_reason', $this->pointer());
        return $reason instanceof CData ? Failure::of($reason) : null;
    }

    /** The seconds before the next attempt; null if there is none. */
    public function retryIn(): ?float
    {
        $millis = $this->value('retry_in');
        return $millis < 0 ? null : $millis / 1000;
    }

    /** True if the server had kept the session. */
    public function isSessionPresent(): bool
    {
        return Library::get('amq_event_session_present', $this->pointer()) === true;
    }

    /** The number of the connection, from 1. */
    public function number(): int
    {
        return $this->value('number');
    }

    public function topic(): ?string
    {
        return $this->text('topic');
    }

    /** The filter of the subscription that was lost. */
    public function filter(): ?string
    {
        return $this->text('filter');
    }

    public function tokenKind(): ?TokenKind
    {
        return TokenKind::tryFrom($this->value('token_kind'));
    }

    /** The time at which the token expires. */
    public function expires(): ?\DateTimeImmutable
    {
        return Instant::of($this->value('expires'));
    }

    /** The new name of the damaged spool. */
    public function path(): ?string
    {
        return $this->text('path');
    }

    /** The size of the packet that was discarded, in bytes. */
    public function size(): int
    {
        return $this->value('size');
    }

    /** True if the program has taken the message that holds back acknowledgements. */
    public function isTaken(): bool
    {
        return Library::get('amq_event_taken', $this->pointer()) === true;
    }

    /** The number of acknowledgements that are held back. */
    public function heldBack(): int
    {
        return $this->value('held_back');
    }

    /** The number of messages that the program had not taken when the client ended. */
    public function untaken(): int
    {
        return $this->value('untaken');
    }

    /** The number of acknowledgements that could not be sent before the client ended. */
    public function unsentAcks(): int
    {
        return $this->value('unsent_acks');
    }

    public function noticeKind(): ?NoticeKind
    {
        return NoticeKind::tryFrom($this->value('notice_kind'));
    }

    /** The service's code of a notice about an invalid token. */
    public function noticeCode(): ?int
    {
        $code = $this->value('notice_code');
        return $code < 0 ? null : $code;
    }

    /** The payload of a notice that could not be understood. */
    public function noticePayload(): ?string
    {
        return $this->text('notice_payload');
    }

    /**
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return $this->isFreed() ? [] : ['kind' => $this->kind(), 'text' => (string) $this];
    }

    protected static function type(): string
    {
        return 'amq_event';
    }

    private function value(string $name): int
    {
        $number = Library::get("amq_event_$name", $this->pointer());
        return is_int($number) ? $number : 0;
    }

    private function text(string $name): ?string
    {
        $text = Library::get("amq_event_$name", $this->pointer(), null);
        return is_string($text) ? $text : null;
    }
}
