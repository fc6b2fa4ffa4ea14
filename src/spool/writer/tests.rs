use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, spawn};

use super::*;
use crate::error::ErrorKind;
use crate::{Outgoing, QoS};

/// Much longer than any step of these tests.
const LONG: Duration = Duration::from_secs(60);

/// A store that a test can hold up and break.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<(Mutex<Doing>, Condvar)>);

#[derive(Default)]
struct Doing {
    /// Commits that were begun, with the records they removed and added.
    begun: Vec<(Vec<u64>, Vec<u64>)>,
    held: BTreeSet<u64>,
    hold: bool,
    fault: Option<Fault>,
    syncs: usize,
    closed: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    Fails,
    Panics,
}

impl Fake {
    /// If true, commits hang.
    pub(crate) fn hold(&self, hold: bool) {
        lock(&self.0.0).hold = hold;
        self.0.1.notify_all();
    }

    pub(crate) fn fault(&self, fault: Option<Fault>) {
        lock(&self.0.0).fault = fault;
    }

    /// Waits until this holds.
    fn wait(&self, what: &str, holds: impl Fn(&Doing) -> bool) {
        let until = Instant::now() + LONG;
        let mut doing = lock(&self.0.0);
        while !holds(&doing) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not in time: {what}");
            doing = self.0.1.wait_timeout(doing, left).expect("no panic").0;
        }
    }

    /// Waits until this many commits were begun.
    pub(crate) fn begun(&self, count: usize) {
        self.wait("begun", |doing| doing.begun.len() >= count);
    }

    /// Returns the number of records that each begun commit added, without commits that added none.
    pub(crate) fn commits(&self) -> Vec<usize> {
        let doing = lock(&self.0.0);
        doing.begun.iter().map(|(_, added)| added.len()).filter(|added| *added > 0).collect()
    }

    /// Waits until the store holds this many records.
    pub(crate) fn holds(&self, count: usize) {
        self.wait("records", |doing| doing.held.len() == count);
    }
}

impl Store for Fake {
    fn commit(&mut self, removed: &[u64], added: &[Entry]) -> Result<()> {
        let mut doing = lock(&self.0.0);
        doing.begun.push((removed.to_vec(), added.iter().map(|(key, _)| *key).collect()));
        self.0.1.notify_all();
        while doing.hold {
            doing = self.0.1.wait(doing).expect("no panic");
        }
        match doing.fault {
            Some(Fault::Panics) => {
                drop(doing);
                std::panic::resume_unwind(Box::new("torn"));
            }
            Some(Fault::Fails) => return Err(Error::new(ErrorKind::Spool, "the disk is on fire")),
            None => {}
        }
        for key in removed {
            doing.held.remove(key);
        }
        doing.held.extend(added.iter().map(|(key, _)| *key));
        self.0.1.notify_all();
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        lock(&self.0.0).syncs += 1;
        self.0.1.notify_all();
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        lock(&self.0.0).closed = true;
        Ok(())
    }
}

struct Run {
    fake: Fake,
    queue: Arc<Queue>,
    done: Receiver<(Vec<u64>, Option<ErrorKind>)>,
    thread: JoinHandle<()>,
}

fn start(policy: SyncPolicy, prepare: impl FnOnce(&Fake, &Queue)) -> Run {
    let fake = Fake::default();
    let queue = Arc::new(Queue::new(&Spool::at("x").sync(policy), [(7, 30)].into_iter()));
    prepare(&fake, &queue);
    let (tell, done) = channel();
    let (store, shared) = (Box::new(fake.clone()), Arc::clone(&queue));
    let thread = spawn(move || {
        run(&shared, store, |done| {
            let _ = tell.send((done.seqs, done.result.err().map(|error| error.kind())));
        });
    });
    Run { fake, queue, done, thread }
}

fn add(queue: &Queue, seq: u64) -> u64 {
    let message = Arc::new(Outgoing::new("t", QoS::AtLeastOnce, "x"));
    queue.add(Stored { seq, message, accepted: 1 })
}

impl Run {
    fn done(&self) -> (Vec<u64>, Option<ErrorKind>) {
        self.done.recv_timeout(LONG).expect("in time")
    }

    fn end(self) -> Vec<(Vec<u64>, Vec<u64>)> {
        self.fake.hold(false);
        assert!(self.queue.close(Instant::now() + LONG));
        self.thread.join().expect("no panic");
        let doing = lock(&self.fake.0.0);
        assert!(doing.closed);
        doing.begun.clone()
    }
}

#[test]
fn what_gathers_while_one_commit_is_under_way_shares_the_next() {
    let run = start(SyncPolicy::Each, |fake, _| fake.hold(true));
    assert_eq!(add(&run.queue, 1), 8, "behind what is there");
    run.fake.begun(1);
    for seq in 2..5 {
        add(&run.queue, seq);
    }
    run.queue.remove(7);
    assert!(run.done.try_recv().is_err(), "nothing is done before it is on disk");
    assert_eq!(run.queue.present(), (1, 30));
    run.fake.hold(false);
    assert_eq!(run.done(), (vec![1], None));
    assert_eq!(run.done(), (vec![2, 3, 4], None));
    assert_eq!(run.queue.present(), (4, 4 * 26));
    assert_eq!(run.end(), [(vec![], vec![8]), (vec![7], vec![9, 10, 11])]);
}

#[test]
fn a_failure_is_told_and_whatever_it_left_is_removed_with_the_next() {
    for fault in [Fault::Fails, Fault::Panics] {
        let run = start(SyncPolicy::Each, |fake, _| fake.fault(Some(fault)));
        add(&run.queue, 1);
        let (seqs, kind) = run.done();
        assert!(seqs == [1] && kind.is_some());
        assert_eq!(run.queue.present(), (1, 30));
        run.fake.fault(None);
        add(&run.queue, 2);
        assert_eq!(run.done(), (vec![2], None));
        assert_eq!(run.queue.present(), (2, 56));
        assert_eq!(run.end(), [(vec![], vec![8]), (vec![8], vec![9])]);
    }
}

#[test]
fn removals_that_failed_are_tried_again() {
    let run = start(SyncPolicy::Each, |fake, _| fake.fault(Some(Fault::Fails)));
    run.queue.remove(7);
    run.fake.begun(1);
    run.fake.fault(None);
    run.fake.begun(2);
    assert_eq!(run.end().last(), Some(&(vec![7], vec![])));
}

#[test]
fn what_is_taken_back_before_it_is_written_never_is() {
    let run = start(SyncPolicy::Each, |_, queue| {
        let key = add(queue, 1);
        queue.remove(key);
        add(queue, 2);
    });
    assert_eq!(run.done(), (vec![2], None));
    assert_eq!(run.end(), [(vec![8], vec![9])]);
}

#[test]
fn the_end_writes_what_is_left() {
    let run = start(SyncPolicy::Each, |_, _| {});
    run.queue.remove(7);
    assert_eq!(run.end(), [(vec![7], vec![])]);
}

#[test]
fn a_hanging_disk_does_not_hang_the_end() {
    let run = start(SyncPolicy::Each, |fake, _| fake.hold(true));
    add(&run.queue, 1);
    run.fake.begun(1);
    assert!(!run.queue.close(Instant::now()));
    run.end();
}

#[test]
fn an_interval_syncs_by_itself_and_only_what_is_new() {
    let run = start(SyncPolicy::Interval(Duration::from_millis(1)), |_, _| {});
    for (seq, syncs) in [(1, 1), (2, 2)] {
        add(&run.queue, seq);
        assert_eq!(run.done(), (vec![seq], None));
        run.fake.wait("synced", |doing| doing.syncs == syncs);
    }
    let syncs = Arc::clone(&run.fake.0);
    run.end();
    assert_eq!(lock(&syncs.0).syncs, 2);
}
