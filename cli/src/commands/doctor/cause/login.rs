//! Causes of a refused login.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::ClientIdInUse,
        "client-id-in-use",
        Exit::Refused,
        "a client with this id is online; logging in would close its connection",
        "stop that client, use another --device-id, or pass --take-over",
    ),
    row(
        Cause::ClientIdConflict,
        "client-id-conflict",
        Exit::Network,
        "the connection was closed while nothing was in flight; another client probably uses the same client id \
         (trace: clientId conflict)",
        "give each client its own device id; the console's device trace (设备轨迹) shows who else connects",
    )
    .here("give each client its own device id; `aliyun-mqtt emulator --watch` shows who else connects"),
    row(
        Cause::MqttVersionRefused,
        "mqtt-version-refused",
        Exit::Refused,
        "the instance does not accept this MQTT version (5 is for Professional, Enterprise Platinum and Serverless \
         instances)",
        "use --protocol 3.1.1, or request MQTT 5 with a ticket (工单)",
    )
    .here("use --protocol 3.1.1"),
    row(
        Cause::ClientIdRefused,
        "client-id-refused",
        Exit::Refused,
        "the client id was refused, probably for its form, its length or its group",
        "use GroupID@@@DeviceID, at most 64 letters, digits, - and _, with a Group ID that exists in the console",
    )
    .here("use GroupID@@@DeviceID, at most 64 letters, digits, - and _, with a Group ID that exists"),
    row(
        Cause::ServiceUnavailable,
        "service-unavailable",
        Exit::Refused,
        "the instance is unavailable; it is probably restarting, or at its limit of connections",
        "try again later; the console's monitoring shows the connections and the instance's limit",
    )
    .here("see the log of the server; an emulator refuses logins when a test tells it to"),
    row(
        Cause::AccessKeyUnknown,
        "access-key-unknown",
        Exit::Refused,
        "the AccessKey id does not exist or is disabled",
        "copy it from the AccessKey page of the console (AccessKey 管理)",
    )
    .here("use the AccessKey of the emulator, which its variables have (--env, --env-file)"),
    row(
        Cause::AccessKeySecretWrong,
        "access-key-secret-wrong",
        Exit::Refused,
        "the AccessKey secret does not belong to this AccessKey id: the API rejects its signature",
        "give the secret of this AccessKey id; if it is lost, create a new AccessKey",
    )
    .here("use the secret of the emulator's AccessKey, which its variables have (--env, --env-file)"),
    row(
        Cause::InstanceUnknown,
        "instance-unknown",
        Exit::Refused,
        "the instance does not exist in this region, belongs to another account, or is hidden by a RAM policy",
        "compare the instance id (实例 ID) and the region with the console; a RAM user needs mq: permissions on the \
         instance",
    )
    .here("use the instance id of the emulator, which its variables have (--env, --env-file)"),
    row(
        Cause::GroupNotCreated,
        "group-not-created",
        Exit::Refused,
        "the Group ID does not exist in the instance",
        "create it in the console's group management (Group 管理) or with `aliyun-mqtt group create`",
    )
    .here("create it with `aliyun-mqtt group create`, or use the Group ID of the emulator, which its variables have"),
    row(
        Cause::SignatureNotTaken,
        "signature-not-taken",
        Exit::Refused,
        "the API confirms AccessKey, secret, instance and group, but the login is refused; the instance probably \
         accepts only tokens and device credentials",
        "use --auth token or --auth device; otherwise check that the RAM user may use the instance",
    )
    .here("use --auth token or --auth device; an emulator refuses logins when a test tells it to"),
    row(
        Cause::PasswordRefused,
        "password-refused",
        Exit::Refused,
        "user name or password were refused; the secret is probably wrong, or the token has expired",
        "check the secret with the console's signature tool (签名校验); give --region-id for a more precise diagnosis \
         by the API",
    )
    .here(
        "use the settings of the emulator, which its variables have (--env, --env-file); a new start has other ports \
         and another token",
    ),
    row(
        Cause::NotAuthorized,
        "not-authorized",
        Exit::Refused,
        "the login is not authorized, probably because of a wrong instance id, a Group ID that does not exist, or an \
         unknown AccessKey id",
        "compare instance id (实例 ID), Group ID and AccessKey id with the console; give --region-id for a more \
         precise diagnosis by the API",
    )
    .here(
        "use the settings of the emulator, which its variables have (--env, --env-file): instance id, Group ID and \
         AccessKey",
    ),
    row(
        Cause::DeviceCredentialMissing,
        "device-credential-missing",
        Exit::Refused,
        "this client id has no device credential",
        "register one with `aliyun-mqtt credential` or in the console (一机一密)",
    )
    .here("register one with `aliyun-mqtt credential`"),
    row(
        Cause::DeviceCredentialReplaced,
        "device-credential-replaced",
        Exit::Refused,
        "this client id has a different device credential than the given one: it was registered again or refreshed",
        "give the device its current credential",
    ),
    row(
        Cause::DeviceSecretWrong,
        "device-secret-wrong",
        Exit::Refused,
        "the device's AccessKey id is right, but its secret is wrong",
        "give the device its current credential (一机一密)",
    ),
    row(
        Cause::TokenDead,
        "token-dead",
        Exit::Refused,
        "the token is not valid: expired, revoked, or of another instance",
        "apply for a new one with `aliyun-mqtt token apply`; tokens are valid for 60 s to 30 days",
    ),
    row(
        Cause::TokenOfOtherKey,
        "token-of-other-key",
        Exit::Refused,
        "the token is valid, but the login is refused; the kind before it is probably wrong, or it was applied for \
         with another AccessKey",
        "give the AccessKey id that applied for the token, and the kind it was applied for: R, W or RW",
    ),
];
