//! Receiving: the inbox, subscriptions and acknowledgements.
//!
//! The inbox exists before CONNECT is sent: P2P and offline messages arrive right after CONNACK and need no
//! subscription. [`subscribe`](Client::subscribe) feeds the client's own queue ([`recv`](Client::recv) and its
//! variants, [`messages`](Client::messages)). [`subscription`](Client::subscription) returns a [`Subscription`] that
//! receives its matches instead, first those that already wait there.
//!
//! # Acknowledgements
//!
//! A QoS 1 or 2 message is acknowledged when your program takes it; [`AckMode`] has the other choices. Acknowledgements
//! are sent in the order of receipt, so a message that nobody takes holds back all that are behind it;
//! [`Event::AcksHeldBack`] names it. [`Event::Ended`], [`Stats::untaken`] and a warning in the log (target
//! `aliyun_mqtt::untaken`) report messages that the program has not taken by the end.
//!
//! # Bounds
//!
//! When the inbox is full, QoS 0 messages are dropped, and others are neither queued nor acknowledged, so that the
//! server sends them again. The bound in bytes counts the memory of the messages ([`Limits::inbox_bytes`]).
//!
//! # Kept sessions
//!
//! With [`clean_session(false)`](ConfigBuilder::clean_session) and a fixed [device id](ConfigBuilder::device_id), the
//! service keeps QoS 1 messages to subscriptions of QoS 1 while the client is away. A [`Subscription`] that is dropped
//! unsubscribes; [`disconnect`](Client::disconnect) first to keep it.
//!
//! # Notices of the service
//!
//! `$SYS/tokenExpireNotice` and `$SYS/tokenInvalidNotice` are [`Event`]s with a [`Notice`]; they are also messages if
//! [`ConfigBuilder::deliver_notices`] is set.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
