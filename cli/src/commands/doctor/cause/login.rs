//! Why the service refuses a login.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::ClientIdInUse,
        "client-id-in-use",
        Exit::Refused,
        "a client with this id is online now; logging in would close its connection",
        "stop that client, use another --device-id, or go on with --take-over",
    ),
    row(
        Cause::ClientIdConflict,
        "client-id-conflict",
        Exit::Network,
        "the connection was cut with nothing under way: likely another client uses the same client id (trace: clientId \
         conflict)",
        "give each client a device id of its own; the console's device trace (设备轨迹) shows who else connects",
    ),
    row(
        Cause::MqttVersionRefused,
        "mqtt-version-refused",
        Exit::Refused,
        "the instance does not take this MQTT version (5 is for Professional, Enterprise Platinum and Serverless \
         instances)",
        "use --protocol 3.1.1, or ask for MQTT 5 by a ticket (工单)",
    ),
    row(
        Cause::ClientIdRefused,
        "client-id-refused",
        Exit::Refused,
        "the client id is refused: likely its form, its length or its group",
        "GroupID@@@DeviceID, at most 64 letters, digits, - and _; the Group ID must exist in the console",
    ),
    row(
        Cause::ServiceUnavailable,
        "service-unavailable",
        Exit::Refused,
        "the instance is not available now: likely it restarts, or has reached its number of connections",
        "try again later; the console's monitoring shows the connections against the instance's specification",
    ),
    row(
        Cause::AccessKeyUnknown,
        "access-key-unknown",
        Exit::Refused,
        "the AccessKey id does not exist (any more), or is disabled",
        "copy it from the AccessKey page of the console (AccessKey 管理)",
    ),
    row(
        Cause::AccessKeySecretWrong,
        "access-key-secret-wrong",
        Exit::Refused,
        "the AccessKey secret is not the one of this AccessKey id: the API refuses its signature",
        "give the secret that belongs to it; if it is lost, make a new AccessKey",
    ),
    row(
        Cause::InstanceUnknown,
        "instance-unknown",
        Exit::Refused,
        "the instance does not exist in this region, does not belong to the account, or a RAM policy hides it",
        "compare the instance id (实例 ID) and region with the console; a RAM user needs mq: permissions on the \
         instance",
    ),
    row(
        Cause::GroupNotCreated,
        "group-not-created",
        Exit::Refused,
        "the Group ID does not exist in the instance",
        "create it in the console's group management (Group 管理), or with `aliyun-mqtt group create`",
    ),
    row(
        Cause::SignatureNotTaken,
        "signature-not-taken",
        Exit::Refused,
        "key, secret, instance and group are right, as the API shows, and yet the login is refused: likely this \
         instance takes only tokens and device credentials",
        "use --auth token or --auth device; else check that the RAM user may use the instance",
    ),
    row(
        Cause::PasswordRefused,
        "password-refused",
        Exit::Refused,
        "user name or password are refused: likely the secret is wrong, or the token has ended",
        "check the secret with the console's signature check tool (签名校验); give --region-id, and the API tells more",
    ),
    row(
        Cause::NotAuthorized,
        "not-authorized",
        Exit::Refused,
        "the login is not authorized: likely a wrong instance id, a Group ID that does not exist, or an unknown \
         AccessKey id",
        "compare instance id (实例 ID), Group ID and AccessKey id with the console; give --region-id, and the API \
         tells more",
    ),
    row(
        Cause::DeviceCredentialMissing,
        "device-credential-missing",
        Exit::Refused,
        "this client id has no device credential (any more)",
        "register one: `aliyun-mqtt credential`, or 一机一密 in the console",
    ),
    row(
        Cause::DeviceCredentialReplaced,
        "device-credential-replaced",
        Exit::Refused,
        "this client id has another device credential than the one given: it was registered again or refreshed",
        "give the device its present credential",
    ),
    row(
        Cause::DeviceSecretWrong,
        "device-secret-wrong",
        Exit::Refused,
        "the device's AccessKey id is right, but not its secret",
        "give the device its present credential (一机一密)",
    ),
    row(
        Cause::TokenDead,
        "token-dead",
        Exit::Refused,
        "the token is not valid (any more): expired, revoked, or of another instance",
        "apply for a new one: `aliyun-mqtt token apply`; tokens live for 60 s to 30 days",
    ),
    row(
        Cause::TokenOfOtherKey,
        "token-of-other-key",
        Exit::Refused,
        "the token is valid, and yet the login is refused: likely its kind is not the one written before it, or \
         another AccessKey applied for it",
        "give the AccessKey id that applied for the token, and the kind it was applied for: R, W or RW",
    ),
];
