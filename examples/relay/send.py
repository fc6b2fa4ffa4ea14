"""Sends a message, receives it, and acknowledges it: with http.client of Python's standard library.

    RELAY_SOCKET=/run/aliyun-mqtt/relay.sock RELAY_TOPIC=demo/hello python3 send.py
"""

import http.client
import json
import os
import socket
import urllib.parse
import uuid


class Relay(http.client.HTTPConnection):
    """A connection to the Unix socket of the relay."""

    def __init__(self, path, timeout=40):
        super().__init__("relay", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def call(self, method, path, body=None, headers={}, **query):
        self.request(method, f"{path}?{urllib.parse.urlencode(query)}", body, headers)
        response = self.getresponse()
        text = response.read()
        answer = json.loads(text) if text else {}
        if response.status >= 400:
            raise RuntimeError(f"{answer['title']}: {answer['detail']} (fate: {answer.get('fate')})")
        return response.status, answer


topic = os.environ["RELAY_TOPIC"]
relay = Relay(os.environ["RELAY_SOCKET"])
# With the key, the call may be repeated without sending the message twice.
status, answer = relay.call(
    "POST", "/v1/messages", b"Hello from Python", {"Idempotency-Key": str(uuid.uuid4())}, topic=topic, wait=10
)
print(status, answer["fate"])

status, answer = relay.call("GET", "/v1/messages", filter=topic, max=1, wait=10)
[message] = answer["messages"]
print(message["topic"], message["payload"])
relay.call("DELETE", f"/v1/messages/{message['id']}")
print("acknowledged", message["id"])
