//! A scripted broker, for what no real broker can be made to do: it reads packets one by one, and writes what the
//! test tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Error, Limits, Protocol};

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
        super::text(self.payload_bytes())
    }

    /// The same, where it is no text.
    pub fn payload_bytes(&self) -> &[u8] {
        &self.body[self.properties_at() + self.properties_len()..]
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

/// A configuration for a client of the broker there.
pub fn config(addr: SocketAddr) -> ConfigBuilder {
    Config::builder()
        .protocol(super::protocol())
        .endpoint(format!("mqtt://{addr}"))
        .instance_id("post-cn-test")
        .group_id("GID_test")
        .credentials(Credentials::signature("test-access-key-id", "test-access-key-secret"))
        .limits(lax())
        .timeout(LONG)
        .backoff(Duration::from_millis(10), Duration::from_millis(20))
}

/// A listener that hands out scripted connections.
pub struct Broker {
    listener: TcpListener,
}

impl Broker {
    pub fn start() -> Broker {
        Broker::on(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    pub fn on(listener: TcpListener) -> Broker {
        Broker { listener }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// A configuration for a client of this broker.
    pub fn config(&self) -> ConfigBuilder {
        config(self.addr())
    }

    /// The next connection, whatever it wants.
    pub fn accept_raw(&self) -> Line {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        Line { stream, level: 4 }
    }

    /// The next connection that logs in, without an answer yet.
    pub fn accept_login(&self) -> Line {
        let mut line = self.accept_raw();
        assert_eq!(line.read().expect("CONNECT").kind(), 1);
        line
    }

    /// The next connection, accepted with these properties in CONNACK (MQTT 5).
    pub fn accept_with(&self, session_present: bool, properties: &[u8]) -> Line {
        let mut line = self.accept_login();
        line.write(&connack_with(session_present, properties));
        line
    }

    /// The next connection, with its login accepted.
    pub fn accept(&self, session_present: bool) -> Line {
        let mut line = self.accept_login();
        line.connack(session_present, 0);
        line
    }

    /// Whether a connection waits to be accepted.
    pub fn somebody_waits(&self) -> bool {
        self.listener.set_nonblocking(true).expect("a switch");
        let waits = self.listener.accept().is_ok();
        self.listener.set_nonblocking(false).expect("a switch");
        waits
    }

    /// What a client asks in its CONNECT, and the error when that gets this answer and the broker is gone.
    pub fn refuse(self, builder: ConfigBuilder, answer: &[u8]) -> (Packet, Error) {
        let config = builder.build().expect("a good configuration");
        let client = std::thread::spawn(|| Client::connect(config));
        let mut line = self.accept_raw();
        let connect = line.read().expect("CONNECT");
        line.write(answer);
        drop((line, self));
        (connect, super::error(client.join().expect("no panic")))
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

/// A packet in bytes, so that a test can put several into one segment.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    [&[first], length(body.len()).as_slice(), body].concat()
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

/// A CONNACK of MQTT 5 that accepts, with these properties.
pub fn connack_with(session_present: bool, properties: &[u8]) -> Vec<u8> {
    let start = [u8::from(session_present), 0, properties.len() as u8];
    packet(0x20, &[&start, properties].concat())
}

/// The protocol level of the tests' version.
pub fn level() -> u8 {
    if super::protocol() == Protocol::V5 { 5 } else { 4 }
}

/// This and the following: packets of the tests' version.
pub fn connack(session_present: bool) -> Vec<u8> {
    connack_at(level(), session_present, 0)
}

/// A refusal, with this code of MQTT 3.1.1.
pub fn refusal(code: u8) -> Vec<u8> {
    connack_at(level(), false, code)
}

/// An acknowledgement: PUBACK 4, PUBREC 5, PUBREL 6, PUBCOMP 7, UNSUBACK 11.
pub fn ack(kind: u8, id: u16) -> Vec<u8> {
    ack_at(level(), kind, id)
}

pub fn suback(id: u16, codes: &[u8]) -> Vec<u8> {
    suback_at(level(), id, codes)
}

/// A PUBLISH to the client. The id is left out at QoS 0.
pub fn publish(topic: &str, qos: u8, id: u16, dup: bool, payload: &[u8]) -> Vec<u8> {
    publish_at(level(), topic, qos, id, dup, &[], payload)
}

/// A PUBLISH of MQTT 5 with properties, at QoS 0.
pub fn publish_with(topic: &str, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    publish_at(5, topic, 0, 0, false, properties, payload)
}

/// `code`: of MQTT 3.1.1.
pub fn connack_at(level: u8, session_present: bool, code: u8) -> Vec<u8> {
    match level {
        5 => packet(0x20, &[u8::from(session_present), connack_of_v5(code), 0]),
        _ => packet(0x20, &[u8::from(session_present), code]),
    }
}

pub fn ack_at(level: u8, kind: u8, id: u16) -> Vec<u8> {
    let flags = if kind == 6 { 2 } else { 0 };
    // UNSUBACK of MQTT 5 has no short form: no properties, and success.
    let rest: &[u8] = if level == 5 && kind == 11 { &[0, 0] } else { &[] };
    packet(kind << 4 | flags, &[&id.to_be_bytes(), rest].concat())
}

pub fn suback_at(level: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    packet(0x90, &[&id.to_be_bytes(), properties, codes].concat())
}

pub fn publish_at(level: u8, topic: &str, qos: u8, id: u16, dup: bool, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    if level == 5 {
        body.extend_from_slice(&length(properties.len()));
        body.extend_from_slice(properties);
    }
    body.extend_from_slice(payload);
    packet(0x30 | u8::from(dup) << 3 | qos << 1, &body)
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

    /// Counterparts of the functions below, for this connection's version.
    pub fn connack(&mut self, session_present: bool, code: u8) {
        self.write(&connack_at(self.level, session_present, code));
    }

    /// See [`ack`].
    pub fn ack(&mut self, kind: u8, id: u16) {
        self.write(&ack_at(self.level, kind, id));
    }

    /// PUBACK, PUBREC or PUBCOMP of MQTT 5 with a reason code, and, if there are any, the broker's own words.
    pub fn ack_with(&mut self, kind: u8, id: u16, reason: u8, words: &str) {
        let words = if words.is_empty() { Vec::new() } else { reason_string(words) };
        self.write(&packet(kind << 4, &[&id.to_be_bytes(), &[reason][..], &words].concat()));
    }

    pub fn suback(&mut self, id: u16, codes: &[u8]) {
        self.write(&suback_at(self.level, id, codes));
    }

    /// A PUBLISH to the client.
    pub fn publish(&mut self, topic: &str, qos: u8, id: u16, dup: bool, payload: &str) {
        self.write(&publish_at(self.level, topic, qos, id, dup, &[], payload.as_bytes()));
    }

    /// A PUBLISH of MQTT 5 with properties, at QoS 0.
    pub fn publish_with(&mut self, topic: &str, properties: &[u8], payload: &str) {
        self.write(&publish_with(topic, properties, payload.as_bytes()));
    }

    /// The reply to a request that came in a PUBLISH, written as it was asked: see `aliyun_mqtt::Request`.
    pub fn reply(&mut self, request: &Packet, qos: u8, id: u16, payload: &str) {
        let (topic, properties, payload) = if self.level == 5 {
            let mut rest = request.properties();
            let mut next = |kind: u8| {
                let (head, more) = rest.split_at(3);
                assert_eq!(head[0], kind, "response topic, then correlation data, and nothing else");
                let (value, more) = more.split_at(u16::from_be_bytes([head[1], head[2]]).into());
                rest = more;
                value
            };
            let (topic, correlation) = (next(8), next(9));
            let properties = [&[9, 0, correlation.len() as u8], correlation].concat();
            (super::text(topic), properties, payload.as_bytes().to_vec())
        } else {
            let envelope = request.payload_bytes();
            assert_eq!(envelope[..6], [0xfa, 0x41, 0x52, 0x52, 1, 1]);
            let (correlation, rest) = envelope[9..].split_at(envelope[6].into());
            let topic = &rest[..u16::from_be_bytes([envelope[7], envelope[8]]).into()];
            let head = [0xfa, 0x41, 0x52, 0x52, 1, 2, envelope[6], 0, 0];
            (super::text(topic), Vec::new(), [&head, correlation, payload.as_bytes()].concat())
        };
        self.write(&publish_at(self.level, &topic, qos, id, false, &properties, &payload));
    }

    /// What a good broker answers to this packet.
    pub fn answer(&mut self, packet: &Packet) {
        match (packet.kind(), packet.qos()) {
            (3, 1) => self.ack(4, packet.id()),
            (3, 2) => self.ack(5, packet.id()),
            (6, _) => self.ack(7, packet.id()),
            (8, _) => self.suback(packet.id(), &[1]),
            (10, _) => self.ack(11, packet.id()),
            (12, _) => self.write(&[0xd0, 0]),
            _ => {}
        }
    }

    /// Answers everything until `done`, or until the client says goodbye or closes; what came.
    pub fn serve_until(&mut self, mut done: impl FnMut(&[Packet]) -> bool) -> Vec<Packet> {
        let mut packets = Vec::new();
        while !done(&packets) {
            let Some(packet) = self.read() else { break };
            self.answer(&packet);
            let goodbye = packet.kind() == 14;
            packets.push(packet);
            if goodbye {
                break;
            }
        }
        packets
    }

    /// These bytes and the end, in one segment: nothing is sent before the end is.
    #[cfg(target_os = "linux")]
    pub fn write_and_close(self, bytes: &[u8]) {
        use std::os::fd::AsRawFd;
        // SAFETY: the pointer and the length are those of one slice.
        let sent = unsafe { libc::send(self.stream.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_MORE) };
        assert_eq!(sent, bytes.len() as isize);
        self.stream.shutdown(std::net::Shutdown::Write).expect("the end");
        // What the client still says is read, or the close would be a reset.
        let mut rest = self;
        while rest.read().is_some() {}
    }

    /// Ends the connection with a reset. std cannot set this option yet.
    #[cfg(unix)]
    pub fn reset(self) {
        use std::os::fd::AsRawFd;
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the pointer and the length are those of one structure.
        let set = unsafe {
            let length = size_of::<libc::linger>() as libc::socklen_t;
            libc::setsockopt(
                self.stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const linger).cast(),
                length,
            )
        };
        assert_eq!(set, 0);
    }
}

/// The properties of a packet of MQTT 5 that has only a reason string, with their length.
pub fn reason_string(words: &str) -> Vec<u8> {
    let mut properties = vec![3 + words.len() as u8, 0x1f, 0, words.len() as u8];
    properties.extend_from_slice(words.as_bytes());
    properties
}
