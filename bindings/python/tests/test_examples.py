"""The examples: what they print is what those in Rust print."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from .conftest import PATIENCE

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


def run(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
@pytest.mark.parametrize("with_token", [True, False])
def test_an_example(name: str, with_token: bool) -> None:
    result = run(name, **({"ALIYUN_MQTT_TOKEN": os.environ["TEST_TOKEN"]} if with_token else {}))
    assert (result.stderr, result.returncode) == ("", 0)
    lines = result.stdout.splitlines()
    endpoint = os.environ["ALIYUN_MQTT_ENDPOINT"].rstrip("/")
    assert lines[0].startswith(f"connected to {endpoint} as GID_") and lines[-1] == "done"
    assert any(line.startswith("received on ") for line in lines)


def test_an_example_that_fails_says_why() -> None:
    result = run("send_message_to_mqtt", ALIYUN_MQTT_ENDPOINT="mqtt://127.0.0.1:1")
    assert result.returncode == 1
    assert result.stderr.startswith("failed: cannot connect to mqtt://127.0.0.1:1: ")
