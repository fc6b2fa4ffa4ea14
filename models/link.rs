//! The adapter of the models, in the place of `v4`: a line to the model's broker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aliyun_mqtt_model_ground::broker::{self, End, Event, Request};

use super::link::{Arrived, Cause, ConnAck, Failure, LinkEvent, LinkPump, LinkSender, Sent, ServerLimits};
use super::target::Target;
use crate::config::Config;
use crate::credentials::Login;
use crate::error::{Error, ErrorKind};
use crate::message::{Outgoing, QoS};
use crate::subscribe_options::FilterRequest;

pub(in crate::session) type Link = (Box<dyn LinkSender>, Box<dyn LinkPump>);

pub(in crate::session) fn open(_: &Config, _: &Login, _: Duration, _: usize, _: &Target) -> Result<Link, Failure> {
    let (sender, pump) = broker::dial().ok_or_else(|| failure(End::Broken))?;
    Ok((Box::new(Sender(sender)), Box::new(Pump(pump))))
}

struct Sender(broker::Sender);

impl LinkSender for Sender {
    fn publish(&self, message: &Outgoing) -> bool {
        let (topic, payload) = (message.topic.clone(), message.payload.to_vec());
        self.0.send(Request::Publish { topic, qos: message.qos.level(), payload })
    }

    fn subscribe(&self, filters: &[FilterRequest]) -> bool {
        self.0.send(Request::Subscribe(filters.iter().map(|(filter, _)| filter.clone()).collect()))
    }

    fn unsubscribe(&self, filter: &str) -> bool {
        self.0.send(Request::Unsubscribe(filter.to_string()))
    }

    fn acknowledge(&self, id: u16, _: QoS) -> bool {
        self.0.send(Request::Acknowledge(id))
    }

    fn disconnect(&self) -> bool {
        self.0.send(Request::Disconnect)
    }
}

struct Pump(broker::Pump);

impl Pump {
    /// Takes an event, or several at once.
    fn take(&mut self, wait: bool, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        let mut event = self.0.next(wait).map_err(failure)?;
        while let Some(one) = event {
            events.push_back(translate(one));
            event = if broker::one_in(2) { self.0.next(false).map_err(failure)? } else { None };
        }
        Ok(())
    }
}

impl LinkPump for Pump {
    fn dial(&mut self, _: Instant) -> Result<Option<ConnAck>, Failure> {
        let session_present = self.0.dial().map_err(failure)?;
        Ok(Some(ConnAck { session_present, limits: ServerLimits::default() }))
    }

    fn next(&mut self, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        self.take(true, events)
    }

    fn next_before(&mut self, _: Instant, events: &mut VecDeque<LinkEvent>) -> Result<(), Failure> {
        self.take(false, events)
    }

    fn idle_until(&self) -> Option<Instant> {
        // Keep-alive is no part of the models.
        Some(Instant::now() + Duration::from_secs(3600))
    }

    fn leftovers(&mut self) -> Vec<LinkEvent> {
        self.0.leftovers().into_iter().map(translate).collect()
    }

    fn grow(&mut self, ids: u16) {
        self.0.grow(ids);
    }

    fn skip(&mut self, count: u16) {
        self.0.skip(count);
    }

    fn resend(&mut self, id: u16, message: &Outgoing) {
        self.0.resend(id, Some((message.qos.level(), message.topic.clone(), message.payload.to_vec())));
    }

    fn release_again(&mut self, id: u16) {
        self.0.resend(id, None);
    }

    fn drain(&mut self, _: Instant) {}
}

fn translate(event: Event) -> LinkEvent {
    match event {
        Event::SentPublish(id) => LinkEvent::Sent(Sent::Publish(id)),
        Event::SentSubscribe(id) => LinkEvent::Sent(Sent::Subscribe(id)),
        Event::SentUnsubscribe(id) => LinkEvent::Sent(Sent::Unsubscribe(id)),
        Event::SentDisconnect => LinkEvent::Sent(Sent::Disconnect),
        Event::PubAck(id) => LinkEvent::PubAck(id),
        Event::PubRec(id) => LinkEvent::PubRec(id),
        Event::PubComp(id) => LinkEvent::PubComp(id),
        Event::SubAck(id, filters) => LinkEvent::SubAck(id, vec![Ok(QoS::AtLeastOnce); filters], None),
        Event::UnsubAck(id) => LinkEvent::UnsubAck(id),
        Event::Publish { id, topic, payload } => LinkEvent::Publish(Arrived {
            id,
            topic,
            qos: QoS::AtLeastOnce,
            duplicate: false,
            retained: false,
            payload,
            properties: None,
        }),
        Event::Acknowledged => LinkEvent::Acknowledged,
        Event::Alive => LinkEvent::Alive,
    }
}

fn failure(end: End) -> Failure {
    let (kind, cause) = match end {
        End::Cut => (ErrorKind::ConnectionLost, Cause::Closed),
        End::Broken => (ErrorKind::ConnectionLost, Cause::Other),
        End::NoConnAck => (ErrorKind::Connect, Cause::Other),
    };
    Failure { error: Error::new(kind, format!("the model's line ended: {end:?}")), cause }
}
