//! The relay's durable state, and the one thread that writes it.
//!
//! Messages to send, idempotency keys and received messages are in one file, so that one transaction covers what must
//! not disagree: a message is accepted together with its key, and it is removed together with the answer that its key
//! gives from then on. The thread takes all commands that have gathered, writes them in one transaction with one
//! `fsync`, and only then reports them.

mod command;
mod record;
mod tables;

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

pub(super) use command::{Accepted, Command, KeyUse, Loaded, Records, Report, Shelf};
pub(super) use record::{Sending, received, shown, topic};

use self::tables::Tables;
use crate::exit::Result;
use crate::threads;

/// How many commands one transaction takes at most.
const BATCH: usize = 1_000;

/// The pause before removals that could not be written are tried again.
const RETRY: Duration = Duration::from_secs(1);

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
        tell: impl Fn(Report) + Send + 'static,
    ) -> Result<(Store, Loaded, JoinHandle<()>)> {
        let (tables, loaded) = Tables::open(&directory.join("relay.redb"), owner, max_keys)?;
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
    // Facts that could not be written yet.
    let mut owed: Vec<Command> = Vec::new();
    let mut troubled = false;
    loop {
        let first = match owed.is_empty() {
            true => commands.recv().ok(),
            false => match commands.recv_timeout(RETRY) {
                Ok(command) => Some(command),
                Err(mpsc::RecvTimeoutError::Timeout) => Some(Command::Lease { counts: Vec::new() }),
                Err(mpsc::RecvTimeoutError::Disconnected) => None,
            },
        };
        let Some(first) = first else { return };
        let mut batch = std::mem::take(&mut owed);
        batch.push(first);
        batch.extend(commands.try_iter().take(BATCH));
        let closing = batch.iter().any(|command| matches!(command, Command::Close));
        let written = match batch.iter().any(Command::is_written) {
            true => tables.write(&batch, now()).map_err(|error| error.to_string()),
            false => Ok(Vec::new()),
        };
        match &written {
            Ok(_) => troubled = false,
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    crate::report::warning(format!("the relay's store cannot be written: {error}"));
                }
            }
        }
        report(batch, written, &mut owed, &mut tables, tell);
        if closing {
            return;
        }
    }
}

/// Reports what was written, and keeps the facts that were not.
fn report(
    batch: Vec<Command>,
    written: Result<tables::Verdicts, String>,
    owed: &mut Vec<Command>,
    tables: &mut Tables,
    tell: &impl Fn(Report),
) {
    let result = written.as_ref().map(|_| ()).map_err(Clone::clone);
    let mut verdicts = written.unwrap_or_default().into_iter();
    for command in batch {
        if result.is_err() && command.is_fact() {
            if let Command::Settle { seq, .. } = &command {
                // The fate is known and may be told; the record is removed later.
                tell(Report::Kept { seq: *seq });
            }
            owed.push(command);
            continue;
        }
        // A receiver that is gone does not want to know.
        match command {
            Command::Accept { seq, key, .. } => {
                if result.is_err() {
                    owed.push(Command::Forget { seq, key });
                }
                let verdict = match &result {
                    Ok(()) => {
                        verdicts.next().map_or(Accepted::Failed("no verdict".to_string()), |(_, verdict)| verdict)
                    }
                    Err(error) => Accepted::Failed(error.clone()),
                };
                tell(Report::Accepted { seq, verdict });
            }
            Command::Settle { seq, .. } => tell(Report::Kept { seq }),
            Command::Receive { done, .. }
            | Command::Remove { done, .. }
            | Command::Revive { done, .. }
            | Command::Sync { done } => drop(done.send(result.clone())),
            Command::Read { shelf, ids, done } => {
                drop(done.send(tables.read(shelf, &ids).map_err(|error| error.to_string())));
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
