"""An emulator that its command line has started, as its environment describes it, and Paho clients of it."""

import base64
import hashlib
import hmac
import json
import os
import queue
import sys
import urllib.parse
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties

# The calls of the control API stand in the example that users read.
sys.path.insert(0, str(Path(__file__).parents[3] / "examples"))
from forbid_a_topic import TIMEOUT, control, log_position, seen  # noqa: E402, F401

KEY = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
SECRET = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
INSTANCE = os.environ["ALIYUN_MQTT_INSTANCE_ID"]
GROUP = os.environ["ALIYUN_MQTT_GROUP_ID"]
PARENT = os.environ["ALIYUN_MQTT_TOPIC"]
API = urllib.parse.urlsplit(os.environ["ALIYUN_MQTT_API_ENDPOINT"]).netloc
CA_FILE = os.environ["ALIYUN_MQTT_CA_FILE"]
ENDPOINTS = control("GET", "/settings")["endpoints"]


def sign(client_id, secret=SECRET):
    return base64.b64encode(hmac.new(secret.encode(), client_id.encode(), hashlib.sha1).digest()).decode()


class Device:
    """A Paho client. What happens to it is put into a queue, in order; its tests wait for that."""

    def __init__(self, client_id, username=None, password=None, *, version=mqtt.MQTTv311, transport="tcp", clean=True):
        self.id = client_id
        self.events = queue.Queue()
        endpoint = urllib.parse.urlsplit(ENDPOINTS[transport])
        is_v5 = version == mqtt.MQTTv5
        self.client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            clean_session=None if is_v5 else clean,
            transport="websockets" if endpoint.path else "tcp",
            reconnect_on_failure=False,
        )
        username = f"Signature|{KEY}|{INSTANCE}" if username is None else username
        self.client.username_pw_set(username, sign(client_id) if password is None else password)
        if transport in ("tls", "wss"):
            self.client.tls_set(CA_FILE)
        put = self.events.put
        self.client.on_connect = lambda client, data, flags, code, properties: put(
            ("connected", code.value, flags.session_present)
        )
        self.client.on_disconnect = lambda client, data, flags, code, properties: put(("disconnected",))
        self.client.on_publish = lambda client, data, mid, code, properties: put(("published", mid))
        self.client.on_subscribe = lambda client, data, mid, codes, properties: put(
            ("subscribed", [code.value for code in codes])
        )
        self.client.on_message = lambda client, data, message: put(("message", message))
        options = {}
        if is_v5:
            options["clean_start"] = clean
            options["properties"] = Properties(mqtt.PacketTypes.CONNECT)
            options["properties"].SessionExpiryInterval = 0 if clean else 600
        self.client.connect(endpoint.hostname, endpoint.port, **options)
        self.client.loop_start()

    def next(self, name):
        """Waits for the next event, which must have this name, and returns what belongs to it."""
        event = self.events.get(timeout=TIMEOUT)
        assert event[0] == name, event
        return event[1] if len(event) == 2 else event[1:]

    def logged_in(self, code=0, session_present=False):
        assert self.next("connected") == (code, session_present)
        return self

    def subscribe(self, filter, qos=1):
        """Subscribes, and returns what is granted."""
        self.client.subscribe(filter, qos)
        return self.next("subscribed")[0]

    def publish(self, topic, payload, qos=1, **options):
        """Publishes, and waits for the acknowledgement."""
        mid = self.client.publish(topic, payload, qos, **options).mid
        assert self.next("published") == mid

    def message(self, topic, payload, qos=1):
        """Waits for this message and returns it."""
        message = self.next("message")
        assert (message.topic, message.payload, message.qos) == (topic, payload, qos)
        return message

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
