//! The relay's durable state, and the one thread that writes it.
//!
//! Messages to send, idempotency keys and received messages are in one file, so that one transaction covers what must
//! not disagree: a message is accepted together with its key, and it is removed together with the answer that its key
//! gives from then on. The thread takes all commands that have gathered, writes them in one transaction with one
//! `fsync`, and only then reports them.
//!
//! While the file cannot be written, new messages are refused, and what has happened already is owed: it is written
//! before anything else as soon as that is possible, and at the end of the relay it is tried again. A fate is reported
//! even if it is owed: it is known, and its caller must not send the message again. If the relay then ends while the
//! file still cannot be written, the next run sends that message a second time.

mod command;
mod keys;
mod owed;
mod record;
mod tables;

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

pub(super) use command::{Accepted, Command, Done, KeyUse, Loaded, Records, Report};
pub(super) use record::{Sending, received, shown, topic};

use self::owed::Owed;
use self::tables::Tables;
use super::metrics::Metrics;
use crate::exit::Result;
use crate::threads;

/// How many commands one transaction takes at most.
const BATCH: usize = 1_000;

/// The pause after a failed write.
const RETRY: Duration = Duration::from_secs(1);

/// How often the end of the relay waits for this pause, to write what is owed.
const LAST_TRIES: u32 = 3;

/// The handle of the store's thread.
#[derive(Debug, Clone)]
pub(super) struct Store {
    commands: mpsc::Sender<Command>,
}

impl Store {
    /// Opens the file in this directory, and starts its thread.
    pub(super) fn start(
        directory: &Path,
        owner: &str,
        max_keys: u64,
        metrics: &Metrics,
        tell: impl Fn(Report) + Send + 'static,
    ) -> Result<(Store, Loaded, JoinHandle<()>)> {
        let (tables, loaded) =
            Tables::open(&directory.join("relay.redb"), owner, max_keys, metrics.remembered.clone())?;
        let (commands, received) = mpsc::channel();
        let thread = threads::needed("relay-store", move || run(tables, &received, &tell))?;
        Ok((Store { commands }, loaded, thread))
    }

    pub(super) fn send(&self, command: Command) {
        // The thread ends only with the relay.
        let _ = self.commands.send(command);
    }

    /// Sends a command, and waits for its result.
    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Command,
    ) -> Result<T, String> {
        let (done, result) = oneshot::channel();
        self.send(command(done));
        result.await.unwrap_or_else(|_| Err("the relay is ending".to_string()))
    }

    /// Does the same on a thread that may block.
    pub(super) fn ask_blocking<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Command,
    ) -> Result<T, String> {
        let (done, result) = oneshot::channel();
        self.send(command(done));
        result.blocking_recv().unwrap_or_else(|_| Err("the relay is ending".to_string()))
    }
}

fn run(mut tables: Tables, commands: &mpsc::Receiver<Command>, tell: &impl Fn(Report)) {
    let mut owed = Owed::default();
    // While the file cannot be written: why, and when it is tried again.
    let mut trouble: Option<(String, Instant)> = None;
    loop {
        let first = match owed.is_empty() {
            true => commands.recv().map(Some),
            false => match commands.recv_timeout(RETRY) {
                Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
                command => command.map(Some).map_err(|_| mpsc::RecvError),
            },
        };
        let Ok(first) = first else { return };
        let mut batch: Vec<Command> = first.into_iter().collect();
        batch.extend(commands.try_iter().take(BATCH));
        let closing = batch.iter().any(|command| matches!(command, Command::Close));
        if trouble.as_ref().is_some_and(|(_, end)| closing || Instant::now() >= *end) {
            trouble = repay(&mut tables, &mut owed);
        }
        let refused = trouble.as_ref().map(|(why, _)| why.clone());
        let tried = refused.is_none() && batch.iter().any(Command::is_written);
        let written = match refused {
            Some(why) => Err(why),
            None if tried => tables.write(&batch, now()).map_err(|error| error.to_string()),
            None => Ok(Vec::new()),
        };
        if let (true, Err(why)) = (tried, &written) {
            crate::report::warning(format!("the relay's store cannot be written: {why}"));
            trouble = Some((why.clone(), Instant::now() + RETRY));
        }
        report(batch, written, tried, &mut owed, &mut tables, tell);
        if closing {
            for _ in 0..LAST_TRIES {
                if owed.is_empty() || repay(&mut tables, &mut owed).is_none() {
                    return;
                }
                std::thread::sleep(RETRY);
            }
            let message = "the store could not be written to the end: messages may be sent a second time";
            return crate::report::warning(message);
        }
    }
}

/// Writes what is owed. Returns the trouble that is left.
fn repay(tables: &mut Tables, owed: &mut Owed) -> Option<(String, Instant)> {
    let facts = owed.take();
    let error = tables.write(&facts, now()).err()?;
    facts.into_iter().for_each(|fact| owed.add(fact));
    Some((error.to_string(), Instant::now() + RETRY))
}

/// Reports what was written, and keeps the facts that were not. `tried`: something may have been written.
fn report(
    batch: Vec<Command>,
    written: Result<tables::Verdicts, String>,
    tried: bool,
    owed: &mut Owed,
    tables: &mut Tables,
    tell: &impl Fn(Report),
) {
    let result = written.as_ref().map(|_| ()).map_err(Clone::clone);
    let mut verdicts = written.unwrap_or_default().into_iter();
    for command in batch {
        if result.is_err() && command.is_fact() {
            if let Command::Settle { seq, .. } = &command {
                tell(Report::Kept { seq: *seq });
            }
            owed.add(command);
            continue;
        }
        // A receiver that is gone does not want to know.
        match command {
            Command::Accept { seq, key, .. } => {
                let verdict = match &result {
                    Ok(()) => {
                        verdicts.next().map_or(Accepted::Failed("no verdict".to_string()), |(_, verdict)| verdict)
                    }
                    // After it is opened again, the file tells what has become of the failed write.
                    Err(why) if tried && tables.holds(seq).unwrap_or(true) => {
                        owed.add(Command::Forget { seq, key });
                        Accepted::Uncertain(why.clone())
                    }
                    Err(why) => Accepted::Failed(why.clone()),
                };
                tell(Report::Accepted { seq, verdict });
            }
            Command::Settle { seq, .. } => tell(Report::Kept { seq }),
            Command::Remove { ids, done } => tell(Report::Removed { ids, written: result.clone(), done }),
            Command::Revive { id, done } => tell(Report::Revived { id, written: result.clone(), done }),
            Command::Receive { done, .. } | Command::Sync { done } => drop(done.send(result.clone())),
            Command::Read { ids, done } => {
                drop(done.send(tables.read(&ids).map_err(|error| error.to_string())));
            }
            Command::Forget { .. } | Command::Lease { .. } | Command::Bury { .. } | Command::Close => {}
        }
    }
}

/// Returns the wall clock in milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
