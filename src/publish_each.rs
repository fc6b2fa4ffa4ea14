//! Sending many messages, with one result for each.

use std::collections::VecDeque;
use std::fmt;
use std::iter::Fuse;

use crate::client::Client;
use crate::delivery::{Delivery, Receipt};
use crate::error::Result;
use crate::message::Outgoing;

/// The results of many messages in their order, from [`Client::publish_each`].
#[must_use = "an iterator sends nothing until it is used"]
pub struct PublishEach<I> {
    client: Client,
    messages: Fuse<I>,
    /// Messages under way, oldest first, and the errors of those that were not accepted.
    window: VecDeque<Result<Delivery>>,
    size: usize,
}

impl<I: Iterator<Item = Outgoing>> PublishEach<I> {
    pub(crate) fn new(client: Client, messages: I) -> Self {
        let size = usize::from(client.config().window());
        PublishEach { client, messages: messages.fuse(), window: VecDeque::with_capacity(size), size }
    }
}

impl<I: Iterator<Item = Outgoing>> Iterator for PublishEach<I> {
    type Item = Result<Receipt>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.window.len() < self.size {
            let Some(message) = self.messages.next() else { break };
            self.window.push_back(self.client.start(message));
        }
        Some(self.window.pop_front()?.and_then(|delivery| delivery.finish_message()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.messages.size_hint();
        let under_way = self.window.len();
        (least.saturating_add(under_way), most.and_then(|most| most.checked_add(under_way)))
    }
}

impl<I: Iterator<Item = Outgoing>> std::iter::FusedIterator for PublishEach<I> {}

impl<I> fmt::Debug for PublishEach<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishEach").field("under_way", &self.window.len()).finish_non_exhaustive()
    }
}
