//! The outcome of one message.

mod settled;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::session::Session;
use crate::sync::lock;

use settled::{Announcement, Reporter};
pub use settled::{Receipt, Settled};

/// The outcome of one queued message; from [`Client::enqueue`](crate::Client::enqueue).
///
/// It is settled exactly once: the message was acknowledged, or failed with an [`Error`] whose [`fate`](Error::fate) is
/// refused, not sent or unknown. It is settled by the message's own deadline at the latest, whatever happens to the
/// connection or the client.
///
/// Dropping it does not withdraw the message. The next [`flush`](crate::Client::flush) or
/// [`disconnect`](crate::Client::disconnect) reports a failure that the program has not seen through a `Delivery`.
///
/// The manual has more about [sending](crate::manual::sending).
pub struct Delivery {
    session: Arc<Session>,
    slot: Arc<Slot>,
    seq: u64,
    deadline: Instant,
    /// The program has received the outcome, so that dropping this has no effect.
    seen: AtomicBool,
}

impl Delivery {
    pub(crate) fn new(session: Arc<Session>, slot: Arc<Slot>, seq: u64, deadline: Instant) -> Self {
        Delivery { session, slot, seq, deadline, seen: AtomicBool::new(false) }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Blocks until the message is settled, at most until its own deadline. A message in a spool may have no deadline;
    /// then the wait has none either.
    ///
    /// # Errors
    /// The reason the message failed, with its [`fate`](Error::fate): refused, not sent or unknown.
    /// [`Timeout`](crate::ErrorKind::Timeout) names the stage.
    ///
    /// [`Closed`](crate::ErrorKind::Closed) without a fate when a [`Closer`](crate::Closer) ends the wait: the message
    /// is not settled yet, and its delivery continues. [`Client::disconnect`](crate::Client::disconnect) settles it.
    pub fn wait(&self) -> Result<Receipt> {
        receipt(self.wait_until(self.deadline)?)
    }

    /// Blocks until the message is settled, at most this long. `Ok(None)`: it is not settled yet.
    ///
    /// # Errors
    /// As [`wait`](Delivery::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Receipt>> {
        let until = Instant::now().checked_add(timeout).unwrap_or(self.deadline);
        Ok(self.wait_until(until.min(self.deadline))?.map(|outcome| outcome.receipt()))
    }

    /// Returns the outcome without blocking. `Ok(None)`: the message is not settled yet.
    ///
    /// # Errors
    /// As [`wait`](Delivery::wait).
    pub fn try_wait(&self) -> Result<Option<Receipt>> {
        self.wait_timeout(Duration::ZERO)
    }

    /// Waits like [`wait_timeout`](Delivery::wait_timeout), for bindings that block in steps: if a
    /// [`Closer`](crate::Closer) ends the wait, the message is given up as by [`publish`](crate::Client::publish), and
    /// the error has its fate.
    ///
    /// # Errors
    /// As [`publish`](crate::Client::publish).
    #[doc(hidden)]
    pub fn wait_or_give_up(&self, timeout: Duration) -> Result<Option<Receipt>> {
        self.session.check_process()?;
        let until = Instant::now().checked_add(timeout).unwrap_or(self.deadline);
        Ok(self.finish(until.min(self.deadline))?.map(|outcome| outcome.receipt()))
    }

    /// Sends the outcome to a channel as soon as the message is settled, or now if it is. The program then has seen it,
    /// and this `Delivery` may be dropped. This lets one thread wait for any number of messages.
    ///
    /// A later call replaces the channel of an earlier one. `tag` is the program's own number for the message. A
    /// [`Closer`](crate::Closer) does not end this wait; [`Client::disconnect`](crate::Client::disconnect) settles
    /// every message. The message's own deadline is noticed by any call of the client, by `try_wait`, and by the
    /// client's thread within a keep-alive period.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let client = aliyun_mqtt::Client::connect(aliyun_mqtt::Config::from_env()?)?;
    /// use aliyun_mqtt::{Outgoing, QoS};
    /// let (to, settled) = std::sync::mpsc::channel();
    /// for tag in 0..10 {
    ///     client.enqueue(Outgoing::new("demo/row", QoS::AtLeastOnce, tag.to_string()))?.report_to(&to, tag);
    /// }
    /// drop(to);
    /// for settled in settled {
    ///     println!("message {}: {:?}", settled.tag, settled.result);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn report_to(&self, to: &Sender<Settled>, tag: u64) {
        if self.session.check_process().is_ok() {
            self.seen.store(true, Ordering::Relaxed);
            self.slot.report_to(Reporter::new(to.clone(), tag));
        }
    }

    /// Waits for the outcome. Returns `None` if `until` passes before the operation's own deadline.
    fn wait_until(&self, until: Instant) -> Result<Option<Outcome>> {
        self.session.check_process()?;
        self.outcome(self.slot.wait(until))
    }

    /// Returns the outcome after a wait; `None` if the wait ended before the operation's own deadline.
    fn outcome(&self, waited: Waited) -> Result<Option<Outcome>> {
        match waited {
            Waited::Settled(result) => return self.see(result),
            Waited::Interrupted => {
                let message =
                    "the client was closed before the outcome of this message was known; disconnect settles it";
                return Err(Error::new(ErrorKind::Closed, message));
            }
            Waited::Pending if Instant::now() < self.deadline => return Ok(None),
            Waited::Pending => {}
        }
        // The waiting call enforces the deadline: this settles the operation, unless it was settled just now.
        self.session.expire();
        match self.slot.wait(self.deadline) {
            Waited::Settled(result) => self.see(result),
            Waited::Interrupted | Waited::Pending => Ok(None),
        }
    }

    fn see(&self, result: Result<Outcome>) -> Result<Option<Outcome>> {
        self.seen.store(true, Ordering::Relaxed);
        result.map(Some)
    }

    /// Waits like [`wait`](Delivery::wait), for the call that made the operation and has checked the process: if the
    /// client is closed meanwhile, the operation is given up.
    pub(crate) fn finish(&self, until: Instant) -> Result<Option<Outcome>> {
        let mut waited = self.slot.wait(until);
        if let Waited::Interrupted = waited {
            self.session.withdraw(self.seq);
            waited = self.slot.wait(until);
        }
        self.outcome(waited)
    }

    /// Calls [`finish`](Delivery::finish) for a message, up to its own deadline.
    pub(crate) fn finish_message(&self) -> Result<Receipt> {
        receipt(self.finish(self.deadline)?)
    }

    /// Waits for the end of a request. Returns `None` if there is no reply by then.
    pub(crate) fn wait_answer(&self, until: Instant) -> Option<RequestEnd> {
        if let Err(error) = self.session.check_process() {
            return Some(RequestEnd::Failed(error));
        }
        self.slot.wait_answer(until.min(self.deadline)).or_else(|| {
            self.session.expire();
            self.slot.wait_answer(until)
        })
    }

    /// Sends the tag to the channel once the request has ended.
    pub(crate) fn announce_end(&self, to: Sender<u64>, tag: u64) {
        self.slot.announce_end(to, tag);
    }

    /// Returns true if the server has acknowledged the message.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.slot.is_acknowledged()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !*self.seen.get_mut() && self.session.check_process().is_ok() {
            if let Some(error) = self.slot.unwatch() {
                self.session.note_lost(&error);
            }
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("seq", &self.seq).finish_non_exhaustive()
    }
}

fn receipt(outcome: Option<Outcome>) -> Result<Receipt> {
    match outcome {
        Some(outcome) => Ok(outcome.receipt()),
        None => Err(Error::internal("a delivery stayed open past its deadline")),
    }
}

/// The end of a request.
#[derive(Debug)]
pub(crate) enum RequestEnd {
    Reply(Message),
    /// The message failed, and with it the request.
    Failed(Error),
    /// The client has ended, for this reason.
    Ended(Error),
}

/// The acknowledgement of an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) attempts: u32,
    /// SUBACK's reason code for each filter, in their order: the granted QoS or the refusing code.
    pub(crate) granted: Vec<Result<crate::QoS, u8>>,
    /// The server's reason string.
    pub(crate) reason: Option<String>,
}

impl Outcome {
    fn receipt(&self) -> Receipt {
        Receipt { attempts: self.attempts }
    }
}

/// The slot for an operation's outcome, which is filled once.
pub(crate) struct Slot {
    state: Mutex<SlotState>,
    ready: Condvar,
}

struct SlotState {
    result: Option<Result<Outcome>>,
    /// A `Delivery` still exists.
    watched: bool,
    /// The program has seen the result.
    seen: bool,
    /// The caller of the request has received its end.
    reported: bool,
    /// For a request: its reply, or why there will be none. Boxed, since few operations have one.
    answer: Option<Result<Box<Message>>>,
    /// No call may wait for the result any longer, although it may still come.
    interrupted: bool,
    waiting: usize,
    reporter: Option<Report>,
}

/// A channel that is told, too. Boxed, since few operations have one.
enum Report {
    /// It gets the outcome of the message.
    Outcome(Box<Reporter>),
    /// It learns that the request has ended.
    End(Box<Announcement>),
}

/// The end of a wait for a result.
enum Waited {
    Settled(Result<Outcome>),
    /// The client was closed.
    Interrupted,
    /// The time is up.
    Pending,
}

impl SlotState {
    /// Returns true if a failure of the message is still to be reported. It is not if the request has a reply or its
    /// caller has already received its end.
    fn is_news(&self) -> bool {
        !self.reported && !matches!(self.answer, Some(Ok(_)))
    }
}

impl Slot {
    /// Waits until the slot is filled, at most until `until`. With an instant in the past, returns the current state,
    /// also after an interruption.
    fn wait(&self, until: Instant) -> Waited {
        let waited = self.wait_for(until, |state| match state.result.clone() {
            Some(result) => {
                state.seen = true;
                Some(Waited::Settled(result))
            }
            None if state.interrupted && Instant::now() < until => Some(Waited::Interrupted),
            None => None,
        });
        waited.unwrap_or(Waited::Pending)
    }

    /// Waits for the end of a request and takes the reply. Returns `None` once `until` has passed.
    pub(crate) fn wait_answer(&self, until: Instant) -> Option<RequestEnd> {
        self.wait_for(until, |state| {
            if let Some(Ok(message)) = state.answer.take_if(|answer| answer.is_ok()) {
                state.reported = true;
                return Some(RequestEnd::Reply(*message));
            }
            // More specific than the end of the client.
            if let Some(Err(error)) = &state.result {
                state.seen = true;
                return Some(RequestEnd::Failed(error.clone()));
            }
            let Some(Err(reason)) = &state.answer else { return None };
            state.reported = true;
            Some(RequestEnd::Ended(reason.clone()))
        })
    }

    /// Waits until `pick` returns something. Returns `None` once `until` has passed.
    fn wait_for<T>(&self, until: Instant, mut pick: impl FnMut(&mut SlotState) -> Option<T>) -> Option<T> {
        let mut state = lock(&self.state);
        loop {
            if let Some(picked) = pick(&mut state) {
                return Some(picked);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state.waiting += 1;
            state = match self.ready.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
            state.waiting -= 1;
        }
    }

    /// Sets the reply to a request, or the reason why there will be none. Later calls have no effect.
    pub(crate) fn answer(&self, answer: Result<Message>) {
        let mut state = lock(&self.state);
        if state.answer.is_none() {
            state.answer = Some(answer.map(Box::new));
            if let Some(Report::End(announcement)) = state.reporter.take() {
                announcement.send();
            }
            if state.waiting > 0 {
                self.ready.notify_all();
            }
        }
    }

    fn report_to(&self, reporter: Reporter) {
        let mut state = lock(&self.state);
        match &state.result {
            Some(result) => {
                reporter.report(result.clone().map(|outcome| outcome.receipt()));
                state.seen = true;
            }
            None => state.reporter = Some(Report::Outcome(Box::new(reporter))),
        }
    }

    /// Sends the tag once the request has ended: [`wait_answer`](Slot::wait_answer) then returns at once.
    fn announce_end(&self, to: Sender<u64>, tag: u64) {
        let mut state = lock(&self.state);
        let announcement = Announcement::new(to, tag);
        match (&state.answer, &state.result) {
            (Some(_), _) | (None, Some(Err(_))) => announcement.send(),
            (None, _) => state.reporter = Some(Report::End(Box::new(announcement))),
        }
    }

    fn interrupt(&self) {
        let mut state = lock(&self.state);
        state.interrupted = true;
        if state.waiting > 0 {
            self.ready.notify_all();
        }
    }

    fn is_acknowledged(&self) -> bool {
        matches!(lock(&self.state).result, Some(Ok(_)))
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn peek(&self) -> Option<Result<Outcome>> {
        lock(&self.state).result.clone()
    }

    /// Notes that the `Delivery` was dropped. Returns a failure that nobody has seen.
    fn unwatch(&self) -> Option<Error> {
        let mut state = lock(&self.state);
        state.watched = false;
        match &state.result {
            Some(Err(error)) if !state.seen && state.is_news() => Some(error.clone()),
            _ => None,
        }
    }
}

/// Fills a [`Slot`] exactly once: if dropped before, with an internal error, so that no handle stays open.
pub(crate) struct Settler(Option<Arc<Slot>>);

impl Settler {
    pub(crate) fn new() -> (Settler, Arc<Slot>) {
        let state = SlotState {
            result: None,
            watched: true,
            seen: false,
            reported: false,
            answer: None,
            interrupted: false,
            waiting: 0,
            reporter: None,
        };
        let slot = Arc::new(Slot { state: Mutex::new(state), ready: Condvar::new() });
        (Settler(Some(Arc::clone(&slot))), slot)
    }

    /// Creates a settler for an operation without a `Delivery`.
    pub(crate) fn unwatched() -> Settler {
        let (settler, slot) = Settler::new();
        let _ = slot.unwatch();
        settler
    }

    /// Ends the waits for this slot, and all later ones, without filling it.
    pub(crate) fn interrupt(&self) {
        if let Some(slot) = &self.0 {
            slot.interrupt();
        }
    }

    /// Fills the slot. Returns a failure that nobody will see.
    pub(crate) fn settle(mut self, result: Result<Outcome>, wakes: &mut Wakes) -> Option<Error> {
        self.0.take().and_then(|slot| fill(slot, result, false, wakes))
    }

    /// Fills the slot with a failure that is reported elsewhere, too. Returns it unless the program already knows it.
    pub(crate) fn settle_reported(mut self, error: Error, wakes: &mut Wakes) -> Option<Error> {
        self.0.take().and_then(|slot| fill(slot, Err(error), true, wakes))
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            let error = Error::internal("the operation was abandoned").with_fate(crate::Fate::Unknown);
            fill(slot, Err(error), false, &mut Wakes::default());
        }
    }
}

/// The waits that filled slots have ended. They are woken when this is dropped, so that no wake-up can be forgotten,
/// and whoever fills slots under a lock keeps this until it is unlocked.
#[derive(Default)]
pub(crate) struct Wakes {
    /// Most have one at a time, which needs no allocation.
    first: Option<Arc<Slot>>,
    more: Vec<Arc<Slot>>,
}

impl Wakes {
    fn add(&mut self, slot: Arc<Slot>) {
        match self.first {
            None => self.first = Some(slot),
            Some(_) => self.more.push(slot),
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.first.iter().chain(&self.more).for_each(|slot| slot.ready.notify_all());
    }
}

/// Fills the slot. Returns a failure that is to be reported: one that nobody will see, or (`reported`) any that the
/// program does not know yet.
fn fill(slot: Arc<Slot>, result: Result<Outcome>, reported: bool, wakes: &mut Wakes) -> Option<Error> {
    let mut state = lock(&slot.state);
    state.seen = reported;
    match state.reporter.take() {
        Some(Report::Outcome(reporter)) => {
            reporter.report(result.clone().map(|outcome| outcome.receipt()));
            state.seen = true;
        }
        Some(Report::End(announcement)) if result.is_err() => announcement.send(),
        // A request that is delivered has not ended.
        end => state.reporter = end,
    }
    let lost = match &result {
        Err(error) if (reported || !state.watched) && state.is_news() => Some(error.clone()),
        _ => None,
    };
    state.result = Some(result);
    let waiting = state.waiting > 0;
    drop(state);
    if waiting {
        wakes.add(slot);
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::QoS;

    fn reply() -> Message {
        let topic = "demo/p2p/x".to_string();
        let payload = b"!".to_vec();
        Message {
            topic,
            payload,
            qos: QoS::AtLeastOnce,
            duplicate: false,
            retained: false,
            properties: None,
            ack: None,
        }
    }

    fn failure() -> Result<Outcome> {
        Err(Error::new(ErrorKind::ConnectionLost, "its outcome is not known"))
    }

    fn answered(slot: &Slot) {
        slot.answer(Ok(reply()));
        assert!(matches!(slot.wait_answer(Instant::now()), Some(RequestEnd::Reply(_))));
    }

    /// In every order of failure, answer, caller and end of the client.
    #[test]
    fn that_the_message_of_an_answered_request_failed_is_no_news() {
        let (settler, slot) = Settler::new();
        answered(&slot);
        assert!(settler.settle(failure(), &mut Wakes::default()).is_none() && slot.unwatch().is_none());

        let (settler, slot) = Settler::new();
        answered(&slot);
        assert!(slot.unwatch().is_none() && settler.settle(failure(), &mut Wakes::default()).is_none());

        let (settler, slot) = Settler::new();
        slot.answer(Ok(reply()));
        assert!(settler.settle(failure(), &mut Wakes::default()).is_none());
        assert!(matches!(slot.wait_answer(Instant::now()), Some(RequestEnd::Reply(_))));
        assert!(slot.unwatch().is_none());

        let (settler, slot) = Settler::new();
        answered(&slot);
        assert!(
            settler.settle_reported(failure().unwrap_err(), &mut Wakes::default()).is_none()
                && slot.unwatch().is_none()
        );

        let (settler, slot) = Settler::new();
        slot.answer(Err(failure().unwrap_err()));
        assert!(matches!(slot.wait_answer(Instant::now()), Some(RequestEnd::Ended(_))));
        assert!(settler.settle(failure(), &mut Wakes::default()).is_none() && slot.unwatch().is_none());
    }

    #[test]
    fn a_failure_that_nobody_has_seen_is_reported_once() {
        let (settler, slot) = Settler::new();
        assert!(settler.settle(failure(), &mut Wakes::default()).is_none(), "somebody may look yet");
        assert!(slot.unwatch().is_some());

        let (settler, slot) = Settler::new();
        assert!(slot.unwatch().is_none());
        assert!(settler.settle(failure(), &mut Wakes::default()).is_some());

        let (settler, slot) = Settler::new();
        assert!(settler.settle_reported(failure().unwrap_err(), &mut Wakes::default()).is_some());
        assert!(slot.unwatch().is_none());
    }

    #[test]
    fn a_channel_gets_the_outcome_once_whether_it_was_given_before_or_after_and_then_it_is_seen() {
        for before in [true, false] {
            let (to, settled) = std::sync::mpsc::channel();
            let (settler, slot) = Settler::new();
            if before {
                slot.report_to(Reporter::new(to.clone(), 7));
            }
            assert!(settled.try_recv().is_err());
            assert!(settler.settle(failure(), &mut Wakes::default()).is_none());
            if !before {
                slot.report_to(Reporter::new(to, 7));
            }
            let Settled { tag, result } = settled.try_recv().unwrap();
            assert_eq!((tag, result.unwrap_err().kind()), (7, ErrorKind::ConnectionLost));
            assert!(settled.try_recv().is_err() && slot.unwatch().is_none());
        }
    }
}
