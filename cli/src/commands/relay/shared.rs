//! The state that all calls share.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt::{Client, Config};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::asks::Asks;
use super::event::Event;
use super::event_text;
use super::filter::Allowed;
use super::inbox::Inbox;
use super::metrics::Metrics;
use super::outbox::Outbox;
use super::problem::{Problem, Reason};
use super::store::Report;
use crate::exit::Failure;

/// How far the relay is on its way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Running,
    /// Nothing new is accepted, and polls that wait for messages end.
    Draining,
    /// Messages that are not settled stay on disk.
    Leaving,
}

pub(super) struct Relay {
    pub(super) config: Config,
    pub(super) parent: Option<String>,
    pub(super) publish: Allowed,
    pub(super) subscribe: Allowed,
    pub(super) receives: bool,
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) metrics: Arc<Metrics>,
    pub(super) client: RefCell<Option<Client>>,
    pub(super) events: broadcast::Sender<Arc<str>>,
    pub(super) asks: Asks,
    pub(super) subscribed: Cell<bool>,
    pub(super) max_waiting: usize,
    /// How long a caller may take to send its call or to read its answer.
    pub(super) client_timeout: Duration,
    pub(super) calls: Rc<Cell<usize>>,
    /// Bounds how many lists of dead letters are read at the same time.
    pub(super) lists: Arc<Semaphore>,
    pub(super) phase: watch::Sender<Phase>,
}

/// A call that waits, counted.
#[derive(Debug)]
pub(super) struct Waiting {
    calls: Rc<Cell<usize>>,
    metrics: Arc<Metrics>,
}

impl Relay {
    /// Counts a call that waits, or refuses it.
    pub(super) fn waiting(&self) -> Result<Waiting, Problem> {
        let calls = self.calls.get();
        if calls >= self.max_waiting {
            return Err(Problem::new(Reason::Busy, format!("{calls} calls wait already")).hint("raise --max-waiting"));
        }
        self.calls.set(calls + 1);
        self.metrics.waiting.inc();
        Ok(Waiting { calls: Rc::clone(&self.calls), metrics: Arc::clone(&self.metrics) })
    }

    /// Waits until this phase.
    pub(super) async fn reached(&self, phase: Phase) {
        // The sender lives as long as the relay.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    pub(super) fn check_receives(&self) -> Result<(), Problem> {
        match self.receives {
            true => Ok(()),
            false => {
                let problem = Problem::new(Reason::NotFound, "this relay does not receive");
                Err(problem.hint("start it with --subscribe FILTER or --receive-p2p"))
            }
        }
    }

    /// Returns why the relay is not ready; `None` if it is.
    pub(super) fn not_ready(&self) -> Option<&'static str> {
        match () {
            () if *self.phase.borrow() > Phase::Running => Some("draining"),
            () if !self.metrics.is_connected() => Some("not connected"),
            () if !self.subscribed.get() => Some("not subscribed yet"),
            () => None,
        }
    }

    /// Handles what happens on the other threads. Returns why the relay is to end: `None` if the user wants it.
    pub(super) async fn run(&self, events: &mut mpsc::UnboundedReceiver<Event>) -> Option<Failure> {
        loop {
            // The relay holds a sender itself.
            if let ControlFlow::Break(why) = self.handle(events.recv().await?) {
                return why;
            }
        }
    }

    /// Handles one event. Breaks with the reason of the end, if this is one.
    pub(super) fn handle(&self, event: Event) -> ControlFlow<Option<Failure>> {
        match event {
            Event::Settled(settled) => self.outbox.settled(settled),
            Event::Asked(number) => self.asks.ended(number),
            Event::Store(Report::Accepted { seq, verdict }) => self.outbox.accepted(seq, verdict),
            Event::Store(Report::Kept { seq }) => self.outbox.kept(seq),
            Event::Store(Report::Removed { ids, written, done }) => self.inbox.removed(&ids, written, done),
            Event::Store(Report::Revived { id, written, done }) => self.inbox.revived(id, written, done),
            Event::Received(messages) => self.inbox.arrived(messages),
            Event::Client(client) => {
                self.metrics.connected(true);
                let _ = self.events.send("event: connected\ndata: {\"number\":1}\n\n".into());
                *self.client.borrow_mut() = Some(client.clone());
                self.outbox.connected(client);
            }
            Event::Subscribed => self.subscribed.set(true),
            Event::Connection(event) => self.connection(&event),
            Event::Ended(reason) => return ControlFlow::Break(Some(Failure::from(&reason))),
            Event::Fatal(failure) => return ControlFlow::Break(Some(failure)),
            Event::Stop => return ControlFlow::Break(None),
        }
        ControlFlow::Continue(())
    }

    fn connection(&self, event: &aliyun_mqtt::Event) {
        match event {
            aliyun_mqtt::Event::Connected { .. } => self.metrics.connected(true),
            aliyun_mqtt::Event::Disconnected { .. } | aliyun_mqtt::Event::Ended { .. } => self.metrics.connected(false),
            _ => {}
        }
        // Fails if no call listens.
        let _ = self.events.send(event_text::event(event).into());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.calls.set(self.calls.get() - 1);
        self.metrics.waiting.dec();
    }
}
