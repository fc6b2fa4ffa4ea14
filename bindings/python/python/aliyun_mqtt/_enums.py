"""Enumerations. Those of words are also ``str``, so that ``error.kind == "closed"`` and logging read well."""

from __future__ import annotations

from enum import Enum, IntEnum


class _Word(str, Enum):
    """A word that shows itself as a plain ``str`` does."""

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)


class QoS(IntEnum):
    """Quality of service. Wherever one is taken, 0, 1 or 2 is enough."""

    AT_MOST_ONCE = 0
    AT_LEAST_ONCE = 1
    EXACTLY_ONCE = 2


class Protocol(_Word):
    """A version of MQTT."""

    V311 = "3.1.1"
    V5 = "5"


class AckMode(_Word):
    """When a received QoS 1 or 2 message is acknowledged.

    ``ON_TAKE``, the default: when the program takes it. ``ON_ARRIVAL``: when it arrives; a crash loses the messages
    that were not taken yet. ``MANUAL``: when the program calls ``Message.ack()``.
    """

    ON_TAKE = "on_take"
    ON_ARRIVAL = "on_arrival"
    MANUAL = "manual"


class TokenKind(_Word):
    """The permission of a token: to subscribe, to publish, or both."""

    READ = "R"
    WRITE = "W"
    READ_WRITE = "RW"


class ErrorKind(_Word):
    """The kind of an ``Error``."""

    #: A setting is missing or invalid; nothing was tried.
    CONFIG = "config"
    #: An argument breaks a rule of MQTT or of the service; nothing was sent.
    INVALID = "invalid"
    #: No credentials were obtained: a provider failed or took too long.
    CREDENTIALS = "credentials"
    #: A deadline passed, in the error's ``stage``.
    TIMEOUT = "timeout"
    #: The host name could not be resolved.
    RESOLVE = "resolve"
    #: No TCP connection could be made.
    CONNECT = "connect"
    #: The HTTP proxy refused to make the connection, or the other side is not a proxy.
    PROXY = "proxy"
    #: The TLS handshake failed.
    TLS = "tls"
    #: The server refused CONNECT; ``code`` is the CONNACK code.
    REFUSED = "refused"
    #: The server does not speak MQTT, or breaks its rules.
    PROTOCOL = "protocol"
    #: The connection was lost or closed by the other side.
    CONNECTION_LOST = "connection_lost"
    #: The server refused this very operation; ``code`` is the code.
    REJECTED = "rejected"
    #: The operation was probably refused: the server closed the connection every time it was sent.
    SUSPECTED_REFUSAL = "suspected_refusal"
    #: The service reported the client's token as invalid, and there is no provider to ask for another.
    TOKEN_INVALID = "token_invalid"
    #: The API answered with an error; ``api`` has its code and request id.
    API = "api"
    #: There is no room in the outbox, or the publish rate leaves no slot now.
    FULL = "full"
    #: The spool's file cannot be used.
    SPOOL = "spool"
    #: This program closed, disconnected or dropped the client.
    CLOSED = "closed"
    #: Some messages accepted earlier were not delivered; ``count`` is their number.
    UNDELIVERED = "undelivered"
    #: The object was made in another process, before a ``fork``.
    FORKED = "forked"
    #: A fault in this library or one of its dependencies. Please report it.
    INTERNAL = "internal"


class Stage(_Word):
    """The stage of a call in which an ``Error`` occurred."""

    CREDENTIALS = "credentials"
    RESOLVE = "resolve"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    CONNACK = "connack"
    WINDOW = "window"
    ACK = "ack"
    REPLY = "reply"
    SPOOL = "spool"
    API = "api"


class Fate(_Word):
    """The fate of a message that was not acknowledged, or of a request that was not answered."""

    #: It was never written to a connection: sending it again cannot duplicate it.
    NOT_SENT = "not sent"
    #: It was written but not acknowledged: it may have been delivered.
    UNKNOWN = "unknown"
    #: The service refused it, or probably did.
    REFUSED = "refused"
    #: The server has the request, but no reply arrived.
    DELIVERED = "delivered"
    #: This run has not delivered it, but it stays in the spool, and the next run sends it.
    SPOOLED = "spooled"
