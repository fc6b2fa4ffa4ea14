"""Sends messages in ordered mode: the service keeps the messages of this connection in one sequence.

On the real service the parent topic must be of the ordered type, and the sequence is seen by a RocketMQ consumer of
that topic; among MQTT receivers the service promises no strict order.
"""

import itertools
import os
import sys

from aliyun_mqtt import Client, Error

COUNT = 5


def run() -> None:
    # Each connect enables ordered mode before anything else is sent.
    with Client.from_env(ordered=True) as client:
        print(f"connected to {client.config.endpoint} as {client.config.client_id}")

        topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/order"
        client.subscribe(topic)
        for number in range(1, COUNT + 1):
            client.publish(topic, f"step {number}")
            print(f"published step {number}")
        for message in itertools.islice(client.messages(idle=10), COUNT):
            print(f"received on {message.topic}: {message.payload.decode(errors='replace')}")
    print("done")


if __name__ == "__main__":
    try:
        run()
    except Error as error:
        sys.exit(f"failed: {error}")
