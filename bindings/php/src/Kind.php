<?php

declare(strict_types=1);

namespace AliyunMqtt;

/**
 * The kind of an exception.
 */
enum Kind: int
{
    /** A kind that this version of the interface has no number for. */
    case Other = 0;

    /** A setting is missing or invalid; nothing was tried. */
    case Config = 1;

    /**
     * An argument breaks a rule of MQTT or of the service (topic, filter, payload, client id); nothing was
     * sent.
     */
    case Invalid = 2;

    /** No credentials were obtained: a callback failed or took too long. */
    case Credentials = 3;

    /** A deadline passed; `getStage()` says where. */
    case Timeout = 4;

    /** The host name could not be resolved. */
    case Resolve = 5;

    /** No TCP connection could be made. */
    case Connect = 6;

    /** The HTTP proxy refused to make the connection, or the other side is not a proxy. */
    case Proxy = 7;

    /** The TLS handshake failed: an untrusted or expired certificate, a wrong name, or no TLS on that port. */
    case Tls = 8;

    /** The server refused CONNECT; `getCode()` is the CONNACK code. */
    case Refused = 9;

    /** The server does not speak MQTT (or the API's server HTTP), or breaks its rules. */
    case Protocol = 10;

    /** The connection was lost or closed by the other side. */
    case ConnectionLost = 11;

    /** The server refused this very operation; `getCode()` is the code. */
    case Rejected = 12;

    /**
     * The operation was probably refused: the server closed the connection every time it was sent. The service
     * does that when the permission is missing.
     */
    case SuspectedRefusal = 13;

    /** The service reported the client's token as invalid, and there is no callback to ask for another. */
    case TokenInvalid = 14;

    /** The API answered with an error. */
    case Api = 15;

    /** There is no room: the outbox is at its bound, or the publish rate leaves no slot now. */
    case Full = 16;

    /** The spool's file cannot be used. */
    case Spool = 17;

    /** This program closed, disconnected or freed the client. */
    case Closed = 18;

    /**
     * Some messages accepted earlier were not delivered (from `flush` and `disconnect`);
     * `getUndelivered()` is their number.
     */
    case Undelivered = 19;

    /** The object was made in another process, before a fork. */
    case Forked = 20;

    /** A fault in this library or one of its dependencies. Please report it. */
    case Internal = 21;

    /** An argument of the call cannot be used. */
    case Misuse = 22;
}
