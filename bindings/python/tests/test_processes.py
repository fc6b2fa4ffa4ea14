"""Forks, spawned processes, and the end of the interpreter."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import threading
import tracemalloc
from typing import Any

import pytest

from aliyun_mqtt import Client, Config, Credentials, Error, ErrorKind, Outgoing, Token, openapi

from .conftest import PATIENCE, run_python, until

FORK = """
import os, sys, time
from aliyun_mqtt import Client, Error, Outgoing, openapi

topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/fork"
client = Client.from_env()
subscription = client.subscription(topic)
events = client.events()
delivery = client.enqueue(topic, "x")
closer = client.closer()
api = openapi.Api.from_env()
each = client.publish_each(Outgoing(topic, str(n)) for n in range(3))
pid = os.fork()
if pid == 0:
    calls = [
        lambda: client.publish(topic, "x"), lambda: client.enqueue(topic, "x"), lambda: client.try_enqueue(topic, "x"),
        lambda: client.flush(), lambda: client.subscribe(topic), lambda: client.unsubscribe(topic),
        lambda: client.recv(), lambda: client.recv(0), lambda: client.try_recv(), lambda: client.disconnect(),
        lambda: subscription.recv(), lambda: delivery.wait(), lambda: client.request(topic, "x"),
        lambda: api.list_groups(),
    ]
    for call in calls:
        begin = time.monotonic()
        try:
            call()
            print("no error")
        except Error as error:
            assert error.kind == "forked", error
            assert time.monotonic() - begin < 5
    result = next(each)
    assert isinstance(result, Error) and result.kind == "forked"
    assert events.recv() is None and not client.is_connected and client.stats().connections == 0
    closer.close()
    subscription.close()
    repr(client), repr(events)
    with Client.from_env() as own:
        own.publish(topic, "from the child")
    del client, subscription, events, delivery, closer, api, each
    print("child done", flush=True)
    sys.exit(0)
status = os.waitpid(pid, 0)[1]
assert status == 0, status
while subscription.recv(60).payload != b"from the child":
    pass
client.disconnect()
print("parent done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_errors_and_makes_its_own() -> None:
    result = run_python(FORK)
    assert (result.stdout, result.returncode) == ("child done\nparent done\n", 0), result.stderr


def work(topic: str) -> str:
    with Client.from_env() as client:
        client.publish(topic, "x")
        return "published"


def fail(topic: str) -> None:
    with Client.from_env() as client:
        client.publish("a/#", topic)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(method: str, client: Client, topic: str) -> None:
    client.publish(topic, "x")
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(work, [topic] * 4).get(PATIENCE) == ["published"] * 4
        with pytest.raises(ValueError) as caught:
            pool.apply_async(fail, (topic,)).get(PATIENCE)
    assert isinstance(caught.value, Error) and caught.value.kind is ErrorKind.INVALID
    client.publish(topic, "x")


def test_what_belongs_to_a_process_cannot_be_pickled(client: Client, topic: str) -> None:
    client.subscribe(topic)
    client.publish(topic, "x")
    credentials = Credentials.signature("id", "secret")
    things: list[Any] = [
        client,
        client.config,
        credentials,
        client.recv(),
        client.closer(),
        client.events(),
        client.enqueue(topic, "x"),
        client.subscription(f"{topic}/s"),
        client.publish_each([]),
        Outgoing(topic, "x"),
        Token("R", "x"),
        openapi.Api.from_env(),
    ]
    for thing in things:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot pickle aliyun_mqtt"):
                attempt(thing)
    assert pickle.loads(pickle.dumps(client.stats())) is not None
    receipt = client.enqueue(topic, "x").wait()
    assert pickle.loads(pickle.dumps(receipt)) == receipt


EXITS = {
    "a client left open": "client = Client.from_env(); client.enqueue(topic, 'x')",
    "a client in a cycle": "class A: pass\na = A(); a.a = a; a.client = Client.from_env()",
    "a thread that receives": """
client = Client.from_env()
import threading
threading.Thread(target=client.recv, daemon=True).start()
""",
    "a thread that publishes": """
import threading
client = Client.from_env()
def publish():
    while True:
        client.publish(topic, "x")
threading.Thread(target=publish, daemon=True).start()
client.flush()
""",
    "a provider that still runs": """
import time, threading
def ask():
    print("asked", flush=True)
    while True:
        time.sleep(0.001)
def connect():
    Client.from_env(credentials=Credentials.provider(ask), timeout=5)
threading.Thread(target=connect, daemon=True).start()
time.sleep(0.3)
""",
    "a log that is busy": """
import logging
logging.basicConfig(level=1)
client = Client.from_env()
import threading
def publish():
    while True:
        client.publish(topic, "x")
threading.Thread(target=publish, daemon=True).start()
client.flush()
""",
    "a handler that blocks": """
import logging, time
class Slow(logging.Handler):
    # Not emit, in which it would hold a lock that logging itself waits for at the end.
    def handle(self, record):
        time.sleep(1000)
logging.getLogger("aliyun_mqtt").addHandler(Slow())
logging.getLogger("aliyun_mqtt").setLevel("DEBUG")
client = Client.from_env()
client.publish(topic, "x")
""",
    "an exception": "client = Client.from_env(); raise SystemExit(0)",
    "a client that nobody disconnected": "Client.from_env(); Client.from_env()",
    "a process that forked": """
import sys
client = Client.from_env()
if os.fork() == 0:
    sys.exit(0)
os.wait()
""",
}


@pytest.mark.parametrize("name", sorted(EXITS))
def test_the_interpreter_ends(name: str) -> None:
    prelude = "import os\nfrom aliyun_mqtt import *\ntopic = os.environ['ALIYUN_MQTT_TOPIC'] + '/exit'\n"
    code = prelude + EXITS[name] + "\nprint('end', flush=True)\n"
    if name == "an exception":
        code = code.replace("raise SystemExit(0)", "print('end'); raise SystemExit(0)")
    result = run_python(code)
    assert result.returncode == 0 and "end" in result.stdout, (result.returncode, result.stdout, result.stderr[-2000:])
    assert "Fatal" not in result.stderr and "panicked" not in result.stderr, result.stderr


def test_what_is_open_at_the_end_says_goodbye(client: Client, topic: str) -> None:
    client.subscribe(topic)
    code = "import sys; from aliyun_mqtt import *; c = Client.from_env(); c.enqueue(sys.argv[1], 'goodbye')"
    assert run_python(code, topic).returncode == 0
    message = client.recv(PATIENCE)
    assert message is not None and message.payload == b"goodbye"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_a_thousand_clients_leave_nothing_behind(topic: str) -> None:
    config = Config.from_env(keep_alive=60)

    def use(number: int) -> None:
        provider = Credentials.provider(lambda: config.credentials)
        client = Client(config.replace(credentials=provider) if number % 10 == 0 else config.replace())
        client.publish(topic, "x" * 1_000)
        events = client.events()
        if number % 2:
            client.disconnect()
        del client
        events.try_recv()

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    for number in range(50):
        use(number)
    gc.collect()
    before = descriptors(), threads()
    tracemalloc.start()
    first = tracemalloc.take_snapshot()
    for number in range(1_000):
        use(number)
    gc.collect()
    grown = sum(entry.size_diff for entry in tracemalloc.take_snapshot().compare_to(first, "filename"))
    tracemalloc.stop()
    # 100 bytes a client would be found; what caches hold is less.
    assert grown < 100_000, grown
    until(lambda: descriptors() <= before[0] and threads() <= before[1])
    assert threading.active_count() < 10
