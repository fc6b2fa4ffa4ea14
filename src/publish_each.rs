//! Sending many messages, with one result for each.

use std::collections::VecDeque;
use std::fmt;
use std::iter::Fuse;
use std::sync::Arc;

use crate::client::Client;
use crate::delivery::{Delivery, Receipt};
use crate::error::{ErrorKind, Result};
use crate::message::Outgoing;

/// The results of many messages in their order, from [`Client::publish_each`].
#[must_use = "an iterator sends nothing until it is used"]
pub struct PublishEach<I> {
    client: Client,
    messages: Fuse<I>,
    /// A message taken from the input for which there was no room.
    aside: Option<Arc<Outgoing>>,
    /// Messages in flight, oldest first, and the errors of those that were not accepted.
    window: VecDeque<Result<Delivery>>,
    /// How many these may be.
    size: usize,
    /// So many results later, the client is asked for its window, which may have grown.
    ask_in: usize,
}

impl<I: Iterator<Item = Outgoing>> PublishEach<I> {
    pub(crate) fn new(client: Client, messages: I) -> Self {
        let size = usize::from(client.config().window());
        let window = VecDeque::with_capacity(size);
        PublishEach { client, messages: messages.fuse(), aside: None, window, size, ask_in: size / 4 }
    }

    /// Follows the client's window, several times in each round of messages.
    fn follow_window(&mut self) {
        if self.ask_in > 0 {
            self.ask_in -= 1;
            return;
        }
        self.size = self.client.window();
        self.ask_in = self.size / 4;
    }

    /// Takes messages from the input while the window has room. Waits for room only if there is nothing else to wait
    /// for.
    fn fill(&mut self) {
        while self.window.len() < self.size {
            let Some(message) = self.aside.take().or_else(|| self.messages.next().map(Arc::new)) else { return };
            let wait = self.window.is_empty();
            match self.client.start(&message, wait) {
                Err(error) if error.kind() == ErrorKind::Full => {
                    self.aside = Some(message);
                    return;
                }
                result => self.window.push_back(result),
            }
        }
    }
}

impl<I: Iterator<Item = Outgoing>> Iterator for PublishEach<I> {
    type Item = Result<Receipt>;

    fn next(&mut self) -> Option<Self::Item> {
        self.follow_window();
        self.fill();
        let oldest = self.window.pop_front()?;
        // Nothing may have been sent in this call.
        Some(oldest.and_then(|delivery| self.client.session().check_process().and_then(|()| delivery.finish_message())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.messages.size_hint();
        let under_way = self.window.len() + usize::from(self.aside.is_some());
        (least.saturating_add(under_way), most.and_then(|most| most.checked_add(under_way)))
    }
}

impl<I: Iterator<Item = Outgoing>> std::iter::FusedIterator for PublishEach<I> {}

impl<I> fmt::Debug for PublishEach<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishEach").field("under_way", &self.window.len()).finish_non_exhaustive()
    }
}
