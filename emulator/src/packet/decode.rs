//! Decodes one packet, and names its faults in terms of MQTT 5.

use bytes::{Bytes, BytesMut};

/// The fault of a packet that MQTT itself forbids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The reason code of MQTT 5, for a CONNACK or DISCONNECT.
    pub(crate) reason: u8,
    pub(crate) why: String,
}

impl Fault {
    pub(crate) fn malformed(why: impl Into<String>) -> Self {
        Self { reason: 0x81, why: why.into() }
    }

    pub(crate) fn protocol(why: impl Into<String>) -> Self {
        Self { reason: 0x82, why: why.into() }
    }

    pub(super) fn of(error: &rmqtt::codec::error::DecodeError) -> Self {
        match error {
            // The error of the codec for a SUBSCRIBE or UNSUBSCRIBE without filters.
            rmqtt::codec::error::DecodeError::InvalidTopicFilter => Self::protocol("no topic filter"),
            error => Self::malformed(error.to_string()),
        }
    }
}

pub(super) fn decode<P, C>(codec: &mut C, frame: &Bytes) -> Result<P, rmqtt::codec::error::DecodeError>
where
    C: tokio_util::codec::Decoder<Item = (P, u32), Error = rmqtt::codec::error::DecodeError>,
{
    let mut buffer = BytesMut::from(&frame[..]);
    match codec.decode(&mut buffer)? {
        Some((packet, _)) => Ok(packet),
        None => Err(rmqtt::codec::error::DecodeError::InvalidLength),
    }
}

pub(super) fn has_wildcards(topic: impl AsRef<str>) -> bool {
    topic.as_ref().contains(['+', '#'])
}
