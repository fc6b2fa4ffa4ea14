//! The envelope of requests and replies for clients without the properties of MQTT 5. [`Request`](super::Request)
//! documents its layout for other languages; a change to it needs a new version.

use crate::limits::MQTT_TEXT_LEN;

/// The first byte occurs in no UTF-8 text.
const MAGIC: [u8; 4] = [0xfa, b'A', b'R', b'R'];
const VERSION: u8 = 1;
const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// The number of bytes in front of the correlation data.
const HEAD: usize = 9;

/// The content of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope<'a> {
    /// `correlation`: 1 to 255 bytes, and `response_topic` 1 to 65,535.
    Request {
        correlation: &'a [u8],
        response_topic: &'a str,
        payload: &'a [u8],
    },
    Reply {
        correlation: &'a [u8],
        payload: &'a [u8],
    },
}

impl<'a> Envelope<'a> {
    /// Returns the bytes of the envelope.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, correlation, topic, payload) = match *self {
            Envelope::Request { correlation, response_topic, payload } => {
                (REQUEST, correlation, response_topic, payload)
            }
            Envelope::Reply { correlation, payload } => (REPLY, correlation, "", payload),
        };
        // Never longer: the library's correlation data has 24 bytes, other data came in an envelope, and topics are
        // checked.
        let correlation_len = u8::try_from(correlation.len()).unwrap_or(u8::MAX);
        let topic_len = u16::try_from(topic.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(HEAD + correlation.len() + topic.len() + payload.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, kind, correlation_len]);
        bytes.extend_from_slice(&topic_len.to_be_bytes());
        for part in [correlation, topic.as_bytes(), payload] {
            bytes.extend_from_slice(part);
        }
        bytes
    }

    /// Reads an envelope; `None` for any payload that is not exactly one, which is then an ordinary payload.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let [_, _, _, _, VERSION, kind, correlation_len, high, low] = *head else { return None };
        if !head.starts_with(&MAGIC) || correlation_len == 0 {
            return None;
        }
        let (correlation, rest) = rest.split_at_checked(correlation_len.into())?;
        let (topic, payload) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        match kind {
            REQUEST => {
                let response_topic = std::str::from_utf8(topic).ok().filter(|topic| can_be_answered(topic))?;
                Some(Envelope::Request { correlation, response_topic, payload })
            }
            REPLY if topic.is_empty() => Some(Envelope::Reply { correlation, payload }),
            _ => None,
        }
    }
}

/// Checks any bytes, for the fuzz target.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Some(envelope) = Envelope::parse(bytes) else { return };
    assert_eq!(envelope.encode(), bytes, "there is one way to write it");
    let (Envelope::Request { correlation, payload, .. } | Envelope::Reply { correlation, payload }) = envelope;
    assert!((1..=255).contains(&correlation.len()) && bytes.ends_with(payload));
}

/// Returns true if a reply can, and may, be published to this topic.
pub(super) fn can_be_answered(topic: &str) -> bool {
    (1..=MQTT_TEXT_LEN).contains(&topic.len()) && !topic.starts_with('$') && !topic.contains(['+', '#', '\0'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &[u8] = b"\xfaARR\x01\x01\x02\x00\x08idt/p2p/xhello";

    fn sample() -> Envelope<'static> {
        Envelope::Request { correlation: b"id", response_topic: "t/p2p/x", payload: b"hello" }
    }

    #[test]
    fn the_layout_is_as_documented() {
        let mut bytes = b"\xfaARR\x01\x01\x02\x00\x07idt/p2p/xhello".to_vec();
        assert_eq!(sample().encode(), bytes);
        assert_eq!(Envelope::parse(&bytes), Some(sample()));
        bytes[8] = 8;
        assert_eq!(bytes, SAMPLE);
        let Some(Envelope::Request { response_topic, payload, .. }) = Envelope::parse(&bytes) else {
            panic!("only the border has moved")
        };
        assert_eq!((response_topic, payload), ("t/p2p/xh", &b"ello"[..]));
        let reply = Envelope::Reply { correlation: b"id", payload: b"" };
        assert_eq!(reply.encode(), b"\xfaARR\x01\x02\x02\x00\x00id");
        assert_eq!(Envelope::parse(&reply.encode()), Some(reply));
    }

    #[test]
    fn what_only_looks_like_an_envelope_is_a_payload_like_any_other() {
        let good = sample().encode();
        let head = good.len() - b"hello".len();
        for length in 0..head {
            assert_eq!(Envelope::parse(&good[..length]), None, "cut after {length}");
        }
        assert!(Envelope::parse(&good[..head]).is_some(), "an empty payload");
        for (at, byte) in
            [(0, 0x7b), (3, b'r'), (4, 0), (4, 2), (5, 0), (5, 2), (5, 3), (6, 0), (6, 255), (7, 255), (8, 0)]
        {
            let mut bad = good.clone();
            bad[at] = byte;
            assert_eq!(Envelope::parse(&bad), None, "{byte} at {at}");
        }
        for topic in ["a/+", "#", "a\0", "$SYS/uploadToken"] {
            let bad = Envelope::Request { correlation: b"id", response_topic: topic, payload: b"" }.encode();
            assert_eq!(Envelope::parse(&bad), None, "{topic}");
        }
        let not_text = b"\xfaARR\x01\x01\x01\x00\x01i\xff";
        assert_eq!(Envelope::parse(not_text), None);
    }

    proptest! {
        #[test]
        fn what_was_put_in_comes_out(
            correlation in proptest::collection::vec(any::<u8>(), 1..=255),
            topic in "[a-z/é]{1,300}",
            payload: Vec<u8>,
            reply: bool,
        ) {
            let (correlation, payload) = (&correlation[..], &payload[..]);
            let envelope = if reply {
                Envelope::Reply { correlation, payload }
            } else {
                Envelope::Request { correlation, response_topic: &topic, payload }
            };
            let bytes = envelope.encode();
            prop_assert_eq!(Envelope::parse(&bytes), Some(envelope));
            for length in 0..bytes.len() - payload.len() {
                prop_assert_eq!(Envelope::parse(&bytes[..length]), None);
            }
        }

        #[test]
        fn any_bytes_are_survived(start in 0..=HEAD, bytes: Vec<u8>) {
            fuzz(&bytes);
            // Past the magic number, too.
            fuzz(&[&SAMPLE[..start], &bytes].concat());
        }
    }
}
