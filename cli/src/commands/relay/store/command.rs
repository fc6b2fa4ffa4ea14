//! Commands to the store, and its answers.

use tokio::sync::oneshot;

/// The idempotency key of a call, hashed, and the fingerprint of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct KeyUse {
    pub(in super::super) hash: [u8; 32],
    pub(in super::super) print: [u8; 32],
}

/// The work of the store.
#[derive(Debug)]
pub(in super::super) enum Command {
    /// Store a message to send, unless its key is known. Answered by [`Report::Accepted`].
    Accept {
        seq: u64,
        record: Vec<u8>,
        key: Option<KeyUse>,
    },
    /// Remove a message that is settled, and note the answer for its key. Answered by [`Report::Kept`].
    Settle {
        seq: u64,
        key: Option<KeyUse>,
        answer: Vec<u8>,
    },
    /// Remove what a failed write may have left of a message that was not accepted.
    Forget {
        seq: u64,
        key: Option<KeyUse>,
    },
    /// Store received messages.
    Receive {
        records: Vec<(u64, Vec<u8>)>,
        done: oneshot::Sender<Result<(), String>>,
    },
    /// Note how often messages were leased.
    Lease {
        counts: Vec<(u64, u32)>,
    },
    /// Remove received messages, wherever they are. Answered by [`Report::Removed`].
    Remove {
        ids: Vec<u64>,
        done: Done,
    },
    /// Move a received message to the dead letters, and drop dead letters for it.
    Bury {
        id: u64,
        dropped: Vec<u64>,
    },
    /// Move a dead letter back. Answered by [`Report::Revived`].
    Revive {
        id: u64,
        done: Done,
    },
    /// Read received messages, after everything before is written.
    Read {
        ids: Vec<u64>,
        done: oneshot::Sender<Result<Records, String>>,
    },
    /// Answer once everything before is written.
    Sync {
        done: oneshot::Sender<Result<(), String>>,
    },
    Close,
}

pub(in super::super) type Records = Vec<(u64, Vec<u8>)>;

/// Tells a call, if it still waits, whether the message existed. The call learns it only after the memory has changed:
/// a call that ends early leaves nothing half done.
pub(in super::super) type Done = oneshot::Sender<Result<bool, String>>;

/// The outcome of accepting a message.
#[derive(Debug)]
pub(in super::super) enum Accepted {
    /// It is on disk.
    Stored,
    /// Its key is known: this is the answer of the first call.
    Known(Vec<u8>),
    /// Its key was used for another call.
    Mismatch,
    TooManyKeys,
    /// It could not be written, and is not on disk.
    Failed(String),
    /// It could not be written, and a part of the failed write may be on disk.
    Uncertain(String),
}

/// A report of the store about an earlier command.
#[derive(Debug)]
pub(in super::super) enum Report {
    /// It has decided about a message.
    Accepted { seq: u64, verdict: Accepted },
    /// It has noted the fate of a message, or will: see the documentation of the module.
    Kept { seq: u64 },
    /// It has removed received messages, or could not.
    Removed { ids: Vec<u64>, written: Result<(), String>, done: Done },
    /// It has put a dead letter back, or could not.
    Revived { id: u64, written: Result<(), String>, done: Done },
}

/// The contents of the file at the start.
#[derive(Debug)]
pub(in super::super) struct Loaded {
    pub(in super::super) outbox: Records,
    pub(in super::super) inbox: Records,
    pub(in super::super) dead: Records,
    pub(in super::super) leases: Vec<(u64, u32)>,
    /// The highest id that a received message ever had.
    pub(in super::super) last_id: u64,
    /// A random number that the ids of messages are made with.
    pub(in super::super) secret: [u8; 32],
}

impl Command {
    /// Returns true if the command must be repeated until it is written: what it notes has happened.
    pub(super) fn is_fact(&self) -> bool {
        matches!(self, Command::Settle { .. } | Command::Forget { .. } | Command::Lease { .. } | Command::Bury { .. })
    }

    pub(super) fn is_written(&self) -> bool {
        !matches!(self, Command::Read { .. } | Command::Sync { .. } | Command::Close)
    }
}
