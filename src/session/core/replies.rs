//! The requests that wait for their replies, and the recognition of replies.

use std::collections::HashMap;
use std::sync::Arc;

use crate::delivery::Slot;
use crate::error::Error;
use crate::message::Message;
use crate::random;
use crate::request::envelope::Envelope;

/// The identity of a request: its number and a tag that only this client can compute.
pub(in crate::session) type Correlation = [u8; 24];

/// The kind of a received message.
pub(in crate::session) enum Sorted {
    /// The reply, without its envelope, to a request that waits.
    Reply(Arc<Slot>, Message),
    /// The reply to a request of this client that no longer waits.
    Late,
    /// Anything else.
    Other(Message),
}

struct Waiting {
    response_topic: String,
    slot: Arc<Slot>,
}

/// The table of all waiting requests: at most one for each thread of the program.
pub(in crate::session) struct Replies {
    /// The key of the tags: without it nobody can forge correlation data of this client.
    key: random::Key,
    next: u64,
    waiting: HashMap<u64, Waiting>,
    /// The topic for replies, if it is set; else any P2P topic of this client.
    response_topic: Option<String>,
    p2p_end: String,
}

impl Replies {
    pub(in crate::session) fn new(client_id: &str, response_topic: Option<&str>, key: random::Key) -> Self {
        Replies {
            key,
            next: 0,
            waiting: HashMap::new(),
            response_topic: response_topic.map(ToString::to_string),
            p2p_end: format!("/p2p/{client_id}"),
        }
    }

    /// Registers a request. Returns its number and its correlation data.
    pub(in crate::session) fn expect(&mut self, response_topic: &str, slot: Arc<Slot>) -> (u64, Correlation) {
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, Waiting { response_topic: response_topic.to_string(), slot });
        (number, self.correlation(number))
    }

    /// Removes a request that nobody waits for any more.
    pub(in crate::session) fn forget(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// Returns true if a request was ever registered.
    pub(in crate::session) fn any_expected_yet(&self) -> bool {
        self.next > 0
    }

    pub(in crate::session) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Ends all waiting requests with this reason.
    pub(in crate::session) fn end(&mut self, reason: &Error) {
        for (_, Waiting { slot, .. }) in self.waiting.drain() {
            slot.answer(Err(reason.clone()));
        }
    }

    /// Returns true if the message may be a reply to a request of this client.
    pub(in crate::session) fn may_have(&self, message: &Message) -> bool {
        self.answered(message).is_some()
    }

    /// Distinguishes a reply, and the request that it answers, from other messages.
    pub(in crate::session) fn sort(&mut self, mut message: Message) -> Sorted {
        let Some((number, start)) = self.answered(&message) else { return Sorted::Other(message) };
        match self.waiting.get(&number) {
            Some(waiting) if waiting.response_topic != message.topic => return Sorted::Other(message),
            None if !self.is_own(&message.topic) => return Sorted::Other(message),
            None => return Sorted::Late,
            Some(_) => {}
        }
        message.payload.drain(..start);
        match self.waiting.remove(&number) {
            Some(waiting) => Sorted::Reply(waiting.slot, message),
            None => Sorted::Late,
        }
    }

    /// Returns the number of the request that this message answers, and where the payload begins.
    fn answered(&self, message: &Message) -> Option<(u64, usize)> {
        // A message with a response topic is a request, possibly this client's own.
        if message.response_topic().is_some() {
            return None;
        }
        if let Some(number) = message.correlation_data().and_then(|data| self.number(data)) {
            return Some((number, 0));
        }
        match Envelope::parse(&message.payload)? {
            Envelope::Reply { correlation, payload } => {
                Some((self.number(correlation)?, message.payload.len() - payload.len()))
            }
            Envelope::Request { .. } => None,
        }
    }

    /// Returns the number of the request with this correlation data.
    fn number(&self, correlation: &[u8]) -> Option<u64> {
        let number = u64::from_be_bytes(*correlation.first_chunk()?);
        (number < self.next && self.correlation(number) == correlation).then_some(number)
    }

    /// Returns the number and the first 128 bits of its tag.
    fn correlation(&self, number: u64) -> Correlation {
        let mut data = [0; 24];
        for (place, byte) in data.iter_mut().zip(number.to_be_bytes().into_iter().chain(self.key.tag(number))) {
            *place = byte;
        }
        data
    }

    fn is_own(&self, topic: &str) -> bool {
        let p2p = || topic.strip_suffix(&self.p2p_end).is_some_and(|parent| !parent.contains('/'));
        self.response_topic.as_deref() == Some(topic) || p2p()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{RequestEnd, Settler};
    use crate::message::{Properties, QoS};
    use crate::session::core::now::Now;

    const OWN: &str = "demo/p2p/GID_test@@@1";

    fn message(topic: &str, payload: &[u8], correlation: Option<&[u8]>) -> Message {
        let properties = correlation
            .map(|data| Box::new(Properties { correlation_data: Some(data.to_vec()), ..Properties::default() }));
        let (topic, payload) = (topic.to_string(), payload.to_vec());
        Message { topic, payload, qos: QoS::AtLeastOnce, duplicate: false, retained: false, properties, ack: None }
    }

    fn replies() -> Replies {
        Replies::new("GID_test@@@1", Some("demo/replies"), random::Key::from([1; 32]))
    }

    fn enveloped(correlation: &[u8]) -> Vec<u8> {
        Envelope::Reply { correlation, payload: b"pure" }.encode()
    }

    fn word(sorted: &Sorted) -> &'static str {
        match sorted {
            Sorted::Reply(..) => "reply",
            Sorted::Late => "late",
            Sorted::Other(_) => "other",
        }
    }

    #[test]
    fn a_reply_is_known_by_its_correlation_data_in_either_form() {
        let mut replies = replies();
        for form in [true, false] {
            let (number, correlation) = replies.expect(OWN, Settler::new().1);
            let payload = enveloped(&correlation);
            let answer = || if form { message(OWN, &payload, None) } else { message(OWN, b"pure", Some(&correlation)) };
            let Sorted::Reply(_, reply) = replies.sort(answer()) else { panic!("it waits") };
            assert_eq!(reply.payload, b"pure");
            assert_eq!((word(&replies.sort(answer())), replies.waiting()), ("late", 0), "a second one");
            replies.forget(number);
        }
    }

    #[test]
    fn an_envelope_in_a_payload_of_mqtt_5_is_the_programs_own() {
        let mut replies = replies();
        let (_, correlation) = replies.expect(OWN, Settler::new().1);
        let inner = enveloped(&correlation);
        let Sorted::Reply(_, reply) = replies.sort(message(OWN, &inner, Some(&correlation))) else {
            panic!("it waits")
        };
        assert_eq!(reply.payload, inner);
    }

    #[test]
    fn what_comes_elsewhere_or_was_not_made_here_is_a_message_like_any_other() {
        let mut replies = replies();
        let (number, correlation) = replies.expect(OWN, Settler::new().1);
        let mut other = Replies::new("GID_test@@@1", None, random::Key::from([2; 32]));
        let (_, foreign) = other.expect(OWN, Settler::new().1);
        let mut forged = correlation;
        forged[23] ^= 1;
        let next = replies.correlation(number + 1);
        for correlation in
            [&foreign[..], &forged, &next, &correlation[..23], &[], &[correlation.as_slice(), b"x"].concat()]
        {
            assert_eq!(word(&replies.sort(message(OWN, b"", Some(correlation)))), "other", "{correlation:?}");
        }
        for topic in ["demo/x", "demo/replies", "other/p2p/GID_test@@@1"] {
            assert_eq!(word(&replies.sort(message(topic, b"", Some(&correlation)))), "other", "{topic}");
        }
        let request = Envelope::Request { correlation: &correlation, response_topic: OWN, payload: b"" }.encode();
        assert_eq!(word(&replies.sort(message(OWN, &request, None))), "other", "a request to itself");
        let mut request = message(OWN, b"", Some(&correlation));
        request.properties.get_or_insert_default().response_topic = Some(OWN.to_string());
        assert_eq!(word(&replies.sort(request)), "other", "the same over MQTT 5");
        assert_eq!(replies.waiting(), 1);
        replies.forget(number);
        for (topic, expected) in [
            (OWN, "late"),
            ("demo/replies", "late"),
            ("demo/x", "other"),
            ("a/demo/p2p/GID_test@@@1", "other"),
            ("demo/p2p/GID_test@@@11", "other"),
        ] {
            assert_eq!(word(&replies.sort(message(topic, b"", Some(&correlation)))), expected, "{topic}");
        }
    }

    #[test]
    fn the_end_is_told_to_all() {
        let mut replies = replies();
        let pairs: Vec<_> = (0..3).map(|_| Settler::new()).collect();
        for (_, slot) in &pairs {
            replies.expect(OWN, Arc::clone(slot));
        }
        replies.end(&Error::closed());
        assert_eq!(replies.waiting(), 0);
        for (_settler, slot) in pairs {
            assert!(matches!(slot.wait_answer(Now::at(0.0).instant), Some(RequestEnd::Ended(_))));
        }
    }
}
