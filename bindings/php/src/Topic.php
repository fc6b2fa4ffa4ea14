<?php

declare(strict_types=1);

namespace AliyunMqtt;

use AliyunMqtt\Internal\Library;
use FFI;

/**
 * Topics and filters.
 */
final class Topic
{
    /**
     * Returns true if a filter matches a topic. An invalid filter matches nothing.
     *
     * @throws InvalidArgumentException one of them is no text of MQTT
     */
    public static function matches(string $filter, string $topic): bool
    {
        $matches = Library::new('bool');
        Library::call('amq_topic_matches', $filter, strlen($filter), $topic, strlen($topic), FFI::addr($matches));
        return $matches->cdata;
    }

    /**
     * Returns the topic of P2P messages to a client.
     *
     * @throws InvalidArgumentException the parent topic or the client id is invalid
     */
    public static function p2p(string $parent, string $clientId): string
    {
        $length = Library::new('size_t');
        $arguments = [$parent, strlen($parent), $clientId, strlen($clientId)];
        Library::call('amq_p2p_topic', ...[...$arguments, null, 0, FFI::addr($length)]);
        $size = $length->cdata + 1;
        $buffer = Library::new("char[$size]");
        Library::call('amq_p2p_topic', ...[...$arguments, $buffer, $size, FFI::addr($length)]);
        return FFI::string($buffer, $length->cdata);
    }

    private function __construct()
    {
    }
}
