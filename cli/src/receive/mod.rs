//! The common parts of the receiving commands: a connection that can be stopped, the loop over messages, and sinks.

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

use aliyun_mqtt::{Client, Closer, Config, ErrorKind, Event, Message};

use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::{report, stdio, threads};

pub(crate) use args::{BoundArgs, SessionArgs, SinkArgs};
pub(crate) use command::{Command, CommandArgs, Output};
pub(crate) use consume::{Bounds, End, Sink, consume};
pub(crate) use print::{PrintArgs, Printer};

/// The timeout of the disconnect after a failure.
const PARTING: Duration = Duration::from_secs(2);

/// A connection that is closed when the user interrupts, but not in the middle of a message.
pub(crate) struct Receiver {
    client: Client,
    stop: Arc<Stop>,
    interrupt: Interrupt,
    /// Closes once all events are printed.
    events: mpsc::Receiver<()>,
}

impl Receiver {
    /// Connects, and starts to handle Ctrl-C.
    pub(crate) fn connect(config: Config) -> Result<Self> {
        let interrupt = Interrupt::listen()?;
        let client = Client::connect(config)?;
        let stop = Arc::new(Stop { state: Mutex::default(), closer: client.closer() });
        let asked = Arc::clone(&stop);
        interrupt.on(move || {
            asked.ask(Reason::Interrupted);
            log::debug!("interrupted: the command ends after the message in hand");
        });
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

    /// Makes a call that may block and that the user may interrupt; `None` if it is time to stop.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&Client) -> aliyun_mqtt::Result<T>) -> Result<Option<T>> {
        if !self.stop.wait_begins() {
            return Ok(None);
        }
        let result = call(&self.client);
        match self.stop.wait_ends() {
            true => Ok(result.map(Some)?),
            false => Ok(None),
        }
    }

    /// Makes a call on another thread while messages are received; a failure stops the command. Returns whether the
    /// call is done.
    ///
    /// If nobody received meanwhile, the messages of a kept session could fill the inbox before the call returned.
    pub(crate) fn beside(
        &self,
        call: impl FnOnce(&Client) -> aliyun_mqtt::Result<()> + Send + 'static,
    ) -> Result<Ready> {
        let done = Arc::new(AtomicBool::new(false));
        let (client, stop, told) = (self.client.clone(), Arc::clone(&self.stop), Arc::clone(&done));
        threads::needed("subscriptions", move || {
            match call(&client) {
                Ok(()) => told.store(true, Ordering::Release),
                // The client was closed on purpose.
                Err(error) if error.kind() == ErrorKind::Closed => {}
                Err(error) => {
                    // Before the stop, after which the command may end at once.
                    drop(client);
                    stop.ask(Reason::Lost(Failure::from(&error)));
                }
            }
        })?;
        Ok(Ready(done))
    }

    /// Stops the command when the reader of the output exits. Otherwise only the next message would show that, and it
    /// may never arrive.
    pub(crate) fn watch_output(&self) -> Result<()> {
        if std::io::stdout().is_terminal() {
            // SIGHUP reports the hangup of a terminal.
            return Ok(());
        }
        let stop = Arc::downgrade(&self.stop);
        let watch = move || {
            if let (true, Some(stop)) = (stdio::reader_has_gone(), stop.upgrade()) {
                stop.ask(Reason::ReaderGone);
            }
        };
        // Not joined: it may wait until the program ends.
        threads::needed("output", watch).map(drop)
    }

    /// Waits for the next message until the given time.
    pub(crate) fn next(&self, until: Option<Instant>) -> Result<Next> {
        let message = self.call(|client| match until {
            None => client.recv().map(Some),
            Some(until) => client.recv_timeout(until.saturating_duration_since(Instant::now())),
        })?;
        Ok(match message {
            None => Next::Stop,
            Some(None) => Next::Timeout,
            Some(Some(message)) => Next::Message(message),
        })
    }

    /// Returns a message that has arrived already.
    pub(crate) fn waiting(&self) -> Result<Option<Message>> {
        if self.stop.lock().asked.is_some() {
            return Ok(None);
        }
        Ok(self.client.try_recv()?)
    }

    /// Disconnects after everything is sent, including acknowledgements. Returns how the command ends.
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
        // After a failure, acknowledgements may not be sent yet, and the call on the other thread may still hold the
        // client, so that dropping ours would not end it.
        let _ = self.client.with_timeout(PARTING).disconnect();
        // Waits until the remaining events are printed.
        let _ = self.events.recv_timeout(PARTING);
    }
}

/// Says whether the subscriptions are made.
pub(crate) struct Ready(Arc<AtomicBool>);

impl Ready {
    /// Returns a value for commands without subscriptions.
    pub(crate) fn at_once() -> Self {
        Ready(Arc::new(AtomicBool::new(true)))
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The result of waiting for a message.
pub(crate) enum Next {
    Message(Message),
    Timeout,
    Stop,
}

/// The reason to stop.
enum Reason {
    Interrupted,
    /// The reader of the output has exited.
    ReaderGone,
    /// The command cannot continue.
    Lost(Failure),
}

#[derive(Default)]
struct State {
    /// A call is blocked. Otherwise a message is being processed, which may send a reply; `asked` is checked before the
    /// next wait.
    waiting: bool,
    asked: Option<Reason>,
}

struct Stop {
    state: Mutex<State>,
    closer: Closer,
}

impl Stop {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, reason: Reason) {
        let mut state = self.lock();
        state.asked.get_or_insert(reason);
        if state.waiting {
            // The blocked call returns its error.
            self.closer.close();
        }
    }

    /// Marks the start of a blocking call; `false` if it is time to stop.
    fn wait_begins(&self) -> bool {
        let mut state = self.lock();
        state.waiting = state.asked.is_none();
        state.waiting
    }

    /// Marks its end; `false` if it is time to stop, which may be why the call has ended.
    fn wait_ends(&self) -> bool {
        let mut state = self.lock();
        state.waiting = false;
        state.asked.is_none()
    }
}

/// Logs reconnects, and stops the command when a subscription is lost for good; the library logs everything else. The
/// returned channel carries nothing and closes at the end of the events.
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

/// Returns the time after this duration; `None` beyond the range of the clock.
pub(crate) fn deadline(time: Duration) -> Option<Instant> {
    Instant::now().checked_add(time)
}
