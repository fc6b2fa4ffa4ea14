//! Threads that no signal interrupts: signals belong to the threads of the program, whose handlers expect to run there.
//! The threads that such a thread starts inherit that.

use std::io;
use std::panic::resume_unwind;
use std::thread::{self, Builder, JoinHandle};

/// Starts a thread.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    without_signals(|| Builder::new().name(name.to_string()).spawn(work))
}

/// Runs `work` on a thread of its own, and waits for it. Meanwhile this thread receives signals. Without a thread,
/// `work` runs on this one.
pub(crate) fn run<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut result = None;
    thread::scope(|scope| {
        let (work, result) = (&mut work, &mut result);
        let body = move || *result = work.take().map(|work| work());
        let started = without_signals(|| Builder::new().name(name.to_string()).spawn_scoped(scope, body));
        if let Ok(Err(panic)) = started.map(thread::ScopedJoinHandle::join) {
            resume_unwind(panic);
        }
    });
    match (result, work) {
        (Some(result), _) => result,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("the work has run or is still here"),
    }
}

/// Runs `start`, which must not block, while this thread receives no signals.
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let _blocked = imp::Blocked::all();
    start()
}

#[cfg(unix)]
mod imp {
    use std::mem::MaybeUninit;
    use std::ptr;

    /// All signals are blocked for this thread. Its drop restores the earlier mask.
    pub(super) struct Blocked(libc::sigset_t);

    impl Blocked {
        pub(super) fn all() -> Self {
            let mut all = MaybeUninit::uninit();
            let mut before = MaybeUninit::uninit();
            // Neither can fail with these arguments.
            unsafe {
                libc::sigfillset(all.as_mut_ptr());
                libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
                Blocked(before.assume_init())
            }
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
        }
    }
}

#[cfg(not(unix))]
mod imp {
    /// There are no signals.
    pub(super) struct Blocked;

    impl Blocked {
        pub(super) fn all() -> Self {
            Blocked
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::run;

    #[test]
    fn work_runs_elsewhere_and_its_panic_comes_back() {
        let here = std::thread::current().id();
        assert_ne!(run("aliyun-mqtt-test", || std::thread::current().id()), here);
        let panic = catch_unwind(AssertUnwindSafe(|| run("aliyun-mqtt-test", || panic!("no luck")))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"no luck"));
    }
}
