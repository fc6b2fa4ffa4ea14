"""The first program in Python of the book's chapter about CI, as it stands there, in both languages."""

from pathlib import Path

import pytest
from emulator import GROUP, log_position, seen

BOOK = Path(__file__).parents[4] / "docs" / "book"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_program_logs_in(language):
    text = (BOOK / language / "src" / "emulator-in-ci.md").read_text(encoding="utf-8")
    program = text.split("```python\n")[1].split("```\n")[0]
    since, names = log_position(), {}
    exec(compile(program, language, "exec"), names)
    assert seen(since, "connected", GROUP + "@@@0001")["login"] == "Signature"
    names["client"].disconnect()
