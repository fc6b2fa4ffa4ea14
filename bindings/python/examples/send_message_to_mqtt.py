"""Subscribes, publishes ten messages, and receives them."""

import os
import sys

from aliyun_mqtt import Client, Error

COUNT = 10
PATIENCE = 10


def run() -> None:
    with Client.from_env() as client:
        print(f"connected to {client.config.endpoint} as {client.config.client_id}")

        # One filter for all topics below it; a client may have 30 filters.
        parent = os.environ["ALIYUN_MQTT_TOPIC"]
        granted = client.subscribe(f"{parent}/message/#")
        print(f"subscribed, granted QoS {granted:d}")

        for number in range(COUNT):
            # Returns without waiting for the acknowledgement; `flush` waits for all of them.
            client.enqueue(f"{parent}/message/{number}", f"message {number}")
        client.flush(PATIENCE)
        print(f"published {COUNT} messages, all acknowledged")

        for _ in range(COUNT):
            message = client.recv(PATIENCE)
            if message is None:
                sys.exit("failed: no message came within 10 seconds")
            print(f"received on {message.topic}: {message.payload.decode(errors='replace')}")
    print("done")


if __name__ == "__main__":
    try:
        run()
    except Error as error:
        sys.exit(f"failed: {error}")
