//! Received messages: they are on disk, and each is leased to one consumer at a time.
//!
//! A message is ready, leased, or dead. `take` leases ready messages; a `DELETE` ends any of them, in any order; a
//! lease that ends without one makes its message ready again, or dead after the last lease. Only topics and counts are
//! in memory. What is on disk changes first, and the store's report changes the memory: a call that ends in between, as
//! its caller has gone, leaves nothing half done.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::filter::Wanted;
use super::metrics::Metrics;
use super::names::Names;
use super::room::{Bounds, Room};
use super::store::{self, Command, Done, Loaded, Store};

/// A received message that is on disk now.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) id: u64,
    pub(super) topic: String,
    pub(super) size: usize,
}

/// A message given to a consumer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) id: u64,
    /// How often it was leased, this time included.
    pub(super) count: u32,
}

/// The rules of leases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) lease: Duration,
    pub(super) max_leases: u32,
    /// How many dead letters are kept.
    pub(super) dead: Bounds,
}

pub(super) struct Inbox {
    store: Store,
    rules: Rules,
    room: Arc<Room>,
    metrics: Arc<Metrics>,
    names: Names,
    state: RefCell<State>,
    /// The next end of a lease has changed.
    changed: Notify,
}

#[derive(Default)]
struct State {
    messages: BTreeMap<u64, Entry>,
    ready: BTreeSet<u64>,
    ends: BTreeSet<(Instant, u64)>,
    dead: BTreeMap<u64, Entry>,
    dead_bytes: usize,
    consumers: VecDeque<Consumer>,
}

struct Entry {
    topic: Box<str>,
    size: usize,
    leases: u32,
    place: Place,
}

/// Where a message is that is not dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Listed in `ready`.
    Ready,
    /// Leased, and not yet on its way to the consumer.
    Held,
    /// Leased until then, and listed in `ends`.
    Leased(Instant),
    /// Being removed from the disk; neither given out nor made a dead letter meanwhile.
    Removing,
}

/// A call that waits for messages.
struct Consumer {
    wanted: Arc<Wanted>,
    max: Bounds,
    to: oneshot::Sender<Vec<Lease>>,
}

impl Inbox {
    pub(super) fn new(store: Store, rules: Rules, room: Arc<Room>, metrics: Arc<Metrics>, loaded: &Loaded) -> Self {
        let mut state = State::default();
        let entry = |record: &[u8], leases| {
            let topic = store::topic(record)?.into_boxed_str();
            Some(Entry { topic, size: record.len(), leases, place: Place::Ready })
        };
        let leases: BTreeMap<u64, u32> = loaded.leases.iter().copied().collect();
        for (id, record) in &loaded.inbox {
            if let Some(entry) = entry(record, leases.get(id).copied().unwrap_or_default()) {
                state.add(*id, entry);
            }
        }
        for (id, record) in &loaded.dead {
            if let Some(entry) = entry(record, leases.get(id).copied().unwrap_or_default()) {
                state.dead_bytes += entry.size;
                state.dead.insert(*id, entry);
            }
        }
        room.take(state.messages.values().map(|entry| entry.size));
        let names = Names::new(loaded.secret);
        let inbox = Inbox { store, rules, room, metrics, names, state: RefCell::new(state), changed: Notify::new() };
        inbox.measure(&inbox.state.borrow());
        inbox
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    /// Adds messages that are on disk, and gives them to the calls that wait.
    pub(super) fn arrived(&self, messages: Vec<Arrived>) {
        let mut state = self.state.borrow_mut();
        let new: Vec<u64> = messages.iter().map(|message| message.id).collect();
        for Arrived { id, topic, size } in messages {
            state.add(id, Entry { topic: topic.into_boxed_str(), size, leases: 0, place: Place::Ready });
            self.metrics.received.inc();
        }
        self.serve(&mut state, &new);
    }

    /// Leases what is ready and wanted, without an end until [`hand_out`](Inbox::hand_out); if nothing is, the receiver
    /// gets it later. Dropping the receiver ends the wait.
    pub(super) fn take(&self, wanted: &Arc<Wanted>, max: Bounds) -> Result<Vec<Lease>, oneshot::Receiver<Vec<Lease>>> {
        let mut state = self.state.borrow_mut();
        let leases = self.lease(&mut state, wanted, max);
        if !leases.is_empty() {
            self.measure(&state);
            return Ok(leases);
        }
        let (to, receiver) = oneshot::channel();
        state.consumers.retain(|consumer| !consumer.to.is_closed());
        state.consumers.push_back(Consumer { wanted: Arc::clone(wanted), max, to });
        Err(receiver)
    }

    /// Starts the time of leases, now that their messages are on their way to the consumer.
    pub(super) fn hand_out(&self, leases: &[Lease]) {
        let mut state = self.state.borrow_mut();
        let end = Instant::now() + self.rules.lease;
        for Lease { id, .. } in leases {
            // Otherwise it is deleted meanwhile.
            if state.messages.get(id).is_some_and(|entry| entry.place == Place::Held) {
                state.put(*id, Place::Leased(end));
            }
        }
        self.changed.notify_one();
        self.measure(&state);
    }

    /// Gives messages back that did not reach their consumer, as if they had never been leased.
    pub(super) fn give_back(&self, leases: &[Lease]) {
        let mut state = self.state.borrow_mut();
        self.unlease(&mut state, leases);
        let ids: Vec<u64> = leases.iter().map(|lease| lease.id).collect();
        self.serve(&mut state, &ids);
    }

    /// Deletes messages: ready, leased or dead. Returns once that is on disk; `false`: there is no such message.
    pub(super) async fn delete(&self, ids: Vec<u64>) -> Result<bool, String> {
        {
            let mut state = self.state.borrow_mut();
            if !ids.iter().any(|id| state.messages.contains_key(id) || state.dead.contains_key(id)) {
                return Ok(false);
            }
            ids.iter().for_each(|id| state.put(*id, Place::Removing));
        }
        self.store.ask(|done| Command::Remove { ids, done }).await
    }

    /// Handles that messages are removed, or could not be.
    pub(super) fn removed(&self, ids: &[u64], written: Result<(), String>, done: Done) {
        let mut state = self.state.borrow_mut();
        let mut existed = false;
        for id in ids {
            if written.is_err() {
                state.put(*id, Place::Ready);
            } else if let Some(entry) = state.messages.remove(id) {
                self.room.give(entry.size);
                existed = true;
            } else if let Some(entry) = state.dead.remove(id) {
                state.dead_bytes -= entry.size;
                existed = true;
            }
        }
        self.serve(&mut state, if written.is_err() { ids } else { &[] });
        let _ = done.send(written.map(|()| existed));
    }

    /// Puts a dead letter back. Returns once that is on disk; `false`: there is no such.
    pub(super) async fn revive(&self, id: u64) -> Result<bool, String> {
        if !self.is_dead(id) {
            return Ok(false);
        }
        self.store.ask(|done| Command::Revive { id, done }).await
    }

    /// Handles that a dead letter is put back, or could not be.
    pub(super) fn revived(&self, id: u64, written: Result<(), String>, done: Done) {
        let mut state = self.state.borrow_mut();
        let entry = if written.is_ok() { state.dead.remove(&id) } else { None };
        let existed = entry.is_some();
        if let Some(mut entry) = entry {
            state.dead_bytes -= entry.size;
            self.room.take([entry.size].into_iter());
            entry.leases = 0;
            entry.place = Place::Ready;
            state.add(id, entry);
            self.serve(&mut state, &[id]);
        }
        let _ = done.send(written.map(|()| existed));
    }

    pub(super) fn is_dead(&self, id: u64) -> bool {
        self.state.borrow().dead.contains_key(&id)
    }

    /// Returns the dead letters that are wanted, the oldest first, behind this one.
    pub(super) fn dead(&self, wanted: &Wanted, after: Option<u64>, max: Bounds) -> Vec<Lease> {
        let state = self.state.borrow();
        let from = after.map_or(0, |id| id.saturating_add(1));
        let matching = state.dead.range(from..).filter(|(_, entry)| wanted.matches(&entry.topic));
        within(max, matching).map(|(id, entry)| Lease { id: *id, count: entry.leases }).collect()
    }

    /// Reads messages with their payloads.
    pub(super) async fn read(&self, leases: &[Lease]) -> Result<store::Records, String> {
        let ids = leases.iter().map(|lease| lease.id).collect();
        self.store.ask(|done| Command::Read { ids, done }).await
    }

    /// Ends leases in time, as long as the relay runs.
    pub(super) async fn watch(&self) {
        loop {
            let next = self.state.borrow().ends.first().map(|(end, _)| *end);
            match next {
                None => self.changed.notified().await,
                Some(end) => {
                    let due = tokio::time::sleep_until(end.into());
                    tokio::select! {
                        () = due => self.expire(Instant::now()),
                        () = self.changed.notified() => {}
                    }
                }
            }
        }
    }

    fn expire(&self, now: Instant) {
        let mut state = self.state.borrow_mut();
        let mut ready = Vec::new();
        while let Some((end, id)) = state.ends.first().copied().filter(|(end, _)| *end <= now) {
            state.ends.remove(&(end, id));
            let Some(leases) = state.messages.get(&id).map(|entry| entry.leases) else { continue };
            self.metrics.expired_leases.inc();
            if leases < self.rules.max_leases {
                state.put(id, Place::Ready);
                ready.push(id);
                continue;
            }
            self.bury(&mut state, id);
        }
        self.serve(&mut state, &ready);
    }

    /// Makes a message a dead letter. The oldest ones are dropped for it, where there are too many.
    fn bury(&self, state: &mut State, id: u64) {
        let Some(entry) = state.messages.remove(&id) else { return };
        log::warn!(
            "a message to {} was leased {} times and never deleted: it is a dead letter now",
            aliyun_mqtt::printable(&entry.topic),
            entry.leases
        );
        self.metrics.dead_letters.inc();
        self.room.give(entry.size);
        state.dead_bytes += entry.size;
        state.dead.insert(id, entry);
        let mut dropped = Vec::new();
        let Bounds { messages, bytes } = self.rules.dead;
        while state.dead.len() > messages || (state.dead_bytes > bytes && state.dead.len() > 1) {
            // The letter itself, if it is older than all others.
            let Some((oldest, entry)) = state.dead.pop_first() else { break };
            state.dead_bytes -= entry.size;
            self.metrics.dropped_dead_letters.inc();
            log::warn!("there are too many dead letters: one to {} is lost", aliyun_mqtt::printable(&entry.topic));
            dropped.push(oldest);
        }
        self.store.send(Command::Bury { id, dropped });
    }

    /// Gives messages that have become ready to the calls that wait, the longest first.
    fn serve(&self, state: &mut State, ids: &[u64]) {
        for id in ids {
            while state.ready.contains(id) {
                let State { messages, consumers, .. } = &mut *state;
                let Some(entry) = messages.get(id) else { break };
                let fits = |consumer: &Consumer| !consumer.to.is_closed() && consumer.wanted.matches(&entry.topic);
                let Some(place) = consumers.iter().position(fits) else { break };
                let Some(Consumer { wanted, max, to }) = consumers.remove(place) else { break };
                let leases = self.lease(state, &wanted, max);
                if let Err(leases) = to.send(leases) {
                    self.unlease(state, &leases);
                }
            }
        }
        self.measure(state);
    }

    fn lease(&self, state: &mut State, wanted: &Wanted, max: Bounds) -> Vec<Lease> {
        let State { messages, ready, .. } = &*state;
        let waiting = ready.iter().filter_map(|id| Some((id, messages.get(id)?)));
        let wanted = waiting.filter(|(_, entry)| wanted.matches(&entry.topic));
        let ids: Vec<u64> = within(max, wanted).map(|(id, _)| *id).collect();
        let mut leases = Vec::with_capacity(ids.len());
        for id in ids {
            state.put(id, Place::Held);
            let Some(entry) = state.messages.get_mut(&id) else { continue };
            entry.leases += 1;
            leases.push(Lease { id, count: entry.leases });
        }
        if !leases.is_empty() {
            self.store.send(Command::Lease { counts: leases.iter().map(|lease| (lease.id, lease.count)).collect() });
        }
        leases
    }

    fn unlease(&self, state: &mut State, leases: &[Lease]) {
        let mut counts = Vec::new();
        for Lease { id, count } in leases {
            let Some(entry) = state.messages.get_mut(id) else { continue };
            // Otherwise the lease has ended meanwhile, or the message is deleted.
            if entry.leases == *count && matches!(entry.place, Place::Held | Place::Leased(_)) {
                entry.leases -= 1;
                counts.push((*id, entry.leases));
                state.put(*id, Place::Ready);
            }
        }
        self.store.send(Command::Lease { counts });
    }

    fn measure(&self, state: &State) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.stored.set(gauge(state.messages.len()));
        self.metrics.leased.set(gauge(state.ends.len()));
        self.metrics.dead.set(gauge(state.dead.len()));
    }
}

impl State {
    /// Adds a message that is ready.
    fn add(&mut self, id: u64, entry: Entry) {
        self.ready.insert(id);
        self.messages.insert(id, entry);
    }

    /// Changes the place of a message, and the lists with it.
    fn put(&mut self, id: u64, place: Place) {
        let Some(entry) = self.messages.get_mut(&id) else { return };
        match std::mem::replace(&mut entry.place, place) {
            Place::Ready => drop(self.ready.remove(&id)),
            Place::Leased(end) => drop(self.ends.remove(&(end, id))),
            Place::Held | Place::Removing => {}
        }
        match place {
            Place::Ready => drop(self.ready.insert(id)),
            Place::Leased(end) => drop(self.ends.insert((end, id))),
            Place::Held | Place::Removing => {}
        }
    }
}

/// Returns the first of these messages, as many as are within the bounds; the first one is, whatever its size.
fn within<'a>(
    max: Bounds,
    messages: impl Iterator<Item = (&'a u64, &'a Entry)>,
) -> impl Iterator<Item = (&'a u64, &'a Entry)> {
    let mut bytes = 0;
    messages.take(max.messages).enumerate().map_while(move |(place, (id, entry))| {
        bytes += entry.size;
        (place == 0 || bytes <= max.bytes).then_some((id, entry))
    })
}
