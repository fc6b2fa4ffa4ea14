//! tungstenite 0.26.2 and ws_stream_tungstenite 0.15.0, as rumqttc uses them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rumqttc::{Client, Connection, ConnectionError, Event, MqttOptions, Packet, Transport};
use sha1::{Digest, Sha1};

use crate::support::process::{as_child, child};

/// How long nothing must come, to be called nothing.
const MOMENT: Duration = Duration::from_millis(500);

/// Takes the request of the next connection and agrees, with this header "Connection".
fn agree(listener: &TcpListener, connection: &str) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("a connection");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a request");
        head.push(byte[0]);
    }
    let head = crate::support::text(&head);
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: {connection}\r\n\
         Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        BASE64_STANDARD.encode(hash)
    );
    stream.write_all(answer.as_bytes()).expect("written");
    stream
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/mqtt", listener.local_addr().expect("an address"));
    (listener, url)
}

fn client(url: &str) -> (Client, Connection) {
    let mut options = MqttOptions::new("upstream", url, 0);
    options.set_transport(Transport::ws());
    Client::new(options, 10)
}

const CONNACK: [u8; 6] = [0x82, 4, 0x20, 2, 0, 0];

#[test]
fn a_list_of_connection_options_is_refused() {
    let (listener, url) = listen();
    let server = thread::spawn(move || drop(agree(&listener, "keep-alive, Upgrade")));
    let error = client(&url).1.recv().expect("events").expect_err("mended: no refusal");
    assert!(matches!(error, ConnectionError::Websocket(_)), "mended: {error:?}");
    server.join().expect("no panic");
}

#[test]
fn a_message_in_fragments_is_kept_beyond_the_limit_of_a_packet() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        let mut stream = agree(&listener, "Upgrade");
        stream.write_all(&CONNACK).expect("written");
        let fragment = vec![0x30; 1 << 20];
        for number in 0..32 {
            // The first byte of a PUBLISH, again and again; never the last fragment.
            let first = if number == 0 { 0x02 } else { 0x00 };
            stream.write_all(&[first, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]).expect("written");
            stream.write_all(&fragment).expect("written");
        }
        stream
    });
    // rumqttc's limit is 10 KiB.
    let (_client, mut connection) = client(&url);
    let event = connection.recv().expect("events").expect("connected");
    assert!(matches!(event, Event::Incoming(Packet::ConnAck(_))), "{event:?}");
    while !server.is_finished() {
        let event = connection.recv_timeout(Duration::from_millis(10));
        assert!(event.is_err(), "mended: {event:?}");
    }
    assert!(connection.recv_timeout(MOMENT).is_err(), "mended");
    drop(server.join().expect("all of it was taken"));
}

/// Not a test of its own: it does not come back.
#[test]
fn in_a_child_that_is_flooded() {
    let Some(url) = as_child() else { return };
    let (_client, mut connection) = client(&url);
    // In a thread, whose stack has 2 MiB.
    thread::spawn(move || connection.recv().map(|_| ()).is_ok()).join().expect("no panic");
}

#[test]
fn control_frames_overflow_the_stack() {
    let (listener, url) = listen();
    let mut flooded = child(module_path!(), "in_a_child_that_is_flooded", &url).spawn().expect("this program again");
    let mut stream = agree(&listener, "Upgrade");
    let _ = stream.write_all(&[0x89, 0].repeat(1 << 18)).and_then(|()| stream.write_all(&CONNACK));
    let status = flooded.wait().expect("its end");
    assert!(status.signal().is_some(), "mended: {status}");
}
