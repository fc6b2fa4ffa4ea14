//! `std::sync` on shuttle, with timed waits that the model's clock ends, and with the faults of `faults`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
pub use std::sync::*;
use std::time::Duration;

pub use shuttle::sync::mpsc;

use crate::clock::{self, PAUSE};
use crate::faults::{self, Fault};

pub mod atomic {
    //! Atomics with a chance for other threads before each access. shuttle's own must not be shared by threads of the
    //! system, which statics are when tests run side by side.

    use std::sync::atomic as real;
    pub use std::sync::atomic::Ordering;
    use std::time::Duration;

    fn switch() {
        shuttle::thread::sleep(Duration::ZERO);
    }

    macro_rules! atomic {
        ($name:ident, $value:ty $(, $also:ident)*) => {
            #[derive(Debug, Default)]
            pub struct $name(real::$name);

            impl $name {
                #[must_use]
                pub const fn new(value: $value) -> Self {
                    $name(real::$name::new(value))
                }

                pub fn load(&self, _: Ordering) -> $value {
                    switch();
                    self.0.load(Ordering::SeqCst)
                }

                pub fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }

                pub fn store(&self, value: $value, _: Ordering) {
                    switch();
                    self.0.store(value, Ordering::SeqCst);
                }

                pub fn swap(&self, value: $value, _: Ordering) -> $value {
                    switch();
                    self.0.swap(value, Ordering::SeqCst)
                }

                $(pub fn $also(&self, value: $value, _: Ordering) -> $value {
                    switch();
                    self.0.$also(value, Ordering::SeqCst)
                })*
            }
        };
    }

    atomic!(AtomicBool, bool);
    atomic!(AtomicU8, u8);
    atomic!(AtomicU64, u64, fetch_add, fetch_sub);
    atomic!(AtomicUsize, usize, fetch_add, fetch_sub);
}

/// A lock that remembers itself in its guard, so that a wait can let go of it and take it again.
#[derive(Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

pub struct MutexGuard<'a, T> {
    inner: shuttle::sync::MutexGuard<'a, T>,
    mutex: &'a Mutex<T>,
}

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match self.0.lock() {
            Ok(inner) => Ok(MutexGuard { inner, mutex: self }),
            Err(poisoned) => Err(PoisonError::new(MutexGuard { inner: poisoned.into_inner(), mutex: self })),
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

#[derive(Debug, Default)]
pub struct Condvar(Arc<shuttle::sync::Condvar>);

/// How a timed wait ended.
#[derive(Debug, Clone, Copy)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    #[must_use]
    pub fn new() -> Self {
        Condvar::default()
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex;
        let inner = match self.0.wait(before_wait(guard).inner) {
            Ok(inner) => inner,
            Err(poisoned) => return Err(PoisonError::new(MutexGuard { inner: poisoned.into_inner(), mutex })),
        };
        Ok(MutexGuard { inner, mutex })
    }

    /// # Errors
    /// A thread panicked while it held the lock.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let due = clock::now() + time;
        let waited = if time <= PAUSE {
            let mutex = guard.mutex;
            drop(guard);
            shuttle::thread::yield_now();
            clock::advance(due.saturating_sub(clock::now()));
            mutex.lock()
        } else {
            let number = clock::begin_wait(due, &self.0);
            let waited = self.wait(guard);
            clock::end_wait(number);
            waited
        };
        let result = WaitTimeoutResult(clock::now() >= due);
        match waited {
            Ok(guard) => Ok((guard, result)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), result))),
        }
    }

    #[track_caller]
    pub fn notify_all(&self) {
        if !faults::mutes(Location::caller()) {
            self.0.notify_all();
        }
    }

    #[track_caller]
    pub fn notify_one(&self) {
        if !faults::mutes(Location::caller()) {
            self.0.notify_one();
        }
    }
}

fn before_wait<T>(guard: MutexGuard<'_, T>) -> MutexGuard<'_, T> {
    if !faults::is(Fault::Gap) {
        return guard;
    }
    let mutex = guard.mutex;
    drop(guard);
    shuttle::thread::yield_now();
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
