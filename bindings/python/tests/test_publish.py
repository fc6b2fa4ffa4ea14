"""Sending."""

from __future__ import annotations

import array
import os
import pathlib
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from aliyun_mqtt import Client, Delivery, Error, ErrorKind, Fate, Limits, Outgoing, QoS, Receipt, Spool

from .conftest import PATIENCE, mqtt3, mqtt5, until


@pytest.mark.parametrize(
    "payload",
    [
        "text 文",
        b"bytes",
        bytearray(b"array"),
        memoryview(b"view"),
        memoryview(b"every other")[::2],
        array.array("B", b"x"),
        "",
        b"",
    ],
)
def test_every_kind_of_payload(client: Client, topic: str, payload: str | bytes) -> None:
    client.subscribe(topic)
    client.publish(topic, payload)
    expected = payload.encode() if isinstance(payload, str) else bytes(payload)
    assert client.recv().payload == expected


@pytest.mark.parametrize("payload", [1, None, ["x"], 1.5])
def test_what_is_no_payload_is_named(client: Client, topic: str, payload: object) -> None:
    with pytest.raises(TypeError, match="payload"):
        client.publish(topic, payload)  # type: ignore[call-overload]


@pytest.mark.parametrize("qos", [0, 1, 2, QoS.AT_MOST_ONCE, QoS.AT_LEAST_ONCE, QoS.EXACTLY_ONCE])
def test_every_qos(client: Client, topic: str, qos: int) -> None:
    assert client.subscribe(topic, qos) is QoS(qos)
    client.publish(topic, "x", qos)
    client.publish(topic, "y", qos=qos, timeout=timedelta(seconds=PATIENCE))
    assert [client.recv().qos, client.recv().qos] == [qos, qos]


@pytest.mark.parametrize("qos", [3, -1, 256, 1 << 70, "1", None.__class__])
def test_what_is_no_qos_is_refused(client: Client, topic: str, qos: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        client.publish(topic, "x", qos)  # type: ignore[call-overload]


def test_an_invalid_topic_is_a_value_error_with_its_fate(client: Client) -> None:
    with pytest.raises(ValueError) as caught:
        client.publish("a/#", "x")
    error = caught.value
    assert isinstance(error, Error)
    assert (error.kind, error.fate, error.is_retryable) == (ErrorKind.INVALID, Fate.NOT_SENT, False)


def test_deliveries(client: Client, topic: str) -> None:
    delivery = client.enqueue(topic, "x")
    assert delivery.wait() == Receipt(1) and delivery.done
    assert delivery.wait(0) == delivery.try_wait() == Receipt(attempts=1)
    assert client.enqueue(Outgoing(topic, "x", 2)).wait(PATIENCE) is not None
    assert client.try_enqueue(topic, "x").wait().attempts == 1
    assert client.try_enqueue(Outgoing(topic, "x")).wait().attempts == 1
    client.publish(Outgoing(topic, "x", timeout=PATIENCE))
    client.flush()
    client.flush(timeout=timedelta(seconds=PATIENCE))
    assert client.stats().acknowledged == 5


def test_many_at_a_time_and_one_that_is_invalid(client: Client, topic: str) -> None:
    results = client.enqueue_many([Outgoing(topic, "a"), Outgoing("+", "b"), Outgoing(topic, "c")])
    assert isinstance(results[0], Delivery) and isinstance(results[2], Delivery)
    assert results[0].wait() == results[2].wait()
    assert isinstance(results[1], ValueError)
    with pytest.raises(TypeError, match="Outgoing"):
        client.enqueue_many(["x"])  # type: ignore[list-item]


def test_publish_each_is_lazy_and_gives_errors_in_their_places(client: Client, topic: str) -> None:
    taken = 0

    def messages() -> Iterator[Outgoing]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield Outgoing("+" if number == 3 else topic, str(number))

    results = client.publish_each(messages())
    assert taken == 0
    first = [next(results) for _ in range(5)]
    assert [isinstance(result, Receipt) for result in first] == [True, True, True, False, True]
    assert isinstance(first[3], Error) and first[3].kind is ErrorKind.INVALID
    assert taken < 5_000
    del results
    client.flush()


def test_publish_each_gives_the_results_before_an_exception_of_the_input(client: Client, topic: str) -> None:
    def messages() -> Iterator[Outgoing]:
        yield from (Outgoing(topic, str(number)) for number in range(3))
        raise KeyError("of the input")

    results = client.publish_each(messages())
    assert [next(results) for _ in range(3)] == [Receipt(1)] * 3
    with pytest.raises(KeyError, match="of the input"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)
    with pytest.raises(TypeError, match="Outgoing"):
        next(client.publish_each(["x"]))  # type: ignore[list-item]


def test_publish_each_beyond_every_bound(topic: str) -> None:
    with Client.from_env(window=10, limits=Limits(outbox_messages=5)) as client:
        count = sum(1 for _ in client.publish_each(Outgoing(topic, "x", 0) for _ in range(1_000)))
        assert count == 1_000


def test_a_full_outbox_is_an_error_or_a_wait(topic: str) -> None:
    with Client.from_env(limits=Limits(outbox_messages=1), max_publish_rate=20) as client:
        client.enqueue(topic, "first")
        with pytest.raises(Error) as caught:
            for _ in range(1_000):
                client.try_enqueue(topic, "x")
        assert caught.value.kind is ErrorKind.FULL and caught.value.is_retryable
        # On the main thread and on another, this waits for room.
        client.enqueue(topic, "second").wait()
        thread = threading.Thread(target=lambda: client.enqueue(topic, "third").wait())
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        client.flush()


def test_eight_threads_each_way(topic: str) -> None:
    """Eight threads, each with 10,000 messages, and eight that receive them."""
    count = 10_000
    with Client.from_env() as sender, Client.from_env() as receiver:
        subscriptions = [receiver.subscription(f"{topic}/{number}") for number in range(8)]
        failures: list[BaseException] = []

        def send(number: int) -> None:
            try:
                messages = (Outgoing(f"{topic}/{number}", str(n)) for n in range(count))
                results = list(sender.publish_each(messages))
                assert len(results) == count and all(isinstance(result, Receipt) for result in results)
            except BaseException as error:
                failures.append(error)

        def receive(number: int) -> None:
            try:
                seen: list[int] = []
                while len(seen) < count:
                    message = subscriptions[number].recv(PATIENCE)
                    assert message is not None, f"{len(seen)} messages came"
                    # A redelivery may follow later.
                    if not message.is_duplicate or int(message.payload) not in seen[-2_000:]:
                        seen.append(int(message.payload))
                assert seen == list(range(count))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for work in (send, receive) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_p2p(client: Client) -> None:
    parent = os.environ["ALIYUN_MQTT_TOPIC"]
    with Client.from_env() as receiver:
        target = receiver.config.client_id
        client.send_p2p(parent, target, "psst")
        client.publish(Outgoing.p2p(parent, target, b"psst"))
        assert [receiver.recv().payload, receiver.recv().payload] == [b"psst", b"psst"]
    with pytest.raises(ValueError):
        client.send_p2p("a/b", "c", "x")


def test_json(client: Client, topic: str) -> None:
    client.subscribe(topic)
    value = {"a": [1, 2.5, None, "文"]}
    client.publish(Outgoing.json(topic, value))
    message = client.recv()
    assert message.payload == '{"a":[1,2.5,null,"文"]}'.encode()
    assert message.json() == value and message.payload_str().startswith("{")


def test_outgoing_shows_itself_without_its_payload() -> None:
    message = Outgoing("a/b", "secret", timeout=1.5)
    assert (message.topic, message.qos, message.payload, message.timeout) == ("a/b", 1, b"secret", 1.5)
    assert "secret" not in repr(message) and "a/b" in repr(message)


def test_a_message_with_more_arguments_than_belong_to_it(client: Client, topic: str) -> None:
    with pytest.raises(TypeError, match="Outgoing"):
        client.publish(Outgoing(topic, "x"), "y")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="retain"):
        client.publish(topic, "x", retain=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="content_type"):
        client.publish(topic, "x", content_type=1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="timeout"):
        client.publish(topic, "x", timeout="soon")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="timeout"):
        client.publish(topic, "x", timeout=-1)


@mqtt5
def test_properties(client: Client, topic: str) -> None:
    client.subscribe(topic, identifier=7)
    client.publish(
        topic,
        "{}",
        user_properties=[("a", "1"), ("a", "2"), ("b", "文")],
        content_type="application/json",
        payload_format_utf8=True,
        message_expiry=timedelta(seconds=99.5),
        response_topic=f"{topic}/reply",
        correlation_data=b"\x00\xff",
    )
    message = client.recv()
    assert message.user_properties == [("a", "1"), ("a", "2"), ("b", "文")]
    assert (message.user_property("a"), message.user_property("c")) == ("1", None)
    assert (message.content_type, message.payload_format_utf8) == ("application/json", True)
    assert message.message_expiry is not None and 0 < message.message_expiry <= 100
    assert (message.response_topic, message.correlation_data) == (f"{topic}/reply", b"\x00\xff")
    assert message.subscription_identifiers == [7]
    client.publish(Outgoing(topic, "x", user_properties={"k": "v"}))
    assert client.recv().user_properties == [("k", "v")]


@mqtt5
def test_no_local(client: Client, topic: str) -> None:
    client.subscribe(topic, no_local=True)
    with Client.from_env() as other:
        client.publish(topic, "own")
        other.publish(topic, "other's")
    assert client.recv().payload == b"other's"


@mqtt3
def test_properties_need_mqtt_5(client: Client, topic: str) -> None:
    with pytest.raises(ValueError) as caught:
        client.publish(topic, "x", content_type="text/plain")
    assert isinstance(caught.value, Error) and caught.value.hint_key == "use-mqtt-5"


def test_a_spool_keeps_messages(topic: str, tmp_path: pathlib.Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=1 << 20, sync="system", set_aside_damaged=True)
    with Client.from_env(spool=spool) as client, Client.from_env() as receiver:
        receiver.subscribe(topic)
        assert client.config.spool == tmp_path / "spool"
        client.publish(topic, "a")
        client.enqueue(topic, "b").wait()
        client.try_enqueue(topic, "c").wait()
        results = list(client.publish_each(Outgoing(topic, str(number)) for number in range(300)))
        assert results == [Receipt(1)] * 300
        until(lambda: receiver.stats().received == 303)
        with pytest.raises(Error) as caught:
            Client.from_env(spool=spool)
        assert caught.value.kind is ErrorKind.SPOOL and caught.value.stage == "spool"
