//! A minimal MQTT client of raw packets, so that a test sees every byte of the emulator.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of this")]

pub mod api;
pub mod http;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt_emulator::{Emulator, LogEntry, What};
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A timeout that only failing tests reach, even on a busy machine.
pub const LONG: Duration = Duration::from_secs(20);

/// MQTT 5: a session expiry of an hour, as a property of CONNECT.
const KEPT_FOR_AN_HOUR: [u8; 5] = [0x11, 0, 0, 14, 16];

/// The certificate chain and the key of a device.
pub type DeviceIdentity = (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>);

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub struct Raw {
    stream: Box<dyn Stream>,
    /// MQTT 5: packets have properties.
    v5: bool,
}

pub struct Publish {
    pub topic: String,
    pub qos: u8,
    pub dup: bool,
    pub packet_id: Option<u16>,
    /// MQTT 5: as sent, without their length.
    pub properties: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Raw {
    pub fn tcp(emulator: &Emulator) -> Self {
        let stream = TcpStream::connect(emulator.tcp_addr()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: Box::new(stream), v5: false }
    }

    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), v5: false }
    }

    pub fn over_v5(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), v5: true }
    }

    /// Logs in with the default account under this client id; the connection must be accepted.
    pub fn login(emulator: &Emulator, client_id: &str) -> Self {
        Self::login_as(emulator, client_id, true)
    }

    pub fn login_as(emulator: &Emulator, client_id: &str, clean: bool) -> Self {
        let mut raw = Self::tcp(emulator);
        assert_eq!(raw.connect(client_id, &username(emulator), &password(emulator, client_id), clean).0, 0);
        raw
    }

    fn send_connect(&mut self, client_id: &str, username: &str, password: &str, clean: bool) {
        let mut body = text("MQTT");
        body.extend([4, 0xC0 | if clean { 2 } else { 0 }, 0, 60]);
        for field in [client_id, username, password] {
            body.extend(text(field));
        }
        self.send(0x10, &body);
    }

    /// Sends a CONNECT; returns the CONNACK's code and its session-present flag.
    pub fn connect(&mut self, client_id: &str, username: &str, password: &str, clean: bool) -> (u8, bool) {
        self.send_connect(client_id, username, password, clean);
        let (first, body) = self.packet().expect("a CONNACK");
        assert_eq!((first, body.len()), (0x20, 2));
        (body[1], body[0] == 1)
    }

    /// Sends a CONNECT without user name and password; returns the CONNACK's code, or `None` if the server closes the
    /// connection instead.
    pub fn connect_nameless(&mut self, client_id: &str) -> Option<u8> {
        let mut body = text("MQTT");
        body.extend([4, 2, 0, 60]);
        body.extend(text(client_id));
        let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
        packet.extend_from_slice(&body);
        self.stream.write_all(&packet).and_then(|()| self.stream.flush()).ok()?;
        let mut connack = [0; 4];
        self.stream.read_exact(&mut connack).ok()?;
        assert_eq!(connack[..3], [0x20, 2, 0]);
        Some(connack[3])
    }

    /// Logs in by MQTT 5 over a new connection, with the default account and these properties of the CONNECT.
    pub fn login5(emulator: &Emulator, client_id: &str, clean: bool, properties: &[u8]) -> Self {
        let mut raw = Self::tcp(emulator);
        raw.send_connect5(emulator, client_id, clean, properties);
        let (first, body) = raw.packet().expect("a CONNACK");
        assert_eq!((first, body[1]), (0x20, 0), "{body:x?}");
        raw
    }

    /// Logs in by either version, with a persistent session.
    pub fn login_kept(emulator: &Emulator, v5: bool, client_id: &str) -> Self {
        if v5 {
            Self::login5(emulator, client_id, false, &KEPT_FOR_AN_HOUR)
        } else {
            Self::login_as(emulator, client_id, false)
        }
    }

    /// Sends a CONNECT with a persistent session, and closes the connection at once.
    pub fn login_unread(emulator: &Emulator, v5: bool, client_id: &str) {
        let mut raw = Self::tcp(emulator);
        if v5 {
            raw.send_connect5(emulator, client_id, false, &KEPT_FOR_AN_HOUR);
        } else {
            raw.send_connect(client_id, &username(emulator), &password(emulator, client_id), false);
        }
    }

    pub fn send_connect5(&mut self, emulator: &Emulator, client_id: &str, clean: bool, properties: &[u8]) {
        self.v5 = true;
        let mut body = text("MQTT");
        body.extend([5, 0xC0 | if clean { 2 } else { 0 }, 0, 60, u8::try_from(properties.len()).unwrap()]);
        body.extend_from_slice(properties);
        for field in [client_id, &username(emulator), &password(emulator, client_id)] {
            body.extend(text(field));
        }
        self.send(0x10, &body);
    }

    pub fn send(&mut self, first: u8, body: &[u8]) {
        let mut packet = vec![first];
        let mut rest = body.len();
        loop {
            let low = (rest % 128) as u8;
            rest /= 128;
            packet.push(if rest > 0 { low | 0x80 } else { low });
            if rest == 0 {
                break;
            }
        }
        packet.extend_from_slice(body);
        self.bytes(&packet);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub fn publish(&mut self, topic: &str, qos: u8, packet_id: u16, payload: &[u8]) {
        let mut body = text(topic);
        if qos > 0 {
            body.extend(packet_id.to_be_bytes());
        }
        self.no_properties(&mut body);
        body.extend_from_slice(payload);
        self.send(0x30 | (qos << 1), &body);
    }

    pub fn subscribe(&mut self, packet_id: u16, filters: &[(&str, u8)]) {
        let mut body = packet_id.to_be_bytes().to_vec();
        self.no_properties(&mut body);
        for (filter, qos) in filters {
            body.extend(text(filter));
            body.push(*qos);
        }
        self.send(0x82, &body);
    }

    /// Subscribes, and expects the requested QoS to be granted.
    pub fn subscribed(&mut self, filters: &[(&str, u8)]) {
        self.subscribe(77, filters);
        let mut granted = vec![0, 77];
        self.no_properties(&mut granted);
        granted.extend(filters.iter().map(|(_, qos)| *qos));
        assert_eq!(self.packet(), Some((0x90, granted)));
    }

    fn no_properties(&self, body: &mut Vec<u8>) {
        if self.v5 {
            body.push(0);
        }
    }

    pub fn ping(&mut self) {
        self.send(0xC0, &[]);
    }

    /// The next packet: first byte and body; `None` when the connection has ended.
    pub fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.byte()?;
        let (mut length, mut shift) = (0usize, 0);
        loop {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Some((first, body))
    }

    /// The next packet, which must be a PUBLISH. QoS 1 is acknowledged.
    pub fn message(&mut self) -> Publish {
        let message = self.message_unacknowledged();
        if let (1, Some(packet_id)) = (message.qos, message.packet_id) {
            self.send(0x40, &packet_id.to_be_bytes());
        }
        message
    }

    pub fn message_unacknowledged(&mut self) -> Publish {
        let (first, body) = self.packet().expect("a message, not the end");
        assert_eq!(first & 0xF0, 0x30, "a PUBLISH, not {first:#x}");
        let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let topic = String::from_utf8(body[2..2 + length].to_vec()).unwrap();
        let qos = (first >> 1) & 3;
        let rest = &body[2 + length..];
        let (packet_id, rest) =
            if qos > 0 { (Some(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]) } else { (None, rest) };
        let (properties, payload) = if self.v5 {
            assert!(rest[0] < 0x80, "short properties");
            rest[1..].split_at(rest[0].into())
        } else {
            (&[][..], rest)
        };
        let (properties, payload) = (properties.to_vec(), payload.to_vec());
        Publish { topic, qos, dup: first & 8 != 0, packet_id, properties, payload }
    }

    /// Expects the end of the connection.
    pub fn ended(&mut self) {
        assert_eq!(self.packet(), None, "the end of the connection");
    }

    /// Waits until all that was sent has arrived, by a ping. Skips messages that come meanwhile.
    pub fn answered(&mut self) {
        self.ping();
        while self.packet().expect("an answer, not the end").0 != 0xD0 {}
    }

    /// Expects that no packet is on its way: the next one is the response to a ping.
    pub fn quiet(&mut self) {
        self.ping();
        assert_eq!(self.packet(), Some((0xD0, vec![])));
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(1) => Some(byte[0]),
            Ok(_) => None,
            Err(error) => {
                let kind = error.kind();
                assert!(
                    matches!(
                        kind,
                        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof
                    ),
                    "waiting for a packet: {error}"
                );
                None
            }
        }
    }
}

pub fn plain(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

pub fn tls(emulator: &Emulator, name: &str, address: SocketAddr) -> Tls {
    tls_with(emulator, name, plain(address), None)
}

/// As [`tls`], with a certificate of the client.
pub fn tls_with(emulator: &Emulator, name: &str, stream: TcpStream, certificate: Option<DeviceIdentity>) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(emulator.ca_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match certificate {
        Some((chain, key)) => config.with_client_auth_cert(chain, key.into()).unwrap(),
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

pub fn text(text: &str) -> Vec<u8> {
    let mut field = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    field.extend_from_slice(text.as_bytes());
    field
}

pub fn username(emulator: &Emulator) -> String {
    format!("Signature|{}|{}", emulator.access_key_id(), emulator.instance_id())
}

pub fn password(emulator: &Emulator, client_id: &str) -> String {
    sign(client_id, emulator.access_key_secret())
}

pub fn sign(client_id: &str, secret: &str) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(client_id.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// Waits for the first log entry about this client that `fits`; panics if none comes.
pub fn seen(emulator: &Emulator, client_id: &str, fits: impl Fn(&What) -> bool) -> LogEntry {
    emulator
        .wait_for_log(LONG, |entry| entry.client_id == client_id && fits(&entry.what))
        .unwrap_or_else(|| panic!("not in the log of {client_id}: {:#?}", emulator.log()))
}
