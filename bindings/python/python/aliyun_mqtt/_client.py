"""The client, and what it hands out."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from . import _logging, _native
from ._enums import ErrorKind, QoS
from ._errors import Error, add_note
from ._settings import SubscribeOptions
from .events import Event

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from ._native import Closer, Config, Delivery, Message, Outgoing, PublishEach, Token
    from ._settings import Payload, Properties, RequestProperties, Seconds, Settings

#: The longest time for which leaving a ``with`` block after Ctrl-C takes, less a reserve.
_HURRIED = 1.5

#: The longest time for which the end of the interpreter waits for its clients, and for its log.
_EXIT = 1.0


@dataclass(frozen=True)
class Stats:
    """Counters and gauges of a client; from ``Client.stats()``."""

    #: Connections made.
    connections: int
    #: Messages accepted for sending.
    published: int
    #: QoS 1 and 2 messages acknowledged by the server.
    acknowledged: int
    #: Messages and requests sent again on a later connection.
    retransmitted: int
    #: Messages put into the inbox.
    received: int
    #: Redeliveries that were recognised and not queued again.
    redelivered: int
    #: Replies given to the requests that waited for them.
    replies: int
    #: Replies that no request waited for any longer.
    late_replies: int
    #: QoS 0 messages dropped because the inbox was full.
    dropped_full: int
    #: QoS 1 and 2 messages left to the server because the inbox was full.
    refused_full: int
    #: Messages above ``Limits.packet_len``, acknowledged and discarded.
    set_aside: int
    #: Messages refused without being sent, since the service refuses their topic.
    refused_topic: int
    #: Messages and requests in the outbox: accepted and not settled.
    outbox_messages: int
    #: Memory of the outbox, in bytes.
    outbox_bytes: int
    #: How many messages and requests may be unacknowledged at this moment.
    window: int
    #: Records in the spool's file.
    spooled_messages: int
    #: Size of these records, in bytes.
    spooled_bytes: int
    #: Requests that wait for their reply.
    waiting_requests: int
    #: Messages in the inbox.
    inbox_messages: int
    #: Memory of the inbox, in bytes.
    inbox_bytes: int
    #: Received messages that are not acknowledged on the wire yet.
    unacknowledged: int
    #: Unacknowledged messages whose acknowledgement waits for that of an earlier message.
    held_back: int
    #: Messages in the inbox when the client ended, which the program had not taken by then.
    untaken: int
    #: Threads of this process that were left behind in a call of the operating system.
    stranded_workers: int


class Client:
    """A connection to ApsaraMQ for MQTT, kept alive by one background thread.

    >>> with Client(
    ...     endpoint="post-cn-xxxx.mqtt.aliyuncs.com",
    ...     instance_id="post-cn-xxxx",
    ...     group_id="GID_demo",
    ...     credentials=Credentials.signature("access key id", "access key secret"),
    ... ) as client:
    ...     client.subscribe("demo/#")
    ...     client.publish("demo/hello", "Hello")
    ...     message = client.recv(timeout=5)

    The keywords are those of ``Settings``; or give a ``Config``. The constructor blocks until the service has accepted
    the login, at most for the setting ``timeout``, and fails at once with the reason. A lost connection is made again
    in the background.

    The calls block, and release the GIL while they do. Each may be made from any thread, also while another thread
    receives. Every wait has a deadline: the setting ``timeout``, or the keyword ``timeout`` of the call, in seconds or
    as a ``timedelta``. The exceptions are ``recv`` and ``messages``, which wait as long as the client lives, and
    ``Delivery.wait`` with a spool. ``closer`` gives a handle that ends the waits from another thread. Ctrl-C ends the
    wait within 100 ms, but not the operation: a message that was being published stays queued.

    Every failure is an ``Error``, which says what failed, why, and the fate of the message.

    Leaving the ``with`` block disconnects, and waits for the messages accepted until then; what was not delivered is an
    ``Error``, also when ``sys.exit`` leaves the block. If another exception does, it stands in the exception's notes
    instead; after Ctrl-C this takes at most 2 seconds. A client that is dropped disconnects quietly within a second,
    and so does one that is open when the interpreter ends.

    After a ``fork``, the parent's client raises an ``Error`` of the kind ``forked`` in the child, which makes a client
    of its own.
    """

    __slots__ = ("__weakref__", "_native")

    _native: _native.Client

    def __init__(self, config: Optional[Config] = None, **settings: Unpack[Settings]) -> None:
        if config is None:
            config = _native.Config(**settings)
        elif settings:
            raise TypeError("give a Config, or settings, but not both; Config.replace changes settings")
        _logging.start()
        self._native = _native.Client(config)
        _open.add(self)

    @classmethod
    def from_env(cls, **settings: Unpack[Settings]) -> Self:
        """Connects with the settings in the environment variables ``ALIYUN_MQTT_...``; keywords replace them."""
        # Reading the environment may log warnings.
        _logging.start()
        return cls(_native.Config.from_env(**settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if error is None:
            self.disconnect()
            return
        timeout = min(_HURRIED, self.config.timeout) if isinstance(error, KeyboardInterrupt) else None
        try:
            self.disconnect(timeout=timeout)
        except Error as why:
            if why.kind is ErrorKind.UNDELIVERED and not isinstance(error, (Exception, KeyboardInterrupt)):
                # Nobody would see a note of SystemExit. Errors of the native part have no context by themselves.
                why.__context__ = error
                raise
            if why.kind not in (ErrorKind.CLOSED, ErrorKind.FORKED):
                add_note(error, f"when leaving the client: {why}")

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._native.config

    @property
    def is_connected(self) -> bool:
        """True if there is a connection now. There is no need to check before publishing, which waits for one."""
        return self._native.is_connected

    @overload
    def publish(
        self, topic: str, payload: Payload, qos: int = 1, **properties: Unpack[Properties]
    ) -> None: ...
    @overload
    def publish(self, topic: Outgoing) -> None: ...
    def publish(
        self,
        topic: Union[str, Outgoing],
        payload: Optional[Payload] = None,
        qos: Optional[int] = None,
        **properties: Unpack[Properties],
    ) -> None:
        """Publishes a message and blocks until its outcome is known, at most for ``timeout``.

        ``payload`` is ``str`` (sent as UTF-8), ``bytes`` or any other buffer; ``qos`` is 1 by default. The keywords are
        ``timeout`` and the properties of MQTT 5: ``help(aliyun_mqtt.Outgoing)`` describes them. An ``Outgoing`` in
        place of all these is sent as it is.

        Returning means: QoS 0, written to the socket; QoS 1, acknowledged by the server (PUBACK); QoS 2, completed
        (PUBCOMP). Otherwise it raises an ``Error``, whose ``fate`` is the outcome for the message: not sent, which is
        safe to repeat; unknown, written but not acknowledged in time, and not sent again; or refused.
        """
        self._native.publish(topic, payload, qos, properties)

    def send_p2p(
        self, parent: str, client_id: str, payload: Payload, qos: int = 1, **properties: Unpack[Properties]
    ) -> None:
        """Sends a message to one client and blocks as ``publish``. The receiver needs no subscription.

        ``parent`` is the first level of a topic the sender may publish to; the message goes to
        ``{parent}/p2p/{client_id}``. An offline receiver gets it later only with QoS 1 and if the *sender* keeps its
        session.
        """
        self._native.send_p2p(parent, client_id, payload, qos, properties)

    @overload
    def enqueue(
        self, topic: str, payload: Payload, qos: int = 1, **properties: Unpack[Properties]
    ) -> Delivery: ...
    @overload
    def enqueue(self, topic: Outgoing) -> Delivery: ...
    def enqueue(
        self,
        topic: Union[str, Outgoing],
        payload: Optional[Payload] = None,
        qos: Optional[int] = None,
        **properties: Unpack[Properties],
    ) -> Delivery:
        """Queues a message and returns without waiting for the acknowledgement. The arguments are those of ``publish``.

        With a spool, returns once the message is on disk. Blocks only while the outbox is full or the publish rate
        leaves no slot, at most for the timeout. Use the returned ``Delivery`` to learn the outcome, or ``flush`` to
        wait for all messages.
        """
        return self._native.enqueue(topic, payload, qos, properties)

    @overload
    def try_enqueue(
        self, topic: str, payload: Payload, qos: int = 1, **properties: Unpack[Properties]
    ) -> Delivery: ...
    @overload
    def try_enqueue(self, topic: Outgoing) -> Delivery: ...
    def try_enqueue(
        self,
        topic: Union[str, Outgoing],
        payload: Optional[Payload] = None,
        qos: Optional[int] = None,
        **properties: Unpack[Properties],
    ) -> Delivery:
        """Queues a message like ``enqueue``, but raises an ``Error`` of the kind ``full`` if there is no room now."""
        return self._native.try_enqueue(topic, payload, qos, properties)

    def enqueue_many(self, messages: Iterable[Outgoing]) -> list[Union[Delivery, Error]]:
        """Queues many messages in their order, and returns for each its ``Delivery``, or an ``Error`` in its place.

        Takes the whole input before it queues the first message. With a spool, a batch costs one sync to disk. Blocks
        for room and for the disk at most for the setting ``timeout``, all messages together.
        """
        return self._native.enqueue_many(messages)

    def publish_each(self, messages: Iterable[Outgoing]) -> PublishEach:
        """Publishes many messages and returns an iterator over their results, in the order given.

        Each result is the ``Receipt`` of its message, or an ``Error``, which is not raised. A failed message does not
        stop the others.

        >>> for row, result in zip(rows, client.publish_each(Outgoing("demo/rows", row) for row in rows)):
        ...     if isinstance(result, Error):
        ...         print(row, result)

        The iterator is lazy: each step takes messages from the input until a window of them is in flight, and then
        blocks until the outcome of the oldest is known. Memory is bounded, whatever the length of the input. If the
        input raises, the exception comes behind the results of the messages before it. Dropping the iterator stops
        taking from the input; ``flush`` and ``disconnect`` wait for the messages in flight.
        """
        return self._native.publish_each(messages)

    def flush(self, timeout: Optional[Seconds] = None) -> None:
        """Blocks until every message accepted so far is settled, at most for ``timeout``.

        Raises an ``Error`` of the kind ``timeout`` with the number of messages still open, or of the kind
        ``undelivered`` with the number of messages that have failed since the last report and whose ``Delivery`` had
        been dropped, and the first reason.
        """
        self._native.flush(timeout)

    def subscribe(
        self,
        filter: str,
        qos: int = 1,
        *,
        no_local: bool = False,
        identifier: Optional[int] = None,
        timeout: Optional[Seconds] = None,
    ) -> QoS:
        """Subscribes and blocks until the server has granted it (SUBACK). Returns the granted QoS.

        Matching messages go to the client's own queue: ``recv`` and ``messages``. On a lost session the subscription is
        made again in the background. ``no_local`` excludes the messages that this client publishes itself, and
        ``identifier`` is a number that comes with each matching message; both need MQTT 5.
        """
        return self._native.subscribe_many([(filter, qos, no_local, identifier)], timeout)[0]

    def subscribe_many(
        self, filters: Iterable[tuple[str, Union[int, SubscribeOptions]]], *, timeout: Optional[Seconds] = None
    ) -> list[QoS]:
        """Subscribes to pairs of a filter and a QoS or ``SubscribeOptions`` in one packet, as ``subscribe``.

        Returns the granted QoS of each, in their order. If one filter is refused, the others may have been granted.
        """
        return self._native.subscribe_many([_filter(filter, options) for filter, options in filters], timeout)

    def subscription(
        self,
        filter: str,
        qos: int = 1,
        *,
        no_local: bool = False,
        identifier: Optional[int] = None,
        timeout: Optional[Seconds] = None,
    ) -> Subscription:
        """Subscribes as ``subscribe``, and returns a ``Subscription`` that receives the matching messages.

        It receives them in place of the client's own queue, beginning with those that already wait there.

        >>> with client.subscription("demo/#") as subscription:
        ...     for message in subscription:
        ...         print(message.topic)
        """
        return Subscription(filter, self._native.subscription(filter, qos, no_local, identifier, timeout))

    def unsubscribe(self, filter: str, *, timeout: Optional[Seconds] = None) -> None:
        """Unsubscribes and blocks until the server confirms (UNSUBACK)."""
        self._native.unsubscribe(filter, timeout)

    @overload
    def recv(self, timeout: None = None) -> Message: ...
    @overload
    def recv(self, timeout: Seconds) -> Optional[Message]: ...
    def recv(self, timeout: Optional[Seconds] = None) -> Optional[Message]:
        """Takes the next message of the client's own queue. Blocks until there is one, at most for ``timeout``.

        Returns ``None`` if none came in time, and never without a timeout. By default, taking a message acknowledges
        it: see the setting ``ack_mode``. Raises the reason why the client has ended, after every message received
        before has been taken.
        """
        return self._native.recv(timeout)

    def try_recv(self) -> Optional[Message]:
        """Takes the next message of the client's own queue, if there is one. Does not block."""
        return self._native.try_recv()

    def messages(self, idle: Optional[Seconds] = None) -> Iterator[Message]:
        """Returns an iterator over the messages of the client's own queue.

        It ends when no message has come for ``idle`` seconds, and when the program closes or disconnects the client.
        If the client ends for another reason, it raises that ``Error``.
        """
        return _messages(self._native, idle)

    @overload
    def request(
        self,
        topic: str,
        payload: Payload,
        timeout: Optional[Seconds] = None,
        *,
        qos: int = 1,
        envelope: bool = False,
        **properties: Unpack[RequestProperties],
    ) -> Message: ...
    @overload
    def request(
        self, topic: Outgoing, *, timeout: Optional[Seconds] = None, envelope: bool = False
    ) -> Message: ...
    def request(
        self,
        topic: Union[str, Outgoing],
        payload: Optional[Payload] = None,
        timeout: Optional[Seconds] = None,
        *,
        qos: Optional[int] = None,
        envelope: bool = False,
        **properties: Unpack[RequestProperties],
    ) -> Message:
        """Sends a request and blocks until its reply arrives, at most for ``timeout``. Returns the reply.

        A replier subscribes to the topic and answers with ``reply``. Any number of threads may send requests; each gets
        the reply to its own. ``envelope`` uses the envelope of MQTT 3.1.1 also over MQTT 5, for a replier that speaks
        3.1.1. Raises an ``Error`` of the kind ``timeout`` in the stage ``reply`` when no reply arrived.
        """
        return self._native.request(topic, payload, qos, timeout, envelope, properties)

    def request_p2p(
        self,
        parent: str,
        client_id: str,
        payload: Payload,
        timeout: Optional[Seconds] = None,
        *,
        envelope: bool = False,
        **properties: Unpack[RequestProperties],
    ) -> Message:
        """Sends a request to one client, which needs no subscription for it, and blocks as ``request``."""
        topic = _native.p2p_topic(parent, client_id)
        return self._native.request(topic, payload, None, timeout, envelope, properties)

    def reply(self, request: Message, payload: Payload, *, timeout: Optional[Seconds] = None) -> None:
        """Replies to a request at QoS 1, in the form of the request, and blocks as ``publish``.

        ``Request.reply`` makes a reply with more options, or one that is sent without waiting. This call does not
        acknowledge the request.
        """
        self._native.reply(request, payload, timeout)

    def upload_token(self, token: Token, *, timeout: Optional[Seconds] = None) -> None:
        """Replaces the token of the same kind on the present connection, and blocks until the service accepts it.

        For programs that hold tokens themselves; with a provider, tokens are renewed in the background.
        """
        self._native.upload_token(token, timeout)

    def events(self) -> Events:
        """Returns a listener for what happens to the connection from now on."""
        return Events(self._native.events())

    def stats(self) -> Stats:
        """Returns the current counters and gauges. In a forked child all are zero."""
        return Stats(**self._native.stats())

    def closer(self) -> Closer:
        """Returns a handle that ends the waits of all calls from any thread, for a supervisor's stop request."""
        return self._native.closer()

    def disconnect(self, *, timeout: Optional[Seconds] = None) -> None:
        """Delivers the accepted messages, sends DISCONNECT, and ends the background thread.

        Blocks at most for ``timeout``. Calling it again does nothing. Raises an ``Error`` of the kind ``undelivered``
        with the number of messages that were not delivered, or had failed without being reported, and the first reason;
        or the reason for which the client had already ended. Messages received before can still be taken.
        """
        self._native.disconnect(timeout)

    def __repr__(self) -> str:
        config = self.config
        state = "connected" if self.is_connected else "not connected"
        return f"<aliyun_mqtt.Client {config.endpoint} as {config.client_id}, {state}>"

    def __reduce__(self) -> Any:
        raise _not_picklable(self)


class Subscription:
    """Receives the messages of one subscription; from ``Client.subscription``.

    Iterating over it gives its messages. Leaving its ``with`` block, or ``close``, unsubscribes in the background; the
    messages it still holds go to the client's own queue. It does not keep the client alive.
    """

    __slots__ = ("__weakref__", "_native", "filter")

    #: The filter.
    filter: str

    def __init__(self, filter: str, native: _native.Subscription) -> None:
        self.filter = filter
        self._native = native

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @overload
    def recv(self, timeout: None = None) -> Message: ...
    @overload
    def recv(self, timeout: Seconds) -> Optional[Message]: ...
    def recv(self, timeout: Optional[Seconds] = None) -> Optional[Message]:
        """Takes the next message, as ``Client.recv``."""
        return self._native.recv(timeout)

    def try_recv(self) -> Optional[Message]:
        """Takes the next message, if there is one. Does not block."""
        return self._native.try_recv()

    def messages(self, idle: Optional[Seconds] = None) -> Iterator[Message]:
        """Returns an iterator over the messages, as ``Client.messages``."""
        return _messages(self._native, idle)

    def __iter__(self) -> Iterator[Message]:
        return self.messages()

    def close(self) -> None:
        """Unsubscribes in the background. Calling it again does nothing.

        Iterations end, also those of other threads; other calls that receive raise an ``Error`` of the kind ``closed``.
        """
        self._native.close()

    def __repr__(self) -> str:
        return f"<aliyun_mqtt.Subscription {self.filter!r}>"

    def __reduce__(self) -> Any:
        raise _not_picklable(self)


class Events:
    """A listener for events; from ``Client.events``. Iterating over it ends with the client.

    It keeps up to 1,000 events of up to 4 MiB in all. Beyond that, the oldest are dropped.
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _native.Events) -> None:
        self._native = native

    def recv(self, timeout: Optional[Seconds] = None) -> Optional[Event]:
        """Takes the next event. Blocks until there is one, at most for ``timeout``.

        Returns ``None`` if none came in time, or the client has ended and every event was taken.
        """
        return self._native.recv(timeout)

    def try_recv(self) -> Optional[Event]:
        """Takes the next event, if there is one. Does not block."""
        return self._native.try_recv()

    @property
    def dropped(self) -> int:
        """The number of events that were dropped because the queue was full."""
        return self._native.dropped

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self._native.recv(None)
            if event is None:
                return
            yield event

    def __repr__(self) -> str:
        return f"<aliyun_mqtt.Events dropped={self.dropped}>"

    def __reduce__(self) -> Any:
        raise _not_picklable(self)


def _messages(source: Union[_native.Client, _native.Subscription], idle: Optional[Seconds]) -> Iterator[Message]:
    while True:
        try:
            message = source.recv(idle)
        except Error as error:
            if error.kind is ErrorKind.CLOSED:
                return
            raise
        if message is None:
            return
        yield message


def _filter(filter: str, options: Union[int, SubscribeOptions]) -> tuple[str, int, bool, Optional[int]]:
    if isinstance(options, SubscribeOptions):
        return filter, options.qos, options.no_local, options.identifier
    return filter, options, False, None


def _not_picklable(value: object) -> TypeError:
    return TypeError(f"cannot pickle aliyun_mqtt.{type(value).__name__}: make one in each process")


#: The clients of this process that may be connected.
_open: weakref.WeakSet[Client] = weakref.WeakSet()


@atexit.register
def _at_exit() -> None:
    """Says goodbye while the interpreter still runs all its threads."""
    end = time.monotonic() + _EXIT
    for client in list(_open):
        client._native.leave(max(end - time.monotonic(), 0.0))
    _native.interpreter_ends()
    _logging.stop(_EXIT)
