//! MQTT packets as the front desk sees them, reduced to the fields that it needs.

mod connect;
mod decode;
mod publish;

use bytes::Bytes;
use rmqtt::codec::{v3, v5};

pub(crate) use self::connect::{BadConnect, Connect};
pub(crate) use self::decode::Fault;
use self::decode::{decode, has_wildcards};
use self::publish::from_publish;
pub(crate) use self::publish::{Aliases, MAX_ALIASES, Publish, TOPIC_ALIAS_INVALID, publish_size};
use crate::log::Version;

/// A packet after the CONNECT, reduced to the fields that the front desk needs.
pub(crate) enum Packet {
    ConnAck {
        code: u8,
        session_present: bool,
    },
    Publish(Publish),
    PubAck {
        packet_id: u16,
    },
    /// `refuses`: the receiver refuses the message, which ends the exchange (MQTT 5).
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
        packet_id: u16,
        filters: Vec<String>,
    },
    /// `filters`: the number of reason codes; 0 for 3.1.1, which has none.
    UnsubAck {
        packet_id: u16,
        filters: usize,
    },
    PingReq,
    PingResp,
    /// `keeps`: it sets a session expiry above 0 (MQTT 5).
    Disconnect {
        keeps: bool,
    },
    /// A second CONNECT, or an AUTH without an authentication method.
    OutOfPlace,
    /// `granted`: for each filter in order, true if it was subscribed.
    SubAck {
        packet_id: u16,
        granted: Vec<bool>,
    },
}

impl Packet {
    /// Reads a packet of the broker inside.
    pub(crate) fn parse(version: Version, frame: &Bytes) -> Result<Self, Fault> {
        match version {
            Version::V311 => decode(&mut v3::Codec::new(0), frame).map(from_v3),
            Version::V5 => decode(&mut v5::Codec::new(0, 0), frame).map(from_v5),
        }
        .map_err(|error| Fault::of(&error))
    }

    /// Reads a packet of a client, and checks the rules of MQTT for clients.
    pub(crate) fn parse_of_client(version: Version, frame: &Bytes) -> Result<Self, Fault> {
        const DUP_AT_QOS_0: u8 = 0b1000;
        if frame.first().is_some_and(|first| first >> 4 == 3 && first & 0b1110 == DUP_AT_QOS_0) {
            return Err(Fault::malformed("a QoS 0 publish has the flag DUP"));
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
                return Err(Fault::protocol("a client sent a subscription identifier in a PUBLISH"));
            }
        }
        Ok(from_v5(packet))
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
        v3::Packet::Unsubscribe { packet_id, topic_filters } => Packet::Unsubscribe {
            packet_id: packet_id.get(),
            filters: topic_filters.iter().map(ToString::to_string).collect(),
        },
        v3::Packet::PingRequest => Packet::PingReq,
        v3::Packet::PingResponse => Packet::PingResp,
        v3::Packet::Disconnect => Packet::Disconnect { keeps: false },
        v3::Packet::SubscribeAck { packet_id, status } => Packet::SubAck {
            packet_id: packet_id.get(),
            granted: status.iter().map(|code| matches!(code, v3::SubscribeReturnCode::Success(_))).collect(),
        },
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
        v5::Packet::Unsubscribe(unsubscribe) => Packet::Unsubscribe {
            packet_id: unsubscribe.packet_id.get(),
            filters: unsubscribe.topic_filters.iter().map(ToString::to_string).collect(),
        },
        v5::Packet::PingRequest => Packet::PingReq,
        v5::Packet::PingResponse => Packet::PingResp,
        v5::Packet::Disconnect(disconnect) => {
            Packet::Disconnect { keeps: disconnect.session_expiry_interval_secs.is_some_and(|seconds| seconds > 0) }
        }
        v5::Packet::SubscribeAck(ack) => Packet::SubAck {
            packet_id: ack.packet_id.get(),
            granted: ack.status.iter().map(|code| u8::from(*code) < 0x80).collect(),
        },
        v5::Packet::UnsubscribeAck(ack) => {
            Packet::UnsubAck { packet_id: ack.packet_id.get(), filters: ack.status.len() }
        }
        v5::Packet::Connect(_) | v5::Packet::Auth(_) => Packet::OutOfPlace,
    }
}
