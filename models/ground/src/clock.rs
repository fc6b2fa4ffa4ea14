//! A clock that stands still until the model says otherwise. shuttle's own timed waits never end by time.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::Condvar;

/// Waits no longer than this are taken for pauses: they end at once, as if nothing else had run for that long.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Clock {
    now: Duration,
    waits: Vec<(u64, Duration, Arc<Condvar>)>,
    next: u64,
}

std::thread_local! {
    // All tasks of a model run on one thread of the system.
    static CLOCK: RefCell<Clock> = RefCell::default();
}

pub(crate) fn reset() {
    CLOCK.with(|clock| *clock.borrow_mut() = Clock { now: Duration::from_secs(1_000_000), ..Clock::default() });
}

pub(crate) fn now() -> Duration {
    CLOCK.with(|clock| clock.borrow().now)
}

/// Time passes: every timed wait that is over by then ends.
pub fn advance(by: Duration) {
    let over = CLOCK.with(|clock| {
        let mut clock = clock.borrow_mut();
        clock.now += by;
        let now = clock.now;
        let over: Vec<_> =
            clock.waits.iter().filter(|(_, due, _)| *due <= now).map(|(_, _, wait)| Arc::clone(wait)).collect();
        over
    });
    // It may wake others on the same variable, which std allows, too.
    over.iter().for_each(|wait| wait.notify_all());
}

/// A timed wait begins; gives its number.
pub(crate) fn begin_wait(due: Duration, condvar: &Arc<Condvar>) -> u64 {
    CLOCK.with(|clock| {
        let mut clock = clock.borrow_mut();
        clock.next += 1;
        let number = clock.next;
        clock.waits.push((number, due, Arc::clone(condvar)));
        number
    })
}

pub(crate) fn end_wait(number: u64) {
    CLOCK.with(|clock| clock.borrow_mut().waits.retain(|(other, ..)| *other != number));
}
