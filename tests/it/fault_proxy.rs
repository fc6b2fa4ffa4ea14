//! The fault proxy of the tests does what it is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::fault_proxy::{Proxy, Way};
use crate::support::matrix::Transport;
use crate::support::{LONG, eventually};

const PUBACK_1: [u8; 4] = [0x40, 2, 0, 1];
const PUBACK_2: [u8; 4] = [0x40, 2, 0, 2];
const PINGRESP: [u8; 2] = [0xd0, 0];

/// A proxy, and both ends of a connection through it.
struct Ends {
    proxy: Proxy,
    listener: TcpListener,
    client: TcpStream,
    broker: TcpStream,
}

fn ends() -> Ends {
    ends_of(Transport::Tcp)
}

fn ends_of(transport: Transport) -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = Proxy::over(transport, listener.local_addr().expect("an address"));
    let client = TcpStream::connect(proxy.addr()).expect("connected");
    let (broker, _) = listener.accept().expect("a connection");
    for end in [&client, &broker] {
        end.set_read_timeout(Some(LONG)).expect("a timeout");
    }
    Ends { proxy, listener, client, broker }
}

fn read<const N: usize>(mut from: &TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).expect("so many bytes");
    bytes
}

/// Everything up to the end of the connection.
fn read_all(mut from: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match from.read_to_end(&mut bytes) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no end: {error}"),
        _ => bytes,
    }
}

#[test]
fn held_acknowledgements_wait_while_others_pass_and_keep_their_order() {
    let Ends { proxy, client, mut broker, .. } = ends();
    proxy.hold_acks(true);
    broker.write_all(&[PUBACK_1.as_slice(), &PINGRESP].concat()).expect("written");
    assert_eq!(read(&client), PINGRESP);
    // An acknowledgement in two pieces, and one that comes when nothing is held any more.
    broker.write_all(&PUBACK_2[..3]).expect("written");
    broker.write_all(&[&PUBACK_2[3..], &PINGRESP].concat()).expect("written");
    assert_eq!(read(&client), PINGRESP);
    proxy.hold_acks(false);
    broker.write_all(&PUBACK_1).expect("written");
    assert_eq!(read(&client), PUBACK_1);
    assert_eq!(read(&client), PUBACK_2);
    assert_eq!(read(&client), PUBACK_1);
}

#[test]
fn where_no_packets_can_be_seen_all_that_the_broker_says_is_held() {
    let Ends { proxy, mut client, mut broker, .. } = ends_of(Transport::Wss);
    proxy.hold_acks(true);
    // What looks like a packet of 127 bytes is none.
    broker.write_all(&[0xd0, 0x7f]).expect("written");
    client.write_all(b"passes").expect("written");
    assert_eq!(&read::<6>(&broker), b"passes");
    client.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    assert!(client.read(&mut [0]).is_err(), "held");
    client.set_read_timeout(Some(LONG)).expect("a timeout");
    broker.write_all(&PUBACK_1).expect("written");
    proxy.hold_acks(false);
    assert_eq!(read::<6>(&client), [0xd0, 0x7f, 0x40, 2, 0, 1]);
}

#[test]
fn a_packet_under_way_is_not_broken_up_by_what_is_held() {
    let Ends { proxy, client, mut broker, .. } = ends();
    // A PUBLISH of 202 bytes, whose body looks like acknowledgements.
    let publish = [[0x30, 0xc8, 1].as_slice(), &PUBACK_1.repeat(50)].concat();
    proxy.hold_acks(true);
    broker.write_all(&[&PUBACK_2, &publish[..50]].concat()).expect("written");
    assert_eq!(read::<50>(&client), publish[..50]);
    proxy.hold_acks(false);
    broker.write_all(&publish[50..]).expect("written");
    assert_eq!(read::<153>(&client), publish[50..]);
    assert_eq!(read(&client), PUBACK_2);
}

#[test]
fn the_last_bytes_before_a_cut_are_lost() {
    let Ends { proxy, mut client, broker, .. } = ends();
    proxy.cut_after(Way::Up, 3, 4);
    client.write_all(b"abcdef").expect("written");
    assert_eq!(&read::<3>(&broker), b"abc");
    client.write_all(b"ghi").expect("written");
    assert_eq!(read_all(&broker), b"");
    assert_eq!(read_all(&client), b"");
    eventually("the cut is counted", || proxy.cuts() == 1);
}

#[test]
fn a_half_open_line_swallows_one_direction_only() {
    let Ends { proxy, mut client, mut broker, .. } = ends();
    proxy.swallow_way(Way::Up, true);
    client.write_all(b"lost").expect("written");
    broker.write_all(b"heard").expect("written");
    assert_eq!(&read::<5>(&client), b"heard");
    proxy.heal();
    assert_eq!(read_all(&broker), b"");
}

#[test]
fn bytes_that_travel_alone_late_and_slowly_are_all_there() {
    let Ends { proxy, mut client, broker, .. } = ends();
    proxy.split(true);
    proxy.delay(Duration::from_millis(20));
    proxy.throttle(Some(10_000));
    let start = Instant::now();
    client.write_all(&[7; 500]).expect("written");
    assert_eq!(read::<500>(&broker), [7; 500]);
    assert!(
        start.elapsed() >= Duration::from_millis(60),
        "20 ms and then 10 bytes a millisecond: {:?}",
        start.elapsed()
    );
}

#[test]
fn new_connections_can_be_refused_or_left_without_an_answer() {
    let Ends { proxy, listener, mut client, broker } = ends();
    proxy.refuse(true);
    assert_eq!(read_all(&TcpStream::connect(proxy.addr()).expect("connected")), b"");
    proxy.refuse(false);
    proxy.mute(true);
    let mute = TcpStream::connect(proxy.addr()).expect("connected");
    eventually("it was taken", || proxy.connections() == 3);
    client.write_all(b"goes on").expect("written");
    assert_eq!(&read::<7>(&broker), b"goes on");
    proxy.heal();
    assert_eq!(read_all(&mute), b"");
    listener.set_nonblocking(true).expect("not blocking");
    assert!(listener.accept().is_err(), "neither went further than the proxy");
}
