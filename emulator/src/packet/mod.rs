//! MQTT packets as the front desk sees them: what it needs to know of each, and the CONNECT it passes on.

use std::collections::HashMap;

use bytes::{Buf as _, Bytes, BytesMut};
use rmqtt::codec::{v3, v5};
use tokio_util::codec::Encoder as _;

use crate::log::{Payload, Version};

/// A CONNECT, with what the front desk needs of it.
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Bytes>,
    pub(crate) clean_session: bool,
    pub(crate) keep_alive: u16,
    whole: WholeConnect,
}

enum WholeConnect {
    V3(Box<v3::Connect>),
    V5(Box<v5::Connect>),
}

/// What is wrong with a packet that MQTT itself forbids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The reason code MQTT 5 has for it, for a CONNACK or DISCONNECT.
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

    fn of(error: &rmqtt::codec::error::DecodeError) -> Self {
        match error {
            // This is how the codec calls a SUBSCRIBE or UNSUBSCRIBE without filters.
            rmqtt::codec::error::DecodeError::InvalidTopicFilter => Self::protocol("no topic filter"),
            error => Self::malformed(error.to_string()),
        }
    }
}

/// Why a first packet is not usable.
pub(crate) enum BadConnect {
    /// A CONNECT of a protocol version the service does not name.
    Version,
    /// Without a client id, which 3.1.1 forbids for a session that is kept.
    NoClientId(Version),
    /// A CONNECT of MQTT 5 that cannot be read, or that MQTT 5 forbids.
    Forbidden(Fault),
    /// Not a CONNECT, or not to be read.
    Garbage,
}

impl Connect {
    pub(crate) fn parse(frame: &Bytes) -> Result<Self, BadConnect> {
        let level = connect_level(frame).ok_or(BadConnect::Garbage)?;
        match level {
            4 => match decode(&mut v3::Codec::new(0), frame) {
                Ok(v3::Packet::Connect(whole)) => Ok(Self {
                    version: Version::V311,
                    client_id: whole.client_id.to_string(),
                    username: whole.username.as_ref().map(ToString::to_string),
                    password: whole.password.clone(),
                    clean_session: whole.clean_session,
                    keep_alive: whole.keep_alive,
                    whole: WholeConnect::V3(whole),
                }),
                Err(rmqtt::codec::error::DecodeError::InvalidClientId) => Err(BadConnect::NoClientId(Version::V311)),
                _ => Err(BadConnect::Garbage),
            },
            5 => match decode(&mut v5::Codec::new(0, 0), frame) {
                Ok(v5::Packet::Connect(whole)) => match forbidden_in_connect(&whole) {
                    Some(fault) => Err(BadConnect::Forbidden(fault)),
                    None => Ok(Self {
                        version: Version::V5,
                        client_id: whole.client_id.to_string(),
                        username: whole.username.as_ref().map(ToString::to_string),
                        password: whole.password.clone(),
                        clean_session: whole.clean_start,
                        keep_alive: whole.keep_alive,
                        whole: WholeConnect::V5(whole),
                    }),
                },
                Err(rmqtt::codec::error::DecodeError::InvalidClientId) => Err(BadConnect::NoClientId(Version::V5)),
                Err(error) => Err(BadConnect::Forbidden(Fault::of(&error))),
                Ok(_) => Err(BadConnect::Garbage),
            },
            _ => Err(BadConnect::Version),
        }
    }

    /// Whether the client wants its session to end with its connection.
    pub(crate) fn ends_with_connection(&self) -> bool {
        match &self.whole {
            WholeConnect::V3(connect) => connect.clean_session,
            WholeConnect::V5(connect) => connect.session_expiry_interval_secs == 0,
        }
    }

    /// The largest packet the client takes, if it says so.
    pub(crate) fn max_packet(&self) -> Option<u32> {
        match &self.whole {
            WholeConnect::V3(_) => None,
            WholeConnect::V5(connect) => connect.max_packet_size.map(std::num::NonZero::get),
        }
    }

    /// The CONNECT for the broker inside: no credentials (they are checked), no will (the service has none), no limit
    /// for packets, the keep-alive, session expiry and topic aliases as the service rounds them.
    pub(crate) fn for_broker(self) -> Option<Bytes> {
        const MAX_KEEP_ALIVE: u16 = 480;
        const MIN_SESSION_EXPIRY: u32 = 600;
        let mut frame = BytesMut::new();
        match self.whole {
            WholeConnect::V3(mut connect) => {
                connect.username = None;
                connect.password = None;
                connect.last_will = None;
                connect.keep_alive = connect.keep_alive.min(MAX_KEEP_ALIVE);
                v3::Codec::new(0).encode(v3::Packet::Connect(connect), &mut frame).ok()?;
            }
            WholeConnect::V5(mut connect) => {
                connect.username = None;
                connect.password = None;
                connect.last_will = None;
                // How large a packet becomes must be known before the broker inside chooses an alias for it.
                if connect.topic_alias_max > MAX_ALIASES || connect.max_packet_size.is_some() {
                    connect.topic_alias_max = 0;
                }
                // It would cut the connection, where a message is to be dropped.
                connect.max_packet_size = None;
                if connect.session_expiry_interval_secs > 0 {
                    connect.session_expiry_interval_secs = connect.session_expiry_interval_secs.max(MIN_SESSION_EXPIRY);
                }
                v5::Codec::new(0, 0).encode(v5::Packet::Connect(connect), &mut frame).ok()?;
            }
        }
        Some(frame.freeze())
    }
}

/// What the front desk looks at in a packet after the CONNECT.
pub(crate) enum Packet {
    ConnAck {
        code: u8,
        session_present: bool,
    },
    Publish(Publish),
    PubAck {
        packet_id: u16,
    },
    /// `refuses`: the receiver does not want the message, and the exchange is over (MQTT 5).
    PubRec {
        packet_id: u16,
        refuses: bool,
    },
    PubRel {
        packet_id: u16,
    },
    PubComp {
        packet_id: u16,
    },
    Subscribe {
        packet_id: u16,
        filters: Vec<(String, u8)>,
    },
    Unsubscribe {
        filters: Vec<String>,
    },
    /// `filters`: how many it answers; unknown, and 0, for 3.1.1.
    UnsubAck {
        packet_id: u16,
        filters: usize,
    },
    PingReq,
    PingResp,
    /// `keeps`: it asks for the session to be kept (MQTT 5).
    Disconnect {
        keeps: bool,
    },
    /// A second CONNECT, or a step of an authentication that nobody has begun.
    OutOfPlace,
    SubAck,
}

pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) packet_id: Option<u16>,
    pub(crate) payload: Payload,
    pub(crate) alias: Option<u16>,
}

/// The topic aliases of one direction of an MQTT 5 connection.
#[derive(Default)]
pub(crate) struct Aliases(HashMap<u16, String>);

/// Most topic aliases of a connection, in each direction.
pub(crate) const MAX_ALIASES: u16 = 30;

/// The reason code for an alias above that.
pub(crate) const TOPIC_ALIAS_INVALID: u8 = 0x94;

impl Aliases {
    /// Fills in the topic that an alias stands for, or remembers it.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), Fault> {
        let Some(alias) = publish.alias else {
            let is_named = !publish.topic.is_empty();
            return is_named.then_some(()).ok_or_else(|| Fault::protocol("a publish without topic or alias"));
        };
        if alias == 0 || alias > MAX_ALIASES {
            let why = format!("topic alias {alias} is not within 1 and {MAX_ALIASES}");
            return Err(Fault { reason: TOPIC_ALIAS_INVALID, why });
        }
        if publish.topic.is_empty() {
            let known = self.0.get(&alias).cloned();
            publish.topic = known.ok_or_else(|| Fault::protocol(format!("topic alias {alias} is not known")))?;
        } else {
            self.0.insert(alias, publish.topic.clone());
        }
        Ok(())
    }
}

impl Packet {
    /// Reads a packet of the broker's.
    pub(crate) fn parse(version: Version, frame: &Bytes) -> Result<Self, Fault> {
        match version {
            Version::V311 => decode(&mut v3::Codec::new(0), frame).map(from_v3),
            Version::V5 => decode(&mut v5::Codec::new(0, 0), frame).map(from_v5),
        }
        .map_err(|error| Fault::of(&error))
    }

    /// Reads a packet of a client's, in which MQTT forbids more than its form.
    pub(crate) fn parse_of_client(version: Version, frame: &Bytes) -> Result<Self, Fault> {
        const DUP_AT_QOS_0: u8 = 0b1000;
        if frame.first().is_some_and(|first| first >> 4 == 3 && first & 0b1110 == DUP_AT_QOS_0) {
            return Err(Fault::malformed("a publish of QoS 0 is marked as sent again"));
        }
        if version == Version::V311 {
            return Self::parse(version, frame);
        }
        let packet = decode(&mut v5::Codec::new(0, 0), frame).map_err(|error| Fault::of(&error))?;
        if let v5::Packet::Publish(publish) = &packet {
            let properties = publish.properties.as_ref();
            if properties.and_then(|properties| properties.response_topic.as_ref()).is_some_and(has_wildcards) {
                return Err(Fault::protocol("the response topic has wildcards"));
            }
            if properties.is_some_and(|properties| !properties.subscription_ids.is_empty()) {
                return Err(Fault::protocol("a subscription identifier in a publish of a client"));
            }
        }
        Ok(from_v5(packet))
    }
}

fn has_wildcards(topic: impl AsRef<str>) -> bool {
    topic.as_ref().contains(['+', '#'])
}

/// What MQTT 5 forbids in a CONNECT that can be read.
fn forbidden_in_connect(connect: &v5::Connect) -> Option<Fault> {
    const BAD_AUTHENTICATION_METHOD: u8 = 0x8C;
    if connect.auth_method.is_some() {
        let why = "no authentication method is known".into();
        return Some(Fault { reason: BAD_AUTHENTICATION_METHOD, why });
    }
    if connect.auth_data.is_some() {
        return Some(Fault::protocol("authentication data without a method"));
    }
    let response_topic = connect.last_will.as_ref().and_then(|will| will.response_topic.as_ref());
    response_topic.is_some_and(has_wildcards).then(|| Fault::protocol("the will's response topic has wildcards"))
}

/// The size of the packet by which an MQTT 5 client gets this message, its topic in full.
pub(crate) fn publish_size(publish: &rmqtt::codec::types::Publish) -> u64 {
    let mut publish = publish.clone();
    if publish.qos != rmqtt::codec::types::QoS::AtMostOnce {
        publish.packet_id = publish.packet_id.or(Some(std::num::NonZero::<u16>::MIN));
    }
    if let Some(properties) = &mut publish.properties {
        properties.topic_alias = None;
    }
    let mut frame = BytesMut::new();
    // A message without packet id and the like cannot be sent at all.
    match v5::Codec::new(0, 0).encode(v5::Packet::Publish(Box::new(publish)), &mut frame) {
        Ok(()) => frame.len() as u64,
        Err(_) => u64::MAX,
    }
}

/// The protocol level of a CONNECT.
fn connect_level(frame: &Bytes) -> Option<u8> {
    if frame.first() != Some(&0x10) {
        return None;
    }
    let header = frame.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 2;
    let mut rest = frame.slice(header..);
    if rest.len() < 2 {
        return None;
    }
    let name = usize::from(rest.get_u16());
    let name_is_known = matches!(rest.get(..name), Some(b"MQTT" | b"MQIsdp"));
    name_is_known.then(|| rest.get(name).copied()).flatten()
}

fn decode<P, C>(codec: &mut C, frame: &Bytes) -> Result<P, rmqtt::codec::error::DecodeError>
where
    C: tokio_util::codec::Decoder<Item = (P, u32), Error = rmqtt::codec::error::DecodeError>,
{
    let mut buffer = BytesMut::from(&frame[..]);
    match codec.decode(&mut buffer)? {
        Some((packet, _)) => Ok(packet),
        None => Err(rmqtt::codec::error::DecodeError::InvalidLength),
    }
}

fn from_v3(packet: v3::Packet) -> Packet {
    match packet {
        v3::Packet::ConnectAck(ack) => {
            Packet::ConnAck { code: ack.return_code.into(), session_present: ack.session_present }
        }
        v3::Packet::Publish(publish) => Packet::Publish(from_publish(&publish)),
        v3::Packet::PublishAck { packet_id } => Packet::PubAck { packet_id: packet_id.get() },
        v3::Packet::PublishReceived { packet_id } => Packet::PubRec { packet_id: packet_id.get(), refuses: false },
        v3::Packet::PublishRelease { packet_id } => Packet::PubRel { packet_id: packet_id.get() },
        v3::Packet::PublishComplete { packet_id } => Packet::PubComp { packet_id: packet_id.get() },
        v3::Packet::Subscribe { packet_id, topic_filters } => Packet::Subscribe {
            packet_id: packet_id.get(),
            filters: topic_filters.iter().map(|(filter, qos)| (filter.to_string(), qos.value())).collect(),
        },
        v3::Packet::Unsubscribe { topic_filters, .. } => {
            Packet::Unsubscribe { filters: topic_filters.iter().map(ToString::to_string).collect() }
        }
        v3::Packet::PingRequest => Packet::PingReq,
        v3::Packet::PingResponse => Packet::PingResp,
        v3::Packet::Disconnect => Packet::Disconnect { keeps: false },
        v3::Packet::SubscribeAck { .. } => Packet::SubAck,
        v3::Packet::UnsubscribeAck { packet_id } => Packet::UnsubAck { packet_id: packet_id.get(), filters: 0 },
        v3::Packet::Connect(_) => Packet::OutOfPlace,
    }
}

fn from_v5(packet: v5::Packet) -> Packet {
    match packet {
        v5::Packet::ConnectAck(ack) => {
            Packet::ConnAck { code: ack.reason_code.into(), session_present: ack.session_present }
        }
        v5::Packet::Publish(publish) => Packet::Publish(from_publish(&publish)),
        v5::Packet::PublishAck(ack) => Packet::PubAck { packet_id: ack.packet_id.get() },
        v5::Packet::PublishReceived(ack) => {
            Packet::PubRec { packet_id: ack.packet_id.get(), refuses: u8::from(ack.reason_code) >= 0x80 }
        }
        v5::Packet::PublishRelease(ack) => Packet::PubRel { packet_id: ack.packet_id.get() },
        v5::Packet::PublishComplete(ack) => Packet::PubComp { packet_id: ack.packet_id.get() },
        v5::Packet::Subscribe(subscribe) => Packet::Subscribe {
            packet_id: subscribe.packet_id.get(),
            filters: subscribe
                .topic_filters
                .iter()
                .map(|(filter, options)| (filter.to_string(), options.qos.value()))
                .collect(),
        },
        v5::Packet::Unsubscribe(unsubscribe) => {
            Packet::Unsubscribe { filters: unsubscribe.topic_filters.iter().map(ToString::to_string).collect() }
        }
        v5::Packet::PingRequest => Packet::PingReq,
        v5::Packet::PingResponse => Packet::PingResp,
        v5::Packet::Disconnect(disconnect) => {
            Packet::Disconnect { keeps: disconnect.session_expiry_interval_secs.is_some_and(|seconds| seconds > 0) }
        }
        v5::Packet::SubscribeAck(_) => Packet::SubAck,
        v5::Packet::UnsubscribeAck(ack) => {
            Packet::UnsubAck { packet_id: ack.packet_id.get(), filters: ack.status.len() }
        }
        v5::Packet::Connect(_) | v5::Packet::Auth(_) => Packet::OutOfPlace,
    }
}

fn from_publish(publish: &rmqtt::codec::types::Publish) -> Publish {
    Publish {
        topic: publish.topic.to_string(),
        qos: publish.qos.value(),
        dup: publish.dup,
        packet_id: publish.packet_id.map(std::num::NonZero::get),
        payload: Payload::from(&publish.payload[..]),
        alias: publish.properties.as_ref().and_then(|properties| properties.topic_alias).map(std::num::NonZero::get),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connect_has_a_level() {
        for bytes in [&[][..], &[0x10], &[0x10, 0], &[0x10, 0x80], &[0x10, 2, 0, 9], &[0xC0, 0]] {
            assert_eq!(connect_level(&Bytes::copy_from_slice(bytes)), None, "{bytes:x?}");
            assert!(Connect::parse(&Bytes::copy_from_slice(bytes)).is_err());
        }
        assert_eq!(connect_level(&Bytes::from_static(b"\x10\x08\0\x04MQTT\x05\x02")), Some(5));
    }
}
