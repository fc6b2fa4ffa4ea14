//! The service's limits, which are checked before anything is sent, and the bounds of the client's own queues.

use crate::error::{Error, Result};

/// The longest topic, client id, user name or password MQTT 3.1.1 can carry, in bytes (section 1.5.3).
pub(crate) const MQTT_TEXT_LEN: usize = 65_535;

/// The largest remaining length of an MQTT 3.1.1 packet, in bytes (section 2.2.3).
pub(crate) const MQTT_PACKET_LEN: usize = 268_435_455;

/// The largest packet above [`Limits::packet_len`] that is read in order to be discarded, in bytes.
pub(crate) const LET_IN: usize = 16 * 1024 * 1024;

/// The bytes of a PUBLISH besides topic and payload: header, topic length and packet id, generously.
const OVERHEAD: usize = 64;

/// The service's limits and the bounds of the client's queues.
///
/// The defaults are the documented values of ordinary instances; Platinum instances can have some of them raised, so
/// each can be changed. A limit that is too high only moves the refusal to the service, which closes the connection
/// instead of returning an error.
///
/// Sources: help pages "Limits" (help.aliyun.com/document_detail/63620.html,
/// alibabacloud.com/help/en/apsaramq-for-mqtt/limits-on-apsaramq-for-mqtt-metrics) and "MQTT 5.0 overview".
///
/// ```
/// use aliyun_mqtt::Limits;
/// let limits = Limits::default().payload_len(256 * 1024).filters(100);
/// assert_eq!(limits.topic_len, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest client id, in characters. Default 64 (help page "Limits").
    pub client_id_len: usize,
    /// Longest topic or filter, in characters, all levels and slashes together. Default 128.
    ///
    /// The help pages say 64, the official demos 128, and P2P topics with legal client ids exceed 64. Therefore a topic
    /// of more than 64 is only logged with a warning, and one above this limit is refused.
    pub topic_len: usize,
    /// Largest payload to send, in bytes. Default 65,536 (help page "Limits": 64 KB, adjustable on Platinum instances).
    ///
    /// Raising it also raises [`packet_len`](Limits::packet_len), so that clients with the same limits can receive
    /// such messages.
    pub payload_len: usize,
    /// Most filters one client may subscribe to. Default 30 (help page "Limits", adjustable on Platinum instances).
    ///
    /// A filter with wildcards counts as one. The service accepts more, but silently sends no messages for them. Its
    /// other quota, 100 wildcard subscriptions below one first-level topic (FAQ about messages), cannot be checked by a
    /// client: further ones silently have no effect.
    pub filters: usize,
    /// Applies the service's rules to names. Default `true`.
    ///
    /// Topic levels, group ids and device ids then consist of letters, digits, `-` and `_` only, a topic has at least 3
    /// characters and no empty level, and a group id has 7 to 64 characters and begins with `GID_` or `GID-` (help page
    /// "Limits"; API operation `CreateGroupId`). Topics that begin with `$SYS/` are exempt. With `false` only the rules
    /// of MQTT itself apply.
    pub strict_names: bool,
    /// Largest packet from the server that is passed to the program, in bytes without the fixed header. Default
    /// 262,144. In MQTT 5, CONNECT announces the limit, and the server has to discard larger messages silently.
    ///
    /// The first larger packet ends the connection. From the next connection on, packets of up to 16 MiB are read, and
    /// each message above this limit is acknowledged and discarded:
    /// [`Event::MessageSetAside`](crate::Event::MessageSetAside) names it,
    /// [`Stats::set_aside`](crate::Stats::set_aside) counts it, and a warning is logged (in MQTT 5, CONNECT announces
    /// 16 MiB from then on). Messages before and after it arrive. A packet of more than 16 MiB (and more than this
    /// limit) ends the connection each time it arrives, which in a kept session continues until the message expires.
    ///
    /// The service's own bound is 128 KB for a whole packet and is not checked by default (help page "MQTT 5.0
    /// overview"). If this limit is too small for [`payload_len`](Limits::payload_len) and
    /// [`topic_len`](Limits::topic_len), [`ConfigBuilder::build`](crate::ConfigBuilder::build) raises it. Over
    /// WebSocket a frame is read as a whole first, and a frame of more than 16 MiB ends the connection, whatever this
    /// limit is.
    pub packet_len: usize,
    /// Most messages and requests accepted for sending and not settled yet. Default 10,000.
    pub outbox_messages: usize,
    /// Most memory of those, in bytes: topics, payloads and MQTT 5 properties with the allocator's overhead, and up to
    /// 2 KiB of bookkeeping each. The connection holds a copy of each message in flight, which counts when another is
    /// accepted. Default 67,108,864 (64 MiB). A larger message is accepted while there is no other.
    pub outbox_bytes: usize,
    /// Most received messages held until the program takes them. Default 10,000.
    pub inbox_messages: usize,
    /// Most memory of those, in bytes: topics, payloads and MQTT 5 properties with the allocator's overhead, and up to
    /// 1 KiB of bookkeeping each. Small user properties take 16 times their size on the wire. Default 67,108,864 (64
    /// MiB). A larger message is queued while there is no other.
    pub inbox_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            client_id_len: 64,
            topic_len: 128,
            payload_len: 64 * 1024,
            filters: 30,
            strict_names: true,
            packet_len: 256 * 1024,
            outbox_messages: 10_000,
            outbox_bytes: 64 * 1024 * 1024,
            inbox_messages: 10_000,
            inbox_bytes: 64 * 1024 * 1024,
        }
    }
}

impl Limits {
    /// The highest value of [`payload_len`](#structfield.payload_len).
    pub(crate) const MAX_PAYLOAD: usize = 200 * 1024 * 1024;

    /// Sets [`client_id_len`](#structfield.client_id_len): 1 to 65,535 characters.
    #[must_use]
    pub fn client_id_len(mut self, characters: usize) -> Self {
        self.client_id_len = characters;
        self
    }

    /// Sets [`topic_len`](#structfield.topic_len): 1 to 65,535 characters.
    #[must_use]
    pub fn topic_len(mut self, characters: usize) -> Self {
        self.topic_len = characters;
        self
    }

    /// Sets [`payload_len`](#structfield.payload_len): 1 byte to 200 MiB.
    #[must_use]
    pub fn payload_len(mut self, bytes: usize) -> Self {
        self.payload_len = bytes;
        self
    }

    /// Sets [`filters`](#structfield.filters): at least 1.
    #[must_use]
    pub fn filters(mut self, count: usize) -> Self {
        self.filters = count;
        self
    }

    /// Sets [`strict_names`](#structfield.strict_names).
    #[must_use]
    pub fn strict_names(mut self, strict: bool) -> Self {
        self.strict_names = strict;
        self
    }

    /// Sets [`packet_len`](#structfield.packet_len): 1 to 268,435,455 bytes.
    #[must_use]
    pub fn packet_len(mut self, bytes: usize) -> Self {
        self.packet_len = bytes;
        self
    }

    /// Sets [`outbox_messages`](#structfield.outbox_messages) and [`outbox_bytes`](#structfield.outbox_bytes): each
    /// at least 1.
    #[must_use]
    pub fn outbox(mut self, messages: usize, bytes: usize) -> Self {
        (self.outbox_messages, self.outbox_bytes) = (messages, bytes);
        self
    }

    /// Sets [`inbox_messages`](#structfield.inbox_messages) and [`inbox_bytes`](#structfield.inbox_bytes): each at
    /// least 1.
    #[must_use]
    pub fn inbox(mut self, messages: usize, bytes: usize) -> Self {
        (self.inbox_messages, self.inbox_bytes) = (messages, bytes);
        self
    }

    /// Checks the ranges, and raises `packet_len` to the size of the largest legal message.
    pub(crate) fn checked(mut self) -> Result<Self> {
        for (name, value, max) in [
            ("client_id_len", self.client_id_len, MQTT_TEXT_LEN),
            ("topic_len", self.topic_len, MQTT_TEXT_LEN),
            ("payload_len", self.payload_len, Limits::MAX_PAYLOAD),
            ("filters", self.filters, usize::MAX),
            ("packet_len", self.packet_len, MQTT_PACKET_LEN),
            ("outbox_messages", self.outbox_messages, usize::MAX),
            ("outbox_bytes", self.outbox_bytes, usize::MAX),
            ("inbox_messages", self.inbox_messages, usize::MAX),
            ("inbox_bytes", self.inbox_bytes, usize::MAX),
        ] {
            if value == 0 {
                return Err(Error::config(format!("Limits::{name} is 0; it must be at least 1")));
            }
            if value > max {
                return Err(Error::config(format!("Limits::{name} is {value}; at most {max} makes sense")));
            }
        }
        // A character has up to 4 bytes.
        let topic_bytes = MQTT_TEXT_LEN.min(self.topic_len * 4);
        self.packet_len = self.packet_len.max(self.payload_len + topic_bytes + OVERHEAD);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_documented_values() {
        let limits = Limits::default();
        assert_eq!((limits.client_id_len, limits.topic_len, limits.filters), (64, 128, 30));
        assert_eq!(limits.payload_len, 65_536);
        assert!(limits.strict_names);
        assert_eq!(limits.clone().checked().unwrap(), limits);
    }

    #[test]
    fn nothing_may_be_zero() {
        let good = Limits::default();
        for bad in [
            good.clone().client_id_len(0),
            good.clone().topic_len(0),
            good.clone().payload_len(0),
            good.clone().filters(0),
            good.clone().packet_len(0),
            good.clone().outbox(0, 1),
            good.clone().outbox(1, 0),
            good.clone().inbox(0, 1),
            good.clone().inbox(1, 0),
        ] {
            let error = bad.checked().unwrap_err();
            assert!(error.to_string().contains("at least 1"), "{error}");
        }
        assert!(good.outbox(1, 1).inbox(1, 1).filters(1).checked().is_ok());
    }

    #[test]
    fn mqtt_itself_bounds_the_rest() {
        assert!(Limits::default().topic_len(65_536).checked().is_err());
        assert!(Limits::default().client_id_len(65_536).checked().is_err());
        assert!(Limits::default().payload_len(200 * 1024 * 1024 + 1).checked().is_err());
        assert!(Limits::default().packet_len(268_435_456).checked().is_err());
        let most = Limits::default().payload_len(200 * 1024 * 1024).topic_len(65_535).checked().unwrap();
        assert!(most.packet_len <= MQTT_PACKET_LEN);
    }

    #[test]
    fn a_legal_message_always_fits_a_packet() {
        let limits = Limits::default().packet_len(10).checked().unwrap();
        assert!(limits.packet_len >= 65_536 + 128 + 16);
        let limits = Limits::default().payload_len(1 << 20).checked().unwrap();
        assert!(limits.packet_len > (1 << 20) + 128);
    }
}
