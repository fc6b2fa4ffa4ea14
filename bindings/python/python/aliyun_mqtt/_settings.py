"""Settings, under the names of the library."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Optional, TypedDict, Union

from ._enums import AckMode, Protocol

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ._native import Credentials

#: A time in seconds, or a ``timedelta``.
Seconds = Union[float, timedelta]

#: What a message consists of: ``str`` is sent as UTF-8.
Payload = Union[str, bytes, bytearray, memoryview, "Buffer"]

#: The path of a file.
Path = Union[str, "os.PathLike[str]"]

#: Text in PEM form.
Pem = Union[str, bytes]


@dataclass(frozen=True)
class Limits:
    """The service's limits and the bounds of the client's queues. ``None`` is the default.

    The service answers a violation of its limits by closing the connection, so the client refuses it.
    """

    #: Longest client id, in characters. Default 64.
    client_id_len: Optional[int] = None
    #: Longest topic or filter, in characters. Default 128.
    topic_len: Optional[int] = None
    #: Largest payload to send, in bytes. Default 65,536.
    payload_len: Optional[int] = None
    #: Most filters one client may subscribe to. Default 30.
    filters: Optional[int] = None
    #: Applies the service's rules to names. Default ``True``.
    strict_names: Optional[bool] = None
    #: Largest packet from the server that is passed to the program, in bytes without the fixed header.
    packet_len: Optional[int] = None
    #: Most messages and requests accepted for sending and not settled yet. Default 10,000.
    outbox_messages: Optional[int] = None
    #: Most memory of those, in bytes. Default 64 MiB.
    outbox_bytes: Optional[int] = None
    #: Most received messages held until the program takes them. Default 10,000.
    inbox_messages: Optional[int] = None
    #: Most memory of those, in bytes. Default 64 MiB.
    inbox_bytes: Optional[int] = None


@dataclass(frozen=True)
class Network:
    """How connections reach the service: one value for a client and ``openapi.Api``. Certificates are always verified.

    Each field is also a setting of its own, which then changes this value.
    """

    #: The HTTP proxy: ``http://[user:password@]host:port``.
    proxy: Optional[str] = field(default=None, repr=False)
    #: User name and password for the proxy, in place of those in its URL.
    proxy_credentials: Optional[tuple[str, str]] = field(default=None, repr=False)
    #: Uses the proxy that the environment names, if any.
    proxy_from_env: bool = False
    #: PEM files with CA certificates that are trusted in addition.
    ca_file: Union[Path, Sequence[Path], None] = None
    #: CA certificates in PEM form that are trusted in addition.
    ca_pem: Union[Pem, Sequence[Pem], None] = field(default=None, repr=False)
    #: Trusts the system's CA certificates.
    system_roots: bool = True
    #: The PEM files of the client's certificate chain and its key. The API does not use them.
    client_certificate_files: Optional[tuple[Path, Path]] = None
    #: The client's certificate chain and its key in PEM form.
    client_certificate_pem: Optional[tuple[Pem, Pem]] = field(default=None, repr=False)


@dataclass(frozen=True)
class Spool:
    """A file that keeps QoS 1 and 2 messages until they are acknowledged, so that they survive the process.

    Such a message is on disk before it is sent and before ``enqueue`` returns. The next run sends what was not
    acknowledged, before any new message: at least once. One client at a time can use the file. Payloads are stored
    unencrypted.
    """

    #: The file. Its directory must exist.
    path: Path
    #: The maximum size of all records in bytes. Default 64 MiB.
    max_bytes: Optional[int] = None
    #: When written messages are synced to the disk: ``"each"``, ``"system"``, or an interval in seconds (0.001 to
    #: 3600).
    sync: Union[str, Seconds] = "each"
    #: Renames a damaged file and starts an empty spool. By default the connect fails.
    set_aside_damaged: bool = False


@dataclass(frozen=True)
class SubscribeOptions:
    """The options of one subscription, for ``Client.subscribe_many``."""

    qos: int = 1
    #: Excludes the messages that this client publishes itself. Needs MQTT 5.
    no_local: bool = False
    #: A number from 1 to 268,435,455 that comes with each matching message. Needs MQTT 5.
    identifier: Optional[int] = None


class Settings(TypedDict, total=False):
    """The settings of a client, as keywords. Times are in seconds, or a ``timedelta``; ``None`` counts as not given.

    * ``endpoint``: ``host``, ``host:port`` or a URL (``mqtt://``, ``mqtts://``, ``ws://``, ``wss://``). Required.
    * ``instance_id``: the id of the instance, from the console. Required.
    * ``group_id``: the group id, as created in the console. Required, unless ``client_id`` is given.
    * ``device_id``: by default a unique one is made. Required for device credentials and a persistent session.
    * ``client_id``: the whole client id, for custom authentication only.
    * ``credentials``: ``Credentials``. Required, unless the settings come from the environment.
    * ``protocol``: ``"3.1.1"`` (default) or ``"5"``.
    * ``clean_session``: the server discards the session when the connection ends. Default ``True``.
    * ``session_expiry``: how long the server keeps the session without a connection; MQTT 5. Default 3 days.
    * ``receive_maximum``: the most QoS 1 and 2 messages that the server may have unacknowledged; MQTT 5.
    * ``keep_alive``: whole seconds, 5 to 480. Default 60.
    * ``timeout``: of calls that have no deadline of their own: 1 s to 1 h. Default 30.
    * ``window``: fixes the most unacknowledged messages and requests: 1 to 10,000. By default it starts at 100.
    * ``max_window``: how far it may grow. Default 1,000.
    * ``limits``: ``Limits``.
    * ``max_publish_rate``: messages per second. By default unlimited.
    * ``ordered``: switches each connection to ordered messages. Default ``False``.
    * ``ack_mode``: ``"on_take"`` (default), ``"on_arrival"`` or ``"manual"``.
    * ``message_age``: how long a queued message may stay unsettled: 1 ms to 30 days. By default the timeout.
    * ``refusal_patience``: how long to keep trying after a refused login. Default 10 min.
    * ``refused_topic_pause``: how long messages to a refused topic are refused here. Default 10 min.
    * ``backoff``: the bounds of the pause before a reconnect, 10 ms to 1 h each. Default ``(1, 120)``.
    * ``token_renewal``: the fraction of a token's lifetime after which it is renewed: 0.1 to 0.95. Default 0.8.
    * ``deliver_notices``: delivers the service's notices as messages, too. Default ``False``.
    * ``response_topic``: the topic for replies, for brokers without P2P.
    * ``spool``: ``Spool``.
    * ``network``: ``Network``; and its fields, each as a setting: ``proxy``, ``proxy_credentials``, ``proxy_from_env``,
      ``ca_file``, ``ca_pem``, ``system_roots``, ``client_certificate_files``, ``client_certificate_pem``.
    """

    endpoint: Optional[str]
    instance_id: Optional[str]
    group_id: Optional[str]
    device_id: Optional[str]
    client_id: Optional[str]
    credentials: Optional[Credentials]
    protocol: Union[Protocol, str, None]
    clean_session: Optional[bool]
    session_expiry: Optional[Seconds]
    receive_maximum: Optional[int]
    keep_alive: Optional[Seconds]
    timeout: Optional[Seconds]
    window: Optional[int]
    max_window: Optional[int]
    limits: Optional[Limits]
    max_publish_rate: Optional[float]
    ordered: Optional[bool]
    ack_mode: Union[AckMode, str, None]
    message_age: Optional[Seconds]
    refusal_patience: Optional[Seconds]
    refused_topic_pause: Optional[Seconds]
    backoff: Optional[tuple[Seconds, Seconds]]
    token_renewal: Optional[float]
    deliver_notices: Optional[bool]
    response_topic: Optional[str]
    spool: Optional[Spool]
    network: Optional[Network]
    proxy: Optional[str]
    proxy_credentials: Optional[tuple[str, str]]
    proxy_from_env: Optional[bool]
    ca_file: Union[Path, Sequence[Path], None]
    ca_pem: Union[Pem, Sequence[Pem], None]
    system_roots: Optional[bool]
    client_certificate_files: Optional[tuple[Path, Path]]
    client_certificate_pem: Optional[tuple[Pem, Pem]]


class Properties(TypedDict, total=False):
    """The keywords of every call that sends, documented at ``Outgoing``. All but ``timeout`` need MQTT 5."""

    timeout: Optional[Seconds]
    user_properties: Union[Mapping[str, str], Iterable[tuple[str, str]], None]
    content_type: Optional[str]
    payload_format_utf8: Optional[bool]
    message_expiry: Optional[Seconds]
    response_topic: Optional[str]
    correlation_data: Union[bytes, bytearray, memoryview, None]


class RequestProperties(TypedDict, total=False):
    """The keywords of a request. The client chooses response topic and correlation data itself."""

    user_properties: Union[Mapping[str, str], Iterable[tuple[str, str]], None]
    content_type: Optional[str]
    payload_format_utf8: Optional[bool]
    message_expiry: Optional[Seconds]
