//! A scripted broker, for what no real broker can be made to do: it reads packets one by one, and writes what the
//! test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Limits};

use super::LONG;

/// One MQTT packet as it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
    /// The protocol level of the connection: 4 or 5.
    pub level: u8,
}

impl Packet {
    /// CONNECT 1, PUBLISH 3, PUBREL 6, SUBSCRIBE 8, UNSUBSCRIBE 10, PINGREQ 12, DISCONNECT 14.
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }

    pub fn qos(&self) -> u8 {
        (self.first >> 1) & 3
    }

    pub fn dup(&self) -> bool {
        self.first & 8 != 0
    }

    /// The topic of a PUBLISH.
    pub fn topic(&self) -> String {
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        super::text(&self.body[2..2 + length])
    }

    /// The payload of a PUBLISH.
    pub fn payload(&self) -> String {
        super::text(&self.body[self.properties_at() + self.properties_len()..])
    }

    /// The properties of a PUBLISH or SUBSCRIBE of MQTT 5, as they were on the wire.
    pub fn properties(&self) -> &[u8] {
        let (start, len) = (self.properties_at(), self.properties_len());
        // Behind their length, which has one byte here.
        &self.body[start + 1..start + len]
    }

    fn properties_at(&self) -> usize {
        if self.kind() == 3 { 2 + self.topic().len() + if self.qos() > 0 { 2 } else { 0 } } else { 2 }
    }

    /// With their length.
    fn properties_len(&self) -> usize {
        if self.level < 5 {
            return 0;
        }
        let len = usize::from(self.body[self.properties_at()]);
        assert!(len < 128, "this helper reads short properties");
        1 + len
    }

    /// The filters of a SUBSCRIBE, with their options.
    pub fn filters(&self) -> Vec<(String, u8)> {
        let mut rest = &self.body[self.properties_at() + self.properties_len()..];
        let mut filters = Vec::new();
        while let [high, low, more @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            filters.push((super::text(&more[..length]), more[length]));
            rest = &more[length + 1..];
        }
        filters
    }

    /// The packet id.
    pub fn id(&self) -> u16 {
        let at = if self.kind() == 3 { 2 + self.topic().len() } else { 0 };
        u16::from_be_bytes([self.body[at], self.body[at + 1]])
    }
}

/// The code of CONNACK in MQTT 5 for one of MQTT 3.1.1.
pub fn connack_of_v5(code: u8) -> u8 {
    [0, 0x84, 0x85, 0x88, 0x86, 0x87][usize::from(code)]
}

/// Limits that let tests use short names.
pub fn lax() -> Limits {
    Limits::default().strict_names(false)
}

/// A listener that hands out scripted connections.
pub struct Broker {
    listener: TcpListener,
}

impl Broker {
    pub fn start() -> Broker {
        Broker { listener: TcpListener::bind("127.0.0.1:0").expect("a port") }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// A configuration for a client of this broker.
    pub fn config(&self) -> ConfigBuilder {
        Config::builder()
            .protocol(super::protocol())
            .endpoint(format!("mqtt://{}", self.addr()))
            .instance_id("post-cn-test")
            .group_id("GID_test")
            .credentials(Credentials::signature("test-access-key-id", "test-access-key-secret"))
            .limits(lax())
            .timeout(LONG)
            .backoff(Duration::from_millis(10), Duration::from_millis(20))
    }

    /// The next connection, whatever it wants.
    pub fn accept_raw(&self) -> Line {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        Line { stream, level: 4 }
    }

    /// The next connection, with its login accepted.
    pub fn accept(&self, session_present: bool) -> Line {
        let mut line = self.accept_raw();
        assert_eq!(line.read().expect("CONNECT").kind(), 1);
        line.connack(session_present, 0);
        line
    }

    /// The same, with these properties in CONNACK (MQTT 5).
    pub fn accept_with(&self, session_present: bool, properties: &[u8]) -> Line {
        let mut line = self.accept_raw();
        assert_eq!(line.read().expect("CONNECT").kind(), 1);
        let mut packet = vec![0x20, 3 + properties.len() as u8, u8::from(session_present), 0, properties.len() as u8];
        packet.extend_from_slice(properties);
        line.write(&packet);
        line
    }

    /// A client of this broker, and the first connection.
    pub fn connect(&self, builder: ConfigBuilder) -> (Client, Line) {
        self.connect_by(builder, |broker| broker.accept(false))
    }

    /// The same, with the first connection accepted by this function.
    pub fn connect_by(&self, builder: ConfigBuilder, accept: impl FnOnce(&Broker) -> Line) -> (Client, Line) {
        let config = builder.build().expect("a good configuration");
        std::thread::scope(|scope| {
            let client = scope.spawn(|| Client::connect(config));
            let line = accept(self);
            (client.join().expect("no panic").expect("connected"), line)
        })
    }
}

/// Grants the next SUBSCRIBE.
pub fn grant(line: &mut Line) {
    let id = line.expect(8).id();
    line.suback(id, &[1]);
}

/// One connection, seen from the broker.
pub struct Line {
    pub stream: TcpStream,
    /// The protocol level, once CONNECT was read: 4 or 5.
    level: u8,
}

impl Line {
    /// The next packet; `None` when the client has closed.
    pub fn read(&mut self) -> Option<Packet> {
        let mut first = [0];
        if self.stream.read(&mut first).ok()? == 0 {
            return None;
        }
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).ok()?;
            length |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        if first[0] >> 4 == 1 {
            // Behind the protocol's name.
            self.level = body[6];
        }
        Some(Packet { first: first[0], body, level: self.level })
    }

    /// The next packet of this kind; others are skipped.
    pub fn expect(&mut self, kind: u8) -> Packet {
        loop {
            let packet = self.read().unwrap_or_else(|| panic!("the client closed, where packet {kind} was due"));
            if packet.kind() == kind {
                return packet;
            }
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    /// CONNACK with this code of MQTT 3.1.1, or its counterpart.
    pub fn connack(&mut self, session_present: bool, code: u8) {
        let packet = self.connack_packet(session_present, code);
        self.write(&packet);
    }

    pub fn connack_packet(&self, session_present: bool, code: u8) -> Vec<u8> {
        match self.level {
            5 => vec![0x20, 3, u8::from(session_present), connack_of_v5(code), 0],
            _ => vec![0x20, 2, u8::from(session_present), code],
        }
    }

    /// An acknowledgement: PUBACK 4, PUBREC 5, PUBREL 6, PUBCOMP 7, UNSUBACK 11.
    pub fn ack(&mut self, kind: u8, id: u16) {
        let flags = if kind == 6 { 2 } else { 0 };
        let [high, low] = id.to_be_bytes();
        match (self.level, kind) {
            // No properties, and success.
            (5, 11) => self.write(&[kind << 4, 4, high, low, 0, 0]),
            _ => self.write(&[kind << 4 | flags, 2, high, low]),
        }
    }

    /// PUBACK, PUBREC or PUBCOMP of MQTT 5 with a reason code, and, if there are any, the broker's own words.
    pub fn ack_with(&mut self, kind: u8, id: u16, reason: u8, words: &str) {
        let [high, low] = id.to_be_bytes();
        let mut packet = vec![kind << 4, 3, high, low, reason];
        if !words.is_empty() {
            packet.extend_from_slice(&reason_string(words));
            packet[1] = packet.len() as u8 - 2;
        }
        self.write(&packet);
    }

    pub fn suback(&mut self, id: u16, codes: &[u8]) {
        let [high, low] = id.to_be_bytes();
        let mut packet = vec![0x90, 0, high, low];
        if self.level == 5 {
            packet.push(0);
        }
        packet.extend_from_slice(codes);
        packet[1] = packet.len() as u8 - 2;
        self.write(&packet);
    }

    /// A PUBLISH to the client.
    pub fn publish(&mut self, topic: &str, qos: u8, id: u16, dup: bool, payload: &str) {
        let packet = self.publish_packet(topic, qos, id, dup, &[], payload);
        self.write(&packet);
    }

    /// `properties`: of MQTT 5 only.
    pub fn publish_packet(
        &self,
        topic: &str,
        qos: u8,
        id: u16,
        dup: bool,
        properties: &[u8],
        payload: &str,
    ) -> Vec<u8> {
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        if qos > 0 {
            body.extend_from_slice(&id.to_be_bytes());
        }
        if self.level == 5 {
            body.push(properties.len() as u8);
            body.extend_from_slice(properties);
        }
        body.extend_from_slice(payload.as_bytes());
        assert!(body.len() < 128, "this helper writes short packets");
        let mut packet = vec![0x30 | u8::from(dup) << 3 | qos << 1, body.len() as u8];
        packet.extend_from_slice(&body);
        packet
    }
}

/// The properties of a packet of MQTT 5 that has only a reason string, with their length.
pub fn reason_string(words: &str) -> Vec<u8> {
    let mut properties = vec![3 + words.len() as u8, 0x1f, 0, words.len() as u8];
    properties.extend_from_slice(words.as_bytes());
    properties
}
