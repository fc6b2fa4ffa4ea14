"""The service's HTTPS API: tokens, device credentials, groups, online status, traces, and messages without MQTT.

It is meant for your own servers: anybody with the AccessKey can do everything that it permits.

>>> api = Api(region="cn-hangzhou", instance_id="post-cn-xxxx", access_key=("access key id", "access key secret"))
>>> token = api.apply_token(TokenRequest("RW", ["demo/#"], lifetime=3600))
>>> credentials = Credentials.tokens(api.access_key_id, [token])

A call blocks until the service has responded, at most for the timeout, which includes up to four attempts and the
pauses between them. A failed call is an ``Error``; ``error.api`` has the service's code and request id, and
``error.fate`` is the outcome: not sent, refused, or unknown if the service may have executed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional, TypedDict, Union

from . import _logging, _native
from ._native import DeviceCredential
from ._settings import Limits, Network, Path, Pem, Seconds

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._native import Token

__all__ = [
    "Api",
    "ApiSettings",
    "DeviceCredential",
    "Group",
    "TokenRequest",
    "TraceEntry",
    "TracePage",
    "TraceRequest",
]

#: A moment: an aware ``datetime``, or seconds since 1970.
Moment = Union[datetime, float]


class ApiSettings(TypedDict, total=False):
    """The settings of ``Api``, as keywords. Times are in seconds, or a ``timedelta``; ``None`` counts as not given.

    * ``region``: such as ``cn-hangzhou``. Required, unless there is an endpoint; the traces need it in any case.
    * ``vpc``: uses the region's address inside a VPC. Default ``False``.
    * ``endpoint``: ``https://host[:port]``; ``http://`` for this machine only.
    * ``instance_id``: required.
    * ``access_key``: id and secret of the AccessKey. Required, unless ``sts_key`` is given.
    * ``sts_key``: id, secret and security token of a temporary AccessKey.
    * ``signing``: ``"v3"`` (default) or ``"v2"``.
    * ``timeout``: of a call with all its attempts: 1 s to 1 h. Default 30.
    * ``backoff``: the bounds of the pause between attempts: 1 ms to 1 h each. Default ``(0.5, 10)``.
    * ``limits``: ``Limits``; those of names and of the payload are used.
    * ``network``: ``Network``; and its fields, each as a setting.
    """

    region: Optional[str]
    vpc: Optional[bool]
    endpoint: Optional[str]
    instance_id: Optional[str]
    access_key: Optional[tuple[str, str]]
    sts_key: Optional[tuple[str, str, str]]
    signing: Optional[str]
    timeout: Optional[Seconds]
    backoff: Optional[tuple[Seconds, Seconds]]
    limits: Optional[Limits]
    network: Optional[Network]
    proxy: Optional[str]
    proxy_credentials: Optional[tuple[str, str]]
    proxy_from_env: Optional[bool]
    ca_file: Union[Path, Sequence[Path], None]
    ca_pem: Union[Pem, Sequence[Pem], None]
    system_roots: Optional[bool]


@dataclass(frozen=True)
class TokenRequest:
    """A request for a token: its permission, topics and lifetime.

    ``topics`` are 1 to 100 topics, which may have the wildcards ``+`` and ``#`` below the first level.
    """

    #: A ``TokenKind`` or its value: ``"R"``, ``"W"`` or ``"RW"``.
    kind: str
    topics: Sequence[str]
    #: From the moment of the request: 60 s to 30 days.
    lifetime: Seconds = 3600.0
    #: The expiry, in place of the lifetime.
    expires_at: Optional[Moment] = None


@dataclass(frozen=True)
class Group:
    """A group of the instance."""

    id: str
    created: Optional[datetime]
    updated: Optional[datetime]


@dataclass(frozen=True)
class TraceRequest:
    """The requested part of a trace: the first 100 entries of a span, unless the rest says otherwise."""

    begin: Moment
    end: Moment
    #: The page, from 1.
    page: int = 1
    #: The number of entries per page: 1 to 100.
    page_size: int = 100
    #: The newest come first.
    reverse: bool = False


@dataclass(frozen=True)
class TraceEntry:
    """One event. Fields that an operation does not report are ``None``; texts are the service's own."""

    time: Optional[str]
    #: The event, such as ``connect``, ``close``, ``pub_mqtt``, ``sub``, ``push_offline``.
    action: Optional[str]
    code: Optional[str]
    #: The result, such as ``accepted`` or ``not authorized``.
    info: Optional[str]
    client_id: Optional[str]
    message_id: Optional[str]
    channel_id: Optional[str]


@dataclass(frozen=True)
class TracePage:
    """One page of a trace."""

    entries: list[TraceEntry]
    #: The number of entries in all pages, if the service reports it.
    total: Optional[int]


class Api:
    """The API of one instance, with the AccessKey to use.

    The keywords are those of ``ApiSettings``. Every call may be made from any thread; its keyword ``timeout`` replaces
    the setting. After a ``fork``, its use in the child raises an ``Error`` of the kind ``forked``.
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, **settings: Unpack[ApiSettings]) -> None:
        _logging.start()
        self._native = _native.Api(False, settings)

    @classmethod
    def from_env(cls, **settings: Unpack[ApiSettings]) -> Self:
        """Reads the settings from environment variables; keywords replace them.

        Required are ``ALIYUN_MQTT_REGION_ID`` or ``ALIYUN_MQTT_API_ENDPOINT``, ``ALIYUN_MQTT_INSTANCE_ID``,
        ``ALIBABA_CLOUD_ACCESS_KEY_ID`` and ``ALIBABA_CLOUD_ACCESS_KEY_SECRET``.
        """
        _logging.start()
        api = cls.__new__(cls)
        api._native = _native.Api(True, settings)
        return api

    @property
    def instance_id(self) -> str:
        """The instance id."""
        return self._native.instance_id

    @property
    def access_key_id(self) -> str:
        """The id of the AccessKey. Tokens are bound to it: a login with a token needs it."""
        return self._native.access_key_id

    @property
    def endpoint(self) -> str:
        """The URL of the API."""
        return self._native.endpoint

    @property
    def region(self) -> Optional[str]:
        """The region: as set, or as in the service's own host name."""
        return self._native.region

    @property
    def timeout(self) -> float:
        """The timeout in seconds of a call with all its attempts."""
        return self._native.timeout

    def apply_token(self, request: TokenRequest, *, timeout: Optional[Seconds] = None) -> Token:
        """Applies for a token (``ApplyToken``). Keep it until it expires instead of applying at each connect."""
        return self._native.apply_token(request, timeout)

    def query_token(self, token: str, *, timeout: Optional[Seconds] = None) -> bool:
        """Returns True if a token is valid (``QueryToken``). ``token`` is the bare text, without its kind."""
        return self._native.query_token(token, timeout)

    def revoke_token(self, token: str, *, timeout: Optional[Seconds] = None) -> None:
        """Revokes a token (``RevokeToken``). ``token`` is the bare text, without its kind."""
        self._native.revoke_token(token, timeout)

    def send_message(self, topic: str, payload: str, *, timeout: Optional[Seconds] = None) -> str:
        """Publishes a text without an MQTT connection (``SendMessage``), and returns its id.

        The call is not repeated if the message may have been accepted.
        """
        return self._native.send_message(topic, payload, timeout)

    def query_session(self, client_id: str, *, timeout: Optional[Seconds] = None) -> bool:
        """Returns True if a client is connected (``QuerySessionByClientId``)."""
        return self._native.query_session(client_id, timeout)

    def batch_query_session(
        self, client_ids: Iterable[str], *, timeout: Optional[Seconds] = None
    ) -> list[tuple[str, bool]]:
        """Returns the online status of these clients (``BatchQuerySessionByClientIds``), in the service's order.

        The service accepts 10 ids at a time; more are queried in groups, each with the whole timeout.
        """
        return self._native.batch_query_session(list(client_ids), timeout)

    def register_device_credential(self, client_id: str, *, timeout: Optional[Seconds] = None) -> DeviceCredential:
        """Creates a credential for a client id (``RegisterDeviceCredential``). An existing one is replaced."""
        return self._native.register_device_credential(client_id, timeout)

    def device_credential(self, client_id: str, *, timeout: Optional[Seconds] = None) -> DeviceCredential:
        """Returns the credential of a client id (``GetDeviceCredential``)."""
        return self._native.device_credential(client_id, timeout)

    def refresh_device_credential(self, client_id: str, *, timeout: Optional[Seconds] = None) -> DeviceCredential:
        """Replaces the secret of a client id (``RefreshDeviceCredential``)."""
        return self._native.refresh_device_credential(client_id, timeout)

    def unregister_device_credential(self, client_id: str, *, timeout: Optional[Seconds] = None) -> None:
        """Deletes a credential (``UnRegisterDeviceCredential``)."""
        self._native.unregister_device_credential(client_id, timeout)

    def list_device_credentials(self, group_id: str) -> Iterator[str]:
        """Returns an iterator over the client ids of a group that have a credential, read page by page."""
        return self._native.list_device_credentials(group_id)

    def create_group(self, group_id: str, *, timeout: Optional[Seconds] = None) -> None:
        """Creates a group (``CreateGroupId``): 7 to 64 characters, beginning with ``GID_`` or ``GID-``."""
        self._native.create_group(group_id, timeout)

    def list_groups(self, *, timeout: Optional[Seconds] = None) -> list[Group]:
        """Lists the groups of the instance (``ListGroupId``)."""
        return [Group(**fields) for fields in self._native.list_groups(timeout)]

    def delete_group(self, group_id: str, *, timeout: Optional[Seconds] = None) -> None:
        """Deletes a group (``DeleteGroupId``)."""
        self._native.delete_group(group_id, timeout)

    def device_trace(
        self, client_id: str, request: TraceRequest, *, timeout: Optional[Seconds] = None
    ) -> TracePage:
        """Returns the connects and disconnects of a device (``QueryMqttTraceDevice``)."""
        return _page(self._native.device_trace(client_id, request, timeout))

    def client_message_trace(
        self, client_id: str, request: TraceRequest, *, timeout: Optional[Seconds] = None
    ) -> TracePage:
        """Returns the messages that a client sent and received (``QueryMqttTraceMessageOfClient``)."""
        return _page(self._native.client_message_trace(client_id, request, timeout))

    def publish_trace(
        self, message_id: str, request: TraceRequest, *, timeout: Optional[Seconds] = None
    ) -> TracePage:
        """Returns the origin of a message (``QueryMqttTraceMessagePublish``). The result has no pages."""
        return _page(self._native.publish_trace(message_id, request, timeout))

    def subscribe_trace(
        self,
        message_id: str,
        request: TraceRequest,
        *,
        client_id: Optional[str] = None,
        timeout: Optional[Seconds] = None,
    ) -> TracePage:
        """Returns the deliveries of a message (``QueryMqttTraceMessageSubscribe``), to all clients or to one."""
        return _page(self._native.subscribe_trace(message_id, client_id, request, timeout))

    def call(
        self,
        action: str,
        parameters: Optional[Mapping[str, object]] = None,
        *,
        lists: Optional[Mapping[str, Iterable[object]]] = None,
        form: Optional[Mapping[str, object]] = None,
        hide: Iterable[str] = (),
        get: bool = False,
        repeatable: bool = False,
        timeout: Optional[Seconds] = None,
    ) -> dict[str, Any]:
        """Makes any call, and returns the service's JSON object.

        ``parameters`` are those of the query, ``lists`` become ``name.1``, ``name.2`` and so on, ``form`` is the body;
        numbers and booleans are sent as text. ``hide`` names parameters whose values are secrets. ``get`` uses GET in
        place of POST. ``repeatable`` allows another attempt if the outcome of the first is unknown. The id of the
        instance is not added.
        """
        answer = self._native.call(
            action,
            [(name, _text(value)) for name, value in (parameters or {}).items()],
            [(name, [_text(value) for value in values]) for name, values in (lists or {}).items()],
            [(name, _text(value)) for name, value in (form or {}).items()],
            list(hide),
            get,
            repeatable,
            timeout,
        )
        result: dict[str, Any] = json.loads(answer)
        return result

    def __repr__(self) -> str:
        return repr(self._native)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle aliyun_mqtt.openapi.Api: make one in each process")


def _page(page: dict[str, Any]) -> TracePage:
    return TracePage([TraceEntry(**entry) for entry in page["entries"]], page["total"])


def _text(value: object) -> str:
    """Writes a parameter as the service expects it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
