"""A blocking client for Alibaba Cloud ApsaraMQ for MQTT (微消息队列 MQTT 版): no async, no callbacks.

>>> from aliyun_mqtt import Client, Credentials
>>> with Client(
...     endpoint="post-cn-xxxx.mqtt.aliyuncs.com",
...     instance_id="post-cn-xxxx",
...     group_id="GID_demo",
...     credentials=Credentials.signature("access key id", "access key secret"),
... ) as client:
...     client.subscribe("demo/#")
...     client.publish("demo/hello", "Hello")  # returns once the server has acknowledged this very message
...     for message in client.messages(idle=5):
...         print(message.topic, message.payload)

``Client`` is what a program uses; ``Settings`` lists the settings, ``Error`` the errors, ``events`` what happens in the
background. ``openapi`` is the service's HTTPS API. The log goes to the logger ``aliyun_mqtt`` of ``logging``; topics
and client ids may appear in it, payloads and secrets never, except at the level 5 (trace) of ``aliyun_mqtt.ureq`` and
``aliyun_mqtt.tungstenite``.
"""

from . import events, openapi
from ._client import Client, Events, Stats, Subscription
from ._enums import AckMode, ErrorKind, Fate, Protocol, QoS, Stage, TokenKind
from ._errors import (
    ApiFault,
    Code,
    Error,
    MqttConnectionError,
    MqttConnectTimeoutError,
    MqttTimeoutError,
    MqttValueError,
)
from ._native import (
    Closer,
    Config,
    Credentials,
    Delivery,
    Message,
    Outgoing,
    PublishEach,
    Receipt,
    Request,
    Token,
    p2p_topic,
    topic_matches,
)
from ._settings import Limits, Network, Settings, Spool, SubscribeOptions
from .events import Event

__all__ = [
    "AckMode",
    "ApiFault",
    "Client",
    "Closer",
    "Code",
    "Config",
    "Credentials",
    "Delivery",
    "Error",
    "ErrorKind",
    "Event",
    "Events",
    "Fate",
    "Limits",
    "Message",
    "MqttConnectTimeoutError",
    "MqttConnectionError",
    "MqttTimeoutError",
    "MqttValueError",
    "Network",
    "Outgoing",
    "Protocol",
    "PublishEach",
    "QoS",
    "Receipt",
    "Request",
    "Settings",
    "Spool",
    "Stage",
    "Stats",
    "SubscribeOptions",
    "Subscription",
    "Token",
    "TokenKind",
    "events",
    "openapi",
    "p2p_topic",
    "topic_matches",
]

# Where a class is written is nobody's business: help, repr and pickles name the package.
for _name in __all__:
    if isinstance(globals()[_name], type):
        globals()[_name].__module__ = __name__
del _name
