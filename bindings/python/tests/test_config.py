"""Settings."""

from __future__ import annotations

import pathlib
from datetime import timedelta
from typing import Any

import pytest

from aliyun_mqtt import (
    AckMode,
    Client,
    Config,
    Credentials,
    Error,
    ErrorKind,
    Limits,
    Network,
    Outgoing,
    Protocol,
    Settings,
    Spool,
    openapi,
)

CREDENTIALS = Credentials.signature("id", "not-to-be-shown")

#: Every setting once, with a value, and what the configuration then says; ``...`` where it says nothing.
SETTINGS: dict[str, tuple[Any, Any]] = {
    "endpoint": ("mqtts://127.0.0.1:8883", "mqtts://127.0.0.1:8883"),
    "instance_id": ("post-cn-x", "post-cn-x"),
    "group_id": ("GID_demo", ...),
    "device_id": ("1", ...),
    "client_id": ("GID_demo@@@9", ...),
    "credentials": (CREDENTIALS, ...),
    "protocol": ("5", Protocol.V5),
    "clean_session": (False, False),
    "session_expiry": (3600, 3600.0),
    "receive_maximum": (10, 10),
    "keep_alive": (30, 30.0),
    "timeout": (timedelta(seconds=5), 5.0),
    "window": (50, 50),
    "max_window": (200, 200),
    "limits": (Limits(payload_len=1 << 20, inbox_messages=5), ...),
    "max_publish_rate": (20, 20.0),
    "ordered": (True, True),
    "ack_mode": ("manual", AckMode.MANUAL),
    "message_age": (60, 60.0),
    "refusal_patience": (0, 0.0),
    "refused_topic_pause": (1.5, 1.5),
    "backoff": ((0.5, timedelta(seconds=60)), (0.5, 60.0)),
    "token_renewal": (0.5, 0.5),
    "deliver_notices": (True, True),
    "response_topic": ("demo/replies", "demo/replies"),
    "spool": (Spool("/nowhere/spool", sync=0.5), pathlib.Path("/nowhere/spool")),
    "network": (Network(proxy="http://127.0.0.1:3128"), ...),
    "proxy": ("http://user:not-to-be-shown@127.0.0.1:3128", "127.0.0.1:3128"),
    "proxy_credentials": (("user", "not-to-be-shown"), ...),
    "proxy_from_env": (True, ...),
    "ca_file": (["ca.pem"], ...),
    "ca_pem": (b"pem", ...),
    "system_roots": (False, ...),
    "client_certificate_files": (("cert.pem", pathlib.Path("key.pem")), ...),
    "client_certificate_pem": ((b"cert", "key"), ...),
}

BASE: dict[str, Any] = {
    "endpoint": "mqtts://127.0.0.1:8883",
    "instance_id": "post-cn-x",
    "group_id": "GID_demo",
    "device_id": "1",
    "credentials": CREDENTIALS,
}

#: Settings that others must accompany.
TOGETHER: dict[str, dict[str, Any]] = {
    "session_expiry": {"protocol": "5", "clean_session": False},
    "receive_maximum": {"protocol": Protocol.V5},
    "proxy_credentials": {"proxy": "http://127.0.0.1:3128"},
}

#: Settings whose values reach the library, which refuses them here.
REFUSED = {"client_id", "ca_file", "ca_pem", "client_certificate_files", "client_certificate_pem", "system_roots"}


def test_the_list_of_settings_is_complete() -> None:
    assert set(SETTINGS) == set(Settings.__annotations__)


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - REFUSED))
def test_every_setting_is_accepted(name: str) -> None:
    value, expected = SETTINGS[name]
    config = Config(**{**BASE, **TOGETHER.get(name, {}), name: value})
    if expected is not ...:
        found = getattr(config, name)
        assert expected in found if name == "proxy" else found == expected
    assert "shown" not in repr(config)
    same = config.replace()
    assert same.endpoint == config.endpoint and same.client_id == config.client_id == "GID_demo@@@1"


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_setting_reaches_the_library(name: str) -> None:
    try:
        Config(**{**BASE, name: SETTINGS[name][0]})
    except Error as error:
        assert error.kind is ErrorKind.CONFIG


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_wrong_type_names_the_setting(name: str) -> None:
    for wrong in (object(), [object()]):
        with pytest.raises(TypeError, match=name):
            Config(**{**BASE, name: wrong})
    # None counts as not given.
    Config(**{**BASE, "device_id": None, **({} if name in BASE else {name: None})})


def test_an_unknown_setting_is_named() -> None:
    for make in (Config, Config.from_env, Client, Client.from_env, Config(**BASE).replace):
        with pytest.raises(TypeError, match="unknown setting 'endpiont'; did you mean 'endpoint'"):
            make(endpiont="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="regoin"):
        openapi.Api(regoin="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="not both"):
        Client(Config(**BASE), timeout=1)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"timeout": 0.5}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"keep_alive": 1}, "keep_alive"),
        ({"window": 0}, "window"),
        ({"window": -1}, "window"),
        ({"window": 1 << 20}, "window"),
        ({"ack_mode": "sometimes"}, "ack_mode"),
        ({"protocol": "4"}, "protocol"),
        ({"spool": Spool("x", sync="never")}, "spool.sync"),
        ({"limits": Limits(filters=-1)}, "limits.filters"),
        ({"session_expiry": 5}, "session_expiry"),
        ({"group_id": "demo"}, "group"),
    ],
)
def test_an_invalid_value_is_a_value_error_that_names_the_setting(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Config(**{**BASE, **settings})


@pytest.mark.parametrize("name", ["endpoint", "instance_id", "group_id", "credentials"])
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        Config(**{key: value for key, value in BASE.items() if key != name})
    assert isinstance(caught.value, Error)
    assert (caught.value.kind, caught.value.missing_setting) == ("config", name)


def test_nested_values_are_checked() -> None:
    with pytest.raises(TypeError, match=r"limits\.filters"):
        Config(**BASE, limits=Limits(filters="x"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"network\.proxy"):
        Config(**BASE, network=Network(proxy=1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"spool\.path"):
        Config(**BASE, spool=Spool(1))  # type: ignore[arg-type]


def test_limits_are_read_back() -> None:
    defaults = Config(**BASE).limits
    assert (defaults.topic_len, defaults.payload_len, defaults.filters) == (128, 65536, 30)
    assert None not in vars(defaults).values()
    changed = Config(**BASE, limits=Limits(filters=31)).limits
    assert changed == Limits(**{**vars(defaults), "filters": 31})


def test_a_network_and_a_change_of_it() -> None:
    network = Network(proxy="http://user:not-to-be-shown@127.0.0.1:1", system_roots=True)
    assert "shown" not in repr(network)
    config = Config(**BASE, network=network, proxy="http://127.0.0.1:2")
    assert config.proxy is not None and "127.0.0.1:2" in config.proxy
    with pytest.raises(Error, match="no-such-file"):
        Config(**BASE, ca_file=["no-such-file.pem"])


def test_a_message_is_checked_without_a_connection() -> None:
    config = Config(**BASE)
    config.check(Outgoing("demo/a", "x"))
    with pytest.raises(ValueError):
        config.check(Outgoing("demo/#", "x"))


def test_the_environment_and_what_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Config.from_env(timeout=7).timeout == 7
    monkeypatch.delenv("ALIYUN_MQTT_ENDPOINT")
    with pytest.raises(ValueError, match="ALIYUN_MQTT_ENDPOINT"):
        Config.from_env()
    assert Config.from_env(endpoint="mqtt://127.0.0.1:1").endpoint == "mqtt://127.0.0.1:1"
