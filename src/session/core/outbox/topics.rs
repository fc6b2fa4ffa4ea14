//! Topics that the service refuses as a whole.
//!
//! Finding one message that the service closes the connection for takes several connections, and a batch may hold
//! thousands of messages to the same topic. A topic is therefore convicted as a whole if the service's notice says so,
//! or if two of its messages were convicted and none was acknowledged with these credentials.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::error::Code;

/// The number of messages that have to be convicted one by one before their topic is.
const MESSAGES: u32 = 2;

/// The most topics known to be permitted, and the most with convictions.
const KNOWN: usize = 10_000;

/// Until when a topic is refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) struct TopicRefusal {
    pub(in crate::session) until: Instant,
    /// The service's code, if it gave one.
    pub(in crate::session) code: Option<Code>,
    /// The number of its convicted messages.
    pub(in crate::session) convicted: u32,
}

pub(super) struct Topics {
    /// How long a topic is refused.
    time: Duration,
    /// Those with convicted messages.
    cases: HashMap<String, TopicRefusal>,
    /// Fingerprints of those with an acknowledged message, since the credentials last changed.
    permitted: HashSet<u64>,
}

impl Topics {
    pub(super) fn new(time: Duration) -> Self {
        Topics { time, cases: HashMap::new(), permitted: HashSet::new() }
    }

    /// Notes that a message was acknowledged.
    pub(super) fn acknowledged(&mut self, topic: &str) {
        self.cases.remove(topic);
        if self.permitted.len() < KNOWN {
            self.permitted.insert(fingerprint(topic));
        }
    }

    /// Notes that a message was convicted. `code`: the service's code, if it gave one. Returns the refusal of the whole
    /// topic, if that follows.
    pub(super) fn convicted(&mut self, topic: &str, code: Option<Code>, now: Instant) -> Option<TopicRefusal> {
        // Beyond this number, the acknowledged topics are not known.
        let permitted = self.permitted.len() >= KNOWN || self.permitted.contains(&fingerprint(topic));
        if (permitted && code.is_none()) || (self.cases.len() >= KNOWN && !self.cases.contains_key(topic)) {
            return None;
        }
        let fresh = TopicRefusal { until: now, code, convicted: 0 };
        let case = self.cases.entry(topic.to_string()).or_insert(fresh);
        case.convicted += 1;
        case.code = code.or(case.code);
        if case.code.is_none() && case.convicted < MESSAGES {
            return None;
        }
        case.until = now + self.time;
        Some(*case)
    }

    /// Returns why messages to this topic are refused now, if they are.
    pub(super) fn refusal(&self, topic: &str, now: Instant) -> Option<TopicRefusal> {
        self.cases.get(topic).copied().filter(|case| now < case.until)
    }

    /// Drops single convictions: the connection breaks on its own, so they may have been chance.
    pub(super) fn acquit(&mut self) {
        self.cases.retain(|_, case| case.code.is_some() || case.convicted >= MESSAGES);
    }

    /// Forgets everything: other credentials may have other rights.
    pub(super) fn forget(&mut self) {
        self.cases.clear();
        self.permitted.clear();
    }
}

fn fingerprint(topic: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    topic.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::core::now::Now;

    const TIME: Duration = Duration::from_secs(600);

    fn convicts(topics: &mut Topics, topic: &str, code: Option<Code>, now: Instant) -> bool {
        topics.convicted(topic, code, now).is_some()
    }

    fn refused(topics: &Topics, now: Instant) -> bool {
        topics.refusal("t", now).is_some()
    }

    #[test]
    fn two_messages_convict_a_topic_of_which_none_was_acknowledged() {
        let now = Now::at(0.0).instant;
        let mut topics = Topics::new(TIME);
        assert!(!convicts(&mut topics, "t", None, now) && !convicts(&mut topics, "u", None, now));
        assert!(!refused(&topics, now));
        assert!(convicts(&mut topics, "t", None, now));
        assert!(refused(&topics, now) && refused(&topics, now + TIME / 2) && !refused(&topics, now + TIME));
        // Once more is enough then.
        assert!(convicts(&mut topics, "t", None, now + TIME));
        assert!(refused(&topics, now + TIME));
        topics.acknowledged("t");
        assert!(!refused(&topics, now + TIME));
        for _ in 0..3 {
            assert!(!convicts(&mut topics, "t", None, now), "one was acknowledged");
        }
        topics.forget();
        assert!(
            !convicts(&mut topics, "t", None, now) && convicts(&mut topics, "t", None, now),
            "not with these credentials"
        );
    }

    #[test]
    fn the_service_s_word_is_enough() {
        let now = Now::at(0.0).instant;
        let mut topics = Topics::new(TIME);
        topics.acknowledged("t");
        assert!(convicts(&mut topics, "t", Some(Code::TokenInvalid(4)), now));
        topics.acquit();
        assert!(refused(&topics, now));
        topics.forget();
        assert!(!refused(&topics, now));
    }

    #[test]
    fn what_chance_may_have_convicted_does_not_count() {
        let now = Now::at(0.0).instant;
        let mut topics = Topics::new(TIME);
        assert!(!convicts(&mut topics, "t", None, now));
        topics.acquit();
        assert!(!convicts(&mut topics, "t", None, now));
    }

    #[test]
    fn with_more_topics_than_can_be_known_none_is_convicted_without_a_word() {
        let now = Now::at(0.0).instant;
        let mut topics = Topics::new(TIME);
        (0..=KNOWN).for_each(|number| topics.acknowledged(&number.to_string()));
        assert!(!convicts(&mut topics, "t", None, now) && !convicts(&mut topics, "t", None, now));
        assert!(convicts(&mut topics, "t", Some(Code::TokenInvalid(4)), now));
    }
}
