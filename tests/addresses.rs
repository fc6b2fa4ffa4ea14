//! A name with several addresses: one of them that swallows packets keeps nobody from the others, whatever is dialled
//! and over which transport; and where the first one answers, nobody else is dialled.
//!
//! This program has its own `getaddrinfo`, so that names have the addresses a test wants, without a name server or
//! privileges. An address that swallows packets is a listener whose queue is full.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod support;

use std::ffi::{CStr, CString, c_char, c_int};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, ErrorKind, Event, Protocol, QoS, Stage};
use aliyun_mqtt_emulator::Emulator;
use support::broker::{self, Broker, Kind};
use support::port::Port;
use support::{LONG, connect, connected, emulator, error, event, eventually, plain_config, topic};

/// The names that are looked up here, with their addresses in this order.
const NAMES: [(&str, &[&str]); 4] = [
    // Certificates of the emulator are good for it.
    ("localhost", &["127.0.0.2", "127.0.0.1"]),
    ("dead-first.test", &["127.0.0.2", "127.0.0.1"]),
    ("alive-first.test", &["127.0.0.1", "127.0.0.2"]),
    ("alone.test", &["127.0.0.1"]),
];

type Lookup =
    unsafe extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo) -> c_int;

/// The system's lookup, but for [`NAMES`].
///
/// # Safety
/// As `getaddrinfo`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the next definition of this name is the C library's, which has this type.
    let real = unsafe {
        let real = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!real.is_null());
        std::mem::transmute::<*mut libc::c_void, Lookup>(real)
    };
    // SAFETY: the caller gives a text or nothing.
    let name = if node.is_null() { None } else { unsafe { CStr::from_ptr(node) }.to_str().ok() };
    let Some((_, addresses)) = NAMES.iter().find(|(known, _)| Some(*known) == name) else {
        // SAFETY: the arguments are the caller's.
        return unsafe { real(node, service, hints, found) };
    };
    // The answers for each address, in one list: the C library frees its members one by one.
    let mut end = found;
    for address in *addresses {
        let address = CString::new(*address).expect("a text");
        // SAFETY: `end` is the caller's, or the last member's, and is written before it is read.
        unsafe {
            let code = real(address.as_ptr(), service, hints, end);
            if code != 0 {
                return code;
            }
            while !(*end).is_null() {
                end = &raw mut (**end).ai_next;
            }
        }
    }
    0
}

/// A listener whose queue is full, and what fills it: the system drops whatever else comes.
struct Swallowing {
    _listener: TcpListener,
    _filling: Vec<TcpStream>,
}

/// The first of [`NAMES`]' addresses swallows what comes to this port.
fn swallow(port: u16) -> Swallowing {
    let listener = TcpListener::bind(("127.0.0.2", port)).expect("the port on the other address");
    // SAFETY: a system call without pointers.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let addr = listener.local_addr().expect("an address");
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(500)) {
        filling.push(stream);
        assert!(filling.len() < 100, "it takes whatever comes");
    }
    Swallowing { _listener: listener, _filling: filling }
}

/// The four ways to the emulator by this name.
fn endpoints(emulator: &Emulator, host: &str) -> Vec<(String, u16)> {
    let ports = [
        ("mqtt", emulator.tcp_addr().port()),
        ("ws", emulator.ws_addr().port()),
        ("mqtts", emulator.tls_addr().port()),
        ("wss", emulator.wss_addr().port()),
    ];
    ports.into_iter().map(|(scheme, port)| (format!("{scheme}://{host}:{port}"), port)).collect()
}

fn both() -> [Protocol; 2] {
    [Protocol::V311, Protocol::V5]
}

#[test]
fn an_address_that_answers_is_found_over_each_transport_and_again() {
    let emulator = emulator();
    // Cases that do not depend on each other wait side by side, here and below.
    thread::scope(|scope| {
        for (endpoint, port) in endpoints(&emulator, "localhost") {
            let emulator = &emulator;
            scope.spawn(move || {
                let _dead = swallow(port);
                both().into_iter().for_each(|protocol| found_and_again(emulator, &endpoint, protocol));
            });
        }
    });
}

fn found_and_again(emulator: &Emulator, endpoint: &str, protocol: Protocol) {
    let config = plain_config(emulator).protocol(protocol).endpoint(endpoint).ca_pem(emulator.ca_pem());
    let start = Instant::now();
    let client = connect(config);
    // Far below the timeout; the rest is for a busy machine.
    assert!(start.elapsed() < LONG / 3, "{endpoint}: {:?}", start.elapsed());
    let events = client.events();
    assert!(emulator.kick(client.config().client_id().as_str()));
    connected(&events);
    client.publish(topic(emulator, "x"), QoS::AtLeastOnce, "x").unwrap_or_else(|e| panic!("{endpoint}: {e}"));
    client.disconnect().expect("all delivered");
}

#[test]
fn certificates_are_verified_for_the_name_whatever_address_is_dialled() {
    let emulator = emulator();
    for (endpoint, port) in endpoints(&emulator, "dead-first.test").into_iter().skip(2) {
        let _dead = swallow(port);
        // The emulator's certificate is good for 127.0.0.1, too; but that is not the name.
        let config = plain_config(&emulator).endpoint(&endpoint).ca_pem(emulator.ca_pem());
        let wrong_name = error(Client::connect(config.build().expect("good")));
        assert_eq!(wrong_name.kind(), ErrorKind::Tls, "{wrong_name}");
        assert!(wrong_name.to_string().contains("not for dead-first.test"), "{wrong_name}");
        let nobody = error(Client::connect(plain_config(&emulator).endpoint(&endpoint).build().expect("good")));
        assert!(nobody.to_string().contains("not trusted"), "{nobody}");
    }
}

/// The server name of the next connection's ClientHello.
fn server_name(listener: &TcpListener) -> Option<String> {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut acceptor = rustls::server::Acceptor::default();
    loop {
        if acceptor.read_tls(&mut stream).ok()? == 0 {
            // Somebody who only looked whether it answers.
            (stream, _) = listener.accept().expect("a connection");
            acceptor = rustls::server::Acceptor::default();
        }
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(ToString::to_string);
        }
    }
}

#[test]
fn the_server_is_told_the_name() {
    for (host, scheme, dead, told) in [
        ("dead-first.test", "wss", true, Some("dead-first.test")),
        ("alive-first.test", "wss", false, Some("alive-first.test")),
        ("alive-first.test", "mqtts", false, Some("alive-first.test")),
        ("alone.test", "mqtts", false, Some("alone.test")),
        // The price of getting there at all.
        ("dead-first.test", "mqtts", true, None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let _dead = dead.then(|| swallow(addr.port()));
        let config = broker::config(addr).endpoint(format!("{scheme}://{host}:{}", addr.port())).timeout(LONG);
        let (answer, answers) = channel();
        thread::spawn(move || answer.send(server_name(&listener)));
        let client = thread::spawn(move || Client::connect(config.build().expect("good")).is_err());
        assert_eq!(answers.recv_timeout(LONG).expect("a ClientHello").as_deref(), told, "{scheme}://{host}");
        assert!(client.join().expect("no panic"));
    }
    // Without TLS, the request says it.
    for (host, dead) in [("dead-first.test", true), ("alive-first.test", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let _dead = dead.then(|| swallow(addr.port()));
        let endpoint = format!("ws://{host}:{}/a?b=c", addr.port());
        let config = broker::config(addr).endpoint(endpoint).timeout(LONG);
        let client = thread::spawn(move || Client::connect(config.build().expect("good")).is_err());
        let request = loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            if !head.is_empty() {
                break support::text(&head);
            }
        };
        drop(listener);
        assert!(request.contains(&format!("Host: {host}:{}", addr.port())), "{request}");
        assert!(client.join().expect("no panic"));
    }
}

#[test]
fn nobody_is_dialled_twice() {
    thread::scope(|scope| {
        for host in ["alone.test", "alive-first.test", "127.0.0.1"] {
            for protocol in both() {
                scope.spawn(move || dialled_once(host, protocol));
            }
        }
    });
}

/// The same port of both addresses, below those that the system gives out: a test of another process may still dial one
/// of these on both addresses after its server is gone.
fn on_both_addresses() -> (TcpListener, TcpListener) {
    let start = RandomState::new().hash_one(0) % 20_000;
    let ports = (start..start + 20_000).map(|number| 10_000 + (number % 20_000) as u16);
    let bind = |address, port| TcpListener::bind((address, port)).ok();
    let mut free = ports.filter_map(|port| Some((bind("127.0.0.1", port)?, bind("127.0.0.2", port)?)));
    free.next().expect("a port that is free on both")
}

fn dialled_once(host: &str, protocol: Protocol) {
    // Whoever dials the other address is counted.
    let (listener, other) = on_both_addresses();
    let broker = Broker::on(listener);
    let endpoint = format!("mqtt://{host}:{}", broker.addr().port());
    let (client, line) = broker.connect(broker.config().protocol(protocol).endpoint(endpoint));
    assert!(!broker.somebody_waits(), "{host}: a second connection");
    client.disconnect().expect("nothing to deliver");
    drop(line);
    assert!(!broker.somebody_waits(), "{host}: a second connection");
    other.set_nonblocking(true).expect("a socket");
    assert!(other.accept().is_err(), "{host}: a connection to the other address");
}

#[test]
fn an_address_that_refuses_makes_room_at_once() {
    // Nothing listens on the first address.
    let broker = Broker::start();
    let endpoint = format!("mqtt://dead-first.test:{}", broker.addr().port());
    let (client, line) = broker.connect(broker.config().endpoint(endpoint));
    assert!(!broker.somebody_waits());
    client.disconnect().expect("nothing to deliver");
    drop(line);
}

#[test]
fn a_slow_handshake_is_not_begun_again() {
    for host in ["alive-first.test", "alone.test"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let broker = Broker::on(listener.try_clone().expect("a socket"));
        let endpoint = format!("mqtt://{host}:{}", broker.addr().port());
        let (client, line) = broker.connect_by(broker.config().endpoint(endpoint), |broker| {
            let mut line = broker.accept_raw();
            line.expect(Kind::Connect);
            // Longer than any address has to itself.
            thread::sleep(Duration::from_millis(1500));
            line.write(&broker::connack(false));
            line
        });
        drop(line);
        client.disconnect().expect("nothing to deliver");
        // Whoever looked whether the address answers said nothing.
        listener.set_nonblocking(true).expect("a socket");
        while let Ok((mut looked, _)) = listener.accept() {
            looked.set_nonblocking(false).expect("a socket");
            assert_eq!(looked.read(&mut [0]).expect("an end"), 0, "{host}: a second login");
        }
    }
}

#[test]
fn where_no_address_answers_each_is_named_with_its_failure() {
    let free = Port::reserve();
    let port = free.number();
    let dead = swallow(port);
    thread::scope(|scope| {
        for scheme in ["mqtt", "mqtts", "ws", "wss"] {
            for protocol in both() {
                let endpoint = format!("{scheme}://dead-first.test:{port}");
                let config =
                    broker::config(free.addr()).protocol(protocol).endpoint(endpoint).timeout(Duration::from_secs(3));
                scope.spawn(move || {
                    let nobody = error(Client::connect(config.build().expect("good")));
                    assert_eq!(nobody.kind(), ErrorKind::Timeout(Stage::Connect), "{nobody}");
                    let text = nobody.to_string();
                    assert!(text.contains(&format!("127.0.0.2:{port}: no answer")), "{text}");
                    assert!(text.contains(&format!("127.0.0.1:{port}: ")) && text.contains("refused"), "{text}");
                });
            }
        }
    });
    drop(dead);
    for scheme in ["mqtt", "mqtts", "ws", "wss"] {
        let endpoint = format!("{scheme}://dead-first.test:{port}");
        let nobody = error(Client::connect(broker::config(free.addr()).endpoint(endpoint).build().expect("good")));
        assert_eq!(nobody.kind(), ErrorKind::Connect, "{nobody}");
        let text = nobody.to_string();
        assert!(
            text.contains(&format!("127.0.0.2:{port}: ")) && text.contains(&format!("127.0.0.1:{port}: ")),
            "{text}"
        );
    }
}

/// Who leaves while an address is dialled that swallows everything does not wait for it.
#[test]
fn leaving_does_not_wait_for_a_dial() {
    let broker = Broker::start();
    let endpoint = format!("mqtt://dead-first.test:{}", broker.addr().port());
    // Found at the other address at first.
    let (client, line) = broker.connect(broker.config().endpoint(endpoint));
    let events = client.events();
    let dead = swallow(broker.addr().port());
    drop((line, broker));
    // Nothing listens on the other address any more, so that only the dead one is left.
    event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let start = Instant::now();
    client.with_timeout(Duration::from_secs(20)).disconnect().expect("nothing to deliver");
    // At the next look, not at the end of the dial.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    eventually("the worker has ended", || aliyun_mqtt::stranded_workers() == 0);
    drop(dead);
}

#[cfg(feature = "proxy")]
#[test]
fn a_proxy_is_found_at_its_other_address() {
    use support::http_proxy::HttpProxy;
    let emulator = emulator();
    let proxy = HttpProxy::start();
    let port = proxy.addr().port();
    let _dead = swallow(port);
    for (scheme, addr) in [
        ("mqtt", emulator.tcp_addr()),
        ("ws", emulator.ws_addr()),
        ("mqtts", emulator.tls_addr()),
        ("wss", emulator.wss_addr()),
    ] {
        let target = format!("localhost:{}", addr.port());
        proxy.know(&target, addr);
        for protocol in both() {
            let config = plain_config(&emulator).protocol(protocol).ca_pem(emulator.ca_pem());
            let config =
                config.endpoint(format!("{scheme}://{target}")).proxy(format!("http://dead-first.test:{port}"));
            let client = connect(config);
            client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "x").expect("acknowledged");
            client.disconnect().expect("all delivered");
        }
        // The proxy is asked for the name.
        assert!(proxy.targets().contains(&target));
    }
    // Nobody is there: both are named.
    let closed = Port::reserve();
    let config = plain_config(&emulator).proxy(format!("http://dead-first.test:{}", closed.number()));
    let nobody = error(Client::connect(config.endpoint("mqtt://a.test").build().expect("good")));
    assert_eq!(nobody.kind(), ErrorKind::Connect, "{nobody}");
    assert!(nobody.to_string().contains("127.0.0.2:") && nobody.to_string().contains("127.0.0.1:"), "{nobody}");
}

/// Why this library looks for an address itself. Fails when rumqttc is mended; see `docs/upstream.md`.
#[test]
fn rumqttc_itself_waits_for_the_first_address() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let _dead = swallow(port);
    let options = rumqttc::MqttOptions::new("upstream", "dead-first.test", port);
    let (_client, mut connection) = rumqttc::Client::new(options, 10);
    connection.eventloop.network_options.set_connection_timeout(5);
    let error = connection.recv().expect("events").expect_err("nobody answers");
    assert!(matches!(error, rumqttc::ConnectionError::NetworkTimeout), "{error:?}");
    listener.set_nonblocking(true).expect("a socket");
    assert!(listener.accept().is_err(), "mended: the other address was dialled");
}
