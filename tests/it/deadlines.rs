//! Promise 1: no endless wait, and a timeout names its stage. Promise 11: errors say why.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Packet, level, packet, refusal};
use crate::support::{LONG, emulator, error};
use aliyun_mqtt::{Client, Code, Config, ConfigBuilder, Credentials, Error, ErrorKind, Event, Outgoing, Stage};

/// For what has to time out; everything else gets its answer long before `LONG`.
const TIMEOUT: Duration = Duration::from_secs(2);

fn refused(builder: ConfigBuilder) -> Error {
    let config = builder.build().expect("a good configuration");
    let (start, timeout) = (Instant::now(), config.timeout());
    let error = error(Client::connect(config));
    let elapsed = start.elapsed();
    // The deadline, and what a busy machine may add to it.
    assert!(elapsed < timeout + Duration::from_secs(20), "{elapsed:?}: {error}");
    assert!(!error.to_string().contains("-secret"), "{error}");
    let stage = error.stage().expect("a stage");
    assert!(error.to_string().contains(&format!("(stage: {stage})")), "{error}");
    error
}

fn to(endpoint: &str) -> ConfigBuilder {
    Config::builder()
        .protocol(crate::support::protocol())
        .endpoint(endpoint)
        .instance_id("post-cn-test")
        .group_id("GID_test")
        .credentials(Credentials::signature("test-access-key-id", "test-access-key-secret"))
        .timeout(LONG)
}

#[test]
fn nothing_listens() {
    // No test is given this port, unlike one that was free a moment ago.
    let addr = "127.0.0.1:1";
    let error = refused(to(&format!("mqtt://{addr}")));
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_retryable() && error.to_string().contains(addr), "{error}");
}

#[test]
fn a_name_that_does_not_exist() {
    let error = refused(to("mqtt://no-such-host.invalid:1883"));
    assert_eq!(error.kind(), ErrorKind::Resolve, "{error}");
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn a_port_that_says_nothing() {
    let broker = Broker::start();
    let error = refused(to(&format!("mqtt://{}", broker.addr())).timeout(TIMEOUT));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::ConnAck), "{error}");
    assert!(error.is_timeout() && error.to_string().contains("stage: connack"), "{error}");
}

#[test]
fn a_tls_port_that_says_nothing() {
    let broker = Broker::start();
    let error = refused(to(&format!("mqtts://{}", broker.addr())).timeout(TIMEOUT));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Tls), "{error}");
}

#[test]
fn a_server_that_speaks_http() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let error = refused(to(&format!("mqtt://{addr}")));
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("HTTP") && error.to_string().contains("connack"), "{error}");
    let error = refused(to(&format!("mqtts://{addr}")));
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
}

#[test]
fn a_server_that_hangs_up() {
    let broker = Broker::start();
    let endpoint = format!("mqtt://{}", broker.addr());
    let listener = thread::spawn(move || {
        drop(broker.accept_raw());
        drop(broker.accept_raw());
    });
    let error = refused(to(&endpoint));
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("without answering CONNECT"), "{error}");
    listener.join().expect("no panic");
}

#[test]
fn every_refusal_code_is_explained() {
    for code in 1..=5 {
        let broker = Broker::start();
        let config = broker.config();
        let (_, error) = broker.refuse(config, &refusal(code));
        assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some(crate::support::connack(code))), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(error.is_retryable(), code == 3);
        let words = if code == 3 { "cannot take the connection now" } else { "refused the connection" };
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_server_that_says_later_is_an_outage_and_no_refusal() {
    let later = if level() == 5 { [0x88, 0x89, 0x97, 0x9f] } else { [3; 4] };
    let broker = Broker::start();
    // A refusal would be the end: there is no patience with them.
    let config = broker.config().refusal_patience(Duration::ZERO).backoff(Duration::from_millis(10), LONG);
    let (client, line) = broker.connect(config);
    let events = client.events();
    drop(line);
    for code in later {
        let mut line = broker.accept_login();
        let properties: &[u8] = if level() == 5 { &[0] } else { &[] };
        line.write(&packet(0x20, &[&[0, code], properties].concat()));
        let (reason, retry_in) = crate::support::event(&events, "later", |event| match event {
            Event::Disconnected { reason, retry_in, .. } if reason.code().is_some() => Some((reason, retry_in)),
            _ => None,
        });
        assert_eq!((reason.code(), reason.is_retryable()), (Some(Code::ConnAck(code)), true), "{reason}");
        assert!(retry_in.is_some_and(|pause| pause < LONG / 10), "{retry_in:?}");
    }
    let _line = broker.accept(false);
    crate::support::connected(&events);
}

#[test]
fn the_service_refuses_bad_logins() {
    let emulator = emulator();
    let wrong_secret = Credentials::signature(emulator.access_key_id(), "wrong-secret");
    let error = refused(crate::support::config(&emulator).credentials(wrong_secret));
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let error = refused(crate::support::config(&emulator).instance_id("post-cn-unknown"));
    assert_eq!(error.code(), Some(crate::support::connack(5)), "{error}");
    assert!(error.to_string().contains("instance"), "{error}");
}

#[test]
fn a_certificate_nobody_vouches_for() {
    let emulator = emulator();
    let error = refused(crate::support::plain_config(&emulator).endpoint(emulator.tls_endpoint()));
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[test]
fn a_provider_that_never_answers_fails_or_panics() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let stuck = Credentials::provider(move || {
        let _ = held.lock().expect("a lock").recv();
        Err("released".into())
    });
    let error = refused(to("mqtt://127.0.0.1:1").timeout(TIMEOUT).credentials(stuck));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Credentials), "{error}");
    drop(hold);
    let error = refused(to("mqtt://127.0.0.1:1").credentials(Credentials::provider(|| Err("no token today".into()))));
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Credentials, Some(Stage::Credentials)));
    assert!(error.to_string().contains("no token today"), "{error}");
    let panics = Credentials::provider(|| std::panic::resume_unwind(Box::new("a bug")));
    let error = refused(to("mqtt://127.0.0.1:1").credentials(panics));
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
}

#[test]
fn an_outage_does_not_count_against_the_patience_with_refusals() {
    let patience = Duration::from_millis(500);
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().refusal_patience(patience));
    let events = client.events();
    drop(line);
    let answer = |code: u8| {
        let mut line = broker.accept_raw();
        line.read();
        line.connack(false, code);
        line.read();
    };
    answer(5);
    let start = Instant::now();
    while start.elapsed() < 2 * patience {
        answer(3);
    }
    answer(5);
    let mut line = broker.accept(false);
    crate::support::connected(&events);
    let delivery = client.enqueue(Outgoing::new("t", aliyun_mqtt::QoS::AtLeastOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    delivery.wait().expect("acknowledged");
}

#[test]
fn receiving_returns_in_time_with_nothing() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config());
    assert!(client.try_recv().expect("alive").is_none());
    assert!(client.recv_timeout(Duration::from_millis(20)).expect("alive").is_none());
    assert_eq!(client.messages().idle(Duration::from_millis(20)).count(), 0);
}

#[test]
fn a_waiting_receiver_wakes_up_at_the_end() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.recv());
        client.with_timeout(LONG).disconnect().expect("nothing to deliver");
        assert_eq!(error(waiting.join().expect("no panic")).kind(), ErrorKind::Closed);
    });
    drop(line);
}

#[test]
fn after_a_refused_login_the_provider_is_asked_once_more_at_once() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().backoff(Duration::from_millis(10), LONG * 10));
    let events = client.events();
    let refused = || {
        let mut line = broker.accept_raw();
        line.read().expect("CONNECT");
        line.connack(false, 5);
        crate::support::event(&events, "refused", |event| match event {
            Event::Disconnected { reason, retry_in, .. } if reason.kind() == ErrorKind::Refused => Some(retry_in),
            _ => None,
        })
    };
    drop(line);
    assert_eq!(refused(), Some(Duration::ZERO));
    assert!(refused() >= Some(LONG * 5), "and then at the slowest pace");
}

/// A server that says this, to whoever connects or once it was asked, and then waits; it takes any number of
/// connections.
fn saying(words: &'static [u8], asked: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            if !asked || stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {
                let _ = stream.write_all(words);
            }
            open.push(stream);
        }
    });
    addr
}

/// A server that does not speak MQTT is named by its first words, also where it waits for more and the timeout is
/// short.
#[test]
fn the_first_words_of_what_is_no_mqtt_are_told_within_any_time_out() {
    const CASES: [(&[u8], bool, &str, &str); 5] = [
        (b"SSH-2.0-OpenSSH_9.6\r\n", false, "speaks SSH, not MQTT", "it sent \"SSH-2.0-OpenSSH_9.6\\r\\n\""),
        (b"220 mail.test ESMTP\r\n", false, "does not speak MQTT", "it sent \"220 mail.test ESMTP\\r\\n\""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", true, "speaks HTTP, not MQTT", "it sent \"HTTP/1.1 400 Bad Request"),
        (b"\x15\x03\x03\0\x02\x02\x0a", true, "speaks TLS, not MQTT", "mqtts://host:port"),
        // No more of it than fits in a line, and nothing that a terminal would act on.
        (&[0x1b; 4096], true, "does not speak MQTT", "\\x1b\\x1b\""),
    ];
    thread::scope(|scope| {
        // Not the shortest that can be set: it would depend on a busy machine.
        for timeout in [TIMEOUT, Duration::from_secs(5)] {
            for (words, asked, what, said) in CASES {
                scope.spawn(move || {
                    let error = refused(to(&format!("mqtt://{}", saying(words, asked))).timeout(timeout));
                    let text = error.to_string();
                    assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
                    assert!(text.contains(what) && text.contains(said), "{timeout:?}: {error}");
                    assert!(text.len() < 600 && !text.contains('\u{1b}'), "{error}");
                });
            }
            scope.spawn(move || {
                let banner = b"220 mail.test ESMTP\r\n";
                let error = refused(to(&format!("mqtts://{}", saying(banner, false))).timeout(timeout));
                assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
                assert!(error.to_string().contains("it sent \"220 mail.test ESMTP"), "{error}");
            });
            #[cfg(feature = "websocket")]
            scope.spawn(move || {
                let banner = b"220 mail.test ESMTP\r\n";
                let error = refused(to(&format!("ws://{}", saying(banner, false))).timeout(timeout));
                assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::ConnAck)), "{error}");
                assert!(error.to_string().contains("it sent \"220 mail.test ESMTP"), "{error}");
            });
            #[cfg(feature = "proxy")]
            scope.spawn(move || {
                let banner = b"220 mail.test ESMTP\r\n";
                let proxy = format!("http://{}", saying(banner, false));
                let error = refused(to("mqtt://broker.test").proxy(proxy).timeout(timeout));
                assert_eq!((error.kind(), error.stage()), (ErrorKind::Proxy, Some(Stage::Proxy)), "{error}");
                assert!(error.to_string().contains("it sent \"220 mail.test ESMTP"), "{error}");
            });
        }
    });
}

/// The same where MQTT was spoken before: a gateway may take the place of a broker that is gone.
#[test]
fn the_first_words_are_told_at_a_reconnect() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().timeout(TIMEOUT));
    let events = client.events();
    let port = broker.stop();
    let gateway = TcpListener::bind(port.addr()).expect("the port again");
    thread::spawn(move || {
        for stream in gateway.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 512]);
            let _ = stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n");
        }
    });
    drop(line);
    let text = crate::support::event(&events, "told", |event| match event {
        Event::Disconnected { reason, .. } if reason.stage() == Some(Stage::ConnAck) => Some(reason.to_string()),
        _ => None,
    });
    assert!(text.contains("speaks HTTP") && text.contains("it sent \"HTTP/1.1 503 Service"), "{text}");
    drop(client);
}
