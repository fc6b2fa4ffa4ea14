"""The first program in Python of docs/emulator-in-ci.md, as it stands there, in both languages."""

from pathlib import Path

import pytest
from emulator import GROUP, log_position, seen

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("name", ["emulator-in-ci.md", "emulator-in-ci.zh-CN.md"])
def test_the_program_logs_in(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    program = text.split("```python\n")[1].split("```\n")[0]
    since, names = log_position(), {}
    exec(compile(program, name, "exec"), names)
    assert seen(since, "connected", GROUP + "@@@0001")["login"] == "Signature"
    names["client"].disconnect()
