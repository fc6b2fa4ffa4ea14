"""Credentials, and providers written in Python."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aliyun_mqtt import Client, Credentials, Error, ErrorKind, Token, TokenKind, openapi

from .conftest import PATIENCE


def key() -> tuple[str, str]:
    return os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]


def token() -> Token:
    return Token.parse(os.environ["TEST_TOKEN"])


def test_a_provider_is_asked_at_the_connect(topic: str) -> None:
    threads = []

    def ask() -> Credentials:
        threads.append(threading.current_thread())
        return Credentials.signature(*key())

    with Client.from_env(credentials=Credentials.provider(ask)) as client:
        client.publish(topic, "x")
    assert threads and threading.main_thread() not in threads


@pytest.mark.parametrize("on_main_thread", [True, False])
def test_a_provider_that_raises_is_the_cause(on_main_thread: bool) -> None:
    def ask() -> Credentials:
        raise KeyError("no such entry")

    found: list[Error] = []

    def connect() -> None:
        with pytest.raises(Error) as caught:
            Client.from_env(credentials=Credentials.provider(ask))
        found.append(caught.value)

    if on_main_thread:
        connect()
    else:
        thread = threading.Thread(target=connect)
        thread.start()
        thread.join(PATIENCE)
    error = found[0]
    assert (error.kind, error.stage) == (ErrorKind.CREDENTIALS, "credentials")
    assert "KeyError: 'no such entry'" in str(error)
    cause = error.__cause__
    assert isinstance(cause, KeyError) and cause.__traceback__ is not None
    assert cause.__traceback__.tb_next is not None and cause.__traceback__.tb_next.tb_frame.f_code.co_name == "ask"


def test_an_error_of_the_library_keeps_its_properties() -> None:
    def ask() -> Credentials:
        raise _retryable()

    with pytest.raises(Error) as caught:
        Client.from_env(credentials=Credentials.provider(ask))
    assert caught.value.kind is ErrorKind.CREDENTIALS and caught.value.is_retryable
    assert isinstance(caught.value.__cause__, ConnectionError)


def _retryable() -> Error:
    with pytest.raises(Error) as caught:
        Client.from_env(endpoint="mqtt://127.0.0.1:1")
    return caught.value


@pytest.mark.parametrize("value", [None, 1, "text", [1], object()])
def test_a_provider_that_returns_something_else(value: Any) -> None:
    for credentials in (Credentials.provider(lambda: value), Credentials.token_provider("id", lambda: value)):
        with pytest.raises(Error, match="must be") as caught:
            Client.from_env(credentials=credentials)
        assert isinstance(caught.value.__cause__, TypeError)


def test_a_provider_that_takes_too_long_and_then_ends() -> None:
    go_on = threading.Event()

    def ask() -> Credentials:
        go_on.wait(PATIENCE)
        raise SystemExit

    with pytest.raises(TimeoutError) as caught:
        Client.from_env(credentials=Credentials.provider(ask), timeout=1)
    assert isinstance(caught.value, Error) and caught.value.stage == "credentials"
    go_on.set()


def test_a_provider_that_uses_another_client(topic: str) -> None:
    with Client.from_env() as other:

        def ask() -> Credentials:
            other.publish(topic, "x")
            return Credentials.signature(*key())

        with Client.from_env(credentials=Credentials.provider(ask)) as client:
            client.publish(topic, "y")


def test_many_connect_while_the_interpreter_is_busy(topic: str) -> None:
    """No deadlock when another thread holds the GIL as long as it may."""
    stop = False

    def burn() -> None:
        while not stop:
            sum(range(1_000))

    burners = [threading.Thread(target=burn) for _ in range(2)]
    for burner in burners:
        burner.start()
    try:
        for _ in range(3):
            provider = Credentials.provider(lambda: Credentials.signature(*key()))
            with Client.from_env(credentials=provider) as client:
                client.publish(topic, "x")
            # Dropped without a disconnect, with the provider alive.
            client = Client.from_env(credentials=provider)
            del client
    finally:
        stop = True
        for burner in burners:
            burner.join()


def test_tokens_from_a_function(topic: str) -> None:
    id = key()[0]

    def several() -> Iterator[Token]:
        yield Token(TokenKind.READ_WRITE, token().secret, expires_in=3600)

    for credentials in (
        Credentials.token_provider(id, token),
        Credentials.token_provider(id, several),
        Credentials.token_provider(id, lambda: [token()]),
        Credentials.tokens(id, [token()]),
        Credentials.tokens(id, token()),
        Credentials.token(id, os.environ["TEST_TOKEN"]),
    ):
        with Client.from_env(credentials=credentials) as client:
            client.publish(topic, "x")
            client.upload_token(token(), timeout=PATIENCE)


def test_the_chain_logs_in_with_a_permanent_and_with_a_temporary_key(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client.from_env(credentials=Credentials.from_env("chain")) as client:
        client.publish(topic, "x")
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", os.environ["ALIYUN_MQTT_API_ENDPOINT"] + "/credentials")
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("ALIYUN_MQTT_AUTH", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"):
        monkeypatch.delenv(name)
    for credentials in (Credentials.from_env("chain"), Credentials.from_env()):
        with Client.from_env(credentials=credentials) as client:
            client.publish(topic, "x")
    with Client.from_env() as client:
        client.publish(topic, "x")
    with pytest.raises(Error, match="a temporary one, which cannot sign a login") as caught:
        Client.from_env(credentials=Credentials.from_env("signature"))
    assert caught.value.kind == ErrorKind.CREDENTIALS


def test_tokens_that_the_library_applies_for(topic: str) -> None:
    parent = os.environ["ALIYUN_MQTT_TOPIC"]
    requests = [openapi.TokenRequest("RW", [parent, f"{parent}/#"], lifetime=timedelta(hours=1))]
    with Client.from_env(credentials=Credentials.apply_tokens(openapi.Api.from_env(), requests)) as client:
        client.publish(topic, "x")
    with pytest.raises(TypeError, match="openapi.Api"):
        Credentials.apply_tokens("api", requests)  # type: ignore[arg-type]


def test_a_token() -> None:
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(hours=1)
    made = Token("RW", "not-to-be-shown", expires_at=end)
    assert (made.kind, made.expires, made.secret) == (TokenKind.READ_WRITE, end, "not-to-be-shown")
    assert "shown" not in repr(made)
    assert Token("R", "x") == Token.parse("R|x") != Token("W", "x")
    assert Token("R", "x", expires_at=end.timestamp()).expires == end and Token("R", "x").expires is None
    before = time.time()
    life = Token("R", "x", expires_in=60).expires
    assert life is not None and before + 59 < life.timestamp() < time.time() + 61
    for wrong in ({"kind": "X"}, {"expires_in": -1}, {"expires_at": datetime(2030, 1, 1)}):
        with pytest.raises(ValueError):
            Token(**{"kind": "R", "text": "x", **wrong})  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Token("R", "x", expires_in=1, expires_at=end)


def test_credentials_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = "not-to-be-shown"
    for credentials in (
        Credentials.signature("id", hidden),
        Credentials.device("id", hidden),
        Credentials.token("id", f"RW|{hidden}"),
        Credentials.tokens("id", Token("R", hidden)),
        Credentials.custom_plain("user", hidden),
        Credentials.custom_signed("user", hidden),
        Credentials.provider(lambda: Credentials.signature("id", hidden)),
        Credentials.from_env(),
        Credentials.from_env("signature"),
    ):
        assert "shown" not in repr(credentials) and key()[1] not in repr(credentials)
    with pytest.raises(ValueError, match="ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID"):
        Credentials.from_env("device")
    monkeypatch.setenv("ALIYUN_MQTT_AUTH", "device")
    with pytest.raises(ValueError, match="ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID"):
        Credentials.from_env()
    with pytest.raises(TypeError, match="callable"):
        Credentials.provider(1)  # type: ignore[arg-type]
