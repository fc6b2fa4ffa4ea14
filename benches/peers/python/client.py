"""Python's paho-mqtt, with its own thread: `client.py publish name=value...`."""

import json
import resource
import sys
import threading
import time

import paho.mqtt.client as mqtt

role, values = sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])
assert role == "publish", "no other role"
qos, count = int(values.get("qos", 1)), int(values["count"])
payload = b"x" * int(values.get("size", 64))

connected, finished, done = threading.Event(), threading.Event(), 0


def on_publish(client, data, message, *_):
    global done
    done += 1
    if done == count:
        finished.set()


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="GID_bench@@@client")
client.max_inflight_messages_set(int(values.get("window", 100)))
client.on_connect = lambda *_: connected.set()
client.on_publish = on_publish
client.connect("127.0.0.1", int(values["port"]))
client.loop_start()
connected.wait()
used, started = cpu(), time.monotonic()
for number in range(1, count + 1):
    client.publish("demo/bench", payload, max(qos, 1) if number == count else qos)
finished.wait()
print(json.dumps({"count": count, "lost": 0, "seconds": time.monotonic() - started, "cpu": cpu() - used}))
client.disconnect()
client.loop_stop()
