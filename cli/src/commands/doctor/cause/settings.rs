//! Causes that show without a network: settings, names, and the parts of a login.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::SettingMissing,
        "setting-missing",
        Exit::Usage,
        "a required setting is missing",
        "provide it as the message says; `aliyun-mqtt config show` tells what is set, where it comes from, and what \
         is missing",
    ),
    row(
        Cause::SettingWrong,
        "setting-wrong",
        Exit::Usage,
        "a setting has an invalid value",
        "correct the value where the message says it comes from",
    ),
    row(
        Cause::EndpointMalformed,
        "endpoint-malformed",
        Exit::Usage,
        "the endpoint is not a host, host:port or URL",
        "copy the endpoint (接入点) from the instance's page in the console: mqtts://{endpoint}:8883, \
         mqtt://{endpoint}:1883 or wss://{endpoint}:443",
    ),
    row(
        Cause::EndpointOfApi,
        "endpoint-of-api",
        Exit::Usage,
        "this is the address of the service's API, not of an instance",
        "use the instance's endpoint (接入点), {instance id}.mqtt.aliyuncs.com; the API's address belongs in \
         --api-endpoint",
    ),
    row(
        Cause::EndpointOfServerSdk,
        "endpoint-of-server-sdk",
        Exit::Usage,
        "this endpoint is for the cloud SDK, which speaks AMQP on port 5672, not MQTT",
        "use the instance's MQTT endpoint (接入点), {instance id}.mqtt.aliyuncs.com, or {instance \
         id}-internal-vpc.mqtt.aliyuncs.com inside its VPC",
    ),
    row(
        Cause::EndpointIsAddress,
        "endpoint-is-address",
        Exit::Network,
        "the endpoint is an IP address; the service supports only its domain names and changes addresses without \
         notice",
        "use the endpoint (接入点) that the console shows; a TLS certificate is valid for that name only",
    ),
    row(
        Cause::NotEncrypted,
        "not-encrypted",
        Exit::Network,
        "the connection is not encrypted; anyone on the network path can read messages and tokens",
        "use mqtts:// (8883) or wss:// (443); every kind of instance supports TLS",
    ),
    row(
        Cause::InstanceNotOfEndpoint,
        "instance-not-of-endpoint",
        Exit::Refused,
        "the endpoint belongs to a different instance than the instance id",
        "copy the instance id (实例 ID) and the endpoint (接入点) from the same instance's page in the console",
    ),
    row(
        Cause::GroupIdMalformed,
        "group-id-malformed",
        Exit::Usage,
        "the group id breaks a rule: 7 to 64 letters, digits, - and _, starting with GID_ or GID-",
        "copy the Group ID from the console's group management (Group 管理)",
    ),
    row(
        Cause::DeviceIdMalformed,
        "device-id-malformed",
        Exit::Usage,
        "the device id breaks a rule: only letters, digits, - and _ are allowed",
        "choose another device id (Device ID)",
    ),
    row(
        Cause::ClientIdTooLong,
        "client-id-too-long",
        Exit::Usage,
        "the client id, GroupID@@@DeviceID, has more than 64 characters",
        "choose a shorter device id (Device ID) or a shorter Group ID",
    ),
    row(
        Cause::DeviceIdMissing,
        "device-id-missing",
        Exit::Usage,
        "a device credential is valid for one client id, and no device id is given",
        "give the --device-id for which the device credential (一机一密) was registered",
    ),
    row(
        Cause::TopicMalformed,
        "topic-malformed",
        Exit::Usage,
        "the topic breaks a rule: levels of letters, digits, - and _, separated by /, at least 3 characters in all, no \
         wildcards",
        "correct the topic; its first level is the parent topic (父级 Topic) as created in the console",
    ),
    row(
        Cause::TopicTooLong,
        "topic-too-long",
        Exit::Usage,
        "the topic has more than 128 characters; the service would close the connection",
        "shorten the parent topic or the levels below it",
    ),
    row(
        Cause::TopicLong,
        "topic-long",
        Exit::Usage,
        "the topic has more than 64 characters, the limit in the help pages; the demos say 128",
        "shorten the topic if messages do not arrive",
    ),
    row(
        Cause::SecretUnreadable,
        "secret-unreadable",
        Exit::Usage,
        "a secret cannot be read from the place where it is configured",
        "make the file, variable or command in the message provide the secret",
    ),
    row(
        Cause::SecretMarked,
        "secret-marked",
        Exit::Usage,
        "the secret ends with a space or &, probably copied by mistake (the & belongs to old API signatures only)",
        "copy the secret again, without anything added",
    ),
    row(
        Cause::DeviceKeyInSignature,
        "device-key-in-signature",
        Exit::Usage,
        "the AccessKey id starts with DC., as the ids of device credentials do, but the login does not use a device \
         credential",
        "use --auth device with --device-access-key-id and --device-access-key-secret-file",
    ),
    row(
        Cause::AccountKeyInDevice,
        "account-key-in-device",
        Exit::Usage,
        "the device's AccessKey id does not start with DC., as the documented ids do; it is probably the AccessKey of \
         an account",
        "use the credential of this device (一机一密); `aliyun-mqtt credential` shows or creates it",
    ),
    row(
        Cause::StsInSignature,
        "sts-in-signature",
        Exit::Usage,
        "the AccessKey is temporary (STS), and a login has no field for its security token; signature mode probably \
         rejects it",
        "use --auth token; a temporary AccessKey can apply for tokens",
    ),
    row(
        Cause::NoKeyFound,
        "no-key-found",
        Exit::Usage,
        "no AccessKey is given, and no place that Alibaba Cloud's SDKs look at has a usable one",
        "run `aliyun configure`, give the machine a RAM role (实例 RAM 角色), or set --access-key-id with its secret; the \
         message names each place",
    ),
    row(
        Cause::TokenMalformed,
        "token-malformed",
        Exit::Usage,
        "the token text is not RW|..., R|... or W|..., nor several of these joined by |",
        "put the kind before the token: RW|{token}",
    ),
];
