"""Alibaba's two Python SDKs for the API, unchanged, against the emulator."""

import importlib
import json
import re
import time

import pytest
from Tea.exceptions import TeaException
from alibabacloud_onsmqtt20200420 import models
from alibabacloud_onsmqtt20200420.client import Client as TeaClient
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from emulator import API, GROUP, INSTANCE, KEY, PARENT, SECRET


class ApiError(Exception):
    """The error code of an answer."""


class Today:
    """`alibabacloud_onsmqtt20200420`, which signs by V3."""

    def __init__(self, secret=SECRET):
        config = Config(access_key_id=KEY, access_key_secret=secret, endpoint=API, protocol="http")
        self.client = TeaClient(config)

    def __call__(self, action, **parameters):
        request = getattr(models, action + "Request")()
        request.from_map({"InstanceId": INSTANCE, **parameters})
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()
        try:
            return getattr(self.client, method)(request).body.to_map()
        except TeaException as error:
            raise ApiError(error.code) from error


class Before:
    """`aliyun-python-sdk-onsmqtt`, which signs by V2 and knows fewer actions."""

    def __init__(self, secret=SECRET):
        self.client = AcsClient(KEY, secret, "cn-hangzhou", auto_retry=False)

    def __call__(self, action, **parameters):
        module = importlib.import_module(f"aliyunsdkonsmqtt.request.v20200420.{action}Request")
        request = getattr(module, action + "Request")()
        request.set_endpoint(API)
        request.set_protocol_type("http")
        for name, value in {"InstanceId": INSTANCE, **parameters}.items():
            # The setter of a list has a plural of its own.
            getattr(request, f"set_{name}s" if isinstance(value, list) else f"set_{name}")(value)
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except ServerException as error:
            raise ApiError(error.get_error_code()) from error


both = pytest.mark.parametrize("sdk", [Today, Before])


@both
def test_a_token_is_applied_for_queried_and_revoked(sdk, device):
    call = sdk()
    expires = int((time.time() + 3600) * 1000)
    token = call("ApplyToken", Actions="R,W", Resources=f"{PARENT}/#", ExpireTime=expires)["Token"]
    a = device("a", f"Token|{KEY}|{INSTANCE}", f"RW|{token}").logged_in()
    assert call("QueryToken", Token=token)["TokenStatus"] is True
    call("RevokeToken", Token=token)
    assert a.next("message").topic == "$SYS/tokenInvalidNotice"
    assert a.next("disconnected") == ()
    assert call("QueryToken", Token=token)["TokenStatus"] is False


@both
def test_a_message_is_sent(sdk, device):
    topic = f"{PARENT}/sdk"
    a = device().logged_in()
    a.subscribe(topic)
    assert sdk()("SendMessage", MqttTopic=topic, Payload="来自 SDK & more")["MsgId"]
    a.message(topic, "来自 SDK & more".encode())


@both
def test_sessions_are_queried(sdk, device):
    call, a = sdk(), device().logged_in()
    assert call("QuerySessionByClientId", ClientId=a.id)["OnlineStatus"] is True
    away = f"{GROUP}@@@away"
    found = call("BatchQuerySessionByClientIds", ClientIdList=[a.id, away])["OnlineStatusList"]
    assert {each["ClientId"]: each["OnlineStatus"] for each in found} == {a.id: True, away: False}


@both
def test_groups_are_created_listed_and_deleted(sdk, device):
    call, group = sdk(), "GID_" + sdk.__name__
    ids = lambda: [each["GroupId"] for each in call("ListGroupId")["Data"]]  # noqa: E731
    call("CreateGroupId", GroupId=group)
    assert group in ids()
    with pytest.raises(ApiError, match="ParameterCheckFailed"):
        call("CreateGroupId", GroupId=group)
    call("DeleteGroupId", GroupId=group)
    assert group not in ids()


@both
def test_device_credentials(sdk):
    call, client_id = sdk(), f"{GROUP}@@@{sdk.__name__}"
    credential = lambda action: call(action, ClientId=client_id)["DeviceCredential"]  # noqa: E731
    first = credential("RegisterDeviceCredential")
    assert credential("GetDeviceCredential") == first
    assert credential("RefreshDeviceCredential")["DeviceAccessKeySecret"] != first["DeviceAccessKeySecret"]
    call("UnRegisterDeviceCredential", ClientId=client_id)
    with pytest.raises(ApiError, match="ParameterCheckFailed"):
        credential("GetDeviceCredential")


@both
def test_a_wrong_secret_is_refused(sdk):
    # The old SDK says so in its own words, as it compares what both sides have signed.
    with pytest.raises(ApiError, match="SignatureDoesNotMatch|InvalidAccessKeySecret"):
        sdk("wrong")("ListGroupId")


@both
def test_faults_reach_the_caller(sdk, faults):
    call = sdk()
    faults("/api/fail", count=1, status=503, code="ServiceUnavailable")
    with pytest.raises(ApiError, match="ServiceUnavailable"):
        call("ListGroupId")
    faults("/api/throttle", count=1)
    with pytest.raises(ApiError, match="Throttling.User"):
        call("ListGroupId")
    faults("/clock", skew=7200)
    with pytest.raises(ApiError, match="InvalidTimeStamp.Expired"):
        call("ListGroupId")
    faults("/clock", skew=0)
    assert call("ListGroupId")["Data"]


def test_a_connection_is_closed(device):
    a = device().logged_in()
    Today()("CloseConnection", ClientId=a.id)
    assert a.next("disconnected") == ()


def test_the_path_of_a_message_is_traced(device):
    call, topic = Today(), f"{PARENT}/traced"
    a, b = device("a").logged_in(), device("b").logged_in()
    a.subscribe(topic)
    begin = int((time.time() - 60) * 1000)
    b.publish(topic, "x")
    a.message(topic, b"x")
    when = {"BeginTime": begin, "EndTime": begin + 3600_000, "CurrentPage": 1, "PageSize": 10, "MqttRegionId": "cn"}
    sent = call("QueryMqttTraceMessageOfClient", ClientId=b.id, **when)["MessageOfClientList"]
    assert [each["Action"] for each in sent] == ["pub_mqtt"]
    login = call("QueryMqttTraceDevice", ClientId=b.id, **when)["DeviceInfoList"]
    assert login[0]["ActionInfo"] == "accepted"
