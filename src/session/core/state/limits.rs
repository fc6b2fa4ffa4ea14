//! Operations that the server does not accept, by the limits in CONNACK or by a refusal. Neither ends the connection.

use super::State;
use super::connection::Step;
use super::renewing::failed;
use crate::error::{Code, Error, ErrorKind, Fate};
use crate::events::Event;
use crate::session::core::now::Now;
use crate::session::core::op::Kind;
use crate::session::core::op::{AckKind, Body, Op, answered_hint};
use crate::session::core::packet_ids::AckFor;
use crate::session::core::subscriptions::packet_len;
use crate::session::wire::link::{Refusal, ServerLimits};
use crate::subscribe_options::FilterRequest;

/// In PUBCOMP: the server has already completed the exchange.
const ID_NOT_FOUND: Code = Code::PubComp(0x92);

/// Returns the error if an operation must not be sent on a connection with these limits.
pub(super) fn not_allowed(limits: &ServerLimits, op: &Op) -> Option<Error> {
    // Completing an exchange is always allowed.
    let body = op.body().filter(|_| !op.releases())?;
    let rule = match body {
        Body::Publish(message) => {
            let max = limits.max_qos.filter(|max| message.qos > *max);
            max.map(|max| format!("the server accepts messages up to {max} only")).or_else(|| {
                let len = limits.packet_len.filter(|len| message.packet_len() > *len);
                len.map(|len| too_large(message.packet_len(), len))
            })
        }
        Body::Subscribe { filters, .. } => subscribe_not_allowed(limits, filters),
        Body::Unsubscribe(filter) => {
            // Packet id, length of the properties, length of the filter, and the header at its longest.
            let packet = filter.len() + 2 + 1 + 2 + 5;
            limits.packet_len.filter(|len| packet > *len).map(|len| too_large(packet, len))
        }
    }?;
    let fate = if op.maybe_written() { Fate::Unknown } else { Fate::NotSent };
    Some(Error::new(ErrorKind::Invalid, format!("{} was not sent: {rule}", op.describe())).with_fate(fate))
}

fn subscribe_not_allowed(limits: &ServerLimits, filters: &[FilterRequest]) -> Option<String> {
    let len = packet_len(filters);
    if let Some(max) = limits.packet_len.filter(|max| len > *max) {
        return Some(too_large(len, max));
    }
    if limits.no_identifiers && filters.iter().any(|(_, asked)| asked.identifier.is_some()) {
        return Some("the server does not support subscription identifiers".to_string());
    }
    let wildcards = |(filter, _): &FilterRequest| filter.contains(['+', '#']);
    (limits.no_wildcards && filters.iter().any(wildcards))
        .then(|| "the server does not accept filters with wildcards".to_string())
}

impl State {
    /// Handles PUBACK, PUBREC or PUBCOMP with a reason code that refuses. After an error, the connection is unusable.
    pub(super) fn publish_refused(
        &mut self,
        id: u16,
        refusal: &Refusal,
        now: Now,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let answer = match refusal.code {
            Code::PubRec(_) => AckKind::PubRec,
            Code::PubComp(_) => AckKind::PubComp,
            _ => AckKind::PubAck,
        };
        match self.outbox.take(Kind::Publish, id, answer)? {
            Some(AckFor::Op(seq)) => {
                self.outbox.answered(seq, now.instant);
                let Some(op) = self.outbox.op(seq) else { return Ok(()) };
                if refusal.code == ID_NOT_FOUND && op.is_continued() {
                    // On a resumed session: the server had sent PUBCOMP, which was lost with the previous connection.
                    self.acknowledged(seq);
                    return Ok(());
                }
                let fate = if refusal.code == ID_NOT_FOUND { Fate::Unknown } else { Fate::Refused };
                let hint = answered_hint(Kind::Publish, refusal.code);
                let error = refused(&op.describe(), refusal).with_fate(fate).with_hint(hint);
                self.outbox.refused(seq, error);
                Ok(())
            }
            Some(AckFor::Step) => self.step_refused(refusal, now, events),
            None => Ok(()),
        }
    }

    fn step_refused(&mut self, refusal: &Refusal, now: Now, events: &mut Vec<Event>) -> Result<(), Error> {
        match self.connection.as_mut().and_then(|connection| connection.steps.done(now.instant)) {
            Some(Step::UploadToken(upload)) => {
                let kind = upload.token.kind();
                self.tokens.upload_refused(kind, upload.serial, refusal.code, now);
                self.waking.mark_tokens();
                self.waking.mark_changed();
                events.push(failed(refused(&format!("the new token of the kind {kind}"), refusal), None));
                Ok(())
            }
            _ => Err(refused("the request for ordered messages", refusal)),
        }
    }

    /// Handles UNSUBACK that refuses: the server may go on sending, but the filter is not restored.
    pub(super) fn unsubscribe_refused(&mut self, id: u16, refusal: &Refusal) -> Result<(), Error> {
        if let Some(AckFor::Op(seq)) = self.outbox.take(Kind::Request, id, AckKind::UnsubAck)? {
            if let Some(op) = self.outbox.op(seq) {
                let error = refused(&op.describe(), refusal).with_fate(Fate::Refused);
                self.outbox.refused(seq, error);
            }
        }
        Ok(())
    }
}

/// The error of an operation that the server refused with a code.
fn refused(what: &str, refusal: &Refusal) -> Error {
    let said = refusal.reason.as_ref().map(|reason| format!("; the server says: {reason}")).unwrap_or_default();
    Error::new(ErrorKind::Rejected, format!("{what} was refused: {}{said}", refusal.code)).with_code(refusal.code)
}

fn too_large(len: usize, max: usize) -> String {
    format!("its packet has {len} bytes, and the server accepts {max} at most")
}
