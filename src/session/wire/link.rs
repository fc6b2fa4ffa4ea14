//! What a protocol adapter gives the session: one connection, seen as a stream of events and a few verbs.
//!
//! The session knows no packet of a protocol version, and an adapter knows nothing of outboxes or reconnects.

use std::time::Instant;

use crate::error::{Code, Error, ErrorKind};
use crate::message::{Outgoing, Properties, QoS};
use crate::subscribe_options::FilterRequest;

/// What happened on the connection, in order.
#[derive(Debug)]
pub(in crate::session) enum LinkEvent {
    /// CONNACK with code 0.
    ConnAck {
        session_present: bool,
        allowed: ServerLimits,
    },
    /// A request was taken from the channel, in the order of handing over. A QoS 0 message (id 0) is written by now;
    /// anything else is about to be.
    Sent(Sent),
    PubAck(u16),
    PubRec(u16),
    PubComp(u16),
    /// PUBACK, PUBREC or PUBCOMP of MQTT 5 with a code that ends the exchange without success.
    PublishRefused(u16, Refusal),
    /// One verdict for each filter: the granted QoS or the refusing code; and the broker's own words, if any.
    SubAck(u16, Vec<Result<QoS, u8>>, Option<String>),
    UnsubAck(u16),
    /// UNSUBACK of MQTT 5 that refuses.
    UnsubRefused(u16, Refusal),
    Publish(Arrived),
    /// A PUBLISH above the limit, of so many bytes; of its payload only the first [`HEAD`](crate::session::wire::oversized::HEAD) are left.
    Oversized(Arrived, usize),
    /// An incoming QoS 2 exchange ended: its id is free again.
    Released(u16),
    /// A sign of life: a ping went out or came back, an acknowledgement was written.
    Alive,
}

/// What CONNACK of MQTT 5 limits; by default, and always with MQTT 3.1.1, nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) struct ServerLimits {
    /// How many QoS 1 and 2 messages may be unacknowledged at a time; 1 or more.
    pub(in crate::session) receive_maximum: Option<u16>,
    /// The highest QoS of a PUBLISH.
    pub(in crate::session) max_qos: Option<QoS>,
    /// The largest packet, in bytes.
    pub(in crate::session) packet_len: Option<usize>,
    pub(in crate::session) no_wildcards: bool,
    pub(in crate::session) no_identifiers: bool,
}

/// Why the broker refused one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session) struct Refusal {
    pub(in crate::session) code: Code,
    /// The broker's own words.
    pub(in crate::session) reason: Option<String>,
}

/// A request that was taken from the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Sent {
    Publish(u16),
    Subscribe(u16),
    Unsubscribe(u16),
    /// FilterRequest for by the session, or by rumqttc itself over a protocol error; the session knows.
    Disconnect,
}

/// A PUBLISH from the broker.
#[derive(Debug, Clone)]
pub(in crate::session) struct Arrived {
    pub(in crate::session) id: u16,
    pub(in crate::session) topic: String,
    pub(in crate::session) qos: QoS,
    pub(in crate::session) duplicate: bool,
    pub(in crate::session) retained: bool,
    pub(in crate::session) payload: Vec<u8>,
    /// Of MQTT 5, where there are any.
    pub(in crate::session) properties: Option<Box<Properties>>,
}

/// The verbs, callable from any thread. They put a request into the adapter's channel and never block; `false` means
/// that the connection is going away, which its pump reports.
pub(in crate::session) trait LinkSender: Send {
    fn publish(&self, message: &Outgoing) -> bool;
    /// All filters have the same identifier, or none.
    fn subscribe(&self, filters: &[FilterRequest]) -> bool;
    fn unsubscribe(&self, filter: &str) -> bool;
    /// PUBACK or PUBREC for a received message.
    fn acknowledge(&self, id: u16, qos: QoS) -> bool;
    fn disconnect(&self) -> bool;
}

/// The other half: what dials is the first call, and then it lives on the worker's thread.
pub(in crate::session) trait LinkPump: Send {
    /// Blocks until something happens. The first event is `ConnAck`; after an error there is nothing more.
    fn next(&mut self) -> Result<LinkEvent, Failure>;
    /// The same, but gives up at this instant (`None`). Only before `ConnAck`, after which there is nothing more then, or while
    /// nothing is being sent: what is half written is lost.
    fn next_before(&mut self, until: Instant) -> Result<Option<LinkEvent>, Failure>;
    /// What had been read before the error and not been given out yet.
    fn leftovers(&mut self) -> Vec<LinkEvent>;
    /// Before any request on a resumed session: the next packet id is the one after `last_id`.
    fn restore(&mut self, last_id: u16);
    /// Sends a PUBLISH again under its old id, with DUP, ahead of everything in the channel.
    fn resend(&mut self, id: u16, message: &Outgoing);
    /// Sends a PUBREL again.
    fn release_again(&mut self, id: u16);
    /// Reads on until the other side has closed, at most until this instant: closing with unread data resets the
    /// connection, and what was written last may be lost. rumqttc still answers a PUBREC or PUBREL that comes meanwhile,
    /// which MQTT does not allow after DISCONNECT; the other side is past reading it.
    fn drain(&mut self, until: Instant);
}

/// Why a connection ended or could not be made.
#[derive(Debug)]
pub(in crate::session) struct Failure {
    pub(in crate::session) error: Error,
    pub(in crate::session) cause: Cause,
}

/// What the session has to know of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Cause {
    /// CONNACK with this code of MQTT 3.1.1: 1 version, 2 client id, 3 unavailable, 4 and 5 login; or another of MQTT
    /// 5, which has no counterpart there.
    Refused(u8),
    /// The handshake took longer than allowed; the stage is not known.
    HandshakeTimeout,
    /// Before CONNACK the other side closed.
    NoConnAck,
    /// Before CONNACK the other side said something that does not belong there.
    Foreign,
    /// The other side closed or reset the connection.
    Closed,
    /// It sent a packet of so many bytes, more than this connection takes.
    TooLarge(usize),
    /// Anything else.
    Other,
}

/// `what`: the end of the sentence "the server broke a rule of MQTT: ...".
pub(in crate::session) fn broken(what: &str, server: &str) -> Failure {
    let error = Error::new(ErrorKind::Protocol, format!("{server} broke a rule of MQTT: {what}"));
    Failure { error, cause: Cause::Other }
}

/// What is wrong with an answer to so many filters.
pub(in crate::session) fn count_fault(packet: &str, id: u16, codes: usize, filters: usize) -> Option<String> {
    (codes != filters).then(|| {
        format!(
            "it answered packet id {id} with {packet} of {codes} reason codes, where {filters} filters were asked for"
        )
    })
}
