//! rumqttc 0.25.1: what its event loops do on a real line.

use std::thread;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{self, Event};
use rumqttc::{Outgoing, QoS};

use crate::support::LONG;
use crate::support::broker::{Broker, Kind, Line, connack_with};

/// How long nothing must come, to be called nothing.
const MOMENT: Duration = Duration::from_millis(500);

fn options(broker: &Broker) -> v5::MqttOptions {
    let mut options = v5::MqttOptions::new("upstream", "127.0.0.1", broker.addr().port());
    options.set_keep_alive(Duration::from_secs(60)).set_outgoing_inflight_upper_limit(10);
    options
}

/// A connection of rumqttc's MQTT 5, accepted with these properties.
fn connect(broker: &Broker, options: v5::MqttOptions, properties: &[u8]) -> (v5::Client, v5::Connection, Line) {
    let (client, mut connection) = v5::Client::new(options, 10);
    let line = thread::scope(|scope| {
        let line = scope.spawn(|| broker.accept_with(false, properties));
        let event = connection.recv().expect("events").expect("connected");
        assert!(matches!(event, Event::Incoming(Packet::ConnAck(_))), "{event:?}");
        line.join().expect("no panic")
    });
    (client, connection, line)
}

/// The next event within a moment.
fn soon(connection: &mut v5::Connection) -> Option<Event> {
    connection.recv_timeout(MOMENT).ok().map(|event| event.expect("an event"))
}

#[test]
fn what_is_behind_a_packet_that_was_cut_off_waits_for_more_bytes() {
    let broker = Broker::start();
    let (_client, mut connection, mut line) = connect(&broker, options(&broker), &[]);
    // A PUBLISH that ends before its property length, and a good one, in one segment.
    line.write(&[0x30, 3, 0, 1, b't', 0x30, 5, 0, 1, b't', 0, b'x']);
    let event = soon(&mut connection);
    assert_eq!(event, None, "mended");
    line.write(&[0xd0, 0]);
    let event = connection.recv_timeout(LONG).expect("an event").expect("no error");
    assert!(matches!(event, Event::Incoming(Packet::Publish(_))), "{event:?}");
}

#[test]
fn the_short_disconnect_goes_unnoticed() {
    let broker = Broker::start();
    let (_client, mut connection, mut line) = connect(&broker, options(&broker), &[]);
    line.write(&[0xe0, 1, 0x8e]);
    assert_eq!(soon(&mut connection), None, "mended");
}

#[test]
fn a_server_keep_alive_of_zero_makes_it_ping_without_end() {
    let broker = Broker::start();
    let (_client, mut connection, _line) = connect(&broker, options(&broker), &[0x13, 0, 0]);
    // The second ping is due before the first can be answered, which ends the connection.
    let error = loop {
        match connection.recv_timeout(LONG).expect("mended") {
            Ok(event) => assert_eq!(event, Event::Outgoing(Outgoing::PingReq)),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, v5::ConnectionError::MqttState(v5::StateError::AwaitPingResp)), "mended: {error:?}");
}

#[test]
fn a_write_has_no_time_out() {
    let broker = Broker::start();
    let mut options = options(&broker);
    options.set_connection_timeout(1).set_keep_alive(Duration::from_secs(5));
    let (client, mut connection, line) = connect(&broker, options, &[]);
    client.try_publish("t", v5::mqttbytes::QoS::AtMostOnce, false, vec![0; 32 << 20]).expect("accepted");
    // With keep-alive 5 s and a timeout of 1 s, for two periods: no ping, no error, no event.
    let result = connection.recv_timeout(Duration::from_secs(11));
    assert!(matches!(result, Err(v5::RecvTimeoutError::Timeout)), "mended: {result:?}");
    drop(line);
}

#[test]
fn a_lost_session_drops_what_waited_for_it() {
    let broker = Broker::start();
    let (client, mut connection, line) = connect(&broker, options(&broker), &[]);
    drop(line);
    // What waits in the channel when the end is seen.
    client.try_publish("t", v5::mqttbytes::QoS::AtLeastOnce, false, "x").expect("accepted");
    while connection.recv_timeout(LONG).expect("events").is_ok() {}
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut line = broker.accept_login();
            line.write(&connack_with(false, &[]));
            line.stream.set_read_timeout(Some(MOMENT * 2)).expect("a timeout");
            assert_eq!(line.read(), None, "mended");
        });
        // The connection, and nothing more.
        let until = Instant::now() + MOMENT * 3;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let _ = connection.recv_timeout(left);
        }
    });
}

#[test]
fn a_wait_shorter_than_the_handshake_dials_anew_each_time() {
    let broker = Broker::start();
    let mut options = rumqttc::MqttOptions::new("upstream", "127.0.0.1", broker.addr().port());
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.try_publish("t", QoS::AtMostOnce, false, "x").expect("accepted");
    // Nobody answers CONNECT.
    for _ in 0..2 {
        // Long enough to write CONNECT, on any machine.
        let result = connection.recv_timeout(MOMENT * 4);
        assert!(matches!(result, Err(rumqttc::RecvTimeoutError::Timeout)), "{result:?}");
        let mut line = broker.accept_raw();
        assert_eq!(line.read().expect("mended").kind(), Kind::Connect);
    }
}
