"""Ctrl-C: each wait ends, and what was waited for goes on.

Each case is a process of its own, which waits in the main thread and gets SIGINT then.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from .conftest import PATIENCE, Emulator, run_python

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="sends signals, and reads /proc")

#: Defines what the waits need; says "ready" right before one, and how long it took to end after the signal.
PRELUDE = """
import os, signal, sys, time
from aliyun_mqtt import Client, Config, Credentials, Error, Limits, Outgoing, openapi

sent = 0.0

def on_signal(*_):
    global sent
    sent = time.monotonic()
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, on_signal)
topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/interrupt"
# Ends in nothing: a server that accepts connections and is silent.
silent = "mqtt://127.0.0.1:" + sys.argv[1]

def wait(work):
    print("ready", flush=True)
    try:
        work()
    except KeyboardInterrupt as error:
        print("ended", flush=True)
        return error
    print("not interrupted", flush=True)
    sys.exit(1)
"""

#: The wait, and what holds after it. A rate of a message in 1,000 seconds makes every message but the first wait.
CASES = {
    "recv": "with Client.from_env() as client: wait(client.recv)",
    "recv with a timeout": "with Client.from_env() as client: wait(lambda: client.recv(1000))",
    "messages": "with Client.from_env() as client: wait(lambda: list(client.messages()))",
    "subscription": "with Client.from_env() as client: wait(client.subscription(topic).recv)",
    "events": "with Client.from_env() as client: wait(client.events().recv)",
    "request": "with Client.from_env() as client: wait(lambda: client.request(topic, 'x', 1000))",
    "connect": "wait(lambda: Client.from_env(endpoint=silent))",
    "api": "wait(lambda: openapi.Api.from_env(endpoint=silent.replace('mqtt', 'http')).list_groups())",
    "provider": "wait(lambda: Client.from_env(credentials=Credentials.provider(lambda: time.sleep(1000))))",
    "publish": """
client = Client.from_env(max_publish_rate=0.001)
client.publish(topic, "first")
wait(lambda: client.publish(topic, "second", timeout=1000))
""",
    "publish_each": """
client = Client.from_env(max_publish_rate=0.001)
wait(lambda: list(client.publish_each(Outgoing(topic, str(n), timeout=1000) for n in range(3))))
""",
    "enqueue": """
client = Client.from_env(max_publish_rate=0.001)
client.publish(topic, "first")
wait(lambda: client.enqueue(topic, "second", timeout=1000))
""",
    "enqueue_many": """
client = Client.from_env(max_publish_rate=0.001)
wait(lambda: client.enqueue_many([Outgoing(topic, "x", timeout=1000)] * 3))
""",
    # Nothing acknowledges the messages of a connection that a stopped emulator holds.
    "delivery": "client = Client.from_env(); pause(); wait(lambda: client.enqueue(topic, 'x').wait())",
    "flush": "client = Client.from_env(); pause(); client.enqueue(topic, 'x'); wait(client.flush)",
    "subscribe": "client = Client.from_env(); pause(); wait(lambda: client.subscribe(topic))",
    "unsubscribe": "client = Client.from_env(); pause(); wait(lambda: client.unsubscribe(topic))",
    "disconnect": """
client = Client.from_env()
pause()
client.enqueue(topic, "x")
wait(client.disconnect)
""",
}

PAUSE = """
def pause():
    process = f"/proc/{int(sys.argv[2])}/task"
    os.kill(int(sys.argv[2]), signal.SIGSTOP)
    # It is a thread's state that says when it has stopped.
    stat = lambda thread: open(f"{process}/{thread}/stat").read()
    states = lambda: {stat(thread).rsplit(")")[-1].split()[0] for thread in os.listdir(process)}
    while states() != {"T"}:
        time.sleep(0.001)
"""


class Silent:
    def __enter__(self) -> int:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        return int(self.listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.listener.close()


@pytest.fixture
def own_emulator(tmp_path: pathlib.Path) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path)
    yield emulator
    os.kill(emulator.process.pid, signal.SIGCONT)
    emulator.stop()


def interrupt(
    code: str, environment: dict[str, str], emulator_pid: int, resume: bool = True
) -> tuple[str, str, float]:
    """Runs code, interrupts it once it waits, and returns its output and how long the wait went on.

    An emulator that the code has stopped goes on then, unless ``resume`` says otherwise.
    """
    with Silent() as port:
        process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + PAUSE + code, str(port), str(emulator_pid)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        assert process.stdout is not None
        try:
            while (line := process.stdout.readline()) not in ("ready\n", ""):
                pass
            # It begins to wait now, or has begun: a signal before the wait ends it at once.
            time.sleep(0.15)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            line = process.stdout.readline()
            took = time.monotonic() - sent
            if resume:
                os.kill(emulator_pid, signal.SIGCONT)
            output, errors = process.communicate(timeout=PATIENCE)
            return line + output, errors, took
        finally:
            process.kill()


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_signal_ends_the_wait(name: str, own_emulator: Emulator) -> None:
    output, errors, took = interrupt(CASES[name], own_emulator.environment, own_emulator.process.pid)
    assert output.startswith("ended\n"), output + errors
    # 100 ms on a machine with nothing else to do; far from the 30 s and more that each wait would take.
    assert took < 5, took
    assert "Traceback" not in errors, errors


def test_leaving_after_a_signal_says_what_was_not_delivered(own_emulator: Emulator) -> None:
    code = """
begin = 0.0
try:
    with Client.from_env(timeout=1000) as client:
        pause()
        try:
            print("ready", flush=True)
            client.publish(topic, "x", timeout=1000)
        finally:
            begin = time.monotonic()
            print("ended", flush=True)
except KeyboardInterrupt as error:
    print("left after", time.monotonic() - begin, error.__notes__)
"""
    output, errors, _ = interrupt(code, own_emulator.environment, own_emulator.process.pid, resume=False)
    # 2 s at most; the timeout is 1,000 s.
    assert "left after" in output and "1 message was not delivered" in output, output + errors


def test_the_operation_goes_on_after_its_wait(own_emulator: Emulator) -> None:
    code = """
client = Client.from_env()
client.subscribe(topic)
pause()
wait(lambda: client.publish(topic, "goes on", timeout=1000))
print(client.recv(60).payload)
client.disconnect()
"""
    output, errors, _ = interrupt(code, own_emulator.environment, own_emulator.process.pid)
    assert "goes on" in output, output + errors


def test_a_handler_that_does_not_raise_ends_no_wait() -> None:
    code = """
import os, signal
from aliyun_mqtt import Client
count = 0
def on_alarm(*_):
    global count
    count += 1
    if count == 3:
        client.publish(topic, "from the handler")
signal.signal(signal.SIGALRM, on_alarm)
topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/alarm"
with Client.from_env() as client:
    client.subscribe(topic)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    print(client.recv(60).payload_str(), count >= 3)
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
    result = run_python(code)
    assert result.stdout == "from the handler True\n", result.stderr
