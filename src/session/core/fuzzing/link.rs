//! A connection driven by bytes, with the state of an adapter and a server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::error::Result;
use crate::message::{Outgoing, QoS};
use crate::session::wire::link::{ConnAck, Failure, LinkEvent, LinkPump, LinkSender, Sent};
use crate::subscribe_options::FilterRequest;
use crate::sync::lock;

/// The highest packet id with which a connection starts.
pub(super) const IDS: u16 = 8;

/// The state of an adapter and a server.
pub(super) struct Wire {
    last_id: u16,
    /// The highest packet id.
    ids: u16,
    /// Put into the channel and not taken yet; those of a resumed session first.
    ahead: VecDeque<(u16, QoS)>,
    pub(super) channel: VecDeque<InChannel>,
    /// The next acknowledgements of the server.
    due: VecDeque<LinkEvent>,
}

impl Wire {
    fn next_id(&mut self) -> u16 {
        self.last_id = if self.last_id >= self.ids { 1 } else { self.last_id + 1 };
        self.last_id
    }
}

pub(super) enum InChannel {
    Publish(QoS),
    Subscribe(usize),
    Unsubscribe,
    Acknowledge,
    Disconnect,
}

#[derive(Clone)]
pub(super) struct Link(pub(super) Arc<Mutex<Wire>>);

impl Link {
    pub(super) fn new() -> Link {
        let (ahead, channel, due) = Default::default();
        Link(Arc::new(Mutex::new(Wire { last_id: 0, ids: IDS, ahead, channel, due })))
    }

    fn put(&self, request: InChannel) -> bool {
        lock(&self.0).channel.push_back(request);
        true
    }

    /// The next request is taken, and answered later.
    pub(super) fn take(&self) -> Option<LinkEvent> {
        let mut wire = lock(&self.0);
        if let Some((id, qos)) = wire.ahead.pop_front() {
            wire.due.push_back(answer(id, qos));
            return Some(LinkEvent::Sent(Sent::Publish(id)));
        }
        let request = wire.channel.pop_front()?;
        if let InChannel::Publish(QoS::AtMostOnce) = request {
            return Some(LinkEvent::Sent(Sent::Publish(0)));
        }
        if let InChannel::Acknowledge = request {
            return Some(LinkEvent::Acknowledged);
        }
        if let InChannel::Disconnect = request {
            return Some(LinkEvent::Sent(Sent::Disconnect));
        }
        let id = wire.next_id();
        let (sent, reply) = match request {
            InChannel::Publish(qos) => (Sent::Publish(id), answer(id, qos)),
            InChannel::Subscribe(count) => {
                (Sent::Subscribe(id), LinkEvent::SubAck(id, vec![Ok(QoS::AtLeastOnce); count], None))
            }
            _ => (Sent::Unsubscribe(id), LinkEvent::UnsubAck(id)),
        };
        wire.due.push_back(reply);
        Some(LinkEvent::Sent(sent))
    }

    /// The server's next answer.
    pub(super) fn reply(&self) -> Option<LinkEvent> {
        let mut wire = lock(&self.0);
        let reply = wire.due.pop_front()?;
        if let LinkEvent::PubRec(id) = reply {
            wire.due.push_back(LinkEvent::PubComp(id));
        }
        Some(reply)
    }
}

fn answer(id: u16, qos: QoS) -> LinkEvent {
    if qos == QoS::ExactlyOnce { LinkEvent::PubRec(id) } else { LinkEvent::PubAck(id) }
}

impl LinkSender for Link {
    fn publish(&self, message: &Outgoing) -> bool {
        self.put(InChannel::Publish(message.qos))
    }

    fn subscribe(&self, filters: &[FilterRequest]) -> bool {
        self.put(InChannel::Subscribe(filters.len()))
    }

    fn unsubscribe(&self, _: &str) -> bool {
        self.put(InChannel::Unsubscribe)
    }

    fn acknowledge(&self, _: u16, _: QoS) -> bool {
        self.put(InChannel::Acknowledge)
    }

    fn disconnect(&self) -> bool {
        self.put(InChannel::Disconnect)
    }
}

impl LinkPump for Link {
    fn dial(&mut self, _: Instant) -> Result<Option<ConnAck>, Failure> {
        Ok(None)
    }

    fn next(&mut self, _: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        Ok(())
    }

    fn next_before(&mut self, _: Instant, _: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        Ok(())
    }

    fn idle_until(&self) -> Option<Instant> {
        None
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        Vec::new()
    }

    fn grow(&mut self, ids: u16) {
        let mut wire = lock(&self.0);
        if wire.last_id >= wire.ids {
            wire.last_id = 0;
        }
        wire.ids = wire.ids.max(ids);
    }

    fn skip(&mut self, count: u16) {
        let mut wire = lock(&self.0);
        (0..count).for_each(|_| _ = wire.next_id());
    }

    fn resend(&mut self, id: u16, message: &Outgoing) {
        lock(&self.0).ahead.push_back((id, message.qos));
    }

    fn release_again(&mut self, id: u16) {
        lock(&self.0).due.push_back(LinkEvent::PubComp(id));
    }

    fn drain(&mut self, _: Instant) {}
}
