//! The inbox: received messages that wait for the program, in the client's own queue and in one queue per subscription
//! handle, under one common bound.
//!
//! The filters alone decide where a message waits: in the queue of the first open handle that matches, else in the
//! client's own. Messages move when a queue opens or closes; each queue stays in the order of receipt.

use std::collections::VecDeque;

use crate::message::{Message, QoS};
use crate::names::filter_matches;
use crate::session::core::acks::PER_MESSAGE;

/// The owner of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueId {
    /// The client: messages that match no handle.
    Client,
    /// A subscription handle.
    Subscription(u64),
}

struct Item {
    message: Message,
    /// Its entry in the table of acknowledgements.
    key: Option<u64>,
    /// Its place in the order of receipt.
    place: u64,
    /// The bytes it counts against the bound.
    size: usize,
}

struct Queue {
    id: u64,
    filter: String,
    items: VecDeque<Item>,
}

/// Returns the bytes that a message counts against the bound: its allocations, its place in a queue, which may be half
/// empty, and its entry in the table of acknowledgements.
fn size_of_item(message: &Message) -> usize {
    let entry = if message.qos == QoS::AtMostOnce { 0 } else { PER_MESSAGE };
    2 * size_of::<Item>() + entry + message.held()
}

/// All queues.
pub(in crate::session) struct Inbox {
    max_count: usize,
    max_bytes: usize,
    count: usize,
    bytes: usize,
    next_place: u64,
    own: VecDeque<Item>,
    /// In the order they were made: the first that matches gets the message.
    queues: Vec<Queue>,
    next_queue: u64,
    /// A message was turned away since the inbox was last half empty.
    full: bool,
}

impl Inbox {
    pub(in crate::session) fn new(max_count: usize, max_bytes: usize) -> Self {
        Inbox {
            max_count,
            max_bytes,
            count: 0,
            bytes: 0,
            next_place: 0,
            own: VecDeque::new(),
            queues: Vec::new(),
            next_queue: 0,
            full: false,
        }
    }

    pub(in crate::session) fn count(&self) -> usize {
        self.count
    }

    pub(in crate::session) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes that a message was turned away. Returns true if it is the first since the inbox was half empty.
    pub(in crate::session) fn mark_full(&mut self) -> bool {
        !std::mem::replace(&mut self.full, true)
    }

    /// Returns true if less than a quarter of one of the bounds is free.
    pub(in crate::session) fn is_crowded(&self) -> bool {
        self.count > self.max_count - self.max_count / 4 || self.bytes > self.max_bytes - self.max_bytes / 4
    }

    /// Returns true if at least half of both bounds is free.
    pub(in crate::session) fn is_half_empty(&self) -> bool {
        self.count <= self.max_count / 2 && self.bytes <= self.max_bytes / 2
    }

    /// Returns true if this message fits. A message larger than the whole bound fits an empty inbox.
    pub(in crate::session) fn has_room(&self, message: &Message) -> bool {
        self.count < self.max_count && (self.count == 0 || self.bytes + size_of_item(message) <= self.max_bytes)
    }

    /// Puts a message into its queue, and returns which.
    pub(in crate::session) fn push(&mut self, message: Message, key: Option<u64>) -> QueueId {
        let (place, size) = (self.next_place, size_of_item(&message));
        self.next_place += 1;
        self.count += 1;
        self.bytes += size;
        let (queue, items) = self.queue_for(&message.topic);
        items.push_back(Item { message, key, place, size });
        queue
    }

    /// Returns the queue for messages to this topic.
    fn queue_for(&mut self, topic: &str) -> (QueueId, &mut VecDeque<Item>) {
        match self.queues.iter_mut().find(|queue| filter_matches(&queue.filter, topic)) {
            Some(queue) => (QueueId::Subscription(queue.id), &mut queue.items),
            None => (QueueId::Client, &mut self.own),
        }
    }

    /// Takes the oldest message of a queue, with its key in the table of acknowledgements.
    pub(in crate::session) fn pop(&mut self, queue: QueueId) -> Option<(Message, Option<u64>)> {
        let items = match queue {
            QueueId::Client => &mut self.own,
            QueueId::Subscription(id) => &mut self.queues.iter_mut().find(|queue| queue.id == id)?.items,
        };
        let item = items.pop_front()?;
        self.count -= 1;
        self.bytes -= item.size;
        // Reset at half, so that a slow program is not informed of each message that is turned away.
        self.full &= !self.is_half_empty();
        Some((item.message, item.key))
    }

    /// Opens a queue. It takes over the matching messages from the client's own queue, not from other queues.
    pub(in crate::session) fn open_queue(&mut self, filter: &str) -> u64 {
        let id = self.next_queue;
        self.next_queue += 1;
        let matches = |item: &Item| filter_matches(filter, &item.message.topic);
        let (items, own) = std::mem::take(&mut self.own).into_iter().partition(matches);
        self.own = own;
        self.queues.push(Queue { id, filter: filter.to_string(), items });
        id
    }

    /// Closes a queue. Each of its messages moves to the next queue that matches, else to the client's own, at its
    /// place in the order of receipt. Returns true if another queue has the same filter.
    pub(in crate::session) fn close_queue(&mut self, id: u64) -> bool {
        let Some(position) = self.queues.iter().position(|queue| queue.id == id) else { return false };
        let queue = self.queues.remove(position);
        for item in queue.items {
            self.queue_for(&item.message.topic).1.push_back(item);
        }
        // Two ordered runs, which this sort merges in linear time.
        for items in self.queues.iter_mut().map(|queue| &mut queue.items).chain([&mut self.own]) {
            if !items.iter().is_sorted_by_key(|item| item.place) {
                items.make_contiguous().sort_by_key(|item| item.place);
            }
        }
        self.queues.iter().any(|other| other.filter == queue.filter)
    }

    /// Returns the place that the next message will have.
    pub(in crate::session) fn next_place(&self) -> u64 {
        self.next_place
    }

    /// Returns the message at this place, if it waits here.
    pub(in crate::session) fn at(&self, place: u64) -> Option<&Message> {
        let mut queues = self.queues.iter().map(|queue| &queue.items).chain([&self.own]);
        let item = queues.find_map(|items| items.get(items.binary_search_by_key(&place, |item| item.place).ok()?))?;
        Some(&item.message)
    }

    /// Returns the topic of the message that has waited longest in any queue.
    pub(in crate::session) fn oldest(&self) -> Option<&str> {
        let queues = self.queues.iter().map(|queue| &queue.items).chain([&self.own]);
        let oldest = queues.filter_map(VecDeque::front).min_by_key(|item| item.place)?;
        Some(&oldest.message.topic)
    }

    /// Returns the topic of the message with this key in the table of acknowledgements, if it waits here.
    pub(in crate::session) fn topic_of(&self, key: u64) -> Option<&str> {
        let mut items = self.queues.iter().flat_map(|queue| &queue.items).chain(&self.own);
        items.find(|item| item.key == Some(key)).map(|item| item.message.topic.as_str())
    }

    /// Panics if the queues are inconsistent.
    #[cfg(any(test, fuzzing))]
    pub(in crate::session) fn assert_consistent(&self) {
        let owner = |topic: &str| self.queues.iter().find(|queue| filter_matches(&queue.filter, topic));
        let (mut count, mut bytes) = (0, 0);
        let queues = self.queues.iter().map(|queue| (Some(queue.id), &queue.items));
        for (id, items) in queues.chain([(None, &self.own)]) {
            assert!(items.iter().is_sorted_by_key(|item| item.place), "in the order of receipt");
            assert!(
                items.iter().all(|item| owner(&item.message.topic).map(|queue| queue.id) == id),
                "where it belongs"
            );
            count += items.len();
            bytes += items.iter().map(|item| size_of_item(&item.message)).sum::<usize>();
        }
        assert_eq!((self.count, self.bytes), (count, bytes), "what is counted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: &str) -> Message {
        let (topic, payload) = (topic.to_string(), payload.as_bytes().to_vec());
        Message { topic, payload, qos: QoS::AtMostOnce, duplicate: false, retained: false, properties: None, ack: None }
    }

    fn topics(inbox: &mut Inbox, queue: QueueId) -> Vec<String> {
        std::iter::from_fn(|| inbox.pop(queue)).map(|(message, _)| message.topic).collect()
    }

    #[test]
    fn the_first_matching_stream_gets_the_only_copy() {
        let mut inbox = Inbox::new(100, 100_000);
        let first = inbox.open_queue("a/#");
        let second = inbox.open_queue("a/b");
        for topic in ["a/b", "a/c", "z"] {
            inbox.push(message(topic, ""), None);
        }
        assert_eq!(topics(&mut inbox, QueueId::Subscription(first)), ["a/b", "a/c"]);
        assert!(topics(&mut inbox, QueueId::Subscription(second)).is_empty());
        assert_eq!(topics(&mut inbox, QueueId::Client), ["z"]);
        assert_eq!((inbox.count(), inbox.bytes()), (0, 0));
    }

    #[test]
    fn a_closed_stream_hands_over_what_it_held() {
        let mut inbox = Inbox::new(100, 100_000);
        let one = inbox.open_queue("a");
        let two = inbox.open_queue("a");
        inbox.push(message("a", "x"), None);
        assert!(inbox.close_queue(one), "another subscription has the same filter");
        assert!(!inbox.close_queue(two));
        assert_eq!(topics(&mut inbox, QueueId::Client), ["a"]);
    }

    #[test]
    fn a_new_stream_takes_over_what_waits_and_a_closed_one_gives_it_back_in_the_order_of_receipt() {
        let mut inbox = Inbox::new(100, 100_000);
        for topic in ["a/1", "b/1", "$SYS/x", "a/2"] {
            inbox.push(message(topic, ""), Some(7));
        }
        let first = inbox.open_queue("a/#");
        let all = inbox.open_queue("#");
        inbox.assert_consistent();
        for topic in ["a/3", "b/2", "a/4"] {
            inbox.push(message(topic, ""), None);
        }
        assert_eq!(
            inbox.pop(QueueId::Subscription(first)).map(|(message, key)| (message.topic, key)),
            Some(("a/1".into(), Some(7)))
        );
        assert_eq!(inbox.oldest(), Some("b/1"));
        let at = |inbox: &Inbox, place| inbox.at(place).map(|message| message.topic.clone());
        let all_places = |inbox: &Inbox| (0..8).map(|place| at(inbox, place)).collect::<Vec<_>>();
        let expected = ["", "b/1", "$SYS/x", "a/2", "a/3", "b/2", "a/4", ""];
        let expected = expected.map(|topic| (!topic.is_empty()).then(|| topic.to_string()));
        assert_eq!((all_places(&inbox), inbox.next_place()), (expected.to_vec(), 7));
        // To the other subscription that matches, not to a queue that nobody may read.
        assert!(!inbox.close_queue(first));
        inbox.assert_consistent();
        assert_eq!(inbox.pop(QueueId::Subscription(all)).map(|(message, _)| message.topic), Some("b/1".to_string()));
        assert!(!inbox.close_queue(all));
        inbox.assert_consistent();
        assert_eq!(topics(&mut inbox, QueueId::Client), ["$SYS/x", "a/2", "a/3", "b/2", "a/4"]);
        assert_eq!((inbox.count(), inbox.bytes(), inbox.oldest()), (0, 0, None));
    }

    #[test]
    fn a_second_stream_of_the_same_filter_gets_what_the_first_held_once_that_is_gone() {
        let mut inbox = Inbox::new(100, 100_000);
        inbox.push(message("a", "1"), None);
        let (one, two) = (inbox.open_queue("a"), inbox.open_queue("+"));
        assert!(topics(&mut inbox, QueueId::Subscription(two)).is_empty());
        inbox.close_queue(one);
        inbox.push(message("a", "2"), None);
        let payloads: Vec<_> =
            std::iter::from_fn(|| inbox.pop(QueueId::Subscription(two))).map(|(m, _)| m.payload).collect();
        assert_eq!(payloads, [b"1", b"2"]);
    }

    #[test]
    fn a_message_is_found_by_its_key_while_it_waits() {
        let mut inbox = Inbox::new(100, 100_000);
        inbox.push(message("a", ""), Some(1));
        inbox.push(message("b", ""), Some(2));
        let queue = inbox.open_queue("b");
        assert_eq!((inbox.topic_of(1), inbox.topic_of(2), inbox.topic_of(3)), (Some("a"), Some("b"), None));
        inbox.pop(QueueId::Subscription(queue));
        assert_eq!(inbox.topic_of(2), None);
    }

    #[test]
    fn bounded_by_count_and_bytes() {
        let one = size_of_item(&message("t", "12345678"));
        let mut inbox = Inbox::new(3, 2 * one);
        assert!(inbox.has_room(&message("t", &"longer than the whole bound".repeat(1_000))));
        inbox.push(message("t", "12345678"), None);
        assert!(inbox.has_room(&message("t", "12345678")));
        assert!(!inbox.has_room(&message("t", "1234567890123456789012345")), "a larger block");
        inbox.push(message("t", "12345678"), None);
        assert_eq!((inbox.count(), inbox.bytes()), (2, 2 * one));
        assert!(!inbox.has_room(&message("t", "")));
        let mut inbox = Inbox::new(1, usize::MAX);
        inbox.push(message("t", ""), None);
        assert!(!inbox.has_room(&message("", "")));
    }
}
