//! The behaviour of rumqttc 0.25.1 in time: keep-alive, timeouts and waiting, and what a user sees of it.
//!
//! Each trap, where it is in rumqttc, and what holds it:
//!
//! * a missing PINGRESP is noticed one period later (state.rs:391-395):
//!   [`a_line_that_died_silently_is_given_up_after_two_periods`]
//! * pings go out whatever the traffic is, and stop when nobody polls (eventloop.rs:258-270, 146):
//!   [`pings_go_on_while_the_inbox_is_full`]
//! * less than a second panics, more than 65,535 wrap (lib.rs:577-586, eventloop.rs:490): `config::tests` in src/: 5 s
//!   to 480 s, whole seconds
//! * a peer that stops reading holds the loop, pings included (eventloop.rs:248-251):
//!   [`a_peer_that_stops_reading_is_given_up`]
//! * one timeout for lookup, dialling, TLS and CONNACK (eventloop.rs:151-159):
//!   [`a_port_that_drops_what_comes_is_named_so`], `resolver::a_dead_resolver_holds_nobody`,
//!   `deadlines::a_port_that_says_nothing`, `deadlines::a_tls_port_that_says_nothing`
//! * that timeout is for all addresses together (eventloop.rs:325-358): not mended: one address that drops everything
//!   uses it up; the error names the stage
//! * it is in whole seconds, and 5 of them (lib.rs:416, 430): `deadlines`: each test,
//!   [`connack_that_never_comes_on_a_later_connection`]
//! * `recv_timeout` shorter than the handshake starts it again each time (client.rs:482-500):
//!   [`short_waits_do_not_disturb_a_slow_handshake`]
//! * nothing wakes the loop while it connects (eventloop.rs:150-159): [`short_waits_do_not_disturb_a_slow_handshake`],
//!   `leaving::a_client_closed_while_connecting_stays_closed`
//! * answers that never come hold the ids for ever (state.rs:486-500):
//!   `room::answers_that_never_come_do_not_hold_the_window_for_ever`
//! * Nagle: bursts of small packets stall 40 ms (lib.rs:415, eventloop.rs:337): [`nagle_is_off`]

use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{self, Broker, Kind, lax};
use crate::support::{LONG, connected, error, event, eventually, payloads};
use aliyun_mqtt::{Client, ErrorKind, Event, Events, Fate, Outgoing, QoS, Stage};

/// The least that is allowed.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// For what has to time out, and for connecting before that.
const SHORT: Duration = Duration::from_secs(3);

fn lost(events: &Events) -> aliyun_mqtt::Error {
    event(events, "lost", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
}

#[test]
fn a_line_that_died_silently_is_given_up_after_two_periods() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().keep_alive(KEEP_ALIVE));
    let start = Instant::now();
    let events = client.events();
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    line.expect(Kind::Publish);
    line.expect(Kind::PingReq);
    // Alive, but not answering: rumqttc src/state.rs:391-395 looks only when the next ping is due.
    let reason = lost(&events);
    assert_eq!(reason.kind(), ErrorKind::ConnectionLost);
    assert!(reason.to_string().contains("keep-alive ping"), "{reason}");
    assert!(start.elapsed() >= 2 * KEEP_ALIVE - Duration::from_millis(500), "{:?}", start.elapsed());
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish);
    line.answer(&again);
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 2);
}

#[test]
fn pings_go_on_while_the_inbox_is_full() {
    let broker = Broker::start();
    let config = broker.config().keep_alive(KEEP_ALIVE).limits(lax().inbox(1, 10_000));
    let (client, mut line) = broker.connect(config);
    line.publish("t", 1, 1, false, "kept");
    line.publish("t", 1, 2, false, "refused");
    line.publish("t", 2, 3, false, "refused, too");
    eventually("the inbox is full", || client.stats().refused_full == 2);
    // The program publishes and does not receive.
    thread::scope(|scope| {
        let serving = scope.spawn(|| line.serve_until(|packets| count(packets, Kind::PingReq) == 2));
        while !serving.is_finished() {
            client.publish("t", QoS::AtMostOnce, "busy").expect("written");
            thread::park_timeout(Duration::from_millis(20));
        }
        let packets = serving.join().expect("no panic");
        assert_eq!(count(&packets, Kind::PingReq), 2, "the line was not closed");
        assert_eq!(
            count(&packets, Kind::PubAck) + count(&packets, Kind::PubRec),
            0,
            "nothing was taken, so nothing acknowledged"
        );
    });
    assert_eq!(payloads(&client, 1), ["kept"]);
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
    // What the broker has kept for itself comes when it sends it again.
    line.publish("t", 1, 2, true, "refused");
    assert_eq!(payloads(&client, 1), ["refused"]);
    line.publish("t", 2, 3, true, "refused, too");
    assert_eq!(payloads(&client, 1), ["refused, too"]);
    assert_eq!(line.expect(Kind::PubRec).id(), 3);
    assert_eq!(client.stats().connections, 1);
}

fn count(packets: &[broker::Packet], kind: Kind) -> usize {
    packets.iter().filter(|packet| packet.kind() == kind).count()
}

#[test]
fn a_peer_that_stops_reading_is_given_up() {
    const COUNT: usize = 500;
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().keep_alive(KEEP_ALIVE).window(1_000));
    let events = client.events();
    // More than the system's buffers take.
    let deliveries: Vec<_> = (0..COUNT)
        .map(|_| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, vec![b'x'; 64 * 1024])).expect("accepted"))
        .collect();
    // rumqttc src/eventloop.rs:248-251: no ping, no event while a write is stuck; the limit is the library's.
    let reason = lost(&events);
    assert!(reason.to_string().contains("stopped reading"), "{reason}");
    drop(line);
    let mut line = broker.accept(false);
    connected(&events);
    let packets = line.serve_until(|packets| packets.len() == COUNT);
    assert_eq!(packets.len(), COUNT);
    for delivery in deliveries {
        delivery.wait().expect("acknowledged");
    }
}

#[test]
fn a_port_that_drops_what_comes_is_named_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    // SAFETY: a plain call on our own socket: nobody more may wait to be accepted.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let addr = listener.local_addr().expect("an address");
    // Once the queue is full, the system answers nothing, as a firewall would.
    let connect = || TcpStream::connect_timeout(&addr, Duration::from_millis(500)).ok();
    let full: Vec<_> = std::iter::from_fn(connect).collect();
    let config = Broker::start().config().endpoint(format!("mqtt://{addr}")).timeout(SHORT);
    let refused = error(Client::connect(config.build().expect("good")));
    assert_eq!(refused.kind(), ErrorKind::Timeout(Stage::Connect), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("firewall")), "{refused}");
    drop(full);
}

#[test]
fn connack_that_never_comes_on_a_later_connection() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().timeout(SHORT));
    let events = client.events();
    drop(line);
    lost(&events);
    let held = broker.accept_login();
    let delivery = client.with_timeout(LONG).enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    // The library looks where it hangs.
    let looked = broker.accept_raw();
    drop(looked);
    assert_eq!(lost(&events).kind(), ErrorKind::Timeout(Stage::ConnAck));
    let mut line = broker.accept(false);
    let packet = line.expect(Kind::Publish);
    line.answer(&packet);
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
    drop(held);
}

#[test]
fn short_waits_do_not_disturb_a_slow_handshake() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    drop(line);
    lost(&events);
    // rumqttc src/client.rs:482-500: each of these would start the handshake anew, if it were its `recv_timeout`.
    let mut line = broker.accept_login();
    for _ in 0..20 {
        assert!(client.recv_timeout(Duration::from_millis(20)).expect("alive").is_none());
        let short = client.with_timeout(Duration::from_millis(20));
        assert_eq!(error(short.publish("t", QoS::AtLeastOnce, "withdrawn")).fate(), Some(Fate::NotSent));
    }
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "kept")).expect("accepted");
    line.write(&broker::connack(false));
    let packet = line.expect(Kind::Publish);
    assert_eq!(packet.payload(), "kept");
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
    assert!(!broker.somebody_waits(), "one connection was enough");
    assert_eq!(client.stats().connections, 2);
}

#[test]
fn nagle_is_off() {
    // Seen from inside: which of our descriptors is the client's end.
    let broker = Broker::start();
    let (_client, line) = broker.connect(broker.config());
    let (ours, theirs) = (line.stream.peer_addr().expect("an address"), line.stream.local_addr().expect("an address"));
    let ends = |fd: i32| (port(fd, libc::getsockname), port(fd, libc::getpeername));
    let client = (0..1_000).find(|fd| ends(*fd) == (Some(ours.port()), Some(theirs.port()))).expect("the client's end");
    let mut nodelay: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option is a number, and there is room for one.
    let got = unsafe {
        let option = (&raw mut nodelay).cast();
        libc::getsockopt(client, libc::IPPROTO_TCP, libc::TCP_NODELAY, option, &raw mut length)
    };
    assert_eq!((got, nodelay != 0), (0, true));
}

type Ask = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32;

/// The port that this call gives for this descriptor, if it is a socket of IPv4.
fn port(fd: i32, ask: Ask) -> Option<u16> {
    // SAFETY: all zeros are a valid address, and there is room for one; a bad descriptor is an error of the call.
    unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        let mut length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        let got = ask(fd, (&raw mut address).cast(), &raw mut length);
        (got == 0 && i32::from(address.sin_family) == libc::AF_INET).then(|| u16::from_be(address.sin_port))
    }
}
