//! State that belongs to one process: a forked child starts with its own.

use std::sync::OnceLock;

/// A value for each process, made on first use.
///
/// A child of `fork` has copies of its parent's locks, in whatever state they were, and none of its threads. So it must
/// not touch the parent's value. The parent's value stays in memory, unused.
pub struct PerProcess<T: 'static> {
    first: OnceLock<Box<Node<T>>>,
    make: fn() -> T,
}

struct Node<T: 'static> {
    process: u32,
    value: T,
    next: OnceLock<Box<Node<T>>>,
}

impl<T> PerProcess<T> {
    /// Creates the holder; `make` makes the value of a process.
    pub const fn new(make: fn() -> T) -> Self {
        PerProcess { first: OnceLock::new(), make }
    }

    /// Returns the value of this process. Makes it first if there is none.
    pub fn get(&self) -> &T {
        let process = std::process::id();
        let mut place = &self.first;
        loop {
            match place.get() {
                Some(node) if node.process == process => return &node.value,
                Some(node) => place = &node.next,
                None => {
                    // Another thread of this process may be first; then its node is found in the next round.
                    let node = Node { process, value: (self.make)(), next: OnceLock::new() };
                    let _ = place.set(Box::new(node));
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerProcess").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::PerProcess;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_value_for_all_threads() {
        static MADE: PerProcess<AtomicU32> = PerProcess::new(|| AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| MADE.get().fetch_add(1, Ordering::SeqCst));
            }
        });
        assert_eq!(MADE.get().load(Ordering::SeqCst), 8);
    }
}
