"""The log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from aliyun_mqtt import Client

from .conftest import run_python, until


class Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(1)
        self.records: list[logging.LogRecord] = []
        self.threads: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self.threads.add(threading.current_thread().name)

    def has(self, text: str, level: int = 0) -> bool:
        return any(text in record.getMessage() and level in (0, record.levelno) for record in self.records)


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    keeper = Keeper()
    logger = logging.getLogger("aliyun_mqtt")
    logger.addHandler(keeper)
    yield keeper
    logger.removeHandler(keeper)
    logger.setLevel(logging.NOTSET)


def test_the_level_can_be_changed_at_any_time(keeper: Keeper, topic: str) -> None:
    logger = logging.getLogger("aliyun_mqtt")
    with Client.from_env() as client:
        logger.setLevel(logging.DEBUG)
        client.publish(topic, "not-to-be-shown")
        until(lambda: keeper.has(topic, logging.DEBUG))
        logger.setLevel(logging.INFO)
        client.publish(f"{topic}/quiet", "x")
    with Client.from_env():
        until(lambda: keeper.has("connected to", logging.INFO))
    assert not keeper.has("quiet") and not keeper.has("shown")
    assert keeper.threads == {"aliyun-mqtt-log"}
    assert {record.name.split(".")[0] for record in keeper.records} == {"aliyun_mqtt"}
    assert any(record.name.startswith("aliyun_mqtt.") for record in keeper.records)


def test_a_child_logger_has_a_level_of_its_own(keeper: Keeper, topic: str) -> None:
    child = logging.getLogger("aliyun_mqtt.rumqttc")
    child.setLevel(logging.DEBUG)
    try:
        with Client.from_env() as client:
            client.publish(topic, "x")
            until(lambda: keeper.has(topic, logging.DEBUG))
    finally:
        child.setLevel(logging.NOTSET)


def test_a_handler_may_use_the_client_and_may_fail(keeper: Keeper, topic: str) -> None:
    logger = logging.getLogger("aliyun_mqtt")
    with Client.from_env() as client:

        class Publisher(logging.Handler):
            published = 0

            def emit(self, record: logging.LogRecord) -> None:
                client.publish(f"{topic}/log", record.getMessage()[:100])
                self.published += 1
                raise KeyError

        publisher = Publisher()
        logger.addHandler(publisher)
        raises, logging.raiseExceptions = logging.raiseExceptions, False
        try:
            logger.setLevel(logging.INFO)
            Client.from_env().disconnect()
            until(lambda: publisher.published)
            Client.from_env().disconnect()
            until(lambda: publisher.published > 1)
        finally:
            logging.raiseExceptions = raises
            logger.removeHandler(publisher)


def test_nothing_is_printed_by_default_and_the_last_words_are_logged() -> None:
    code = """
import logging, os, sys
from aliyun_mqtt import Client
if sys.argv[1] == "log":
    logging.basicConfig(level=logging.WARNING)
topic = os.environ["ALIYUN_MQTT_TOPIC"] + "/log"
client = Client.from_env()
client.subscribe(topic)
client.publish(topic, "x")
while not client.stats().inbox_messages:
    pass
"""
    assert run_python(code, "quiet").stderr == ""
    # A message that nobody took: logged while the interpreter ends.
    assert "aliyun_mqtt.untaken" in run_python(code, "log").stderr


def test_a_forked_child_logs() -> None:
    code = """
import logging, os
from aliyun_mqtt import Client
logging.basicConfig(level=logging.INFO)
client = Client.from_env()
pid = os.fork()
with Client.from_env() as own:
    logging.info("%s: %s", "child" if pid == 0 else "parent", own.config.client_id)
if pid:
    os.waitpid(pid, 0)
"""
    errors = run_python(code).stderr
    assert errors.count("connected to") == 3, errors
