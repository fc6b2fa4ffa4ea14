//! TLS, WebSocket, both together, MQTT 5, and a client library over them.

use std::io::{Read, Write};
use std::time::Instant;

use crate::support::{LONG, Raw, Stream, password, plain, seen, text, tls, username};
use aliyun_mqtt_emulator::{Emulator, Listener, Version, What};

#[test]
fn tls_for_each_loopback_name_and_no_other() {
    let emulator = Emulator::start().unwrap();
    for (number, name) in ["localhost", "127.0.0.1", "::1"].into_iter().enumerate() {
        let id = format!("GID_emulator@@@{number}");
        let mut raw = Raw::over(tls(&emulator, name, emulator.tls_addr()));
        assert_eq!(raw.connect(&id, &username(&emulator), &password(&emulator, &id), true).0, 0);
        raw.subscribed(&[("emulator/#", 1)]);
        raw.publish("emulator/tls", 0, 0, &vec![1; 60_000]);
        assert_eq!(raw.message().payload.len(), 60_000);
        seen(&emulator, &id, |what| matches!(what, What::Connected { listener: Listener::Tls, .. }));
    }
    let mut wrong = tls(&emulator, "example.com", emulator.tls_addr());
    assert!(wrong.write_all(b"x").and_then(|()| wrong.flush()).is_err());
    let other = Emulator::start().unwrap();
    let mut wrong = tls(&other, "localhost", emulator.tls_addr());
    assert!(wrong.write_all(b"x").and_then(|()| wrong.flush()).is_err());
}

/// A minimal WebSocket client: each write is one masked binary message, and all messages are binary.
struct Socket<S> {
    stream: S,
    unread: Vec<u8>,
}

impl<S: Stream> Socket<S> {
    /// Performs the handshake, and returns the head of the response in lower case.
    fn open(mut stream: S, path: &str, protocol: &str) -> (Self, String) {
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{protocol}\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .unwrap();
        stream.flush().unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        (Self { stream, unread: Vec::new() }, String::from_utf8(answer).unwrap().to_lowercase())
    }
}

impl<S: Stream> Write for Socket<S> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut frame = vec![0x82, 0x80 | 126];
        frame.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        frame.extend([0; 4]);
        frame.extend_from_slice(bytes);
        self.stream.write_all(&frame)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Stream> Read for Socket<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.unread.is_empty() {
            let mut header = [0; 2];
            self.stream.read_exact(&mut header)?;
            let mut length = u64::from(header[1]);
            if length >= 126 {
                let mut long = vec![0; if length == 126 { 2 } else { 8 }];
                self.stream.read_exact(&mut long)?;
                length = long.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            }
            self.unread = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut self.unread)?;
            if header[0] == 0x88 {
                return Ok(0);
            }
            assert_eq!(header[0] & 0x0F, 2, "a binary message");
        }
        let length = buffer.len().min(self.unread.len());
        buffer[..length].copy_from_slice(&self.unread[..length]);
        self.unread.drain(..length);
        Ok(length)
    }
}

#[test]
fn websocket_and_secure_websocket() {
    let emulator = Emulator::start().unwrap();
    let mqtt = "Sec-WebSocket-Protocol: mqtt\r\n";
    let talk = |mut raw: Raw, id: &str, expected: Listener| {
        assert_eq!(raw.connect(id, &username(&emulator), &password(&emulator, id), true).0, 0);
        raw.subscribed(&[("emulator/#", 1)]);
        emulator.publish_as_service("emulator/ws", 1, vec![1; 65_536]).unwrap();
        assert_eq!(raw.message().payload.len(), 65_536);
        seen(&emulator, id, |what| matches!(what, What::Connected { listener, .. } if *listener == expected));
        assert!(emulator.kick(id));
        raw.ended();
    };
    let (socket, answer) = Socket::open(plain(emulator.ws_addr()), "/mqtt", mqtt);
    assert!(answer.starts_with("http/1.1 101") && answer.contains("\r\nsec-websocket-protocol: mqtt\r\n"), "{answer}");
    assert!(answer.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "the accept key of RFC 6455's example: {answer}");
    talk(Raw::over(socket), "GID_emulator@@@1", Listener::Ws);
    let (socket, answer) = Socket::open(plain(emulator.ws_addr()), "/", "");
    assert!(answer.starts_with("http/1.1 101") && !answer.contains("sec-websocket-protocol"), "{answer}");
    talk(Raw::over(socket), "GID_emulator@@@2", Listener::Ws);
    let secure = tls(&emulator, "localhost", emulator.wss_addr());
    let (socket, _) = Socket::open(secure, "/mqtt", "Sec-WebSocket-Protocol: other, mqtt\r\n");
    talk(Raw::over(socket), "GID_emulator@@@3", Listener::Wss);
}

/// A CONNECT of MQTT 5 with these properties.
fn connect5(emulator: &Emulator, raw: &mut Raw, id: &str, flags: u8, properties: &[u8]) -> Vec<u8> {
    let mut body = text("MQTT");
    body.extend([5, 0xC0 | flags, 0, 60, u8::try_from(properties.len()).unwrap()]);
    body.extend(properties);
    for field in [id, &username(emulator), &password(emulator, id)] {
        body.extend(text(field));
    }
    raw.send(0x10, &body);
    let (first, body) = raw.packet().expect("a CONNACK");
    assert_eq!((first, body[1]), (0x20, 0));
    body
}

#[test]
fn mqtt_5_aliases_notices_and_violations() {
    let emulator = Emulator::builder().acknowledge_violations(true).start().unwrap();
    let id = "GID_emulator@@@five";
    let mut raw = Raw::tcp(&emulator);
    // Session expiry of 5 s, which the service raises to 10 minutes.
    let connack = connect5(&emulator, &mut raw, id, 2, &[0x11, 0, 0, 0, 5]);
    assert!(connack.windows(5).any(|part| part == [0x11, 0, 0, 2, 0x58]), "{connack:x?}");
    assert!(connack.windows(3).any(|part| part == [0x22, 0, 30]), "30 topic aliases: {connack:x?}");
    seen(&emulator, id, |what| matches!(what, What::Connected { version: Version::V5, clean_session: true, .. }));

    // A publish that sets alias 3, and one that uses it.
    for topic in ["emulator/alias", ""] {
        let mut body = text(topic);
        body.extend([0, 9, 3, 0x23, 0, 3]);
        raw.send(0x32, &body);
        assert_eq!(raw.packet().map(|(first, body)| (first, body[..2].to_vec())), Some((0x40, vec![0, 9])));
    }
    let published = emulator
        .log()
        .into_iter()
        .filter(|entry| matches!(&entry.what, What::Published { topic, .. } if topic == "emulator/alias"));
    assert_eq!(published.count(), 2);

    assert!(emulator.push_notice(id, "$SYS/tokenExpireNotice", "soon"));
    assert_eq!(raw.packet(), Some((0x30, [text("$SYS/tokenExpireNotice"), vec![0], b"soon".to_vec()].concat())));

    let mut body = text("elsewhere/a");
    body.extend([0, 1, 0]);
    raw.send(0x32, &body);
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1, 0x87])));
    raw.ended();

    let mut raw = Raw::tcp(&emulator);
    connect5(&emulator, &mut raw, id, 0, &[]);
    raw.send(0x82, &[&[0, 2, 0][..], &text("elsewhere/a"), &[1]].concat());
    assert_eq!(raw.packet(), Some((0x90, vec![0, 2, 0, 0x87])));
    raw.ended();
}

#[test]
fn mqtt_5_without_acknowledgement_is_cut_in_silence() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@five";
    let mut raw = Raw::tcp(&emulator);
    connect5(&emulator, &mut raw, id, 2, &[]);
    let mut body = text("emulator/a");
    body.extend([0, 9, 3, 0x23, 0, 31]);
    raw.send(0x32, &body);
    raw.ended();
    seen(&emulator, id, |what| matches!(what, What::Violation { reason, .. } if reason.contains("alias 31")));
}

#[test]
fn an_mqtt_5_will_is_dropped_even_a_retained_one() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@five";
    let mut watcher = Raw::login(&emulator, "GID_emulator@@@watcher");
    watcher.subscribed(&[("emulator/#", 1)]);
    let mut raw = Raw::tcp(&emulator);
    let mut body = text("MQTT");
    body.extend([5, 0xC0 | 0x20 | 4 | 2, 0, 60, 0]);
    body.extend(text(id));
    body.push(0);
    for field in ["emulator/will", "gone", &username(&emulator), &password(&emulator, id)] {
        body.extend(text(field));
    }
    raw.send(0x10, &body);
    assert_eq!(raw.packet().map(|(first, body)| (first, body[1])), Some((0x20, 0)));
    drop(raw);
    seen(&emulator, id, |what| matches!(what, What::Disconnected { .. }));
    // Once the session is no longer listed, it has ended, and a will would have been sent.
    let deadline = Instant::now() + LONG;
    while emulator.sessions().iter().any(|session| session.client_id == id) {
        assert!(Instant::now() < deadline, "the session does not end");
        std::thread::yield_now();
    }
    watcher.quiet();
}

#[test]
fn rumqttc_of_both_versions_can_talk_to_it() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@rumqttc";
    let mut options = rumqttc::MqttOptions::new(id, "127.0.0.1", emulator.tcp_addr().port());
    options.set_credentials(username(&emulator), password(&emulator, id));
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.subscribe("emulator/v4", rumqttc::QoS::ExactlyOnce).unwrap();
    client.publish("emulator/v4", rumqttc::QoS::ExactlyOnce, false, "four").unwrap();
    let message = connection
        .iter()
        .find_map(|event| match event.unwrap() {
            rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) => Some(publish),
            _ => None,
        })
        .unwrap();
    assert_eq!(&message.payload[..], b"four");
    drop(connection);

    let id = "GID_emulator@@@rumqttc5";
    let mut options = rumqttc::v5::MqttOptions::new(id, "127.0.0.1", emulator.tcp_addr().port());
    options.set_credentials(username(&emulator), password(&emulator, id));
    options.set_topic_alias_max(Some(10));
    let (client, mut connection) = rumqttc::v5::Client::new(options, 10);
    client.subscribe("emulator/v5", rumqttc::v5::mqttbytes::QoS::ExactlyOnce).unwrap();
    client.publish("emulator/v5", rumqttc::v5::mqttbytes::QoS::ExactlyOnce, false, "five").unwrap();
    let message = connection
        .iter()
        .find_map(|event| match event.unwrap() {
            rumqttc::v5::Event::Incoming(rumqttc::v5::mqttbytes::v5::Packet::Publish(publish)) => Some(publish),
            _ => None,
        })
        .unwrap();
    assert_eq!(&message.payload[..], b"five");
    seen(&emulator, id, |what| matches!(what, What::Delivered { topic, .. } if topic == "emulator/v5"));
}
