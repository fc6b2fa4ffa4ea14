"""What a call costs: through this package, in Rust, and with Paho.

Every client speaks MQTT 3.1.1 over TCP at QoS 1 to the same broker, in turns, with payloads of 100 bytes:

* ``one``: one message at a time; each waits for its acknowledgement
* ``pipeline``: all messages queued, then one wait for all
* ``each``: ``publish_each``
* ``recv``: takes messages that wait in the inbox

A row is the median of the rounds, in microseconds per message: wall time, and time of the processor in this process.
The broker is the one that the environment names, such as the emulator's; the rows of Rust come from the program that
``--rust`` names: the example ``calls`` of this directory's package.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import Callable
from urllib.parse import urlsplit

from aliyun_mqtt import Client, Credentials, Limits, Outgoing

PAYLOAD = b"x" * 100
Case = Callable[[int], None]


def ours() -> dict[str, Case]:
    topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/bench"
    limits = Limits(outbox_messages=1_000_000, outbox_bytes=1 << 30, inbox_messages=1_000_000, inbox_bytes=1 << 30)
    sender = Client.from_env(limits=limits, window=1_000)
    receiver = Client.from_env(limits=limits)

    def one(count: int) -> None:
        for _ in range(count):
            sender.publish(topic, PAYLOAD)

    def pipeline(count: int) -> None:
        for _ in range(count):
            sender.enqueue(topic, PAYLOAD)
        sender.flush()

    def each(count: int) -> None:
        for _ in sender.publish_each(Outgoing(topic, PAYLOAD) for _ in range(count)):
            pass

    def prepare(count: int) -> None:
        receiver.subscribe(f"{topic}/recv")
        for _ in sender.publish_each(Outgoing(f"{topic}/recv", PAYLOAD) for _ in range(count)):
            pass
        while receiver.stats().inbox_messages < count:
            time.sleep(0.01)

    def recv(count: int) -> None:
        for _ in range(count):
            assert receiver.recv(10) is not None

    recv.prepare = prepare  # type: ignore[attr-defined]
    return {"one": one, "pipeline": pipeline, "each": each, "recv": recv}


def paho() -> dict[str, Case]:
    import paho.mqtt.client as mqtt

    topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/bench"
    key, secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    instance, group = os.environ["ALIYUN_MQTT_INSTANCE_ID"], os.environ["ALIYUN_MQTT_GROUP_ID"]
    address = urlsplit(os.environ["ALIYUN_MQTT_ENDPOINT"])

    def connect(device: str) -> mqtt.Client:
        import base64
        import hashlib
        import hmac

        id = f"{group}@@@{device}"
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=id)
        password = base64.b64encode(hmac.new(secret.encode(), id.encode(), hashlib.sha1).digest()).decode()
        client.username_pw_set(f"Signature|{key}|{instance}", password)
        client.max_inflight_messages_set(1_000)
        client.max_queued_messages_set(0)
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.connect(address.hostname or "", address.port or 1883)
        client.loop_start()
        assert connected.wait(10)
        return client

    sender = connect("paho_sender")

    def one(count: int) -> None:
        for _ in range(count):
            sender.publish(topic, PAYLOAD, 1).wait_for_publish()

    def pipeline(count: int) -> None:
        messages = [sender.publish(topic, PAYLOAD, 1) for _ in range(count)]
        for message in messages:
            message.wait_for_publish()

    return {"one": one, "pipeline": pipeline}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000, help="messages in a round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rust", help="the program that measures the same in Rust")
    options = parser.parse_args()
    clients = {"aliyun_mqtt": ours()}
    try:
        clients["paho"] = paho()
    except ImportError:
        print("without Paho, which is not installed", file=sys.stderr)
    figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for case in ("one", "pipeline", "each", "recv"):
            for name, cases in clients.items():
                if case in cases:
                    prepare = getattr(cases[case], "prepare", None)
                    if prepare is not None:
                        prepare(options.count)
                    begin, used = time.perf_counter(), time.process_time()
                    cases[case](options.count)
                    wall, cpu = time.perf_counter() - begin, time.process_time() - used
                    figures.setdefault((case, name), []).append((wall, cpu))
            if options.rust:
                result = subprocess.run(
                    [options.rust, case, str(options.count)], capture_output=True, text=True, check=True
                ).stdout.split()
                figures.setdefault((case, "rust"), []).append((float(result[0]), float(result[1])))
    print(f"{'case':10}{'client':14}{'us/message':>12}{'CPU us':>10}")
    for (case, name), rounds in figures.items():
        wall = statistics.median(wall for wall, _ in rounds) / options.count * 1e6
        cpu = statistics.median(cpu for _, cpu in rounds) / options.count * 1e6
        print(f"{case:10}{name:14}{wall:12.2f}{cpu:10.2f}")


if __name__ == "__main__":
    main()
