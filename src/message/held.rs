//! The memory of messages, which counts against the bounds of inbox and outbox instead of the size on the wire.
//!
//! A user property of one byte each for key and value has 7 bytes in a packet, and 112 here.

use super::{Message, Outgoing, Properties, block};

impl Properties {
    /// Returns the memory of the properties with everything they own.
    fn held(&self) -> usize {
        let text = |text: &String| block(text.capacity());
        block(size_of::<Properties>())
            + self.response_topic.as_ref().map_or(0, text)
            + self.correlation_data.as_ref().map_or(0, |data| block(data.capacity()))
            + block(self.user.capacity() * size_of::<(String, String)>())
            + self.user.iter().map(|(key, value)| text(key) + text(value)).sum::<usize>()
            + self.content_type.as_ref().map_or(0, text)
            + block(self.identifiers.capacity() * size_of::<u32>())
    }
}

impl Message {
    /// Returns its memory in bytes.
    pub(crate) fn held(&self) -> usize {
        held(&self.topic, block(self.payload.capacity()), self.properties.as_deref())
    }
}

impl Outgoing {
    /// Returns its memory in bytes.
    pub(crate) fn held(&self) -> usize {
        held(&self.topic, self.payload.held(), self.properties.as_deref())
    }
}

#[allow(clippy::ptr_arg, reason = "its capacity counts")]
fn held(topic: &String, payload: usize, properties: Option<&Properties>) -> usize {
    block(topic.capacity()) + payload + properties.map_or(0, Properties::held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QoS;

    #[test]
    fn what_is_allocated_counts_and_not_what_is_sent() {
        let plain = Outgoing::new("t", QoS::AtMostOnce, vec![0; 100]);
        assert_eq!(plain.held(), 32 + 112);
        let mut message = plain.clone();
        for _ in 0..1_000 {
            message = message.user_property("k", "v");
        }
        let pairs = message.properties.as_ref().map_or(0, |properties| properties.user.capacity());
        assert_eq!(message.held() - plain.held(), block(size_of::<Properties>()) + block(pairs * 48) + 1_000 * 64);
        assert!(message.held() > 14 * message.encoded_len());
        let mut spacious = Vec::with_capacity(10_000);
        spacious.push(1);
        assert!(Outgoing::new("t", QoS::AtMostOnce, spacious).held() > 10_000);
    }
}
