"""Logs in with a token, and sends one message to itself.

The token is taken from ``ALIYUN_MQTT_TOKEN``; its resources must cover the parent topic (``{topic}/#``). If it is not
set, the library applies for a token with the account's key and renews it. A program on a device must not hold that key.
"""

import os
import sys

from aliyun_mqtt import Client, Credentials, Error


def run() -> None:
    # This login whatever ALIYUN_MQTT_AUTH says; `from_env` alone follows that variable.
    credentials = Credentials.from_env("token")
    with Client.from_env(credentials=credentials) as client:
        print(f"connected to {client.config.endpoint} as {client.config.client_id}")

        topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/token"
        print(f"subscribed to {topic}, granted QoS {client.subscribe(topic):d}")
        # Blocks until the service has acknowledged the message.
        client.publish(topic, "hello")
        print(f"published to {topic}: the service has it")

        message = client.recv(10)
        if message is None:
            sys.exit("failed: no message came within 10 seconds")
        print(f"received on {message.topic}: {message.payload.decode(errors='replace')}")
    print("done")


if __name__ == "__main__":
    try:
        run()
    except Error as error:
        sys.exit(f"failed: {error}")
