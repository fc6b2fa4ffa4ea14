"""Exceptions."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from ._enums import ErrorKind, Fate, Stage, _Word

if TYPE_CHECKING:
    from ._native import Failure

_W = TypeVar("_W", bound=_Word)


@dataclass(frozen=True)
class Code:
    """A code from the service, or from a proxy on the way to it. ``str`` shows its meaning."""

    #: What it came in: ``connack``, ``suback``, ``puback``, ``pubrec``, ``pubcomp``, ``unsuback``, ``disconnect``,
    #: ``token_invalid``, ``proxy`` or ``websocket``.
    origin: str
    number: int
    text: str

    def __str__(self) -> str:
        return self.text

    def __int__(self) -> int:
        return self.number


@dataclass(frozen=True)
class ApiFault:
    """A failure that the service's API reported. Parts that the answer lacks are ``None``."""

    #: The status of the HTTP answer. It may be 200.
    http_status: int
    #: The service's code, such as ``ParameterCheckFailed``.
    code: Optional[str]
    #: The service's explanation.
    message: Optional[str]
    #: The id by which the service's support finds the call.
    request_id: Optional[str]
    #: There were too many calls. Such a call was not carried out.
    is_throttled: bool

    @property
    def is_server_failure(self) -> bool:
        """True if the service itself failed, so that the outcome of the call is unknown."""
        return self.http_status >= 500


class Error(Exception):
    """The error of every call of this library.

    The text tells what failed and why, in which stage and, where the service's usual cause is known, what to do. No
    error contains a secret. The attributes are for programs; the cause, if there is one, is ``__cause__``.

    The classes below it have a built-in exception as a second base, so that ``except TimeoutError``,
    ``except ConnectionError`` and ``except ValueError`` work as well.
    """

    #: What failed and why, without the stage and the hint.
    message: str
    #: The kind of failure.
    kind: ErrorKind
    #: The fate of the message or request that this error is about; ``None`` if it is about neither.
    fate: Optional[Fate]
    #: The stage in which the error occurred; ``None`` if stages have no meaning for it.
    stage: Optional[Stage]
    #: The code from the service or a proxy.
    code: Optional[Code]
    #: The failure that the service's API reported.
    api: Optional[ApiFault]
    #: The usual cause in this service and its cure. It names settings.
    hint: Optional[str]
    #: The key of the hint, for translations. It never changes its meaning.
    hint_key: Optional[str]
    #: The name of the missing setting.
    missing_setting: Optional[str]
    #: The number of messages that were not delivered, with the kind ``undelivered``.
    count: Optional[int]
    #: A deadline passed, here or in the cause.
    is_timeout: bool
    #: The same call may succeed later without any change to the program or its settings. A message whose fate is
    #: unknown may be duplicated by a retry.
    is_retryable: bool
    #: The native error: a provider that raises this one hands it on as it was.
    _failure: Optional[Failure] = None

    def __init__(self, text: str = "", *, kind: ErrorKind = ErrorKind.INTERNAL, **fields: Any) -> None:
        super().__init__(text)
        unknown = fields.keys() - _DEFAULTS.keys()
        if unknown:
            raise TypeError(f"unknown attributes of an Error: {', '.join(sorted(unknown))}")
        self.kind = kind
        for name, default in _DEFAULTS.items():
            setattr(self, name, fields.get(name, default))
        self.message = fields.get("message", text)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in _DEFAULTS}
        rest = {name: value for name, value in vars(self).items() if name == "__notes__"}
        return _rebuild, (type(self), str(self), self.kind, fields, self.__cause__, rest)

    def __repr__(self) -> str:
        return f"<aliyun_mqtt.{type(self).__name__} {self.kind}: {self}>"


_DEFAULTS = {
    "message": "",
    "fate": None,
    "stage": None,
    "code": None,
    "api": None,
    "hint": None,
    "hint_key": None,
    "missing_setting": None,
    "count": None,
    "is_timeout": False,
    "is_retryable": False,
}


class MqttTimeoutError(Error, builtins.TimeoutError):
    """A deadline passed, here or in the cause."""


class MqttConnectionError(Error, builtins.ConnectionError):
    """No connection could be made, or it was lost."""


class MqttConnectTimeoutError(MqttTimeoutError, MqttConnectionError):
    """A deadline passed while a connection was made."""


class MqttValueError(Error, ValueError):
    """A setting or an argument is missing or invalid; nothing was sent."""


_CONNECTION = {
    ErrorKind.RESOLVE,
    ErrorKind.CONNECT,
    ErrorKind.PROXY,
    ErrorKind.TLS,
    ErrorKind.REFUSED,
    ErrorKind.PROTOCOL,
    ErrorKind.CONNECTION_LOST,
    ErrorKind.TOKEN_INVALID,
}

_CONNECTING = {Stage.RESOLVE, Stage.CONNECT, Stage.PROXY, Stage.TLS, Stage.CONNACK}


def from_native(failure: Failure) -> Error:
    """Makes the exception of a native error."""
    kind = ErrorKind(failure.kind)
    stage = _word(Stage, failure.stage)
    code, api = failure.code, failure.api
    error = _class(kind, stage, failure.is_timeout)(
        failure.text,
        kind=kind,
        message=failure.message,
        fate=_word(Fate, failure.fate),
        stage=stage,
        code=None if code is None else Code(*code),
        api=None if api is None else ApiFault(*api),
        hint=failure.hint,
        hint_key=failure.hint_key,
        missing_setting=failure.missing_setting,
        count=failure.count,
        is_timeout=failure.is_timeout,
        is_retryable=failure.is_retryable,
    )
    error._failure = failure
    cause = failure.cause
    if cause is not None:
        error.__cause__ = cause
    return error


def _class(kind: ErrorKind, stage: Optional[Stage], is_timeout: bool) -> type[Error]:
    if kind in (ErrorKind.CONFIG, ErrorKind.INVALID):
        return MqttValueError
    connecting = kind in _CONNECTION or (kind is ErrorKind.TIMEOUT and stage in _CONNECTING)
    if is_timeout:
        return MqttConnectTimeoutError if connecting else MqttTimeoutError
    return MqttConnectionError if connecting else Error


def _word(words: type[_W], value: Optional[str]) -> Optional[_W]:
    """Returns a member; ``None`` also for a word that this version does not know."""
    try:
        return None if value is None else words(value)
    except ValueError:
        return None


def _rebuild(
    cls: type[Error], text: str, kind: ErrorKind, fields: dict[str, Any], cause: Any, rest: dict[str, Any]
) -> Error:
    """Makes an error from its pickled parts."""
    error = cls(text, kind=kind, **fields)
    error.__cause__ = cause
    vars(error).update(rest)
    return error


def add_note(error: BaseException, note: str) -> None:
    """Adds a note, in ``__notes__``, where Python from 3.11 shows it."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        error.__notes__ = [*getattr(error, "__notes__", []), note]  # type: ignore[attr-defined]
