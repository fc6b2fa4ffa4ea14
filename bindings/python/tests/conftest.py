"""The emulator as a process, and clients of it.

``ALIYUN_MQTT_EMULATOR`` names the program; by default it is the one that the repository builds.
``ALIYUN_MQTT_TEST_PROTOCOL`` (``3.1.1`` or ``5``) and ``ALIYUN_MQTT_TEST_TRANSPORT`` (``tcp``, ``tls``, ``ws`` or
``wss``) choose what is spoken.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from aliyun_mqtt import Client

#: How long a condition may take to hold, on whatever machine.
PATIENCE = 60.0

ROOT = pathlib.Path(__file__).parents[3]
PROTOCOL = os.environ.get("ALIYUN_MQTT_TEST_PROTOCOL", "3.1.1")
TRANSPORT = os.environ.get("ALIYUN_MQTT_TEST_TRANSPORT", "tcp")

_numbers = itertools.count()

if PROTOCOL not in ("3.1.1", "5") or TRANSPORT not in ("tcp", "tls", "ws", "wss"):
    raise ValueError(f"unknown protocol {PROTOCOL!r} or transport {TRANSPORT!r}")


def emulator_program() -> str:
    program = os.environ.get("ALIYUN_MQTT_EMULATOR", str(ROOT / "target" / "debug" / "aliyun-mqtt-emulator"))
    if not os.path.exists(program):
        pytest.exit(f"there is no emulator at {program}: cargo build -p aliyun-mqtt-emulator", returncode=2)
    return program


class Emulator:
    """An emulator of its own; ``environment`` is what its clients need."""

    def __init__(self, directory: pathlib.Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [
                *(emulator_program(), "--transport", TRANSPORT, "--ca-file", str(directory / "ca.pem")),
                *("--ram-role", "test", *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.environment = {"ALIYUN_MQTT_PROTOCOL": PROTOCOL}
        # The last variable is the region.
        while "ALIYUN_MQTT_REGION_ID" not in self.environment:
            line = self.process.stdout.readline()
            assert line, "the emulator has ended"
            for word in shlex.split(line):
                name, equals, value = word.partition("=")
                if equals:
                    self.environment[name] = value

    def stop(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="session", autouse=True)
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests, named by this process's environment."""
    emulator = Emulator(tmp_path_factory.mktemp("emulator"))
    os.environ.update(emulator.environment)
    # The tests of tokens read it from there; an unused variable is a warning.
    os.environ["TEST_TOKEN"] = os.environ.pop("ALIYUN_MQTT_TOKEN")
    yield emulator
    emulator.stop()


@pytest.fixture
def topic() -> str:
    """A topic of this test alone."""
    return f"{os.environ['ALIYUN_MQTT_TOPIC']}/{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def client() -> Iterator[Client]:
    with Client.from_env() as client:
        yield client


def until(condition: Callable[[], object]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(0.01)


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )


mqtt5 = pytest.mark.skipif(PROTOCOL != "5", reason="needs MQTT 5")
mqtt3 = pytest.mark.skipif(PROTOCOL != "3.1.1", reason="needs MQTT 3.1.1")
