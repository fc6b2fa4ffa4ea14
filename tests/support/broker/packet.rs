//! MQTT packets, from bytes and to bytes.

use super::super::text;

/// One packet. Reason codes of acknowledgements are not read, and 0 is sent: [`refusal_of`] encodes the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// With everything behind the fixed header as it was on the wire.
    Connect(Vec<u8>),
    /// `code`: of MQTT 3.1.1, also where it goes out in MQTT 5.
    ConnAck {
        session_present: bool,
        code: u8,
    },
    Publish(Publish),
    PubAck(u16),
    PubRec(u16),
    PubRel(u16),
    PubComp(u16),
    /// Filters come with their options.
    Subscribe {
        id: u16,
        properties: Vec<u8>,
        filters: Vec<(String, u8)>,
    },
    SubAck {
        id: u16,
        codes: Vec<u8>,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    UnsubAck(u16),
    PingReq,
    PingResp,
    /// With everything behind the fixed header.
    Disconnect(Vec<u8>),
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publish {
    pub topic: String,
    pub qos: u8,
    /// 0 at QoS 0, where it is not sent.
    pub id: u16,
    pub dup: bool,
    /// MQTT 5, as on the wire, without their length.
    pub properties: Vec<u8>,
    pub payload: Vec<u8>,
    /// The packet's length on the wire, of one that was read.
    pub wire_len: usize,
}

/// The type of a packet, with its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
}

impl Kind {
    /// The first byte of such a packet, with the flags that MQTT demands.
    fn first(self) -> u8 {
        let flags = if matches!(self, Kind::PubRel | Kind::Subscribe | Kind::Unsubscribe) { 2 } else { 0 };
        (self as u8) << 4 | flags
    }

    /// The acknowledgement of this type.
    pub fn of(self, id: u16) -> Packet {
        match self {
            Kind::PubAck => Packet::PubAck(id),
            Kind::PubRec => Packet::PubRec(id),
            Kind::PubRel => Packet::PubRel(id),
            Kind::PubComp => Packet::PubComp(id),
            Kind::UnsubAck => Packet::UnsubAck(id),
            other => panic!("{other:?} is no acknowledgement of one packet id"),
        }
    }
}

impl Packet {
    pub fn kind(&self) -> Kind {
        match self {
            Packet::Connect(_) => Kind::Connect,
            Packet::ConnAck { .. } => Kind::ConnAck,
            Packet::Publish(_) => Kind::Publish,
            Packet::PubAck(_) => Kind::PubAck,
            Packet::PubRec(_) => Kind::PubRec,
            Packet::PubRel(_) => Kind::PubRel,
            Packet::PubComp(_) => Kind::PubComp,
            Packet::Subscribe { .. } => Kind::Subscribe,
            Packet::SubAck { .. } => Kind::SubAck,
            Packet::Unsubscribe { .. } => Kind::Unsubscribe,
            Packet::UnsubAck(_) => Kind::UnsubAck,
            Packet::PingReq => Kind::PingReq,
            Packet::PingResp => Kind::PingResp,
            Packet::Disconnect(_) => Kind::Disconnect,
        }
    }

    /// The packet id.
    pub fn id(&self) -> u16 {
        match self {
            Packet::Publish(Publish { id, .. })
            | Packet::PubAck(id)
            | Packet::PubRec(id)
            | Packet::PubRel(id)
            | Packet::PubComp(id)
            | Packet::Subscribe { id, .. }
            | Packet::SubAck { id, .. }
            | Packet::Unsubscribe { id, .. }
            | Packet::UnsubAck(id) => *id,
            other => panic!("{other:?} has no packet id"),
        }
    }

    /// Everything that a CONNECT or DISCONNECT has behind the fixed header.
    pub fn body(&self) -> &[u8] {
        match self {
            Packet::Connect(body) | Packet::Disconnect(body) => body,
            other => panic!("{other:?} is decoded"),
        }
    }

    /// The message of a PUBLISH.
    pub fn message(&self) -> &Publish {
        match self {
            Packet::Publish(message) => message,
            other => panic!("{other:?} is no PUBLISH"),
        }
    }

    pub fn qos(&self) -> u8 {
        self.message().qos
    }

    pub fn dup(&self) -> bool {
        matches!(self, Packet::Publish(message) if message.dup)
    }

    pub fn topic(&self) -> String {
        self.message().topic.clone()
    }

    /// The payload of a PUBLISH, as text.
    pub fn payload(&self) -> String {
        text(&self.message().payload)
    }

    /// The properties of a PUBLISH or SUBSCRIBE of MQTT 5, as they were on the wire.
    pub fn properties(&self) -> &[u8] {
        match self {
            Packet::Subscribe { properties, .. } => properties,
            publish => &publish.message().properties,
        }
    }

    /// The filters of a SUBSCRIBE, with their options.
    pub fn filters(&self) -> Vec<(String, u8)> {
        match self {
            Packet::Subscribe { filters, .. } => filters.clone(),
            other => panic!("{other:?} is no SUBSCRIBE"),
        }
    }

    /// Decodes what came with this first byte and this body, on a connection of this protocol level.
    pub fn decode(first: u8, body: Vec<u8>, level: u8) -> Packet {
        let mut rest = Rest { bytes: &body, level };
        match first >> 4 {
            1 => Packet::Connect(body),
            3 => {
                let (topic, qos) = (rest.text(), first >> 1 & 3);
                let id = if qos > 0 { rest.number() } else { 0 };
                let (properties, wire_len) = (rest.properties(), 1 + length(body.len()).len() + body.len());
                let payload = rest.bytes.to_vec();
                Packet::Publish(Publish { topic, qos, id, dup: first & 8 != 0, properties, payload, wire_len })
            }
            4 => Packet::PubAck(rest.number()),
            5 => Packet::PubRec(rest.number()),
            6 => Packet::PubRel(rest.number()),
            7 => Packet::PubComp(rest.number()),
            8 => {
                let (id, properties) = (rest.number(), rest.properties());
                Packet::Subscribe { id, properties, filters: rest.all(|rest| (rest.text(), rest.byte())) }
            }
            10 => {
                let (id, _) = (rest.number(), rest.properties());
                Packet::Unsubscribe { id, filters: rest.all(Rest::text) }
            }
            12 => Packet::PingReq,
            14 => Packet::Disconnect(body),
            other => panic!("a client sends no packet of type {other}: {body:?}"),
        }
    }

    /// Encodes it for this protocol level.
    pub fn encode(&self, level: u8) -> Vec<u8> {
        let none: &[u8] = if level == 5 { &[0] } else { &[] };
        let body = match self {
            Packet::ConnAck { session_present, code } => {
                let code = if level == 5 { connack_of_v5(*code) } else { *code };
                [&[u8::from(*session_present), code], none].concat()
            }
            Packet::Publish(message) => return message.encode(level),
            Packet::PubAck(id) | Packet::PubRec(id) | Packet::PubRel(id) | Packet::PubComp(id) => {
                id.to_be_bytes().to_vec()
            }
            Packet::SubAck { id, codes } => [&id.to_be_bytes(), none, codes].concat(),
            // It has no short form: no properties, and success.
            Packet::UnsubAck(id) if level == 5 => [id.to_be_bytes(), [0, 0]].concat(),
            Packet::UnsubAck(id) => id.to_be_bytes().to_vec(),
            Packet::PingResp => Vec::new(),
            other => panic!("a server does not send {other:?}"),
        };
        packet(self.kind().first(), &body)
    }
}

impl Publish {
    fn encode(&self, level: u8) -> Vec<u8> {
        let mut body = (self.topic.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(self.topic.as_bytes());
        if self.qos > 0 {
            body.extend_from_slice(&self.id.to_be_bytes());
        }
        if level == 5 {
            body.extend_from_slice(&length(self.properties.len()));
            body.extend_from_slice(&self.properties);
        }
        body.extend_from_slice(&self.payload);
        packet(Kind::Publish.first() | u8::from(self.dup) << 3 | self.qos << 1, &body)
    }
}

/// An acknowledgement of MQTT 5 with a reason code, and, if there are any, the server's own words.
pub fn refusal_of(ack: &Packet, reason: u8, words: &str) -> Vec<u8> {
    let words = if words.is_empty() { Vec::new() } else { reason_string(words) };
    packet(ack.kind().first(), &[&ack.id().to_be_bytes(), &[reason][..], &words].concat())
}

/// The properties of a packet of MQTT 5 that has only a reason string, with their length.
pub fn reason_string(words: &str) -> Vec<u8> {
    let mut properties = vec![3 + words.len() as u8, 0x1f, 0, words.len() as u8];
    properties.extend_from_slice(words.as_bytes());
    properties
}

/// A packet in bytes, whatever MQTT thinks of it.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first], length(body.len()).as_slice(), body].concat()
}

/// The code of CONNACK in MQTT 5 for one of MQTT 3.1.1.
pub fn connack_of_v5(code: u8) -> u8 {
    [0, 0x84, 0x85, 0x88, 0x86, 0x87][usize::from(code)]
}

/// A length as MQTT writes it, seven bits a byte.
fn length(mut left: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = left >= 128;
        bytes.push((left % 128) as u8 | u8::from(more) << 7);
        left /= 128;
        if !more {
            return bytes;
        }
    }
}

/// The rest of a body.
struct Rest<'a> {
    bytes: &'a [u8],
    level: u8,
}

impl Rest<'_> {
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn text(&mut self) -> String {
        let length = self.number();
        text(self.take(length.into()))
    }

    fn properties(&mut self) -> Vec<u8> {
        if self.level < 5 {
            return Vec::new();
        }
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return self.take(length).to_vec();
            }
        }
    }

    fn all<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut all = Vec::new();
        while !self.bytes.is_empty() {
            all.push(read(self));
        }
        all
    }
}
