"""The service's API."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone

import pytest

from aliyun_mqtt import Client, Credentials, Error, ErrorKind, TokenKind
from aliyun_mqtt.openapi import Api, Group, TokenRequest, TraceRequest


@pytest.fixture
def api() -> Api:
    return Api.from_env()


def group() -> str:
    return os.environ["ALIYUN_MQTT_GROUP_ID"]


def test_the_api_says_what_it_is(api: Api) -> None:
    assert (api.instance_id, api.timeout) == (os.environ["ALIYUN_MQTT_INSTANCE_ID"], 30)
    assert api.access_key_id == os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    assert api.endpoint.startswith("http") and api.region == os.environ["ALIYUN_MQTT_REGION_ID"]
    assert api.endpoint in repr(api) and os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] not in repr(api)


def test_tokens(api: Api, topic: str) -> None:
    parent = os.environ["ALIYUN_MQTT_TOPIC"]
    token = api.apply_token(TokenRequest("RW", [f"{parent}/#"], lifetime=timedelta(hours=2)))
    assert token.kind is TokenKind.READ_WRITE
    assert token.expires is not None and token.expires > datetime.now(timezone.utc) + timedelta(hours=1)
    with Client.from_env(credentials=Credentials.tokens(api.access_key_id, token)) as client:
        client.publish(topic, "x")
    assert api.query_token(token.secret)
    api.revoke_token(token.secret, timeout=20)
    assert not api.query_token(token.secret)
    at = api.apply_token(TokenRequest(TokenKind.READ, [parent], expires_at=time.time() + 600))
    assert at.expires is not None
    with pytest.raises(ValueError):
        api.apply_token(TokenRequest("RW", []))
    with pytest.raises(TypeError, match="TokenRequest"):
        api.apply_token("RW")  # type: ignore[arg-type]


def test_messages_and_sessions(api: Api, client: Client, topic: str) -> None:
    client.subscribe(topic)
    assert api.send_message(topic, "over HTTP")
    assert client.recv().payload == b"over HTTP"
    id = client.config.client_id
    assert api.query_session(id) and not api.query_session(f"{group()}@@@nobody")
    assert dict(api.batch_query_session([id, f"{group()}@@@nobody"])) == {id: True, f"{group()}@@@nobody": False}


def test_device_credentials(api: Api, topic: str) -> None:
    id = f"{group()}@@@device_{os.getpid()}"
    made = api.register_device_credential(id)
    assert made.client_id == id and made.access_key_secret not in repr(made)
    device_id = id.split("@@@")[1]
    with Client.from_env(device_id=device_id, credentials=made.credentials()) as client:
        client.publish(topic, "x")
    assert api.device_credential(id).access_key_id == made.access_key_id
    assert api.refresh_device_credential(id).access_key_secret != made.access_key_secret
    assert id in list(api.list_device_credentials(group()))
    api.unregister_device_credential(id)
    assert id not in list(api.list_device_credentials(group()))


def test_groups(api: Api) -> None:
    name = f"GID_python_{os.getpid()}"
    api.create_group(name)
    found = {entry.id: entry for entry in api.list_groups()}
    assert isinstance(found[name], Group)
    api.delete_group(name)
    assert name not in [entry.id for entry in api.list_groups()]


def test_traces(api: Api, client: Client, topic: str) -> None:
    begin = time.time() - 60
    client.publish(topic, "x")
    request = TraceRequest(begin, datetime.now(timezone.utc) + timedelta(minutes=1), page_size=50, reverse=True)
    page = api.client_message_trace(client.config.client_id, request)
    assert page.entries and page.total
    message_id = page.entries[0].message_id
    assert message_id
    assert api.publish_trace(message_id, request).entries
    api.subscribe_trace(message_id, request, client_id=client.config.client_id)
    assert "connect" in [entry.action for entry in api.device_trace(client.config.client_id, request).entries]


def test_any_call_and_its_failure(api: Api) -> None:
    answer = api.call("ListGroupId", {"InstanceId": api.instance_id}, repeatable=True, timeout=20)
    assert answer["RequestId"]
    answer = api.call(
        "BatchQuerySessionByClientIds", {"InstanceId": api.instance_id}, lists={"ClientIdList": [f"{group()}@@@1"]}
    )
    assert len(answer["OnlineStatusList"]) == 1
    with pytest.raises(Error) as caught:
        api.call("NoSuchOperation", {"Secret": "not-to-be-shown"}, hide=["Secret"])
    error = caught.value
    assert error.kind is ErrorKind.API and error.api is not None and error.stage == "api"
    assert error.api.http_status >= 400 and error.api.code and error.api.request_id
    assert not error.api.is_throttled and not error.api.is_server_failure and "shown" not in str(error)


def test_a_wrong_key_and_wrong_settings(api: Api) -> None:
    wrong = Api.from_env(access_key=("id", "not-to-be-shown"), backoff=(0.001, 0.01))
    with pytest.raises(Error) as caught:
        wrong.list_groups()
    assert caught.value.kind is ErrorKind.API and "shown" not in str(caught.value)
    with pytest.raises(ValueError) as missing:
        Api(region="cn-hangzhou", access_key=("id", "secret"))
    assert isinstance(missing.value, Error) and missing.value.missing_setting == "instance_id"
    for name, value in [("access_key", "id"), ("sts_key", ("a", "b")), ("vpc", 1), ("signing", 3)]:
        with pytest.raises(TypeError, match=name):
            Api(**{"instance_id": "x", name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="signing"):
        Api(signing="v4")
    assert Api(region="cn-hangzhou", instance_id="x", sts_key=("a", "b", "c"), signing="v2", vpc=True).endpoint
