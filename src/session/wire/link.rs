//! The seam between the session and rumqttc: one connection as a sequence of events and a few methods.
//!
//! The session does not handle packets of a protocol version, and an adapter (`v4`, `v5`) does not know the outbox or
//! reconnecting.

use std::collections::VecDeque;
use std::time::Instant;

use crate::error::{Code, Error, ErrorKind};
use crate::message::{Outgoing, Properties, QoS};
use crate::printable::counted;
use crate::subscribe_options::FilterRequest;

/// The number of packet ids for each place in the window: an id is settled long before it is used again.
pub(in crate::session) const IDS_PER_PLACE: u16 = 4;

/// An event of the connection, in order of occurrence.
#[derive(Debug)]
pub(in crate::session) enum LinkEvent {
    /// A request was taken from the channel; requests are taken in the order they were put there. A QoS 0 message (id
    /// 0) has been written; anything else is about to be.
    Sent(Sent),
    PubAck(u16),
    PubRec(u16),
    PubComp(u16),
    /// PUBACK, PUBREC or PUBCOMP of MQTT 5 with a code that ends the exchange without success.
    PublishRefused(u16, Refusal),
    /// The granted QoS or the refusing code of each filter, and the server's reason string, if any.
    SubAck(u16, Vec<Result<QoS, u8>>, Option<String>),
    UnsubAck(u16),
    /// UNSUBACK of MQTT 5 that refuses.
    UnsubRefused(u16, Refusal),
    Publish(Arrived),
    /// A PUBLISH above the limit, and its size in bytes. Its payload is cut to the first
    /// [`HEAD`](crate::session::wire::oversized::HEAD) bytes.
    Oversized(Arrived, usize),
    /// An incoming QoS 2 exchange ended: its id is free again.
    Released(u16),
    /// An acknowledgement of a received message was written.
    Acknowledged,
    /// Any other activity: a ping was sent or answered.
    Alive,
}

/// CONNACK with code 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) struct ConnAck {
    pub(in crate::session) session_present: bool,
    pub(in crate::session) limits: ServerLimits,
}

/// The limits that CONNACK of MQTT 5 sets. By default, and always with MQTT 3.1.1, there are none.
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

/// The server's refusal of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session) struct Refusal {
    pub(in crate::session) code: Code,
    /// The server's reason string.
    pub(in crate::session) reason: Option<String>,
}

/// A request that was taken from the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Sent {
    Publish(u16),
    Subscribe(u16),
    Unsubscribe(u16),
    /// Requested by the session, or sent by rumqttc itself after a protocol error.
    Disconnect,
}

/// A PUBLISH from the server.
#[derive(Debug, Clone)]
pub(in crate::session) struct Arrived {
    pub(in crate::session) id: u16,
    pub(in crate::session) topic: String,
    pub(in crate::session) qos: QoS,
    pub(in crate::session) duplicate: bool,
    pub(in crate::session) retained: bool,
    pub(in crate::session) payload: Vec<u8>,
    /// The properties of MQTT 5, if there are any.
    pub(in crate::session) properties: Option<Box<Properties>>,
}

/// The sending half of a connection, callable from any thread. Its methods put a request into the adapter's channel and
/// never block. They return `false` when the connection is ending, which its pump reports.
pub(in crate::session) trait LinkSender: Send {
    fn publish(&self, message: &Outgoing) -> bool;
    /// All filters have the same identifier, or none.
    fn subscribe(&self, filters: &[FilterRequest]) -> bool;
    fn unsubscribe(&self, filter: &str) -> bool;
    /// Sends PUBACK or PUBREC for a received message.
    fn acknowledge(&self, id: u16, qos: QoS) -> bool;
    fn disconnect(&self) -> bool;
}

/// The other half of a connection. [`dial`](LinkPump::dial) comes first; after that it belongs to the worker's thread.
pub(in crate::session) trait LinkPump: Send {
    /// Makes the connection and logs in. Returns `None` at this instant, which ends the connection.
    fn dial(&mut self, until: Instant) -> Result<Option<ConnAck>, Failure>;
    /// Blocks until something happens, and appends all events there are. Those appended before an error count; after
    /// it, the connection is unusable.
    fn next(&mut self, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure>;
    /// Like [`next`](LinkPump::next), but appends nothing at this instant, which loses a half-written packet. Call it
    /// only while nothing is being sent.
    fn next_before(&mut self, until: Instant, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure>;
    /// Takes the events that were read before the error and not returned yet.
    fn leftovers(&mut self) -> Vec<LinkEvent>;
    /// Returns until when keep-alive needs no call of [`next`](LinkPump::next); `None` while the answer to a ping is
    /// awaited.
    fn idle_until(&self) -> Option<Instant>;
    /// Makes room for packet ids up to `ids`, if there is less. Everything in flight stays so, and the next id is the
    /// same as before.
    fn grow(&mut self, ids: u16);
    /// Passes over this many packet ids, while no request waits in the channel.
    fn skip(&mut self, count: u16);
    /// Sends a PUBLISH again with its old id and DUP, ahead of everything in the channel.
    fn resend(&mut self, id: u16, message: &Outgoing);
    /// Sends a PUBREL again.
    fn release_again(&mut self, id: u16);
    /// Reads until the other side has closed, at most until this instant: closing with unread data resets the
    /// connection, and the packets written last may be lost. rumqttc still answers PUBREC and PUBREL meanwhile, which
    /// MQTT does not allow after DISCONNECT; the other side no longer reads.
    fn drain(&mut self, until: Instant);
}

/// Why a connection ended or could not be made.
#[derive(Debug)]
pub(in crate::session) struct Failure {
    pub(in crate::session) error: Error,
    pub(in crate::session) cause: Cause,
}

/// The cause of a failure, as far as the session treats causes differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Cause {
    /// CONNACK with this code of MQTT 3.1.1: 1 version, 2 client id, 3 unavailable, 4 and 5 login; or another of MQTT
    /// 5, which has no counterpart there.
    Refused(u8),
    /// The handshake took longer than allowed; the stage is not known.
    HandshakeTimeout,
    /// Before CONNACK the other side closed.
    NoConnAck,
    /// Before CONNACK the other side sent something that does not belong there.
    Foreign,
    /// The other side closed or reset the connection.
    Closed,
    /// The server sent a packet of this many bytes, more than this connection accepts.
    TooLarge(usize),
    /// Anything else.
    Other,
}

/// The failure of a connection whose server broke a rule of MQTT. `what` ends the sentence "the server broke a rule of
/// MQTT: ...".
pub(in crate::session) fn broken(what: &str, server: &str) -> Failure {
    let error = Error::new(ErrorKind::Protocol, format!("{server} broke a rule of MQTT: {what}"));
    Failure { error, cause: Cause::Other }
}

/// The fault of an acknowledgement whose number of reason codes differs from the number of filters.
pub(in crate::session) fn count_fault(packet: &str, id: u16, codes: usize, filters: usize) -> Option<String> {
    (codes != filters).then(|| {
        format!(
            "it answered packet id {id} with {packet} of {} for {}",
            counted(codes, "reason code"),
            counted(filters, "filter")
        )
    })
}
