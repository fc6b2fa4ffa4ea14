"""Errors."""

from __future__ import annotations

import builtins
import os
import pickle
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import aliyun_mqtt
from aliyun_mqtt import ApiFault, Client, Code, Credentials, Error, ErrorKind, Fate, Stage
from aliyun_mqtt._errors import add_note

from .conftest import TRANSPORT


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nobody listens. It is bound meanwhile, so that no server which starts is given it."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


def test_nothing_listens() -> None:
    with closed_port() as port, pytest.raises(ConnectionError) as caught:
        Client.from_env(endpoint=f"mqtt://127.0.0.1:{port}")
    error = caught.value
    assert isinstance(error, aliyun_mqtt.MqttConnectionError) and not isinstance(error, TimeoutError)
    assert (error.kind, error.stage, error.fate) == (ErrorKind.CONNECT, Stage.CONNECT, None)
    assert error.is_retryable and not error.is_timeout and error.hint and error.hint_key == "nothing-listens"
    assert error.hint in str(error) and error.message in str(error) and error.hint not in error.message
    assert isinstance(error.__cause__, OSError) and error.__cause__.errno


def test_a_server_that_is_silent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(TimeoutError) as caught:
            Client.from_env(endpoint=f"mqtt://127.0.0.1:{listener.getsockname()[1]}", timeout=1)
    error = caught.value
    assert isinstance(error, ConnectionError) and isinstance(error, aliyun_mqtt.MqttConnectTimeoutError)
    assert (error.kind, error.stage) == ("timeout", "connack") and error.is_timeout


def test_a_refused_login() -> None:
    with pytest.raises(ConnectionError) as caught:
        Client.from_env(credentials=Credentials.signature("id", "not-to-be-shown"))
    error = caught.value
    assert isinstance(error, Error) and error.kind is ErrorKind.REFUSED
    assert error.code is not None and error.code.origin == "connack" and int(error.code) == error.code.number
    assert str(error.code) in str(error) and "shown" not in f"{error} {error!r}"


def test_a_forbidden_topic_is_a_suspected_refusal_with_its_fate() -> None:
    with Client.from_env(backoff=(0.01, 0.01)) as client, pytest.raises(Error) as caught:
        client.publish("not_permitted/x", "x")
    assert caught.value.kind in (ErrorKind.SUSPECTED_REFUSAL, ErrorKind.REJECTED)
    assert caught.value.fate is Fate.REFUSED and "not_permitted/x" in str(caught.value)


def test_a_deadline_that_passes(topic: str) -> None:
    with Client.from_env(max_publish_rate=0.1) as client:
        client.publish(topic, "x")
        with pytest.raises(TimeoutError) as caught:
            client.publish(topic, "y", timeout=0.2)
        assert isinstance(caught.value, Error) and not isinstance(caught.value, ConnectionError)
        assert (caught.value.stage, caught.value.fate) == ("window", "not sent")


def test_what_leaving_does_not_deliver(topic: str) -> None:
    with pytest.raises(Error) as caught:
        with Client.from_env(timeout=1, max_publish_rate=0.1) as client:
            client.publish(topic, "x")
            client.flush()
            delivery = client.enqueue(topic, "y", timeout=0.2)
            del delivery
    assert caught.value.kind in (ErrorKind.UNDELIVERED, ErrorKind.TIMEOUT)


def test_an_exception_gets_a_note_of_what_was_not_delivered(topic: str) -> None:
    class Own(Exception):
        pass

    with pytest.raises(Own) as caught:
        with Client.from_env(backoff=(0.01, 0.01)) as client:
            client.enqueue("not_permitted/x", "x")
            raise Own
    assert "not_permitted/x" in " ".join(getattr(caught.value, "__notes__"))


def test_notes_without_add_note() -> None:
    class Old(Exception):
        add_note = property()

    error = Old()
    add_note(error, "a")
    add_note(error, "b")
    assert getattr(error, "__notes__") == ["a", "b"]


def test_errors_survive_pickling() -> None:
    with closed_port() as port, pytest.raises(Error) as caught:
        Client.from_env(endpoint=f"mqtt://127.0.0.1:{port}")
    error = caught.value
    add_note(error, "a note")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(error, protocol))
        assert type(copy) is type(error) and str(copy) == str(error) and repr(copy) == repr(error)
        assert isinstance(copy.__cause__, OSError) and getattr(copy, "__notes__") == ["a note"]
        names = ["kind", "message", "fate", "stage", "code", "api", "hint", "hint_key", "missing_setting", "count"]
        for name in [*names, "is_timeout", "is_retryable"]:
            assert getattr(copy, name) == getattr(error, name)
    full = Error("text", kind=ErrorKind.API, code=Code("proxy", 7, "x"), api=ApiFault(500, "a", "b", "c", False))
    copy = pickle.loads(pickle.dumps(full))
    assert copy.code == full.code and copy.api == full.api and copy.api.is_server_failure
    with pytest.raises(TypeError, match="fat"):
        Error("text", fat=1)


def test_the_built_in_names_are_untouched() -> None:
    assert not hasattr(aliyun_mqtt, "TimeoutError") and not hasattr(aliyun_mqtt, "ConnectionError")
    assert issubclass(aliyun_mqtt.MqttTimeoutError, builtins.TimeoutError)


@pytest.mark.parametrize("word", [ErrorKind.CLOSED, Fate.NOT_SENT, Stage.CONNACK])
def test_words_are_texts(word: str) -> None:
    assert str(word) == f"{word}" == word.value  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(word)) is word


def test_a_certificate_that_is_not_trusted() -> None:
    if TRANSPORT not in ("tls", "wss"):
        pytest.skip("needs TLS")
    ca_file = os.environ.pop("ALIYUN_MQTT_CA_FILE")
    try:
        with pytest.raises(ConnectionError) as caught:
            Client.from_env()
        assert isinstance(caught.value, Error) and caught.value.kind is ErrorKind.TLS
    finally:
        os.environ["ALIYUN_MQTT_CA_FILE"] = ca_file
