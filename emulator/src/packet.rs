//! MQTT packets as the front desk sees them: whole frames to pass on, a view of each, and the few it writes itself.

use std::collections::HashMap;
use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use rmqtt::codec::{v3, v5};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::codec::Encoder as _;

use crate::log::{Payload, Version};

/// No frame is read beyond this size, whatever the limits say.
const HARD_LIMIT: usize = 16 * 1024 * 1024;

/// Cuts a stream of bytes into whole MQTT frames.
pub(crate) struct Frames<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::with_capacity(4096) }
    }

    /// The next frame, header included; `None` at the end of the stream. Nothing is lost when dropped while waiting.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(length) = frame_length(&self.buffer)? {
                if self.buffer.len() >= length {
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                self.buffer.reserve(length - self.buffer.len());
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads on and throws away, until the other side closes.
    pub(crate) async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            if !matches!(self.reader.read_buf(&mut self.buffer).await, Ok(1..)) {
                return;
            }
        }
    }
}

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

/// Why a first packet is not usable.
pub(crate) enum BadConnect {
    /// A CONNECT of a protocol version the service does not name.
    Version,
    /// Without a client id, which 3.1.1 forbids for a session that is kept.
    NoClientId(Version),
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
                Ok(v5::Packet::Connect(whole)) => Ok(Self {
                    version: Version::V5,
                    client_id: whole.client_id.to_string(),
                    username: whole.username.as_ref().map(ToString::to_string),
                    password: whole.password.clone(),
                    clean_session: whole.clean_start,
                    keep_alive: whole.keep_alive,
                    whole: WholeConnect::V5(whole),
                }),
                Err(rmqtt::codec::error::DecodeError::InvalidClientId) => Err(BadConnect::NoClientId(Version::V5)),
                _ => Err(BadConnect::Garbage),
            },
            _ => Err(BadConnect::Version),
        }
    }

    /// The CONNECT for the broker inside: no credentials (they are checked), no will (the service has none), the
    /// keep-alive, session expiry and topic aliases as the service rounds them.
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
                if connect.topic_alias_max > MAX_ALIASES {
                    connect.topic_alias_max = 0;
                }
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
    ConnAck { code: u8, session_present: bool },
    Publish(Publish),
    PubAck { packet_id: u16 },
    PubRec,
    PubComp { packet_id: u16 },
    Subscribe { packet_id: u16, filters: Vec<(String, u8)> },
    Unsubscribe { filters: Vec<String> },
    PingReq,
    PingResp,
    Disconnect,
    Other,
}

pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) packet_id: Option<u16>,
    pub(crate) payload: Payload,
    alias: Option<u16>,
}

/// The topic aliases of one direction of an MQTT 5 connection.
#[derive(Default)]
pub(crate) struct Aliases(HashMap<u16, String>);

/// Most topic aliases of a connection, in each direction.
pub(crate) const MAX_ALIASES: u16 = 30;

impl Aliases {
    /// Fills in the topic that an alias stands for, or remembers it.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), String> {
        let Some(alias) = publish.alias else {
            return if publish.topic.is_empty() { Err("a publish without topic or alias".into()) } else { Ok(()) };
        };
        if alias == 0 || alias > MAX_ALIASES {
            return Err(format!("topic alias {alias} is not within 1 and {MAX_ALIASES}"));
        }
        if publish.topic.is_empty() {
            publish.topic = self.0.get(&alias).ok_or_else(|| format!("topic alias {alias} is not known"))?.clone();
        } else {
            self.0.insert(alias, publish.topic.clone());
        }
        Ok(())
    }
}

impl Packet {
    pub(crate) fn parse(version: Version, frame: &Bytes) -> Result<Self, String> {
        match version {
            Version::V311 => decode(&mut v3::Codec::new(0), frame).map(from_v3).map_err(|error| error.to_string()),
            Version::V5 => decode(&mut v5::Codec::new(0, 0), frame).map(from_v5).map_err(|error| error.to_string()),
        }
    }
}

pub(crate) fn ping_request() -> Bytes {
    Bytes::from_static(&[0xC0, 0])
}

/// A CONNACK that refuses; `code` is the 3.1.1 one, 1 to 5.
pub(crate) fn refusal(version: Version, code: u8) -> Bytes {
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
            Bytes::copy_from_slice(&[0x20, 3, 0, reason, 0])
        }
    }
}

/// The 3.1.1 code for a reason code of an MQTT 5 CONNACK.
pub(crate) fn as_v3_code(reason: u8) -> u8 {
    match reason {
        0x84 => 1,
        0x85 => 2,
        0x86 => 4,
        0x87 => 5,
        _ => 3,
    }
}

/// A PUBLISH of the service at QoS 0.
pub(crate) fn push(version: Version, topic: &str, payload: &[u8]) -> Bytes {
    let mut body = Vec::with_capacity(topic.len() + payload.len() + 3);
    body.extend_from_slice(&u16::try_from(topic.len()).unwrap_or(u16::MAX).to_be_bytes());
    body.extend_from_slice(topic.as_bytes());
    if version == Version::V5 {
        body.push(0); // no properties
    }
    body.extend_from_slice(payload);
    frame(0x30, &body)
}

/// The answer to a publish that breaks a rule: PUBACK or PUBREC; nothing for QoS 0.
pub(crate) fn publish_answer(version: Version, qos: u8, packet_id: Option<u16>) -> Bytes {
    let Some(packet_id) = packet_id else { return Bytes::new() };
    let mut body = packet_id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0x87); // not authorized
    }
    frame(if qos == 1 { 0x40 } else { 0x50 }, &body)
}

/// The answer to a subscribe that breaks a rule: SUBACK, all filters failed.
pub(crate) fn subscribe_answer(version: Version, packet_id: u16, filters: usize) -> Bytes {
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

/// Length of the frame at the start of the buffer, if enough of it is there to tell.
fn frame_length(buffer: &[u8]) -> io::Result<Option<usize>> {
    let mut length = 0usize;
    for position in 1..=4usize {
        let Some(&byte) = buffer.get(position) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * (position - 1));
        if byte & 0x80 == 0 {
            let whole = length + position + 1;
            return if whole > HARD_LIMIT { Err(io::ErrorKind::InvalidData.into()) } else { Ok(Some(whole)) };
        }
    }
    Err(io::ErrorKind::InvalidData.into())
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
        v3::Packet::PublishReceived { .. } => Packet::PubRec,
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
        v3::Packet::Disconnect => Packet::Disconnect,
        _ => Packet::Other,
    }
}

fn from_v5(packet: v5::Packet) -> Packet {
    match packet {
        v5::Packet::ConnectAck(ack) => {
            Packet::ConnAck { code: ack.reason_code.into(), session_present: ack.session_present }
        }
        v5::Packet::Publish(publish) => Packet::Publish(from_publish(&publish)),
        v5::Packet::PublishAck(ack) => Packet::PubAck { packet_id: ack.packet_id.get() },
        v5::Packet::PublishReceived(_) => Packet::PubRec,
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
        v5::Packet::Disconnect(_) => Packet::Disconnect,
        _ => Packet::Other,
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
