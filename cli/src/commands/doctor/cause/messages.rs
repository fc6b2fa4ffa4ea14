//! Why a subscription or a message does not get through.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::SubscribeRefused,
        "subscribe-refused",
        Exit::Rejected,
        "the subscription was answered with a refusal",
        "see the code; the identity needs the right to subscribe to this topic",
    ),
    row(
        Cause::PublishRefused,
        "publish-refused",
        Exit::Rejected,
        "the message was answered with a refusal",
        "see the code; the identity needs the right to publish to this topic",
    ),
    row(
        Cause::TopicNotCreated,
        "topic-not-created",
        Exit::Rejected,
        "the parent topic does not exist in the instance, so the connection is cut (trace: resource auth failed)",
        "create the parent topic (父级 Topic) in the console's topic management; sub-topics need none",
    ),
    row(
        Cause::SubscribeNotPermitted,
        "subscribe-not-permitted",
        Exit::Rejected,
        "the topic exists, and yet subscribing cuts the connection (trace: resource auth failed): likely the AccessKey \
         may not subscribe to it",
        "grant the RAM user the right to subscribe to this topic",
    ),
    row(
        Cause::PublishNotPermitted,
        "publish-not-permitted",
        Exit::Rejected,
        "the topic exists, and yet publishing cuts the connection (trace: resource auth failed): likely the AccessKey \
         may not publish to it",
        "grant the RAM user the right to publish to this topic",
    ),
    row(
        Cause::TopicOrPermission,
        "topic-or-permission",
        Exit::Rejected,
        "the connection is cut for it: likely the parent topic does not exist, or the identity has no right to it",
        "create the parent topic (父级 Topic) in the console, or grant the right; give --region-id, and the API tells \
         which of both",
    ),
    row(
        Cause::TokenForged,
        "token-forged",
        Exit::Refused,
        "the service says that the token is forged or cannot be parsed (tokenInvalidNotice 1)",
        "apply for a new one, and give it unchanged",
    ),
    row(
        Cause::TokenExpired,
        "token-expired",
        Exit::Refused,
        "the service says that the token has expired (tokenInvalidNotice 2)",
        "apply for a new one: `aliyun-mqtt token apply`",
    ),
    row(
        Cause::TokenRevoked,
        "token-revoked",
        Exit::Refused,
        "the service says that the token was revoked (tokenInvalidNotice 3)",
        "apply for a new one: `aliyun-mqtt token apply`",
    ),
    row(
        Cause::TokenOtherTopic,
        "token-other-topic",
        Exit::Rejected,
        "the token does not cover this topic (tokenInvalidNotice 4)",
        "apply for one whose Resources cover it, such as {parent topic}/#, which takes in P2P topics too",
    ),
    row(
        Cause::TokenWrongKind,
        "token-wrong-kind",
        Exit::Rejected,
        "the token does not give this permission (tokenInvalidNotice 5): R is for subscribing, W for publishing",
        "apply for a token with the Actions R,W, or hold one of each kind",
    ),
    row(
        Cause::TokenSignature,
        "token-signature",
        Exit::Refused,
        "the service says that the signature is invalid (tokenInvalidNotice 8)",
        "apply for a new token with the present AccessKey",
    ),
    row(
        Cause::TokenAccount,
        "token-account",
        Exit::Refused,
        "the service says that the account is not permitted (tokenInvalidNotice -1)",
        "the token must be applied for by the account that has the instance",
    ),
    row(
        Cause::NoAcknowledgement,
        "no-acknowledgement",
        Exit::Timeout,
        "the broker did not acknowledge it in time",
        "likely the network, or the instance is over its rate of messages (TPS): see the console's monitoring",
    ),
    row(
        Cause::MessageNotBack,
        "message-not-back",
        Exit::Timeout,
        "the message was acknowledged, but did not come back by the subscription",
        "likely more than 30 filters are subscribed by this client id (a kept session counts), or 100 wildcard filters \
         below the parent topic",
    ),
    row(
        Cause::P2pNotArriving,
        "p2p-not-arriving",
        Exit::Timeout,
        "the message to this client itself was acknowledged, but did not arrive",
        "likely the client was not online under this id at that moment: see the message trace (消息轨迹) in the \
         console",
    ),
];
