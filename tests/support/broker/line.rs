//! One connection, seen from the broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::{LONG, text};
use super::packet::{Kind, Packet, refusal_of};
use super::{connack_at, publish_at, publish_with, suback_at};

/// One connection, seen from the broker.
pub struct Line {
    pub stream: TcpStream,
    /// The protocol level, once CONNECT was read: 4 or 5.
    level: u8,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Line {
        Line { stream, level: 4 }
    }

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
        Some(Packet::decode(first[0], body, self.level))
    }

    /// The next packet of this kind; others are skipped.
    pub fn expect(&mut self, kind: Kind) -> Packet {
        loop {
            let packet = self.read().unwrap_or_else(|| panic!("the client closed, where {kind:?} was due"));
            if packet.kind() == kind {
                return packet;
            }
        }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    pub fn send(&mut self, packet: &Packet) {
        self.write(&packet.encode(self.level));
    }

    /// An acknowledgement of MQTT 5 with a reason code, and, if there are any, the broker's own words.
    pub fn send_with(&mut self, ack: &Packet, reason: u8, words: &str) {
        self.write(&refusal_of(ack, reason, words));
    }

    pub fn connack(&mut self, session_present: bool, code: u8) {
        self.write(&connack_at(self.level, session_present, code));
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
            (text(topic), properties, payload.as_bytes().to_vec())
        } else {
            let envelope = &request.message().payload;
            assert_eq!(envelope[..6], [0xfa, 0x41, 0x52, 0x52, 1, 1]);
            let (correlation, rest) = envelope[9..].split_at(envelope[6].into());
            let topic = &rest[..u16::from_be_bytes([envelope[7], envelope[8]]).into()];
            let head = [0xfa, 0x41, 0x52, 0x52, 1, 2, envelope[6], 0, 0];
            (text(topic), Vec::new(), [&head, correlation, payload.as_bytes()].concat())
        };
        self.write(&publish_at(self.level, &topic, qos, id, false, &properties, &payload));
    }

    /// Nothing more comes from the client, as far as can be seen in a moment.
    pub fn quiet(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut byte = [0];
        let read = self.stream.read(&mut byte);
        assert!(read.is_err(), "the client sent more: {byte:?}");
        self.stream.set_read_timeout(Some(LONG)).expect("a timeout");
    }

    /// Answers this packet as a good broker does.
    pub fn answer(&mut self, packet: &Packet) {
        match packet {
            Packet::Publish(message) if message.qos == 1 => self.send(&Packet::PubAck(message.id)),
            Packet::Publish(message) if message.qos == 2 => self.send(&Packet::PubRec(message.id)),
            Packet::PubRel(id) => self.send(&Packet::PubComp(*id)),
            Packet::Subscribe { id, .. } => self.suback(*id, &[1]),
            Packet::Unsubscribe { id, .. } => self.send(&Packet::UnsubAck(*id)),
            Packet::PingReq => self.send(&Packet::PingResp),
            _ => {}
        }
    }

    /// Answers everything until `done`, or until the client says goodbye or closes; what came.
    pub fn serve_until(&mut self, mut done: impl FnMut(&[Packet]) -> bool) -> Vec<Packet> {
        let mut packets = Vec::new();
        while !done(&packets) {
            let Some(packet) = self.read() else { break };
            self.answer(&packet);
            let goodbye = packet.kind() == Kind::Disconnect;
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
        // The last words of the client are read, or the close would be a reset.
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
