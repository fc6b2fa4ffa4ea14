"""What happens to a client in the background: the classes of the objects that ``Client.events()`` gives.

>>> for event in client.events():
...     if isinstance(event, events.Disconnected):
...         print(event.reason, event.retry_in)
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass
from datetime import datetime
from typing import Optional

from ._enums import TokenKind
from ._errors import Error


@dataclass(frozen=True)
class Event:
    """Something that happened to the client in the background."""


@dataclass(frozen=True)
class Connected(Event):
    """A connection is ready for messages, and the subscriptions are restored."""

    #: The server had kept the session.
    session_present: bool
    #: The number of this connection, from 1.
    number: int


@dataclass(frozen=True)
class Disconnected(Event):
    """The connection was lost, or an attempt to make one failed."""

    reason: Error
    #: The pause in seconds before the next attempt; ``None`` if there is no next attempt.
    retry_in: Optional[float]


@dataclass(frozen=True)
class Notice(Event):
    """A notice of the service, on one of its ``$SYS/`` topics."""

    text: str


@dataclass(frozen=True)
class TokenExpireNotice(Notice):
    """A token expires in about five minutes."""

    #: The time at which it expires, if the notice gives one.
    expires: Optional[datetime]
    kind: Optional[TokenKind]


@dataclass(frozen=True)
class TokenInvalidNotice(Notice):
    """A token is not accepted, and the service is about to close the connection."""

    #: The reason; ``text`` has its meaning.
    code: int
    kind: Optional[TokenKind]


@dataclass(frozen=True)
class OtherNotice(Notice):
    """A notice with a payload that could not be understood."""

    topic: str
    payload: str


@dataclass(frozen=True)
class SubscriptionLost(Event):
    """A subscription could not be restored and was given up."""

    filter: str
    reason: Error


@dataclass(frozen=True)
class TopicRefused(Event):
    """The service refuses a topic as a whole: messages to it fail for a while."""

    topic: str
    #: The time in seconds for which messages to it are refused.
    retry_in: float
    reason: Error


@dataclass(frozen=True)
class TokenRenewed(Event):
    """The service has accepted a new token on the present connection."""

    kind: TokenKind
    expires: Optional[datetime]


@dataclass(frozen=True)
class TokenRenewalFailed(Event):
    """The provider returned no new token, or the service did not accept it."""

    reason: Error
    #: The pause in seconds before the next attempt; ``None`` if the next attempt is the next login.
    retry_in: Optional[float]


@dataclass(frozen=True)
class SpoolSetAside(Event):
    """The spool's file was damaged or not a spool. It was renamed, and an empty spool was started."""

    #: The new name of the damaged file.
    path: pathlib.Path
    reason: Error


@dataclass(frozen=True)
class MessageSetAside(Event):
    """A message above ``Limits.packet_len`` arrived. It was acknowledged, and its payload discarded."""

    topic: str
    #: The size of the packet in bytes.
    size: int
    reason: Error


@dataclass(frozen=True)
class InboxFull(Event):
    """The inbox is full: QoS 0 messages are dropped, and others are left to the server."""


@dataclass(frozen=True)
class AcksHeldBack(Event):
    """A message that is not acknowledged holds back the acknowledgements of later messages."""

    topic: str
    #: The program has taken it and not called ``Message.ack``; else it still waits in the inbox.
    taken: bool
    #: The number of acknowledgements that wait for it.
    held_back: int


@dataclass(frozen=True)
class Ended(Event):
    """The client has ended. Always the last event."""

    #: The kind is ``closed`` if the program itself has ended the client.
    reason: Error
    #: The number of messages in the inbox that the program had not taken.
    untaken: int
    #: The topic of the oldest of them.
    first_untaken: Optional[str]
    #: In a kept session, the number of acknowledgements that could not be sent.
    unsent_acks: int


@dataclass(frozen=True)
class OtherEvent(Event):
    """An event that this version of the package has no class for."""

    text: str
