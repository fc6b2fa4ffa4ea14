//! Functions of the program that the library calls.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use crate::threads;

/// The destructor of a callback's `user` pointer: called exactly once, on any thread, when the library does not use the
/// pointer any more; also if the call that was given the callback fails. It must not block for long. NULL: there is
/// nothing to do. A child of fork() does not call it for what its parent has registered.
pub type amq_destroy_callback = Option<unsafe extern "C" fn(user: *mut c_void)>;

thread_local! {
    /// The process, and how many functions of the program this thread is inside of.
    static RUNNING: Cell<(u32, usize)> = const { Cell::new((0, 0)) };
}

/// Returns true if this thread is inside a function of the program that the library has called. A child that was forked
/// there is not.
pub(crate) fn is_running() -> bool {
    depth() > 0
}

/// Runs a function of the program.
pub(crate) fn run<T>(function: impl FnOnce() -> T) -> T {
    struct Inside;
    impl Drop for Inside {
        fn drop(&mut self) {
            set_depth(depth().saturating_sub(1));
        }
    }
    set_depth(depth() + 1);
    let _inside = Inside;
    function()
}

fn depth() -> usize {
    let (process, depth) = RUNNING.try_with(Cell::get).unwrap_or_default();
    if process == std::process::id() { depth } else { 0 }
}

fn set_depth(depth: usize) {
    let _ = RUNNING.try_with(|running| running.set((std::process::id(), depth)));
}

/// The `user` pointer of a callback. Its drop calls the destructor.
pub(crate) struct User {
    pointer: *mut c_void,
    destroy: amq_destroy_callback,
    process: u32,
}

// The header demands that the pointer may be used on any thread.
unsafe impl Send for User {}
unsafe impl Sync for User {}

impl User {
    pub(crate) fn new(pointer: *mut c_void, destroy: amq_destroy_callback) -> Self {
        User { pointer, destroy, process: std::process::id() }
    }

    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy.filter(|_| self.process == std::process::id()) {
            run(|| unsafe { destroy(self.pointer) });
        }
    }
}

/// Runs `work` on a thread of its own, or on this one if there can be none.
pub(crate) fn detached(name: &str, work: impl FnOnce() + Send + 'static) {
    // Behind a pointer that both hold: a closure that cannot be started is dropped.
    let work: Work = Arc::new(Mutex::new(Some(Box::new(work))));
    let theirs = Arc::clone(&work);
    if threads::start(name, move || take(&theirs)()).is_err() {
        take(&work)();
    }
}

type Work = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

fn take(work: &Work) -> Box<dyn FnOnce() + Send> {
    let taken = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    taken.unwrap_or_else(|| Box::new(|| ()))
}
