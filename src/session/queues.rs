//! The inbox: the client's own queue and one for each stream, under one common bound.

use std::collections::VecDeque;

use crate::identity::filter_matches;
use crate::message::Message;

/// Whose queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueId {
    /// The client's own: whatever no stream asked for.
    Client,
    /// A stream's.
    Stream(u64),
}

struct Item {
    message: Message,
    /// Its entry in the table of acknowledgements.
    key: Option<u64>,
}

struct Stream {
    id: u64,
    filter: String,
    items: VecDeque<Item>,
}

/// All queues.
pub(super) struct Queues {
    max_count: usize,
    max_bytes: usize,
    count: usize,
    bytes: usize,
    own: VecDeque<Item>,
    /// In the order they were made: the first that matches gets the message.
    streams: Vec<Stream>,
    next_stream: u64,
}

impl Queues {
    pub(super) fn new(max_count: usize, max_bytes: usize) -> Self {
        Queues { max_count, max_bytes, count: 0, bytes: 0, own: VecDeque::new(), streams: Vec::new(), next_stream: 0 }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether at least half of both bounds is free.
    pub(super) fn half_empty(&self) -> bool {
        self.count <= self.max_count / 2 && self.bytes <= self.max_bytes / 2
    }

    /// Whether this message fits. One larger than the whole bound fits an empty inbox.
    pub(super) fn has_room(&self, message: &Message) -> bool {
        self.count < self.max_count && (self.count == 0 || self.bytes + message.size() <= self.max_bytes)
    }

    pub(super) fn push(&mut self, message: Message, key: Option<u64>) {
        self.count += 1;
        self.bytes += message.size();
        let queue = match self.streams.iter_mut().find(|stream| filter_matches(&stream.filter, &message.topic)) {
            Some(stream) => &mut stream.items,
            None => &mut self.own,
        };
        queue.push_back(Item { message, key });
    }

    /// The oldest message of a queue, with its key in the table of acknowledgements.
    pub(super) fn pop(&mut self, queue: QueueId) -> Option<(Message, Option<u64>)> {
        let items = match queue {
            QueueId::Client => &mut self.own,
            QueueId::Stream(id) => &mut self.streams.iter_mut().find(|stream| stream.id == id)?.items,
        };
        let item = items.pop_front()?;
        self.count -= 1;
        self.bytes -= item.message.size();
        Some((item.message, item.key))
    }

    pub(super) fn open_stream(&mut self, filter: &str) -> u64 {
        let id = self.next_stream;
        self.next_stream += 1;
        self.streams.push(Stream { id, filter: filter.to_string(), items: VecDeque::new() });
        id
    }

    /// Ends a stream; what it held goes to the client's queue. Returns whether another stream has the same filter.
    pub(super) fn close_stream(&mut self, id: u64) -> bool {
        let Some(position) = self.streams.iter().position(|stream| stream.id == id) else { return false };
        let stream = self.streams.remove(position);
        self.own.extend(stream.items);
        self.streams.iter().any(|other| other.filter == stream.filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QoS;

    fn message(topic: &str, payload: &str) -> Message {
        let (topic, payload) = (topic.to_string(), payload.as_bytes().to_vec());
        Message { topic, payload, qos: QoS::AtMostOnce, duplicate: false, retained: false, properties: None, ack: None }
    }

    fn topics(queues: &mut Queues, queue: QueueId) -> Vec<String> {
        std::iter::from_fn(|| queues.pop(queue)).map(|(message, _)| message.topic).collect()
    }

    #[test]
    fn the_first_matching_stream_gets_the_only_copy() {
        let mut queues = Queues::new(100, 1000);
        let first = queues.open_stream("a/#");
        let second = queues.open_stream("a/b");
        for topic in ["a/b", "a/c", "z"] {
            queues.push(message(topic, ""), None);
        }
        assert_eq!(topics(&mut queues, QueueId::Stream(first)), ["a/b", "a/c"]);
        assert!(topics(&mut queues, QueueId::Stream(second)).is_empty());
        assert_eq!(topics(&mut queues, QueueId::Client), ["z"]);
        assert_eq!((queues.count(), queues.bytes()), (0, 0));
    }

    #[test]
    fn a_closed_stream_hands_over_what_it_held() {
        let mut queues = Queues::new(100, 1000);
        let one = queues.open_stream("a");
        let two = queues.open_stream("a");
        queues.push(message("a", "x"), None);
        assert!(queues.close_stream(one), "another stream has the same filter");
        assert!(!queues.close_stream(two));
        assert_eq!(topics(&mut queues, QueueId::Client), ["a"]);
    }

    #[test]
    fn bounded_by_count_and_bytes() {
        let mut queues = Queues::new(2, 10);
        assert!(queues.has_room(&message("t", "longer than the whole bound")));
        queues.push(message("t", "12345678"), None);
        assert!(!queues.has_room(&message("t", "1")));
        assert!(queues.has_room(&message("t", "")));
        queues.push(message("t", ""), None);
        assert!(!queues.has_room(&message("", "")));
    }
}
