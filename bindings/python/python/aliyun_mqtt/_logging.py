"""The library's log, for ``logging``.

A thread hands each record to the logger ``aliyun_mqtt`` or one below it, such as ``aliyun_mqtt.session.threads`` or
``aliyun_mqtt.rustls``. Records that no logger would take are not made at all, so the library has to know the least
level of these loggers: it is looked up when a client is made, at each record, and when a level is set at one of them.
"""

from __future__ import annotations

import logging
import os
import threading
import traceback
from typing import Optional

from . import _native

NAME = "aliyun_mqtt"

#: Below ``logging.DEBUG``: what the library and the crates underneath log as trace. ``ureq`` and ``tungstenite`` show
#: secrets at this level.
TRACE = 5

_lock = threading.Lock()
_reader: Optional[threading.Thread] = None
_process: Optional[int] = None
_ended = False


class _Logger(logging.Logger):
    """A logger that tells the library its level."""

    def setLevel(self, level: int | str) -> None:
        super().setLevel(level)
        sync_level()


def _adopt(name: str) -> logging.Logger:
    """Returns the logger of this name; a plain one becomes one that tells its level."""
    logger = logging.getLogger(name)
    if type(logger) is logging.Logger:
        logger.__class__ = _Logger
    return logger


def least_level() -> int:
    """Returns the least level that the logger or one below it takes; 50 if there is none."""
    if logging.getLogger(NAME).manager.disable >= logging.CRITICAL:
        return logging.CRITICAL
    known = list(logging.Logger.manager.loggerDict)
    names = [NAME, *(name for name in known if name.startswith(NAME + "."))]
    levels = [_adopt(name).getEffectiveLevel() for name in names]
    return min(max(min(levels), 0), logging.CRITICAL)


def sync_level() -> None:
    """Tells the library which records are wanted."""
    if _reader is not None and _process == os.getpid() and not _ended:
        _native.set_log_level(least_level())


def start() -> None:
    """Starts the thread that reads the log, if this process has none."""
    global _reader, _process
    with _lock:
        if _ended:
            return
        if _process != os.getpid():
            reader = _native.LogReader(least_level())
            thread = threading.Thread(target=_read, args=(reader,), name="aliyun-mqtt-log", daemon=True)
            thread.start()
            # Behind the start, which Ctrl-C may interrupt: the next reader takes over then.
            _reader, _process = thread, os.getpid()
    sync_level()


def stop(timeout: float) -> None:
    """Waits for the records there are, and ends the thread."""
    global _ended
    with _lock:
        _ended = True
        if _reader is None or _process != os.getpid():
            return
    _native.end_log()
    _reader.join(timeout)
    _native.stop_log()


def _read(reader: _native.LogReader) -> None:
    while True:
        record = reader.next()
        if record is None:
            return
        level, target, text = record
        logger = _adopt(_name(target))
        try:
            if logger.isEnabledFor(level):
                logger.handle(logger.makeRecord(logger.name, level, "(aliyun_mqtt)", 0, text, (), None))
            sync_level()
        except Exception:
            # As logging does: a handler that fails must not stop the log.
            if logging.raiseExceptions:
                traceback.print_exc()


def _name(target: str) -> str:
    """Returns the name of a logger: ``aliyun_mqtt.a`` for ``aliyun_mqtt::a``, ``aliyun_mqtt.ureq`` for ``ureq``."""
    name = target.replace("::", ".")
    return name if name == NAME or name.startswith(NAME + ".") else f"{NAME}.{name}"


def _after_fork_in_child() -> None:
    global _lock, _reader
    # Another thread may have held it. The child's first client starts a reader of its own.
    _lock = threading.Lock()
    _reader = None


_adopt(NAME).addHandler(logging.NullHandler())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
