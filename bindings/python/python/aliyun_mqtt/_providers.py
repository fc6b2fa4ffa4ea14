"""Runs providers that are written in Python."""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from ._native import Answer


def start(provider: Callable[[], Any], answer: Answer) -> None:
    """Calls a provider on a thread of its own. Called on a thread of the library, which waits for the answer."""
    _thread.start_new_thread(_run, (provider, answer))


def _run(provider: Callable[[], Any], answer: Answer) -> None:
    try:
        value = provider()
        # Where the value is read, no code of the program may run.
        if hasattr(value, "__iter__") and not isinstance(value, (str, list, tuple)):
            value = list(value)
    except BaseException as error:
        answer.fail(_describe(error), error)
    else:
        answer.give(value)


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
