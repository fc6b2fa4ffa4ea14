"""Paho against the emulator: logins, messages, sessions and the rules of the service."""

import json
import os
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from emulator import GROUP, INSTANCE, KEY, PARENT, control, log_position, seen, sign
from paho.mqtt.properties import Properties

VERSIONS = pytest.mark.parametrize("version", [mqtt.MQTTv311, mqtt.MQTTv5], ids=["3.1.1", "5"])


@VERSIONS
@pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
def test_a_message_over_each_transport(device, version, transport):
    a = device(version=version, transport=transport).logged_in()
    topic = f"{PARENT}/{transport}/{version}"
    assert a.subscribe(topic) == 1
    a.client.publish(topic, "你好", qos=1)
    # The message and its acknowledgement come in either order.
    events = {name: value for name, value in (a.events.get(timeout=20) for _ in range(2))}
    assert events["message"].payload.decode() == "你好" and "published" in events


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_each_qos(device, version, qos):
    receiver, sender = device("to", version=version).logged_in(), device("from", version=version).logged_in()
    topic = f"{PARENT}/qos"
    assert receiver.subscribe(topic, 2) == 2
    for payload in (b"", b"\x00\xff", b"x" * 65536):
        sender.publish(topic, payload, qos)
        receiver.message(topic, payload, qos)


@VERSIONS
def test_a_persistent_session_keeps_messages(device, version):
    topic = f"{PARENT}/kept"
    away = device("to", version=version, clean=False).logged_in()
    away.subscribe(topic)
    away.close()
    sender = device("from", version=version).logged_in()
    sender.publish(topic, "while away")
    back = device("to", version=version, clean=False).logged_in(session_present=True)
    back.message(topic, b"while away")


@pytest.mark.parametrize(
    ("username", "password", "v3", "v5"),
    [
        (None, "wrong", 4, 0x86),
        (f"Signature|{KEY}|post-cn-other", None, 5, 0x87),
        (f"Signature|unknown|{INSTANCE}", None, 5, 0x87),
        ("nobody", None, 4, 0x86),
    ],
)
def test_a_bad_login_is_refused(device, username, password, v3, v5):
    since = log_position()
    # Paho shows the codes of 3.1.1 as those of 5.
    for version in (mqtt.MQTTv311, mqtt.MQTTv5):
        refused = device("a", username, password, version=version).logged_in(v5)
        assert seen(since, "login_refused", refused.id)["code"] == v3


def test_logins_are_refused_by_order(device, faults):
    faults("/refuse-logins", code=3, count=1)
    device().logged_in(0x88)
    device("b").logged_in()


def test_p2p_reaches_one_client_without_a_subscription(device):
    target, other, sender = (device(name).logged_in() for name in ("to", "other", "from"))
    other.subscribe(f"{PARENT}/#")
    topic = f"{PARENT}/p2p/{target.id}"
    sender.publish(topic, "for you")
    target.message(topic, b"for you")
    # What comes next to the other one is a message after it.
    sender.publish(f"{PARENT}/all", "for all")
    other.message(f"{PARENT}/all", b"for all")


def test_properties_of_mqtt_5_arrive(device):
    a, b = device("a", version=mqtt.MQTTv5).logged_in(), device("b", version=mqtt.MQTTv5).logged_in()
    topic = f"{PARENT}/properties"
    a.subscribe(topic)
    sent = Properties(mqtt.PacketTypes.PUBLISH)
    sent.UserProperty = [("键", "值"), ("a", "1"), ("a", "2")]
    sent.ResponseTopic, sent.CorrelationData, sent.ContentType = f"{PARENT}/reply", b"\x00\x01", "text/plain"
    b.publish(topic, "x", properties=sent)
    got = a.message(topic, b"x").properties
    for name in ("UserProperty", "ResponseTopic", "CorrelationData", "ContentType"):
        assert getattr(got, name) == getattr(sent, name), name


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("elsewhere/a", "no parent topic"),
        ("$SYS/other", "no such system topic"),
        (f"{PARENT}/a b", "characters"),
    ],
)
def test_a_topic_against_the_rules_closes_the_connection(device, topic, reason):
    since = log_position()
    a = device().logged_in()
    a.client.publish(topic, "x", qos=1)
    assert a.next("disconnected") == ()
    assert reason in seen(since, "violation", a.id)["reason"]


def test_a_payload_above_64_kib_closes_the_connection(device):
    since = log_position()
    a = device().logged_in()
    a.client.publish(f"{PARENT}/large", b"x" * 65537, qos=1)
    assert a.next("disconnected") == ()
    assert "65537" in seen(since, "violation", a.id)["reason"]


def test_a_forbidden_filter_closes_the_connection(device, faults):
    faults("/forbid", filter=f"{PARENT}/secret/#")
    a = device().logged_in()
    a.client.subscribe(f"{PARENT}/secret/a", 1)
    assert a.next("disconnected") == ()
    faults("/allow", filter=f"{PARENT}/secret/#")
    assert device().logged_in().subscribe(f"{PARENT}/secret/a") == 1


@VERSIONS
def test_a_kicked_client_can_come_back(device, version):
    a = device(version=version).logged_in()
    assert control("POST", "/kick", {"client_id": a.id})["kicked"]
    assert a.next("disconnected") == ()
    device(version=version).logged_in()


def test_the_31st_filter_receives_nothing(device):
    since = log_position()
    a, b = device("a").logged_in(), device("b").logged_in()
    for number in range(31):
        assert a.subscribe(f"{PARENT}/many/{number}") == 1
    assert seen(since, "filter_ignored", a.id)["filter"] == f"{PARENT}/many/30"
    for number in (30, 29):
        b.publish(f"{PARENT}/many/{number}", str(number))
    a.message(f"{PARENT}/many/29", b"29")


def test_ordered_messages(device):
    since = log_position()
    a = device().logged_in()
    a.publish("$SYS/enableOrderMsg", json.dumps({"order": "true"}))
    a.publish(f"{PARENT}/order", "x")
    assert seen(since, "published", a.id)["ordered"]


class TestTokens:
    """Tokens whose text the tests choose, through the control API."""

    @staticmethod
    def token(text, permission="RW"):
        body = {"token": text, "permission": permission, "resources": [f"{PARENT}/#"], "lifetime": 3600}
        control("POST", "/tokens", body)
        return f"{permission}|{text}"

    def login(self, device, password, **options):
        return device("a", f"Token|{KEY}|{INSTANCE}", password, **options)

    @VERSIONS
    @pytest.mark.parametrize(("path", "code"), [("/tokens/expire", 2), ("/tokens/revoke", 3)])
    def test_the_end_of_a_token_is_noticed(self, device, version, path, code):
        text = f"{path}-{version}"
        a = self.login(device, self.token(text), version=version).logged_in()
        assert control("POST", path, {"token": text})["known"]
        notice = a.next("message")
        assert notice.topic == "$SYS/tokenInvalidNotice"
        assert json.loads(notice.payload) == {"code": code, "type": "RW"}
        assert a.next("disconnected") == ()
        self.login(device, f"RW|{text}", version=version).logged_in(0x86)

    def test_an_uploaded_token_replaces_the_first(self, device):
        a = self.login(device, self.token("first")).logged_in()
        self.token("second")
        a.publish("$SYS/uploadToken", json.dumps({"token": "second", "type": "RW"}))
        control("POST", "/tokens/revoke", {"token": "first"})
        a.publish(f"{PARENT}/token", "still here")

    def test_a_token_to_read_may_not_write(self, device):
        a = self.login(device, self.token("to-read", "R")).logged_in()
        assert a.subscribe(f"{PARENT}/token") == 1
        a.client.publish(f"{PARENT}/token", "x", qos=1)
        assert json.loads(a.next("message").payload) == {"code": 5, "type": "W"}
        assert a.next("disconnected") == ()


def test_a_custom_identity(device):
    identity = {"username": "python", "secret": "made-up", "sign_mode": "ORIGIN"}
    control("POST", "/custom-identities", identity)
    device("a", "python", "made-up").logged_in()
    assert control("POST", "/custom-identities/remove", {"username": "python"})["removed"]
    device("a", "python", "made-up").logged_in(0x86)


def test_the_ca_is_in_the_settings_too():
    assert control("GET", "/settings")["ca_pem"] == Path(os.environ["ALIYUN_MQTT_CA_FILE"]).read_text()


def test_a_device_credential(device):
    client_id = f"{GROUP}@@@test_a_device_credential_a"
    control(
        "POST",
        "/devices",
        {"client_id": client_id, "access_key_id": "DC.python", "access_key_secret": "DC.made-up"},
    )
    login = (f"DeviceCredential|DC.python|{INSTANCE}", sign(client_id, "DC.made-up"))
    device("a", *login).logged_in()
    assert control("POST", "/devices/remove", {"client_id": client_id})["removed"]
    device("a", *login).logged_in(0x87)
