//! MQTT 5.
//!
//! [`ConfigBuilder::protocol`] chooses the version; 3.1.1 is the default, which every instance speaks. The calls are
//! the same for both. MQTT 5 adds:
//!
//! * Properties of messages: user properties, content type, payload format, expiry, response topic and correlation data
//!   ([`Outgoing`], [`Message`]). With 3.1.1 a message that has any is refused.
//! * Options of subscriptions: no messages of the client's own, and identifiers ([`SubscribeOptions`]). They survive a
//!   lost session.
//! * Reasons: a refused message fails alone, with the server's code and words ([`ErrorKind::Rejected`], [`Code`]), and
//!   the connection goes on. If the server closes the connection with a reason, the error of [`Event::Disconnected`]
//!   has it; a reason in the short form of DISCONNECT, which some brokers send, cannot be read (rumqttc 0.25.1).
//! * Limits from CONNACK: the receive maximum bounds the window. A message above the maximum QoS or packet size, or a
//!   subscription that the server does not support, is refused by the client ([`ErrorKind::Invalid`]) when its turn
//!   comes on that connection. The server's keep-alive is used; a client id is never assigned, because one is always
//!   sent.
//! * A kept session expires ([`ConfigBuilder::session_expiry`]), and the client can limit how many messages the server
//!   sends at a time ([`ConfigBuilder::receive_maximum`]).
//!
//! [`Protocol`] says which instances of the service have it.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
