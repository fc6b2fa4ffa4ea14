"""A test of a client in Python against the emulator: a topic is forbidden, the client notices, and it is allowed again.

Needs Paho (`pip install paho-mqtt pytest`). Runs with the variables of an emulator that has a control API:

    aliyun-mqtt emulator --control-port 0 -- pytest emulator/examples/forbid_a_topic.py

Nothing here sleeps: the test waits for what the client sees, and for what the emulator saw.
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import urllib.parse
import urllib.request

import paho.mqtt.client as mqtt
import pytest

TIMEOUT = 20


def control(method, path, body=None):
    """Calls the control API and returns its answer."""
    request = urllib.request.Request(
        os.environ["ALIYUN_MQTT_EMULATOR_CONTROL_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN"],
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=2 * TIMEOUT) as answer:
        return json.load(answer)


def log_position():
    return control("GET", "/settings")["log"]["next"]


def seen(since, what, client_id):
    """Waits until the emulator has seen this, and returns its log entry."""
    query = urllib.parse.urlencode({"since": since, "what": what, "client_id": client_id, "wait": TIMEOUT, "max": 1})
    entries = control("GET", "/log?" + query)["entries"]
    assert entries, f"the emulator has not seen {what}"
    return entries[0]


class Device:
    """A connected client that logs in by signature."""

    def __init__(self):
        self.id = os.environ["ALIYUN_MQTT_GROUP_ID"] + "@@@python"
        secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"].encode()
        password = base64.b64encode(hmac.new(secret, self.id.encode(), hashlib.sha1).digest()).decode()
        key, instance = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIYUN_MQTT_INSTANCE_ID"]
        self.events = queue.Queue()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self.id, reconnect_on_failure=False)
        self.client.username_pw_set(f"Signature|{key}|{instance}", password)
        self.client.on_connect = lambda *arguments: self.events.put(("connected", arguments[3].value))
        self.client.on_disconnect = lambda *arguments: self.events.put(("disconnected", None))
        self.client.on_publish = lambda *arguments: self.events.put(("published", None))
        endpoint = urllib.parse.urlsplit(os.environ["ALIYUN_MQTT_ENDPOINT"])
        self.client.connect(endpoint.hostname, endpoint.port)
        self.client.loop_start()
        assert self.next() == ("connected", 0)

    def next(self):
        return self.events.get(timeout=TIMEOUT)

    def publish(self, topic):
        self.client.publish(topic, "Hello", qos=1)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def topic():
    """A topic that is allowed again whatever the test does."""
    name = os.environ["ALIYUN_MQTT_TOPIC"] + "/orders"
    yield name
    control("POST", "/allow", {"filter": name})


def test_a_forbidden_topic_closes_the_connection(topic):
    since = log_position()
    control("POST", "/forbid", {"filter": topic})
    device = Device()
    device.publish(topic)
    # All that the client learns, as with the service: its connection is closed.
    assert device.next() == ("disconnected", None)
    device.close()
    # The emulator tells why.
    violation = seen(since, "violation", device.id)
    assert violation["topic"] == topic and "forbidden" in violation["reason"]

    assert control("POST", "/allow", {"filter": topic})["allowed"]
    since = log_position()
    device = Device()
    device.publish(topic)
    assert device.next() == ("published", None)
    assert seen(since, "published", device.id)["payload"]["text"] == "Hello"
    device.close()
