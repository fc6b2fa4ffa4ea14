//! Waits for the outcome of each message in the order of the input, and decides about the rest.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Delivery, Error, ErrorKind, Fate, Receipt};

use super::item::{Fault, Position, Rules, Sent, exit_of_fault};
use super::report::Reporter;
use super::room::Room;
use super::tally::Tally;
use crate::exit::{Exit, Failure, exit_of};
use crate::interrupt::Interrupt;

/// The timeout of the disconnect after waiting in vain.
const GOODBYE: Duration = Duration::from_secs(1);

/// The thread that waits for the outcomes.
pub(super) struct Settler {
    pub(super) client: Client,
    pub(super) rules: Rules,
    pub(super) room: Arc<Room>,
    pub(super) spools: bool,
}

impl Settler {
    /// Runs until the last message is settled; with a spool, until no more acknowledgements arrive.
    pub(super) fn run(self, sent: &Receiver<Sent>, mut reporter: Reporter) -> Tally {
        let mut tally = Tally::default();
        let mut patience = Patience::new(&self.client);
        let mut overdue = false;
        while let Some(Sent { position: Position { number, end, size }, at, result }) = reporter.receive(sent, &tally) {
            let settled = match result {
                Err(fault) => Err(fault),
                Ok(delivery) if !self.spools => delivery.wait().map_err(Fault::Library),
                Ok(delivery) => match patience.wait(&delivery, at, overdue) {
                    Some(settled) => settled.map_err(Fault::Library),
                    None => {
                        if !std::mem::replace(&mut overdue, true) {
                            tally.stopped_by.get_or_insert(Exit::Timeout);
                            self.room.stop();
                        }
                        self.room.leave(size);
                        tally.left.push(delivery);
                        continue;
                    }
                },
            };
            if let Err(fault) = &settled
                && self.rules.stops(fault)
            {
                tally.stopped_by.get_or_insert(exit_of_fault(fault));
                // Before there is room for another message.
                self.room.stop();
            }
            self.room.leave(size);
            match settled {
                Ok(receipt) => tally.acknowledged(receipt),
                Err(fault) => {
                    tally.failed(&fault, number);
                    reporter.failure(fault, number, &mut tally);
                }
            }
            reporter.progress(&tally, end);
        }
        tally
    }
}

/// The timeout with a spool, where messages have no deadline: it starts again with each acknowledgement.
struct Patience<'a> {
    client: &'a Client,
    acknowledged: u64,
    since: Instant,
}

impl<'a> Patience<'a> {
    fn new(client: &'a Client) -> Self {
        Patience { client, acknowledged: 0, since: Instant::now() }
    }

    /// Waits for the outcome; `None` if no message was acknowledged for the length of the timeout since this one was
    /// handed over. With `now` it does not wait.
    fn wait(&mut self, delivery: &Delivery, handed: Instant, now: bool) -> Option<Result<Receipt, Error>> {
        loop {
            let left = self.left(handed, now);
            match delivery.wait_timeout(left) {
                Ok(Some(receipt)) => return Some(Ok(receipt)),
                Err(error) => return Some(Err(error)),
                Ok(None) if now || self.left(handed, now).is_zero() => return None,
                Ok(None) => {}
            }
        }
    }

    fn left(&mut self, handed: Instant, now: bool) -> Duration {
        let acknowledged = self.client.stats().acknowledged;
        if acknowledged != self.acknowledged {
            (self.acknowledged, self.since) = (acknowledged, Instant::now());
        }
        let until = self.since.max(handed) + self.client.config().timeout();
        if now { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) }
    }
}

/// Disconnects, after waiting for the messages that an earlier run left in the spool.
pub(super) fn leave(client: &Client, tally: &mut Tally, spools: bool, interrupt: &Interrupt) {
    if !spools {
        // Every outcome is known; a failed disconnect changes none.
        let _ = client.disconnect();
        return;
    }
    let mut report = Ok(());
    if tally.left.is_empty() && tally.stopped_by.is_none() {
        report = drain(client, interrupt);
    }
    if tally.left.is_empty() && report.is_ok() {
        report = client.disconnect();
    } else {
        // The timeout has passed already.
        report = client.with_timeout(GOODBYE).disconnect().and(report);
    }
    for delivery in std::mem::take(&mut tally.left) {
        match delivery.try_wait() {
            Ok(Some(receipt)) => tally.acknowledged(receipt),
            Err(error) if error.fate() != Some(Fate::Spooled) => tally.failed += 1,
            _ => {}
        }
    }
    tally.spooled = client.stats().spooled_messages;
    let Err(error) = report else { return };
    let kept = matches!(error.kind(), ErrorKind::Undelivered { count } if count as u64 <= tally.spooled);
    if kept || error.is_timeout() {
        // It stays in the spool, as the summary says, unless it was acknowledged at the last moment.
        if tally.spooled > 0 {
            tally.stopped_by.get_or_insert(Exit::Timeout);
        }
    } else {
        tally.first.get_or_insert(exit_of(&error));
        tally.failure.get_or_insert(Failure::from(&error));
    }
}

/// Waits until the outbox is empty, as long as acknowledgements arrive.
fn drain(client: &Client, interrupt: &Interrupt) -> Result<(), Error> {
    loop {
        let before = client.stats().acknowledged;
        match client.flush(client.config().timeout()) {
            Err(error) if error.is_timeout() && client.stats().acknowledged > before && !interrupt.happened() => {}
            report => return report,
        }
    }
}
