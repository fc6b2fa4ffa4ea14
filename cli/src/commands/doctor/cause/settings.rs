//! What needs no network to be seen: settings, names, and what a login is made of.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::SettingMissing,
        "setting-missing",
        Exit::Usage,
        "a setting is not given",
        "give it as the message says; `aliyun-mqtt config show` tells what is set and where it comes from",
    ),
    row(
        Cause::SettingWrong,
        "setting-wrong",
        Exit::Usage,
        "a setting has a value that cannot be used",
        "correct it where the message says it comes from",
    ),
    row(
        Cause::EndpointMalformed,
        "endpoint-malformed",
        Exit::Usage,
        "the endpoint is no host, host:port or URL",
        "copy the endpoint (接入点) from the instance's page in the console: mqtts://{endpoint}:8883, \
         mqtt://{endpoint}:1883, wss://{endpoint}:443",
    ),
    row(
        Cause::EndpointOfApi,
        "endpoint-of-api",
        Exit::Usage,
        "this is an address of the service's API, not of an instance",
        "use the instance's endpoint (接入点), {instance id}.mqtt.aliyuncs.com; the API's address belongs to \
         --api-endpoint",
    ),
    row(
        Cause::EndpointOfServerSdk,
        "endpoint-of-server-sdk",
        Exit::Usage,
        "this endpoint is for the cloud SDK of servers, which speaks AMQP on 5672, not MQTT",
        "use the instance's MQTT endpoint (接入点), {instance id}.mqtt.aliyuncs.com, or {instance \
         id}-internal-vpc.mqtt.aliyuncs.com within its VPC",
    ),
    row(
        Cause::EndpointIsAddress,
        "endpoint-is-address",
        Exit::Network,
        "the endpoint is an IP address: the service changes its addresses without notice, and supports only its domain \
         names",
        "use the endpoint (接入点) that the console shows; with TLS a certificate is for that name only",
    ),
    row(
        Cause::NotEncrypted,
        "not-encrypted",
        Exit::Network,
        "the connection is not encrypted: anybody on the way can read messages and tokens",
        "use mqtts:// (8883) or wss:// (443); every kind of instance has TLS",
    ),
    row(
        Cause::InstanceNotOfEndpoint,
        "instance-not-of-endpoint",
        Exit::Refused,
        "the endpoint belongs to another instance than the instance id says",
        "take instance id (实例 ID) and endpoint (接入点) from the same instance's page in the console",
    ),
    row(
        Cause::GroupIdMalformed,
        "group-id-malformed",
        Exit::Usage,
        "the group id breaks a rule: 7 to 64 letters, digits, - and _, beginning with GID_ or GID-",
        "copy the Group ID from the console's group management (Group 管理)",
    ),
    row(
        Cause::DeviceIdMalformed,
        "device-id-malformed",
        Exit::Usage,
        "the device id breaks a rule: letters, digits, - and _ only",
        "choose another device id (Device ID)",
    ),
    row(
        Cause::ClientIdTooLong,
        "client-id-too-long",
        Exit::Usage,
        "the client id, GroupID@@@DeviceID, has more than 64 characters",
        "choose a shorter device id (Device ID), or a shorter Group ID",
    ),
    row(
        Cause::DeviceIdMissing,
        "device-id-missing",
        Exit::Usage,
        "a device credential is for one client id, and no device id is given",
        "give --device-id: the one that the device credential (一机一密) was registered for",
    ),
    row(
        Cause::TopicMalformed,
        "topic-malformed",
        Exit::Usage,
        "the topic breaks a rule: letters, digits, - and _ in levels split by /, at least 3 characters, no wildcards \
         here",
        "correct the topic; its first level is the parent topic (父级 Topic) as created in the console",
    ),
    row(
        Cause::TopicTooLong,
        "topic-too-long",
        Exit::Usage,
        "the topic has more than 128 characters; the service would cut the connection",
        "shorten it: parent topic and sub-topics together",
    ),
    row(
        Cause::TopicLong,
        "topic-long",
        Exit::Usage,
        "the topic has more than 64 characters, the bound that the help pages give; demos say 128",
        "shorten it if messages do not arrive",
    ),
    row(
        Cause::SecretUnreadable,
        "secret-unreadable",
        Exit::Usage,
        "a secret cannot be read from where it is configured",
        "see the message: the file, variable or command must give the secret",
    ),
    row(
        Cause::SecretMarked,
        "secret-marked",
        Exit::Usage,
        "the secret has a space or & at its end: likely copied wrongly (the & belongs to old API signatures only)",
        "copy the secret again, as it is",
    ),
    row(
        Cause::DeviceKeyInSignature,
        "device-key-in-signature",
        Exit::Usage,
        "the AccessKey id begins with DC., as those of device credentials do, but the login is not by device \
         credential",
        "use --auth device, with --device-access-key-id and --device-access-key-secret-file",
    ),
    row(
        Cause::AccountKeyInDevice,
        "account-key-in-device",
        Exit::Usage,
        "the device's AccessKey id does not begin with DC., as the documented ones do: likely it is an account's key",
        "use the credential of this device (一机一密): `aliyun-mqtt credential` shows or makes it",
    ),
    row(
        Cause::StsInSignature,
        "sts-in-signature",
        Exit::Usage,
        "the key is a temporary one (STS): likely the signature mode does not take it, since a login has no place for \
         its security token",
        "use --auth token: tokens may be applied for with a temporary key",
    ),
    row(
        Cause::TokenMalformed,
        "token-malformed",
        Exit::Usage,
        "the token text is not RW|..., R|... or W|..., or several of them joined by |",
        "write the kind in front of the token: RW|{token}",
    ),
];
