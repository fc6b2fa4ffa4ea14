//! WebSocket: what is asked for, what may answer, and what becomes of the errors. The suites that use the emulator run
//! over WebSocket with `ALIYUN_MQTT_TEST_TRANSPORT`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::{LONG, broker, connect, connected, emulator, error, event, plain_config, topic};
use aliyun_mqtt::{Client, Code, ConfigBuilder, Error, ErrorKind, Event, Limits, Outgoing, QoS, Stage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

fn refused(builder: ConfigBuilder) -> Error {
    error(Client::connect(builder.build().expect("a good configuration")))
}

/// The request of the next connection, and the connection.
fn accept(listener: &TcpListener) -> (String, TcpStream) {
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).expect("a request") == 0 {
            break;
        }
        head.push(byte[0]);
    }
    (crate::support::text(&head), stream)
}

/// A value of the request.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let value = request.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    });
    value.unwrap_or_else(|| panic!("no {name} in {request}"))
}

/// The answer that agrees, with these lines more.
fn agree(request: &str, more: &str) -> String {
    let key = header(request, "Sec-WebSocket-Key");
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{more}\r\n",
        BASE64_STANDARD.encode(hash)
    )
}

/// A server of one connection; gives its address and the request it got.
fn server(at: &str, serve: impl FnOnce(&str, TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind(at).expect("a port");
    let addr = listener.local_addr().expect("an address");
    let thread = std::thread::spawn(move || {
        let (request, stream) = accept(&listener);
        serve(&request, stream);
        request
    });
    (addr, thread)
}

/// What a client says of a server that gives this answer; and the request.
fn answered(answer: impl Fn(&str) -> String + Send + 'static) -> (Error, String) {
    let (addr, thread) = server("127.0.0.1:0", move |request, mut stream| {
        let _ = stream.write_all(answer(request).as_bytes());
    });
    let error = refused(broker::config(addr).endpoint(format!("ws://{addr}")).timeout(LONG));
    (error, thread.join().expect("no panic"))
}

/// An unmasked message, or a part of one.
fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, u8::try_from(data.len()).expect("short")];
    frame.extend(data);
    frame
}

#[test]
fn any_path_that_the_server_takes() {
    let emulator = emulator();
    let (ws, wss) = (emulator.ws_addr(), emulator.wss_addr().port());
    for endpoint in [
        format!("ws://{ws}"),
        format!("ws://{ws}/"),
        format!("ws://{ws}/a/b?c=%20"),
        format!("ws://localhost:{}?c=d", ws.port()),
        format!("wss://localhost:{wss}"),
        format!("wss://localhost:{wss}/a"),
    ] {
        let client = connect(plain_config(&emulator).endpoint(&endpoint).ca_pem(emulator.ca_pem()));
        client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").unwrap_or_else(|e| panic!("{endpoint}: {e}"));
        client.disconnect().expect("all delivered");
    }
}

#[test]
fn large_messages_in_both_directions_and_over_cuts() {
    let emulator = emulator();
    let endpoints = [emulator.ws_endpoint(), emulator.wss_endpoint()];
    for endpoint in endpoints {
        let client = connect(plain_config(&emulator).endpoint(&endpoint).ca_pem(emulator.ca_pem()));
        let events = client.events();
        let topic = topic(&emulator, "large");
        client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
        for round in 0..3_u8 {
            let payload = vec![round; Limits::default().payload_len];
            for _ in 0..20 {
                client.enqueue(Outgoing::new(&topic, QoS::AtLeastOnce, payload.clone())).expect("accepted");
            }
            for _ in 0..20 {
                let message = client.recv_timeout(LONG).expect("connected").expect("a message");
                assert!(message.payload() == payload, "the payload of round {round}");
            }
            client.flush(LONG).expect("all acknowledged");
            assert!(emulator.kick(client.config().client_id().as_str()));
            connected(&events);
        }
        client.disconnect().expect("all delivered");
    }
}

#[test]
fn the_request_is_what_mqtt_asks_for() {
    let (error, request) = answered(|_| "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_string());
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
    assert!(error.to_string().contains("404 Not Found") && error.to_string().contains("/mqtt"), "{error}");
    assert!(request.starts_with("GET /mqtt HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "Sec-WebSocket-Protocol"), "mqtt");
    assert!(header(&request, "Host").starts_with("127.0.0.1:"));
}

#[test]
fn an_ipv6_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let (addr, thread) = server("[::1]:0", |_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let error = refused(broker::config(addr).endpoint(format!("ws://{addr}/x")));
    assert!(error.to_string().contains("HTTP status 400"), "{error}");
    assert_eq!(header(&thread.join().expect("no panic"), "Host"), addr.to_string());
}

#[test]
fn other_answers() {
    for (answer, what, hint) in [
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "HTTP status 302", "redirects"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP status 403", "bars the way"),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP status 503", "try again later"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP status 200", "WebSocket port"),
        ("AMQP\0\0\u{9}\u{1}\r\n\r\n", "something else", "WebSocket port"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "something else", "WebSocket port"),
        ("", "closed the connection", ""),
    ] {
        let (error, _) = answered(|_| answer.to_string());
        assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
        assert!(error.to_string().contains(what) && error.to_string().contains(hint), "{error}");
        // By data, too.
        let status = what.strip_prefix("HTTP status ").and_then(|status| status.parse().ok());
        assert_eq!(error.code(), status.map(Code::WebSocket), "{error}");
    }
}

#[test]
fn a_websocket_for_something_else() {
    for more in ["", "Sec-WebSocket-Protocol: chat\r\n"] {
        let (error, _) = answered(|request| agree(request, more));
        assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
        assert!(error.to_string().contains("speaks MQTT there"), "{error}");
        assert_eq!(error.code(), Some(Code::WebSocket(101)), "{error}");
    }
}

/// It is right, and the error says who refuses it.
#[test]
fn a_list_of_connection_options() {
    let (error, _) = answered(|request| {
        agree(request, "Sec-WebSocket-Protocol: mqtt\r\n")
            .replace("Connection: Upgrade", "Connection: keep-alive, Upgrade")
    });
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
    assert!(error.to_string().contains("keep-alive, Upgrade") && error.to_string().contains("refuses"), "{error}");
}

#[test]
fn the_ports_mixed_up() {
    let emulator = emulator();
    let try_at = |scheme: &str, addr: SocketAddr| {
        let endpoint = format!("{scheme}://localhost:{}", addr.port());
        let error = refused(plain_config(&emulator).endpoint(endpoint).ca_pem(emulator.ca_pem()));
        (error.kind(), error.stage(), error.to_string())
    };
    let ports = [emulator.tcp_addr(), emulator.tls_addr(), emulator.ws_addr(), emulator.wss_addr()];
    for (scheme, own) in [("ws", 2), ("wss", 3), ("mqtt", 0), ("mqtts", 1)] {
        for (at, addr) in ports.into_iter().enumerate().filter(|(at, _)| *at != own) {
            let (kind, stage, text) = try_at(scheme, addr);
            // Whether TLS stands decides what can be said.
            let expected = match (scheme, at) {
                ("wss" | "mqtts", 0 | 2) => ErrorKind::Tls,
                _ => ErrorKind::Protocol,
            };
            assert_eq!(kind, expected, "{scheme} at port {at}: {text}");
            assert!(kind == ErrorKind::Tls || stage == Some(Stage::ConnAck), "{scheme} at port {at}: {text}");
            assert!(text.contains("hint"), "{text}");
        }
    }
}

#[test]
fn certificates_are_verified_as_for_mqtts() {
    let emulator = emulator();
    let strangers = refused(plain_config(&emulator).endpoint(emulator.wss_endpoint()));
    assert_eq!(strangers.kind(), ErrorKind::Tls, "{strangers}");
    assert!(strangers.to_string().contains("not trusted"), "{strangers}");
    let alias = format!("wss://foreign.localhost:{}", emulator.wss_addr().port());
    let other_name = refused(plain_config(&emulator).endpoint(alias).ca_pem(emulator.ca_pem()));
    // Not every system knows names below localhost.
    assert!(matches!(other_name.kind(), ErrorKind::Tls | ErrorKind::Resolve), "{other_name}");
}

#[test]
fn no_answer_in_time_names_the_stage() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    for scheme in ["ws", "wss"] {
        let start = Instant::now();
        let endpoint = format!("{scheme}://localhost:{}", addr.port());
        let error = refused(broker::config(addr).endpoint(endpoint).timeout(Duration::from_secs(1)));
        let stage = if scheme == "ws" { Stage::ConnAck } else { Stage::Tls };
        assert_eq!(error.kind(), ErrorKind::Timeout(stage), "{error}");
        assert!(scheme == "wss" || error.to_string().contains("WebSocket"), "{error}");
        assert!(start.elapsed() < LONG / 2);
    }
}

/// The ends of packets and of messages have nothing to do with each other (MQTT 5, section 6), and other messages may
/// come in between.
#[test]
fn packets_in_pieces() {
    let (addr, thread) = server("127.0.0.1:0", |request, mut stream| {
        stream.write_all(agree(request, "Sec-WebSocket-Protocol: mqtt\r\n").as_bytes()).expect("written");
        let connack = broker::connack(false);
        let (first, second) = connack.split_at(2);
        // A fragment, a ping in between, the rest of the message.
        let bytes = [frame(0x02, &first[..1]), frame(0x89, b"?"), frame(0x80, &first[1..]), frame(0x82, second)];
        stream.write_all(&bytes.concat()).expect("written");
        // CONNECT, the pong, DISCONNECT, until the client has gone.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let client = connect(broker::config(addr).endpoint(format!("ws://{addr}")));
    client.disconnect().expect("disconnected");
    thread.join().expect("no panic");
}

/// Whatever the limits, more than 16 MiB in one frame, or text, ends the connection, and so does a close, even where
/// the server leaves the TCP connection open (then with the next ping at the latest). The client comes back.
#[test]
fn what_no_server_should_send() {
    let huge: u64 = (16 << 20) + 1;
    let header = [vec![0x82, 127], huge.to_be_bytes().to_vec()].concat();
    let cases = [header, frame(0x81, b"text"), frame(0x88, b""), frame(0x83, b"?"), frame(0xf2, b"?")];
    std::thread::scope(|scope| {
        for bytes in cases {
            scope.spawn(move || comes_back_after(&bytes));
        }
    });
}

fn comes_back_after(bytes: &[u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (go, gone) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for bytes in [Some(bytes), None] {
                let (request, mut stream) = accept(&listener);
                stream.write_all(agree(&request, "Sec-WebSocket-Protocol: mqtt\r\n").as_bytes()).expect("written");
                stream.write_all(&frame(0x82, &broker::connack(false))).expect("written");
                if let Some(bytes) = bytes {
                    let () = gone.recv().expect("the client listens to events");
                    let _ = stream.write_all(bytes);
                }
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        let short = Duration::from_millis(10);
        let config = broker::config(addr).endpoint(format!("ws://{addr}")).keep_alive(Duration::from_secs(5));
        let client = connect(config.backoff(short, short * 2));
        let events = client.events();
        go.send(()).expect("the server waits");
        event(&events, &format!("the end after {bytes:?}"), |event| {
            matches!(event, Event::Disconnected { .. }).then_some(())
        });
        connected(&events);
        client.disconnect().expect("disconnected");
    });
}

/// A stream, plain or in TLS.
trait ReadWrite: Read + Write {}
impl<S: Read + Write> ReadWrite for S {}

/// The next connection to this listener, in TLS with the configuration if there is one.
fn next_stream(listener: &TcpListener, tls: Option<&Arc<rustls::ServerConfig>>) -> Box<dyn ReadWrite> {
    let (stream, _) = listener.accept().expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    match tls {
        None => Box::new(stream),
        Some(tls) => {
            let connection = rustls::ServerConnection::new(Arc::clone(tls)).expect("a server");
            Box::new(rustls::StreamOwned::new(connection, stream))
        }
    }
}

/// A server of TLS for localhost, and its certificate.
fn tls_server() -> (Arc<rustls::ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_string()]).expect("a name");
    let certificate = certificate.self_signed(&key).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key_der = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key_der)
        .expect("a pair");
    (Arc::new(config), certificate.pem())
}

/// So many control frames in a row: twice as many as the system keeps at once (see `dial::RECEIVE_BUFFER`). On a stack
/// of 2 MiB, two thousand are too many in a debug build.
const FLOOD: usize = 1 << 16;

/// Control frames cost no more than the time to read them, however many there are, before and after CONNACK.
fn survives(secure: bool, frame_of_flood: &[u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let (tls, ca) = tls_server();
    let flood = frame_of_flood.repeat(FLOOD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stream = next_stream(&listener, secure.then_some(&tls));
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                head.push(byte[0]);
            }
            let answer = agree(&crate::support::text(&head), "Sec-WebSocket-Protocol: mqtt\r\n");
            // In one piece with the answer, too, which is where the WebSocket begins with what was read beyond it.
            stream.write_all(&[answer.as_bytes(), &flood].concat()).expect("written");
            stream.write_all(&frame(0x82, &broker::connack(false))).expect("written");
            stream.write_all(&flood).expect("written");
            stream.write_all(&frame(0x82, &broker::publish("t", 0, 0, false, b"here"))).expect("written");
            stream.flush().expect("written");
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let scheme = if secure { "wss" } else { "ws" };
        let config = broker::config(addr).endpoint(format!("{scheme}://localhost:{}", addr.port())).ca_pem(ca);
        let client = connect(config);
        let message = client.recv_timeout(LONG).expect("connected").expect("a message");
        assert_eq!(message.payload(), b"here");
        client.disconnect().expect("disconnected");
    });
}

#[test]
fn a_flood_of_control_frames() {
    // Pings, which are answered, and pongs, which are not.
    for frame_of_flood in [[0x89, 0], [0x8a, 0]] {
        for secure in [false, true] {
            survives(secure, &frame_of_flood);
        }
    }
}
