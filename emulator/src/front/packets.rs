//! The packets that the front desk writes itself.

use bytes::{Bytes, BytesMut};

use crate::log::Version;
use crate::packet::Publish;

/// The notice of a token that is about to expire.
pub(super) const EXPIRE_NOTICE: &str = "$SYS/tokenExpireNotice";
/// The notice of a token that is not valid.
pub(super) const INVALID_NOTICE: &str = "$SYS/tokenInvalidNotice";

pub(super) const PUBREL: u8 = 0x62;
pub(super) const PUBCOMP: u8 = 0x70;

pub(super) fn ping_request() -> Bytes {
    Bytes::from_static(&[0xC0, 0])
}

/// Returns a CONNACK that refuses; `code` is the one of MQTT 3.1.1, 1 to 5.
pub(super) fn refusal(version: Version, code: u8) -> Bytes {
    match version {
        Version::V311 => Bytes::copy_from_slice(&[0x20, 2, 0, code]),
        Version::V5 => {
            let reason = match code {
                1 => 0x84, // unsupported protocol version
                2 => 0x85, // client identifier not valid
                3 => 0x88, // server unavailable
                4 => 0x86, // bad user name or password
                _ => 0x87, // not authorized
            };
            refusal_for(reason)
        }
    }
}

/// Returns a CONNACK of MQTT 5 that refuses with this reason code.
pub(super) fn refusal_for(reason: u8) -> Bytes {
    Bytes::copy_from_slice(&[0x20, 3, 0, reason, 0])
}

/// Returns a DISCONNECT with this reason code; nothing for 3.1.1, in which a server cannot send one.
pub(super) fn disconnect(version: Version, reason: u8) -> Bytes {
    match version {
        Version::V311 => Bytes::new(),
        Version::V5 => Bytes::copy_from_slice(&[0xE0, 2, reason, 0]),
    }
}

/// Returns a PUBREL or PUBCOMP of MQTT 5 for an unknown packet id.
pub(super) fn unknown_packet_id(first_byte: u8, packet_id: u16) -> Bytes {
    const PACKET_IDENTIFIER_NOT_FOUND: u8 = 0x92;
    let [high, low] = packet_id.to_be_bytes();
    frame(first_byte, &[high, low, PACKET_IDENTIFIER_NOT_FOUND])
}

/// Returns a PUBCOMP, which ends an exchange.
pub(super) fn complete(packet_id: u16) -> Bytes {
    frame(PUBCOMP, &packet_id.to_be_bytes())
}

/// Returns an UNSUBACK of MQTT 5; `existed` says which filters were subscribed.
pub(super) fn unsubscribe_answer(packet_id: u16, existed: &[bool]) -> Bytes {
    const NO_SUBSCRIPTION_EXISTED: u8 = 0x11;
    let mut body = packet_id.to_be_bytes().to_vec();
    body.push(0); // no properties
    body.extend(existed.iter().map(|existed| if *existed { 0 } else { NO_SUBSCRIPTION_EXISTED }));
    frame(0xB0, &body)
}

/// Returns the CONNACK code of MQTT 3.1.1 for a reason code of MQTT 5.
pub(super) fn as_v3_code(reason: u8) -> u8 {
    match reason {
        0x84 => 1,
        0x85 => 2,
        0x86 | 0x8C => 4,
        0x87 => 5,
        _ => 3,
    }
}

/// Returns a QoS 0 PUBLISH of the service.
pub(super) fn push(version: Version, topic: &str, payload: &[u8]) -> Bytes {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 3);
    body.extend_from_slice(&u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes());
    body.extend_from_slice(topic.as_bytes());
    if version == Version::V5 {
        body.push(0); // no properties
    }
    body.extend_from_slice(payload);
    frame(0x30, &body)
}

/// Returns the same PUBLISH without its payload, so that the broker inside acknowledges it without seeing a token.
pub(super) fn without_body(version: Version, publish: &Publish) -> Bytes {
    let mut body = Vec::with_capacity(publish.topic.len() + 8);
    body.extend_from_slice(&u16::try_from(publish.topic.len()).unwrap_or(u16::MAX).to_be_bytes());
    body.extend_from_slice(publish.topic.as_bytes());
    if let Some(packet_id) = publish.packet_id {
        body.extend_from_slice(&packet_id.to_be_bytes());
    }
    match (version, publish.alias) {
        (Version::V311, _) => {}
        (Version::V5, None) => body.push(0), // no properties
        (Version::V5, Some(alias)) => {
            body.extend_from_slice(&[3, 0x23]); // three bytes of properties: the topic alias
            body.extend_from_slice(&alias.to_be_bytes());
        }
    }
    frame(0x30 | (u8::from(publish.dup) << 3) | (publish.qos << 1), &body)
}

/// Returns the acknowledgement of a publish that breaks a rule: PUBACK or PUBREC; nothing for QoS 0.
pub(super) fn publish_answer(version: Version, qos: u8, packet_id: Option<u16>) -> Bytes {
    let Some(packet_id) = packet_id else { return Bytes::new() };
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0x87); // not authorized
    }
    frame(if qos == 1 { 0x40 } else { 0x50 }, &body)
}

/// Returns the acknowledgement of a subscribe that breaks a rule: a SUBACK that refuses all filters.
pub(super) fn subscribe_answer(version: Version, packet_id: u16, filters: usize) -> Bytes {
    let mut body = packet_id.to_be_bytes().to_vec();
    let failure = match version {
        Version::V311 => 0x80,
        Version::V5 => {
            body.push(0); // no properties
            0x87
        }
    };
    body.extend(std::iter::repeat_n(failure, filters));
    frame(0x90, &body)
}

fn frame(first_byte: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 5);
    frame.extend_from_slice(&[first_byte]);
    let mut rest = body.len();
    loop {
        let low = u8::try_from(rest % 128).unwrap_or(0);
        rest /= 128;
        frame.extend_from_slice(&[if rest > 0 { low | 0x80 } else { low }]);
        if rest == 0 {
            break;
        }
    }
    frame.extend_from_slice(body);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Payload;
    use crate::packet::Packet;

    #[test]
    fn a_publish_without_its_body_is_the_same_otherwise() {
        for (version, qos, dup, packet_id, alias) in [
            (Version::V311, 0, false, None, None),
            (Version::V311, 2, true, Some(300), None),
            (Version::V5, 1, false, Some(7), None),
            (Version::V5, 1, true, Some(7), Some(30)),
        ] {
            let payload = Payload::from(&b"secret"[..]);
            let publish = Publish { topic: "$SYS/uploadToken".into(), qos, dup, packet_id, payload, alias };
            let Ok(Packet::Publish(read)) = Packet::parse(version, &without_body(version, &publish)) else {
                panic!("no publish")
            };
            assert_eq!((read.topic, read.qos, read.dup), (publish.topic, qos, dup));
            assert_eq!((read.packet_id, read.alias, read.payload.len()), (packet_id, alias, 0));
        }
    }

    #[test]
    fn what_the_desk_writes_can_be_read() {
        for version in [Version::V311, Version::V5] {
            let pushed = push(version, "$SYS/x", &[b'p'; 300]);
            let Ok(Packet::Publish(publish)) = Packet::parse(version, &pushed) else { panic!("no publish") };
            assert_eq!((publish.topic.as_str(), publish.qos, publish.payload.len()), ("$SYS/x", 0, 300));
            let answer = publish_answer(version, 1, Some(7));
            assert!(matches!(Packet::parse(version, &answer), Ok(Packet::PubAck { packet_id: 7 })));
            let answer = publish_answer(version, 2, Some(7));
            let Ok(Packet::PubRec { packet_id, refuses }) = Packet::parse(version, &answer) else {
                panic!("no PUBREC")
            };
            assert_eq!((packet_id, refuses), (7, version == Version::V5));
            assert!(publish_answer(version, 0, None).is_empty());
            for code in 1..=5 {
                let Ok(Packet::ConnAck { code: read, .. }) = Packet::parse(version, &refusal(version, code)) else {
                    panic!("no CONNACK")
                };
                assert_eq!(if version == Version::V5 { as_v3_code(read) } else { read }, code);
            }
            assert!(matches!(Packet::parse(version, &ping_request()), Ok(Packet::PingReq)));
        }
        assert_eq!(&subscribe_answer(Version::V311, 1, 2)[..], [0x90, 4, 0, 1, 0x80, 0x80]);
        assert_eq!(&subscribe_answer(Version::V5, 1, 2)[..], [0x90, 5, 0, 1, 0, 0x87, 0x87]);
    }
}
