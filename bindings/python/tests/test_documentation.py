"""Docstrings and signatures."""

from __future__ import annotations

import inspect
import pydoc
import sys

import pytest

import aliyun_mqtt
from aliyun_mqtt import events, openapi

PUBLIC = [
    *(getattr(aliyun_mqtt, name) for name in aliyun_mqtt.__all__),
    *(getattr(openapi, name) for name in openapi.__all__),
    *(value for value in vars(events).values() if inspect.isclass(value) and value.__module__ == events.__name__),
]


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: getattr(thing, "__name__", str(thing)))
def test_everything_has_a_docstring(thing: object) -> None:
    assert inspect.getdoc(thing)
    if not inspect.isclass(thing):
        return
    for name, member in vars(thing).items():
        described = callable(member) or isinstance(member, (property, staticmethod, classmethod))
        if described or inspect.isgetsetdescriptor(member):
            assert name.startswith("_") or inspect.getdoc(getattr(thing, name)), f"{thing.__name__}.{name}"
    assert thing.__module__.startswith("aliyun_mqtt")


def test_help_reads_well() -> None:
    text = "".join(pydoc.plain(pydoc.render_doc(aliyun_mqtt.Client)).replace("|", "").split())
    for line in ("publish(self,topic", "recv(self,timeout", "from_env(**settings", "classClientinmodulealiyun_mqtt"):
        assert line in text
    assert str(inspect.signature(aliyun_mqtt.Credentials.signature)) == "(access_key_id, access_key_secret)"
    assert str(inspect.signature(aliyun_mqtt.Delivery.wait)) == "(self, /, timeout=None)"
    if sys.version_info >= (3, 10):
        assert str(inspect.signature(aliyun_mqtt.Outgoing)) == "(topic, payload, qos=1, **properties)"
