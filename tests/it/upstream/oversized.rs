//! rumqttc 0.25.1: a packet over the limit ends the connection, and what was read before it goes unacknowledged.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

/// Far beyond what this takes.
const LONG: Duration = Duration::from_secs(60);
const LIMIT: u8 = 100;

/// Serves one connection: CONNACK, a QoS 1 message and one above the limit in one segment. Returns what came behind
/// CONNECT.
fn server(connack: &'static [u8], head: &'static [u8]) -> (SocketAddr, thread::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        let mut connect = [0; 2];
        stream.read_exact(&mut connect).expect("CONNECT");
        stream.read_exact(&mut vec![0; connect[1].into()]).expect("the rest of it");
        let small = [&[0x32, head.len() as u8][..], head].concat();
        let large = [&[0x32, LIMIT + 1][..], head, &vec![0; usize::from(LIMIT) + 1 - head.len()]].concat();
        stream.write_all(&[connack, &small, &large].concat()).expect("written");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the end");
        rest
    });
    (addr, serving)
}

#[test]
fn what_came_before_a_packet_over_the_limit_is_not_acknowledged_v4() {
    let (addr, serving) = server(&[0x20, 2, 0, 0], b"\0\x01t\0\x01");
    let mut options = rumqttc::MqttOptions::new("id", addr.ip().to_string(), addr.port());
    options.set_max_packet_size(LIMIT.into(), LIMIT.into());
    let (_client, mut connection) = rumqttc::Client::new(options, 10);
    assert!(matches!(connection.recv(), Ok(Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))))));
    let next = connection.recv().expect("the event loop runs");
    use rumqttc::mqttbytes::Error::PayloadSizeLimitExceeded;
    use rumqttc::{ConnectionError::MqttState, StateError::Deserialization};
    assert!(matches!(next, Err(MqttState(Deserialization(PayloadSizeLimitExceeded(101))))), "{next:?}");
    drop(connection);
    assert_eq!(serving.join().expect("no panic"), Vec::<u8>::new(), "no PUBACK");
}

#[test]
fn what_came_before_a_packet_over_the_limit_is_not_acknowledged_v5() {
    use rumqttc::v5;
    let (addr, serving) = server(&[0x20, 3, 0, 0, 0], b"\0\x01t\0\x01\0");
    let mut options = v5::MqttOptions::new("id", addr.ip().to_string(), addr.port());
    options.set_max_packet_size(Some(LIMIT.into()));
    let (_client, mut connection) = v5::Client::new(options, 10);
    assert!(matches!(connection.recv(), Ok(Ok(v5::Event::Incoming(v5::Incoming::ConnAck(_))))));
    let next = connection.recv().expect("the event loop runs");
    use v5::mqttbytes::Error::PayloadSizeLimitExceeded;
    use v5::{ConnectionError::MqttState, StateError::Deserialization};
    let expected =
        matches!(next, Err(MqttState(Deserialization(PayloadSizeLimitExceeded { pkt_size: 101, max: 100 }))));
    assert!(expected, "{next:?}");
    drop(connection);
    assert_eq!(serving.join().expect("no panic"), Vec::<u8>::new(), "no PUBACK");
}
