//! The requests that wait for their replies, without a thread each.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use aliyun_mqtt::{Client, Message, Outgoing};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// The requests that wait for their replies.
#[derive(Debug)]
pub(super) struct Asks {
    /// The client tells it the numbers of requests that have ended.
    ended: mpsc::Sender<u64>,
    next: Cell<u64>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<()>>>,
    emptied: Notify,
}

/// A request among those that wait, until dropped.
struct Place<'a> {
    asks: &'a Asks,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl Asks {
    pub(super) fn new(ended: mpsc::Sender<u64>) -> Self {
        Asks { ended, next: Cell::default(), waiting: RefCell::default(), emptied: Notify::new() }
    }

    /// Handles that a request has ended.
    pub(super) fn ended(&self, number: u64) {
        // Otherwise its caller has gone.
        if let Some(ended) = self.waiting.borrow_mut().remove(&number) {
            let _ = ended.send(());
        }
    }

    /// Waits until no request waits for its reply.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.waiting.borrow().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Sends a request and waits for its reply. Dropping the future gives the request up.
    pub(super) async fn ask(
        &self,
        client: &Client,
        message: Outgoing,
        timeout: Duration,
        leaving: impl Future<Output = ()>,
    ) -> aliyun_mqtt::Result<Message> {
        let request = client.start_request(message, timeout)?;
        let end = Instant::now() + timeout;
        let mut place = self.place();
        request.report_to(&self.ended, place.number);
        tokio::select! {
            _ = &mut place.ended => {}
            () = tokio::time::sleep_until(end) => {}
            () = leaving => {}
        }
        request.finish()
    }

    fn place(&self) -> Place<'_> {
        let number = self.next.get();
        self.next.set(number + 1);
        let (to, ended) = oneshot::channel();
        self.waiting.borrow_mut().insert(number, to);
        Place { asks: self, number, ended }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.asks.waiting.borrow_mut();
        waiting.remove(&self.number);
        if waiting.is_empty() {
            self.asks.emptied.notify_waiters();
        }
    }
}
