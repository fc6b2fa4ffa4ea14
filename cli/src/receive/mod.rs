//! What the receiving commands share: a connection that can be told to stop, the loop over its messages, and where these go.

mod args;
mod command;
mod consume;
mod filter;
mod folder;
mod print;

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, ErrorKind, Event, Message};

use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::{report, stdio, threads};

pub(crate) use args::{BoundArgs, SessionArgs, SinkArgs};
pub(crate) use command::{Command, CommandArgs, Output};
pub(crate) use consume::{Bounds, End, Sink, consume};
pub(crate) use print::{PrintArgs, Printer};

/// How long a command that has failed takes to leave, at most.
const PARTING: Duration = Duration::from_secs(2);

/// A connection that ends by itself when the user interrupts, and never in the middle of a message.
pub(crate) struct Receiver {
    client: Client,
    stop: Arc<Stop>,
    interrupt: Interrupt,
    /// Ends once all events are told.
    events: mpsc::Receiver<()>,
}

impl Receiver {
    /// Connects, and listens for Ctrl-C from now on.
    pub(crate) fn connect(config: Config) -> Result<Self> {
        let stop = Arc::new(Stop(Mutex::new(State { phase: Phase::Busy, asked: None })));
        let interrupt = Interrupt::listen()?;
        let asked = Arc::clone(&stop);
        interrupt.on(move || asked.ask(Reason::Interrupted));
        let client = Client::connect(config)?;
        interrupt.begin();
        let events = watch(&client, Arc::clone(&stop))?;
        Ok(Receiver { client, stop, interrupt, events })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Makes a call that may block, and that the user may break off; `None`: it is time to stop.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&Client) -> aliyun_mqtt::Result<T>) -> Result<Option<T>> {
        if !self.stop.wait_begins(&self.client) {
            return Ok(None);
        }
        let result = call(&self.client);
        match self.stop.wait_ends() {
            true => Ok(result.map(Some)?),
            false => Ok(None),
        }
    }

    /// Makes a call beside the messages, which may come before its answer. If it fails, it is time to stop. The answer tells
    /// whether it has worked.
    ///
    /// While nobody took them, the messages of a kept session could fill the inbox before the answer came.
    pub(crate) fn beside(
        &self,
        call: impl FnOnce(&Client) -> aliyun_mqtt::Result<()> + Send + 'static,
    ) -> Result<Ready> {
        let done = Arc::new(AtomicBool::new(false));
        let (client, stop, told) = (self.client.clone(), Arc::clone(&self.stop), Arc::clone(&done));
        threads::needed("subscriptions", move || {
            match call(&client) {
                Ok(()) => told.store(true, Ordering::Release),
                // Whoever has ended the client knows.
                Err(error) if error.kind() == ErrorKind::Closed => {}
                Err(error) => {
                    // First: what is asked to stop may end at once.
                    drop(client);
                    stop.ask(Reason::Lost(Failure::from(&error)));
                }
            }
        })?;
        Ok(Ready(done))
    }

    /// From now on the end of whoever reads the output ends this, too: without it, that would be seen at the next message
    /// only, which may never come.
    pub(crate) fn watch_output(&self) -> Result<()> {
        if std::io::stdout().is_terminal() {
            // A hangup of the terminal is SIGHUP's to tell.
            return Ok(());
        }
        let stop = Arc::downgrade(&self.stop);
        let watch = move || {
            if let (true, Some(stop)) = (stdio::reader_has_gone(), stop.upgrade()) {
                stop.ask(Reason::ReaderGone);
            }
        };
        // It may wait until the program ends.
        threads::needed("output", watch).map(drop)
    }

    /// The next message, if one has come in time.
    pub(crate) fn next(&self, until: Option<Instant>) -> Result<Next> {
        let message = self.call(|client| match until {
            None => client.recv().map(Some),
            Some(until) => client.recv_timeout(until.saturating_duration_since(Instant::now())),
        })?;
        Ok(match message {
            None => Next::Stop,
            Some(None) => Next::TimeOut,
            Some(Some(message)) => Next::Message(message),
        })
    }

    /// A message that is there already.
    pub(crate) fn waiting(&self) -> Result<Option<Message>> {
        if self.stop.lock().asked.is_some() {
            return Ok(None);
        }
        Ok(self.client.try_recv()?)
    }

    /// Says goodbye once all is sent, acknowledgements too. The exit code is that of the user's interruption, if there
    /// was one.
    pub(crate) fn finish(self) -> Result<Exit> {
        report::leave_untaken();
        let left = self.client.disconnect();
        match self.stop.lock().asked.take() {
            Some(Reason::Interrupted) => {
                if let Err(error) = left {
                    report::warning(error);
                }
                Ok(Exit::Interrupted)
            }
            Some(Reason::Lost(failure)) => Err(failure),
            Some(Reason::ReaderGone) | None => Ok(left.map(|()| Exit::Ok)?),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Whoever still waits to stop it must not keep the connection.
        self.stop.lock().phase = Phase::Busy;
        // After a failure, acknowledgements that were given may not be sent yet; and the call beside the messages may still
        // hold the client, so that dropping ours would not end it.
        let _ = self.client.with_timeout(PARTING).disconnect();
        // The end of the client is that of its events; who writes them may be behind.
        let _ = self.events.recv_timeout(PARTING);
    }
}

/// Whether what was to be made first is made.
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    /// There is nothing to be made.
    pub(crate) fn at_once() -> Self {
        Ready(Arc::new(AtomicBool::new(true)))
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What the wait for a message gave.
pub(crate) enum Next {
    Message(Message),
    TimeOut,
    Stop,
}

/// Why it is time to stop.
enum Reason {
    Interrupted,
    /// Whoever read the output has gone.
    ReaderGone,
    /// What was asked for cannot be done any more.
    Lost(Failure),
}

enum Phase {
    /// A call is waiting, which a disconnect ends.
    Waiting(Client),
    /// A message is in hand, or nothing: it is looked at `asked` before the next wait.
    Busy,
}

struct State {
    phase: Phase,
    asked: Option<Reason>,
}

struct Stop(Mutex<State>);

impl Stop {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, reason: Reason) {
        let mut state = self.lock();
        if state.asked.is_none() {
            state.asked = Some(reason);
        }
        let client = match &state.phase {
            Phase::Waiting(client) => client.clone(),
            Phase::Busy => return,
        };
        drop(state);
        // What it says is said to the call that waits.
        let _ = client.disconnect();
    }

    /// `false`: it is time to stop.
    fn wait_begins(&self, client: &Client) -> bool {
        let mut state = self.lock();
        if state.asked.is_none() {
            state.phase = Phase::Waiting(client.clone());
        }
        state.asked.is_none()
    }

    /// `false`: it is time to stop, and the call may have ended for that.
    fn wait_ends(&self) -> bool {
        let mut state = self.lock();
        state.phase = Phase::Busy;
        state.asked.is_none()
    }
}

/// Says when the connection stands again, and stops the command when a subscription is lost for good. The library logs the
/// rest. Nothing is ever sent to what it returns: it ends with the events.
fn watch(client: &Client, stop: Arc<Stop>) -> Result<mpsc::Receiver<()>> {
    let events = client.events();
    let (told, end) = mpsc::channel();
    threads::needed("events", move || {
        let _told = told;
        while let Some(event) = events.recv() {
            match event {
                Event::Connected { number: 2.., session_present, .. } => {
                    let session = if session_present { "" } else { ", in a new session" };
                    log::warn!("connected again{session}");
                }
                Event::SubscriptionLost { reason, .. } => stop.ask(Reason::Lost(Failure::from(&reason))),
                _ => {}
            }
        }
    })?;
    Ok(end)
}

/// So long from now; `None`: beyond what the clock can say.
pub(crate) fn deadline(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}
