"""Receiving, requests, events."""

from __future__ import annotations

import os
import threading

import pytest

import aliyun_mqtt
from aliyun_mqtt import Client, Error, ErrorKind, QoS, SubscribeOptions, events

from .conftest import PATIENCE, PROTOCOL, until


def test_recv_waits_for_a_time(client: Client) -> None:
    assert client.try_recv() is None
    assert client.recv(timeout=0) is None
    assert client.recv(timeout=0.01) is None
    assert list(client.messages(idle=0.01)) == []


def test_messages_end_with_the_client(topic: str) -> None:
    client = Client.from_env()
    client.subscribe(topic)
    for number in range(3):
        client.publish(topic, str(number))
    seen = []
    for message in client.messages():
        seen.append(message.payload)
        if len(seen) == 3:
            client.disconnect()
    assert seen == [b"0", b"1", b"2"]
    with pytest.raises(Error) as caught:
        client.recv()
    assert caught.value.kind is ErrorKind.CLOSED


def test_a_message_has_everything(client: Client, topic: str) -> None:
    client.subscribe(f"{topic}/+")
    client.publish(f"{topic}/a", b"\xff")
    message = client.recv()
    assert (message.topic, message.payload, message.qos) == (f"{topic}/a", b"\xff", QoS.AT_LEAST_ONCE)
    assert message.payload is message.payload
    assert (message.is_duplicate, message.is_retained, message.user_properties) == (False, False, [])
    assert message.request() is None and message.content_type is None
    with pytest.raises(UnicodeDecodeError):
        message.payload_str()
    with pytest.raises(ValueError):
        message.json()
    assert topic in repr(message)
    message.ack()


def test_acknowledging_by_hand(topic: str) -> None:
    with Client.from_env(ack_mode="manual") as client:
        client.subscribe(topic)
        client.publish(topic, "x")
        message = client.recv()
        assert client.stats().unacknowledged == 1
        message.ack()
        message.ack()
        until(lambda: client.stats().unacknowledged == 0)


def test_a_subscription_gets_its_messages_instead(client: Client, topic: str) -> None:
    with client.subscription(f"{topic}/a") as subscription, client.subscription(f"{topic}/b", 0) as rest:
        assert subscription.filter == f"{topic}/a" and topic in repr(subscription)
        client.publish(f"{topic}/a", "a")
        client.publish(f"{topic}/b", "b")
        assert subscription.recv().payload == b"a"
        message = rest.recv(PATIENCE)
        assert message is not None and message.payload == b"b"
        assert subscription.try_recv() is None and list(rest.messages(idle=0)) == []
        client.publish(f"{topic}/a", "c")
        for message in subscription:
            assert message.payload == b"c"
            break
    subscription.close()
    with pytest.raises(ValueError, match="closed"):
        subscription.recv()


def test_several_filters(client: Client, topic: str) -> None:
    filters: list[tuple[str, int | SubscribeOptions]] = [(f"{topic}/a", 0), (f"{topic}/b", SubscribeOptions(qos=2))]
    assert client.subscribe_many(filters) == [0, 2]
    client.unsubscribe(f"{topic}/a")
    client.unsubscribe(f"{topic}/b", timeout=PATIENCE)
    with pytest.raises(ValueError):
        client.subscribe("a/#/b")


def test_requests(client: Client, topic: str) -> None:
    with Client.from_env() as replier:
        replier.subscribe(f"{topic}/#")

        def reply() -> None:
            for message in replier.messages(idle=PATIENCE):
                request = message.request()
                assert request is not None
                if request.payload == b"stop":
                    replier.publish(request.reply("stopped"))
                    return
                assert request.is_enveloped or PROTOCOL == "5"
                assert request.correlation_data and request.response_topic
                replier.reply(message, request.payload + b"!", timeout=PATIENCE)

        thread = threading.Thread(target=reply)
        thread.start()
        assert client.request(topic, "a", PATIENCE).request() is None
        assert client.request(f"{topic}/x", b"b", timeout=PATIENCE, envelope=True).payload.endswith(b"b!")
        parent = os.environ["ALIYUN_MQTT_TOPIC"]
        reply_message = client.request_p2p(parent, replier.config.client_id, "c", PATIENCE)
        assert reply_message.payload.endswith(b"c!")
        assert client.request(topic, "stop").payload.endswith(b"stopped")
        thread.join(PATIENCE)
        with pytest.raises(TimeoutError) as caught:
            client.request(topic, "x", timeout=0.2)
        assert isinstance(caught.value, Error)
        assert (caught.value.stage, caught.value.fate) == ("reply", "delivered")
        plain = client.enqueue(topic, "no request")
        plain.wait()
        message = replier.recv()
        while message.request() is not None:
            message = replier.recv()
        with pytest.raises(ValueError, match="not a request"):
            replier.reply(message, "x")


def test_events(topic: str) -> None:
    client = Client.from_env()
    listener = client.events()
    assert listener.try_recv() is None and listener.recv(timeout=0.01) is None and listener.dropped == 0
    client.disconnect()
    seen = list(listener)
    assert isinstance(seen[-1], events.Ended) and seen[-1].reason.kind is ErrorKind.CLOSED
    assert listener.recv() is None


def test_a_lost_connection_is_an_event_with_its_reason() -> None:
    with Client.from_env(device_id="twin") as client:
        listener = client.events()
        with Client.from_env(device_id="twin"):
            event = listener.recv(PATIENCE)
            assert isinstance(event, events.Disconnected) and event.retry_in is not None
            assert isinstance(event.reason, ConnectionError) and isinstance(event.reason, Error)
        until(lambda: isinstance(listener.recv(PATIENCE), events.Connected))
        assert client.is_connected and client.stats().connections > 1


def test_a_closer_ends_every_wait(topic: str) -> None:
    client = Client.from_env()
    closer = client.closer()
    found: list[object] = []

    def receive() -> None:
        try:
            client.recv()
        except Error as error:
            found.append(error.kind)

    threads = [threading.Thread(target=receive) for _ in range(3)]
    threads.append(threading.Thread(target=lambda: found.append(list(client.messages()))))
    for thread in threads:
        thread.start()
    closer.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert found.count(ErrorKind.CLOSED) == 3 and [] in found
    with pytest.raises(Error) as caught:
        client.publish(topic, "x")
    assert (caught.value.kind, caught.value.fate) == (ErrorKind.CLOSED, "not sent")
    client.disconnect()
    client.disconnect()


def test_stats_and_reprs(client: Client) -> None:
    stats = client.stats()
    assert stats.connections == 1 and stats.window >= 100 and stats.stranded_workers == 0
    assert client.is_connected and client.config.client_id in repr(client)
    for text in map(repr, (client, client.config, client.config.credentials, client.events(), client.closer())):
        assert "aliyun_mqtt" in text and os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] not in text


def test_topics() -> None:
    assert aliyun_mqtt.topic_matches("a/+/#", "a/b/c") and not aliyun_mqtt.topic_matches("a/+", "a/b/c")
    assert aliyun_mqtt.p2p_topic("demo", "GID_demo@@@1") == "demo/p2p/GID_demo@@@1"
    with pytest.raises(ValueError):
        aliyun_mqtt.p2p_topic("a/b", "c")
