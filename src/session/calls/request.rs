//! Requests that wait for their reply.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use crate::delivery::{Delivery, RequestEnd, Settler, Slot};
use crate::error::{Error, ErrorKind, Fate, Hint, Result, Stage};
use crate::message::{Message, Outgoing, QoS};
use crate::session::core::op::Body;
use crate::session::core::replies::Correlation;
use crate::session::{Session, WhenFull};

/// A registered request, which exists before the request is sent. Dropping it ends the wait.
pub(crate) struct Expected {
    session: Arc<Session>,
    since: Instant,
    number: u64,
    correlation: Correlation,
    /// `None` once the request is sent.
    fate: Option<(Settler, Arc<Slot>)>,
}

/// A request that was sent. Dropping it ends the wait.
pub(crate) struct Asked {
    delivery: Delivery,
    expected: Expected,
    topic: String,
    qos: QoS,
    enveloped: bool,
}

impl Session {
    /// Registers a request, so that its reply is recognised.
    pub(crate) fn expect_reply(self: &Arc<Self>, response_topic: &str) -> Expected {
        let (settler, slot) = Settler::new();
        let (number, correlation) = self.lock().replies.expect(response_topic, Arc::clone(&slot));
        Expected { session: Arc::clone(self), since: Instant::now(), number, correlation, fate: Some((settler, slot)) }
    }

    /// Subscribes to the topic for replies, unless the client is subscribed already.
    pub(crate) fn subscribe_to_replies(
        self: &Arc<Self>,
        response_topic: &str,
        topic: &str,
        deadline: Instant,
    ) -> Result<()> {
        // A subscription handle may have subscribed it; dropping that handle must not unsubscribe it.
        if self.lock().subscriptions.own_if_subscribed(response_topic) {
            return Ok(());
        }
        // Several threads may do so at once, which does no harm.
        let filters = [(response_topic.to_string(), QoS::AtLeastOnce.into())];
        match self.subscribe(&filters, true, deadline) {
            Ok(_) => Ok(()),
            Err(error) => {
                let prefix = format!("the request to \"{topic}\" was not sent, since no reply could come: ");
                Err(error.with_prefix(&prefix).with_fate(Fate::NotSent))
            }
        }
    }
}

impl Expected {
    pub(crate) fn correlation(&self) -> &[u8] {
        &self.correlation
    }

    /// Sends the request, which has to be acknowledged by `publish_by`.
    pub(crate) fn send(
        mut self,
        message: Outgoing,
        enveloped: bool,
        publish_by: Instant,
        full: WhenFull,
    ) -> Result<Asked> {
        let fate = self.fate.take().unwrap_or_else(Settler::new);
        let (topic, qos) = (message.topic.clone(), message.qos);
        let body = Body::Publish(Arc::new(message));
        let delivery = self.session.submit_with(fate, body, publish_by, full)?;
        Ok(Asked { delivery, expected: self, topic, qos, enveloped })
    }

    /// The error of a request that was sent and not answered in time.
    fn overdue(&self, topic: &str, qos: QoS, enveloped: bool) -> Error {
        let done = if qos == QoS::AtMostOnce { "written" } else { "acknowledged by the server" };
        let message =
            format!("the request to \"{topic}\" was {done}, but no reply arrived within {:.1?}", self.since.elapsed());
        let kind = ErrorKind::Timeout(Stage::Reply);
        let offline = self.session.lock().offline().cloned();
        let error = match offline {
            Some(reason) => Error::new(kind, format!("{message}; there is no connection")).with_reason(reason),
            None => Error::new(kind, message),
        };
        let response_topic = self.session.config.response_topic().is_some();
        error.with_fate(Fate::Delivered).with_hint(Hint::NoReply { enveloped, response_topic })
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if self.session.check_process().is_ok() {
            self.session.lock().replies.forget(self.number);
        }
    }
}

impl Asked {
    /// Waits for the reply, at most until the deadline. The message has to be settled by then.
    pub(crate) fn wait(self, deadline: Instant) -> Result<Message> {
        let answer = self.delivery.wait_answer(deadline);
        self.end(answer, false)
    }

    /// Returns the reply, or ends the request without one. A message that is not settled yet is withdrawn.
    pub(crate) fn give_up(self) -> Result<Message> {
        self.expected.session.check_process()?;
        let answer = self.delivery.wait_answer(Instant::now());
        self.end(answer, true)
    }

    fn end(self, answer: Option<RequestEnd>, withdraw: bool) -> Result<Message> {
        if let Some(RequestEnd::Reply(reply)) = answer {
            return Ok(reply);
        }
        let Asked { delivery, expected, topic, qos, enveloped } = &self;
        // From here on no reply is accepted; one that came just before was taken as the reply.
        expected.session.lock().replies.forget(expected.number);
        if withdraw || expected.session.is_interrupted() {
            expected.session.withdraw(delivery.seq());
        }
        match delivery.wait_answer(Instant::now()).or(answer) {
            Some(RequestEnd::Reply(reply)) => Ok(reply),
            Some(RequestEnd::Failed(error)) => Err(error),
            Some(RequestEnd::Ended(reason)) => Err(unanswered(topic, delivery, &reason)),
            None => Err(expected.overdue(topic, *qos, *enveloped)),
        }
    }

    /// Sends the tag to the channel once the request has ended.
    pub(crate) fn announce_end(&self, to: &Sender<u64>, tag: u64) {
        if self.expected.session.check_process().is_ok() {
            self.delivery.announce_end(to.clone(), tag);
        }
    }
}

/// The error of a request that waited when the client ended.
fn unanswered(topic: &str, delivery: &Delivery, reason: &Error) -> Error {
    let (what, fate) = match delivery.is_acknowledged() {
        true => ("was delivered, but not answered", Fate::Delivered),
        false => ("may have been delivered, but was not answered", Fate::Unknown),
    };
    let error = Error::new(reason.kind(), format!("the request to \"{topic}\" {what}")).with_fate(fate);
    match reason.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
    .with_reason(reason.clone())
}
