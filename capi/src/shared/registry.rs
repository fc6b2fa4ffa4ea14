//! The standing clients of this process.
//!
//! The lock is held for bookkeeping only: never while a client connects, ends or is dropped.

use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Error, ErrorKind, Stage};
use aliyun_mqtt_bindings::per_process::PerProcess;

use super::Share;
use crate::callback;
use crate::connection::{Connection, Settings};
use crate::input::Failure;

/// The longest time that the last handle of a client takes to say goodbye, and that a new client waits for the goodbye
/// of the one it replaces: a server disconnects the older of two clients with one client id, and a spool is locked.
const GOODBYE: Duration = Duration::from_secs(1);

static REGISTRY: PerProcess<Registry> = PerProcess::new(Registry::default);

#[derive(Default)]
struct Registry {
    state: Mutex<State>,
    /// An attempt to connect has ended.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    clients: HashMap<String, Slot>,
    /// The process ends: there are no more standing clients.
    exiting: bool,
}

enum Slot {
    /// A thread connects, and puts the outcome here; or it says goodbye, and removes this.
    Connecting(Arc<Attempt>),
    Standing(Standing),
}

struct Attempt {
    settings: Arc<Settings>,
    outcome: Mutex<Option<Error>>,
}

struct Standing {
    connection: Arc<Connection>,
    settings: Arc<Settings>,
    /// The number of handles.
    handles: usize,
    /// It stays without handles.
    keep: bool,
}

/// Returns the standing client of this name, with these settings.
pub(super) fn get(name: &str, settings: Settings, keep: bool) -> Result<(Arc<Connection>, Share), Failure> {
    let registry = REGISTRY.get();
    // Once the settings are checked: when this call has waited long enough for another thread.
    let mut deadline = None;
    let mut state = registry.lock();
    loop {
        if state.exiting {
            return Err(Error::of_binding(ErrorKind::Closed, "this process is about to end").into());
        }
        if let Some(Slot::Standing(standing)) = state.clients.get_mut(name)
            && standing.serves(&settings)
        {
            standing.handles += 1;
            standing.keep |= keep;
            let (connection, share) = standing.handle(name);
            drop(state);
            if let (Some(by_hand), Some(first)) = (connection.by_hand(), &settings.by_hand) {
                by_hand.hand_in_later(connection.client(), first)?;
            }
            return Ok((connection, share));
        }
        let Some(deadline) = deadline else {
            // Reads files, so not under the lock; and before anything is replaced by settings that are no good.
            drop(state);
            let timeout = settings.builder.clone().build()?.timeout();
            deadline = Some(Instant::now() + timeout);
            state = registry.lock();
            continue;
        };
        if let Some(Slot::Connecting(attempt)) = state.clients.get(name) {
            let attempt = Arc::clone(attempt);
            drop(registry.await_end(state, name, &attempt, deadline)?);
            let failed = attempt.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(error) = failed.filter(|_| attempt.settings.same(&settings)) {
                return Err(error.into());
            }
            // The last to hold its settings may be this one, and their drop calls destructors of the program.
            drop(attempt);
            state = registry.lock();
            continue;
        }
        // There is none, or it has to be replaced.
        let attempt = Arc::new(Attempt { settings: Arc::new(settings), outcome: Mutex::new(None) });
        let old = state.clients.insert(name.to_string(), Slot::Connecting(Arc::clone(&attempt)));
        drop(state);
        return registry.connect(name, &attempt, old, keep);
    }
}

/// Takes a handle back. The last one ends a client that is not kept.
pub(super) fn give_back(name: &str, connection: &Arc<Connection>) {
    let registry = REGISTRY.get();
    let mut state = registry.lock();
    let Some(Slot::Standing(standing)) = state.clients.get_mut(name) else { return };
    if !Arc::ptr_eq(&standing.connection, connection) {
        return;
    }
    standing.handles -= 1;
    if standing.handles > 0 || standing.keep {
        return;
    }
    // A new client of the name waits for the goodbye of this one.
    let attempt = Arc::new(Attempt { settings: Arc::clone(&standing.settings), outcome: Mutex::new(None) });
    let ended = state.clients.insert(name.to_string(), Slot::Connecting(Arc::clone(&attempt)));
    drop(state);
    let open = Open { registry, name, attempt: &attempt, ended: false };
    // Not under the lock.
    let _ = connection.client().with_timeout(GOODBYE).disconnect();
    connection.end();
    drop(ended);
    drop(open);
}

/// Says goodbye to the servers of all standing clients, side by side, until the deadline. There are no more of them
/// after that.
pub(super) fn end_all(deadline: Instant) {
    let registry = REGISTRY.get();
    // The thread that ends the process may have been interrupted anywhere.
    let Some(mut state) = registry.lock_until(deadline) else { return };
    state.exiting = true;
    let clients = std::mem::take(&mut state.clients);
    drop(state);
    let standing = clients.into_values().filter_map(|slot| match slot {
        Slot::Standing(standing) => Some(standing.connection),
        Slot::Connecting(_) => None,
    });
    let (done, ended) = mpsc::channel::<()>();
    for connection in standing {
        let done = done.clone();
        callback::detached("aliyun-mqtt-exit", move || {
            let left = deadline.saturating_duration_since(Instant::now());
            let _ = connection.client().with_timeout(left).disconnect();
            left_over().push(connection);
            drop(done);
        });
    }
    drop(done);
    let left = deadline.saturating_duration_since(Instant::now());
    // Nothing is sent: the channel ends with the last of them.
    let _: Result<(), RecvTimeoutError> = ended.recv_timeout(left);
}

/// The clients that end with the process: there may be a callback that waits for the thread that would drop it.
/// Reachable, so that nothing that looks for leaks finds one.
fn left_over() -> MutexGuard<'static, Vec<Arc<Connection>>> {
    static LEFT_OVER: Mutex<Vec<Arc<Connection>>> = Mutex::new(Vec::new());
    LEFT_OVER.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, State>> {
        loop {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Waits until this attempt has ended, at most until the deadline.
    fn await_end<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        name: &str,
        attempt: &Arc<Attempt>,
        until: Instant,
    ) -> Result<MutexGuard<'a, State>, Failure> {
        let is_open = |state: &State| match state.clients.get(name) {
            Some(Slot::Connecting(current)) => Arc::ptr_eq(current, attempt),
            _ => false,
        };
        while is_open(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = "the connection that another thread makes for this name took too long";
                let kind = ErrorKind::Timeout(Stage::Connect);
                return Err(Error::of_binding(kind, message).into());
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(state)
    }

    /// Connects, and puts the client into its place.
    fn connect(
        &self,
        name: &str,
        attempt: &Arc<Attempt>,
        old: Option<Slot>,
        keep: bool,
    ) -> Result<(Arc<Connection>, Share), Failure> {
        let mut open = Open { registry: self, name, attempt, ended: false };
        if let Some(Slot::Standing(old)) = old {
            retire(old.connection);
        }
        match attempt.settings.connect() {
            Ok(connection) => {
                let settings = Arc::clone(&attempt.settings);
                let standing = Standing { connection: Arc::new(connection), settings, handles: 1, keep };
                let handle = standing.handle(name);
                open.end(Some(standing));
                Ok(handle)
            }
            Err(failure) => {
                if let Failure::Library(error) = &failure {
                    *attempt.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                }
                Err(failure)
            }
        }
    }
}

/// An attempt that has not ended. Its drop ends it without a client.
struct Open<'a> {
    registry: &'a Registry,
    name: &'a str,
    attempt: &'a Arc<Attempt>,
    ended: bool,
}

impl Open<'_> {
    fn end(&mut self, standing: Option<Standing>) {
        self.ended = true;
        let mut state = self.registry.lock();
        let is_ours = matches!(
            state.clients.get(self.name),
            Some(Slot::Connecting(current)) if Arc::ptr_eq(current, self.attempt)
        );
        if is_ours {
            match standing {
                Some(standing) => state.clients.insert(self.name.to_string(), Slot::Standing(standing)),
                None => state.clients.remove(self.name),
            };
        }
        drop(state);
        self.registry.changed.notify_all();
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(None);
        }
    }
}

impl Standing {
    /// Returns true if this client can be used with these settings.
    fn serves(&self, settings: &Settings) -> bool {
        self.settings.same(settings) && self.connection.client().check_open().is_ok()
    }

    fn handle(&self, name: &str) -> (Arc<Connection>, Share) {
        let connection = Arc::clone(&self.connection);
        let share = Share { name: name.to_string(), connection: Some(Arc::clone(&connection)) };
        (connection, share)
    }
}

/// Disconnects an old client in the background, and waits for that, but not for long.
fn retire(connection: Arc<Connection>) {
    let (done, ended) = mpsc::channel::<()>();
    callback::detached("aliyun-mqtt-end", move || {
        // Its events and the log tell the outcome.
        let _ = connection.client().disconnect();
        connection.end();
        drop(connection);
        drop(done);
    });
    let _: Result<(), RecvTimeoutError> = ended.recv_timeout(GOODBYE);
}
