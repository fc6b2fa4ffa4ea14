"""Sends a message to one client by its client id. The receiver subscribes to nothing.

It plays both sides, and therefore sets two device ids itself.
"""

import os
import sys

from aliyun_mqtt import Client, Error


def connect(device_id: str) -> Client:
    client = Client.from_env(device_id=device_id)
    print(f"connected to {client.config.endpoint} as {client.config.client_id}")
    return client


def run() -> None:
    with connect("p2p_receiver") as receiver, connect("p2p_sender") as sender:
        target = receiver.config.client_id
        sender.send_p2p(os.environ["ALIYUN_MQTT_TOPIC"], target, "just for you")
        print(f"sent to {target}")

        message = receiver.recv(10)
        if message is None:
            sys.exit("failed: no message came within 10 seconds")
        print(f"received on {message.topic}: {message.payload.decode(errors='replace')}")
    print("done")


if __name__ == "__main__":
    try:
        run()
    except Error as error:
        sys.exit(f"failed: {error}")
