//! A scripted broker, for what no real broker can be made to do: it reads packets one by one, and writes what the
//! test tells it to.

mod line;
mod packet;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ConfigBuilder, Credentials, Error, Limits, Protocol};

use super::LONG;
use super::port::Port;
pub use line::Line;
pub use packet::*;

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
    port: Option<Port>,
}

impl Broker {
    pub fn start() -> Broker {
        let port = Port::reserve();
        Broker { listener: TcpListener::bind(port.addr()).expect("our port"), port: Some(port) }
    }

    pub fn on(listener: TcpListener) -> Broker {
        Broker { listener, port: None }
    }

    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("an address")
    }

    /// Ends it. As long as the port lives that this returns, nobody else is there.
    #[must_use]
    pub fn stop(self) -> Port {
        self.port.expect("a broker on a port of its own")
    }

    /// A configuration for a client of this broker.
    pub fn config(&self) -> ConfigBuilder {
        config(self.addr())
    }

    /// The next connection, whatever it wants.
    pub fn accept_raw(&self) -> Line {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Line::new(stream)
    }

    /// The next connection that logs in, without an answer yet.
    pub fn accept_login(&self) -> Line {
        let mut line = self.accept_raw();
        assert_eq!(line.read().expect("CONNECT").kind(), Kind::Connect);
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

    /// Returns true if a connection waits to be accepted.
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
        drop(line);
        let _port = self.stop();
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
            let client = scope.spawn(|| {
                Client::connect(config).inspect_err(|error| {
                    // Whoever accepts is not left waiting for a client that does not come.
                    eprintln!("the client does not connect: {error}");
                    let _ = TcpStream::connect(self.addr());
                })
            });
            let line = accept(self);
            (client.join().expect("no panic").expect("connected"), line)
        })
    }
}

/// Grants the next SUBSCRIBE.
pub fn grant(line: &mut Line) {
    let id = line.expect(Kind::Subscribe).id();
    line.suback(id, &[1]);
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

/// This and the following: packets of the tests' version in bytes, so that a test can put several into one segment.
pub fn connack(session_present: bool) -> Vec<u8> {
    connack_at(level(), session_present, 0)
}

/// A refusal, with this code of MQTT 3.1.1.
pub fn refusal(code: u8) -> Vec<u8> {
    connack_at(level(), false, code)
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

/// This and the following: packets of this protocol level. `code`: of MQTT 3.1.1.
pub fn connack_at(level: u8, session_present: bool, code: u8) -> Vec<u8> {
    Packet::ConnAck { session_present, code }.encode(level)
}

pub fn suback_at(level: u8, id: u16, codes: &[u8]) -> Vec<u8> {
    Packet::SubAck { id, codes: codes.to_vec() }.encode(level)
}

pub fn publish_at(level: u8, topic: &str, qos: u8, id: u16, dup: bool, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let (topic, properties, payload) = (topic.to_string(), properties.to_vec(), payload.to_vec());
    Packet::Publish(Publish { topic, qos, id, dup, properties, payload, wire_len: 0 }).encode(level)
}
