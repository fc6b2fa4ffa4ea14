//! Deliberate faults, to see that the models find them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::Location;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The `notify_all` or `notify_one` at this place in the source does nothing.
    Mute(&'static str, u32),
    /// A wait lets go of the lock a moment before it begins: whoever looked outside the lock would do the same.
    Gap,
    /// The line hands each message to the broker twice.
    Twice,
    /// The line hands later messages over first.
    Reordered,
    /// The broker acknowledges and forgets.
    Forgetful,
    /// The broker counts a window that is one smaller than the client's.
    NarrowWindow,
}

std::thread_local! {
    static FAULT: Cell<Fault> = Cell::default();
    static PLACES: RefCell<BTreeSet<(&'static str, u32)>> = RefCell::default();
}

/// Breaks something, for all models that this thread runs from now on.
pub fn set(fault: Fault) {
    FAULT.set(fault);
}

/// Whether something is broken.
#[must_use]
pub fn are_set() -> bool {
    !is(Fault::None)
}

/// The places in the source whose `notify_all` or `notify_one` was reached by this thread so far.
#[must_use]
pub fn places() -> Vec<(&'static str, u32)> {
    PLACES.with(|places| places.borrow().iter().copied().collect())
}

pub(crate) fn is(fault: Fault) -> bool {
    FAULT.get() == fault
}

/// Whether a notification from this place is to be lost.
pub(crate) fn mutes(place: &'static Location<'static>) -> bool {
    let place = (place.file(), place.line());
    PLACES.with(|places| places.borrow_mut().insert(place));
    is(Fault::Mute(place.0, place.1))
}
