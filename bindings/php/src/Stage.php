<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The stage of a call in which it failed.
 */
enum Stage: int
{
    /** Waiting for a credentials callback. */
    case Credentials = 1;

    /** Resolving the host name. */
    case Resolve = 2;

    /** Making the TCP connection. */
    case Connect = 3;

    /** Waiting for the HTTP proxy. */
    case Proxy = 4;

    /** The TLS handshake. */
    case Tls = 5;

    /** Waiting for the answer to CONNECT. */
    case Connack = 6;

    /** Waiting for room: in the outbox, in the window of unacknowledged messages, or in the publish rate. */
    case Window = 7;

    /** Waiting for the server's acknowledgement of an operation that was sent. */
    case Ack = 8;

    /** Waiting for the reply to a request that the server has. */
    case Reply = 9;

    /** Using the disk to store a message. */
    case Spool = 10;

    /** Waiting for the service's API, with the request on its way. */
    case Api = 11;

    /** A stage that this version of the interface has no number for. */
    case Other = 12;
}
