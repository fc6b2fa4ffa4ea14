//! What the broker does not take on this connection, by its CONNACK, and what it refused: neither ends the connection.

use std::time::SystemTime;

use super::{State, Step};
use crate::error::{Code, Error, ErrorKind, Fate};
use crate::events::Event;
use crate::random::fraction as chance;
use crate::session::line::Refusal;
use crate::session::op::{Answer, Body, Op, answered_hint};
use crate::session::outbox::{Kind, Ticket};
use crate::session::renewal::failed;
use crate::session::subscriptions::packet_len;
use crate::subscribe::Asked;

/// PUBCOMP with it says that the broker has completed the exchange before.
const ID_NOT_FOUND: Code = Code::PubComp(0x92);

impl State {
    /// Why an operation must not be sent on this connection, if so.
    pub(super) fn not_allowed(&self, op: &Op) -> Option<Error> {
        // An exchange that was begun is only completed.
        let body = op.body().filter(|_| !op.released)?;
        let rule = match body {
            Body::Publish(message) => {
                let max = self.allowed.max_qos.filter(|max| message.qos > *max);
                max.map(|max| format!("the broker takes messages up to {max} only")).or_else(|| {
                    let len = self.allowed.packet_len.filter(|len| message.packet_len() > *len);
                    len.map(|len| too_large(message.packet_len(), len))
                })
            }
            Body::Subscribe { filters, .. } => self.subscribe_not_allowed(filters),
            Body::Unsubscribe(filter) => {
                // Packet id, length of the properties, length of the filter, and the header at its longest.
                let packet = filter.len() + 2 + 1 + 2 + 5;
                self.allowed.packet_len.filter(|len| packet > *len).map(|len| too_large(packet, len))
            }
        }?;
        let fate = if op.maybe_written() { Fate::Unknown } else { Fate::NotSent };
        Some(Error::new(ErrorKind::Invalid, format!("{} was not sent: {rule}", op.describe())).with_fate(fate))
    }

    fn subscribe_not_allowed(&self, filters: &[Asked]) -> Option<String> {
        let len = packet_len(filters);
        if let Some(max) = self.allowed.packet_len.filter(|max| len > *max) {
            return Some(too_large(len, max));
        }
        if self.allowed.no_identifiers && filters.iter().any(|(_, asked)| asked.identifier.is_some()) {
            return Some("the broker has no subscription identifiers".to_string());
        }
        let wildcards = |(filter, _): &Asked| filter.contains(['+', '#']);
        (self.allowed.no_wildcards && filters.iter().any(wildcards))
            .then(|| "the broker takes no filters with wildcards".to_string())
    }

    /// PUBACK, PUBREC or PUBCOMP without success. An error means that the connection is of no use.
    pub(super) fn publish_refused(&mut self, id: u16, refusal: &Refusal, events: &mut Vec<Event>) -> Result<(), Error> {
        let answer = match refusal.code {
            Code::PubRec(_) => Answer::PubRec,
            Code::PubComp(_) => Answer::PubComp,
            _ => Answer::PubAck,
        };
        match self.outbox.take(Kind::Publish, id, answer)? {
            Some(Ticket::Op(seq)) => {
                let Some(op) = self.outbox.op(seq) else { return Ok(()) };
                if refusal.code == ID_NOT_FOUND && op.continued {
                    // On a resumed session: PUBCOMP had been sent, and was lost with the line before.
                    self.acknowledged(seq);
                    return Ok(());
                }
                let fate = if refusal.code == ID_NOT_FOUND { Fate::Unknown } else { Fate::Refused };
                let error = refused(&op.describe(), refusal).with_fate(fate);
                let error = match answered_hint(Kind::Publish, refusal.code) {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                };
                self.outbox.refused(seq, error);
                Ok(())
            }
            Some(Ticket::Step) => self.step_refused(refusal, events),
            None => Ok(()),
        }
    }

    fn step_refused(&mut self, refusal: &Refusal, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.step.take() {
            Some((Step::UploadToken(upload), _)) => {
                let kind = upload.token.kind();
                if let Some(store) = &mut self.tokens {
                    store.upload_refused(kind, upload.serial, SystemTime::now(), chance());
                }
                self.upload_refusal = Some((upload.serial, refusal.code));
                self.token_news = true;
                self.touch();
                events.push(failed(refused(&format!("the new token of the kind {kind}"), refusal), None));
                Ok(())
            }
            _ => Err(refused("the request for ordered messages", refusal)),
        }
    }

    /// UNSUBACK that refuses: the broker may go on sending, but the filter is not restored.
    pub(super) fn unsubscribe_refused(&mut self, id: u16, refusal: &Refusal) -> Result<(), Error> {
        if let Some(Ticket::Op(seq)) = self.outbox.take(Kind::Request, id, Answer::UnsubAck)? {
            if let Some(op) = self.outbox.op(seq) {
                let error = refused(&op.describe(), refusal).with_fate(Fate::Refused);
                self.outbox.refused(seq, error);
            }
        }
        Ok(())
    }
}

/// The error of what the broker answered with a code that refuses.
fn refused(what: &str, refusal: &Refusal) -> Error {
    let said = refusal.reason.as_ref().map(|reason| format!("; the broker says: {reason}")).unwrap_or_default();
    Error::new(ErrorKind::Rejected, format!("{what} was refused: {}{said}", refusal.code)).with_code(refusal.code)
}

fn too_large(len: usize, max: usize) -> String {
    format!("its packet has {len} bytes, and the broker takes {max} at most")
}
