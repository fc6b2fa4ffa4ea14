//! Wake-ups: what has happened since the last one, and how many threads wait.

/// The changes since the last wake-up, and the number of waiting threads: a wake-up that nobody waits for costs a
/// system call.
#[derive(Default)]
pub(in crate::session) struct Waking {
    /// Threads that wait for `changed`, and for `arrived`.
    pub(in crate::session) watchers: usize,
    pub(in crate::session) receivers: usize,
    news: News,
}

/// Who has to be woken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) struct News {
    /// An operation was settled, or the client's life or connection has changed.
    pub(in crate::session) changed: bool,
    /// A message arrived, or no more will arrive.
    pub(in crate::session) arrived: bool,
    /// The thread that renews tokens has something to do.
    pub(in crate::session) tokens: bool,
}

impl Waking {
    pub(super) fn mark_changed(&mut self) {
        self.news.changed = true;
    }

    pub(super) fn mark_arrived(&mut self) {
        self.news.arrived = true;
    }

    pub(super) fn mark_tokens(&mut self) {
        self.news.tokens = true;
    }

    pub(super) fn mark_all(&mut self) {
        self.news = News { changed: true, arrived: true, tokens: true };
    }

    /// Returns whom to wake, and forgets it. `settled`: operations were settled.
    pub(super) fn take(&mut self, settled: bool) -> News {
        let News { changed, arrived, tokens } = std::mem::take(&mut self.news);
        News { changed: (changed || settled) && self.watchers > 0, arrived: arrived && self.receivers > 0, tokens }
    }
}
