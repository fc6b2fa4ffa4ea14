//! Causes of subscriptions and messages that do not get through.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::SubscribeRefused,
        "subscribe-refused",
        Exit::Rejected,
        "the server refused the subscription",
        "see the code in the message; the identity needs the right to subscribe to this topic",
    ),
    row(
        Cause::PublishRefused,
        "publish-refused",
        Exit::Rejected,
        "the server refused the message",
        "see the code in the message; the identity needs the right to publish to this topic",
    ),
    row(
        Cause::TopicNotCreated,
        "topic-not-created",
        Exit::Rejected,
        "the parent topic does not exist in the instance, so the service closes the connection (trace: resource auth \
         failed)",
        "create the parent topic (父级 Topic) in the console's topic management; the levels below it need not be \
         created",
    )
    .here(
        "use the parent topic of the emulator, which ALIYUN_MQTT_TOPIC has, or start it with this one: \
         --parent-topic",
    ),
    row(
        Cause::SubscribeNotPermitted,
        "subscribe-not-permitted",
        Exit::Rejected,
        "the topic exists, but subscribing closes the connection (trace: resource auth failed); the AccessKey probably \
         may not subscribe to it",
        "grant the RAM user the right to subscribe to this topic",
    )
    .here("see what the emulator was told to refuse (--forbid), or who may use the topic"),
    row(
        Cause::PublishNotPermitted,
        "publish-not-permitted",
        Exit::Rejected,
        "the topic exists, but publishing closes the connection (trace: resource auth failed); the AccessKey probably \
         may not publish to it",
        "grant the RAM user the right to publish to this topic",
    )
    .here("see what the emulator was told to refuse (--forbid), or who may use the topic"),
    row(
        Cause::TopicOrPermission,
        "topic-or-permission",
        Exit::Rejected,
        "the service closes the connection; the parent topic probably does not exist, or the identity has no right to \
         it",
        "create the parent topic (父级 Topic) in the console, or grant the right; give --region-id, so that the API \
         tells which of the two",
    )
    .here(
        "use the parent topic of the emulator, which ALIYUN_MQTT_TOPIC has, or start it with this one \
         (--parent-topic); see also what it was told to refuse (--forbid)",
    ),
    row(
        Cause::TokenForged,
        "token-forged",
        Exit::Refused,
        "the service reports that the token is forged or cannot be parsed (tokenInvalidNotice 1)",
        "apply for a new token, and pass it on unchanged",
    ),
    row(
        Cause::TokenExpired,
        "token-expired",
        Exit::Refused,
        "the service reports that the token has expired (tokenInvalidNotice 2)",
        "apply for a new token with `aliyun-mqtt token apply`",
    ),
    row(
        Cause::TokenRevoked,
        "token-revoked",
        Exit::Refused,
        "the service reports that the token was revoked (tokenInvalidNotice 3)",
        "apply for a new token with `aliyun-mqtt token apply`",
    ),
    row(
        Cause::TokenOtherTopic,
        "token-other-topic",
        Exit::Rejected,
        "the token does not cover this topic (tokenInvalidNotice 4)",
        "apply for a token whose Resources cover it, such as {parent topic}/#, which includes P2P topics",
    ),
    row(
        Cause::TokenWrongKind,
        "token-wrong-kind",
        Exit::Rejected,
        "the token does not give this permission (tokenInvalidNotice 5): R is for subscribing, W for publishing",
        "apply for a token with the Actions R,W, or use one of each kind",
    ),
    row(
        Cause::TokenSignature,
        "token-signature",
        Exit::Refused,
        "the service reports that the signature is invalid (tokenInvalidNotice 8)",
        "apply for a new token with the current AccessKey",
    ),
    row(
        Cause::TokenAccount,
        "token-account",
        Exit::Refused,
        "the service reports that the account is not permitted (tokenInvalidNotice -1)",
        "apply for the token with the account that owns the instance",
    ),
    row(
        Cause::NoAcknowledgement,
        "no-acknowledgement",
        Exit::Timeout,
        "the server did not acknowledge in time",
        "check the network, and in the console's monitoring whether the instance exceeds its message rate (TPS)",
    )
    .here("see the log of the server, which may be overloaded"),
    row(
        Cause::MessageNotBack,
        "message-not-back",
        Exit::Timeout,
        "the message was acknowledged, but the subscription did not deliver it",
        "check the number of filters: probably more than 30 for this client id (those of a kept session count), or \
         more than 100 wildcard filters below the parent topic",
    ),
    row(
        Cause::P2pNotArriving,
        "p2p-not-arriving",
        Exit::Timeout,
        "the message to this client itself was acknowledged, but did not arrive",
        "see the message trace (消息轨迹) in the console; the client was probably not online under this id at that \
         moment",
    )
    .here("`aliyun-mqtt emulator --watch` shows what becomes of a message"),
];
