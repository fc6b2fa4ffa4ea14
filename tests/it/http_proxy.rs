//! Connections through an HTTP proxy: what goes through it, what does not, and what is said when the proxy is in the
//! way.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::broker::{self, Broker};
use crate::support::http_proxy::{Answer, HttpProxy, Tunnel};
use crate::support::port::Port;
use crate::support::process::{as_child, child};
use crate::support::{LONG, connect, connected, emulator, error, payloads, plain_config, topic};
use aliyun_mqtt::{Client, Code, ConfigBuilder, Credentials, Error, ErrorKind, Outgoing, QoS, Stage};
use aliyun_mqtt_emulator::Emulator;

/// For what has to time out.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A name that only the proxy knows.
const TARGET: &str = "broker.test:1883";

/// One configuration for each transport of this build, with the target that the proxy must be asked for.
fn transports(emulator: &Emulator) -> Vec<(ConfigBuilder, String)> {
    let own = |url: String| url.trim_end_matches("/mqtt").rsplit('/').next().expect("host and port").to_string();
    let mut all = vec![(plain_config(emulator), own(emulator.endpoint()))];
    #[cfg(feature = "tls")]
    all.push((
        plain_config(emulator).endpoint(emulator.tls_endpoint()).ca_pem(emulator.ca_pem()),
        own(emulator.tls_endpoint()),
    ));
    #[cfg(feature = "websocket")]
    all.push((plain_config(emulator).endpoint(emulator.ws_endpoint()), own(emulator.ws_endpoint())));
    #[cfg(all(feature = "tls", feature = "websocket"))]
    all.push((
        plain_config(emulator).endpoint(emulator.wss_endpoint()).ca_pem(emulator.ca_pem()),
        own(emulator.wss_endpoint()),
    ));
    all
}

/// To the emulator, by a name that only the proxy knows; a connection past the proxy would find nothing.
fn far(emulator: &Emulator, proxy: &HttpProxy) -> ConfigBuilder {
    proxy.know(TARGET, emulator.tcp_addr());
    plain_config(emulator).endpoint(format!("mqtt://{TARGET}")).proxy(proxy.url())
}

/// To a server that only the proxy knows, with a login of nobody.
fn through(proxy: &HttpProxy) -> ConfigBuilder {
    to(&format!("mqtt://{TARGET}")).proxy(proxy.url())
}

fn to(endpoint: &str) -> ConfigBuilder {
    // The address is replaced.
    broker::config(([127, 0, 0, 1], 1).into()).endpoint(endpoint)
}

/// Why there is no connection; both the server and the proxy are named, and the stage.
fn refused(builder: ConfigBuilder) -> Error {
    let config = builder.build().expect("a good configuration");
    let (start, timeout) = (Instant::now(), config.timeout());
    let names = [config.endpoint().to_string(), config.proxy().expect("a proxy").to_string()];
    let error = error(Client::connect(config));
    // The deadline, and what a busy machine may add to it.
    assert!(start.elapsed() < timeout + Duration::from_secs(20), "{:?}: {error}", start.elapsed());
    let stage = error.stage().expect("a stage");
    let text = error.to_string();
    assert!(names.iter().all(|name| text.contains(name)) && text.contains(&format!("(stage: {stage})")), "{text}");
    assert!(error.hint().is_some(), "{text}");
    assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
    error
}

#[test]
fn messages_both_ways_and_over_cuts_on_every_transport() {
    let emulator = emulator();
    for (config, target) in transports(&emulator) {
        let proxy = HttpProxy::start();
        let client = connect(config.proxy(proxy.url()));
        let (events, topic) = (client.events(), topic(&emulator, "proxied"));
        client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
        for round in 1..=3 {
            for number in 0..10 {
                client.enqueue(Outgoing::new(&topic, QoS::AtLeastOnce, format!("{round} {number}"))).expect("accepted");
            }
            let expected: Vec<_> = (0..10).map(|number| format!("{round} {number}")).collect();
            assert_eq!(payloads(&client, 10), expected, "{target}");
            client.flush(LONG).expect("all acknowledged");
            assert_eq!(proxy.targets(), vec![target.clone(); round], "one tunnel for each connection");
            proxy.cut();
            connected(&events);
        }
        client.disconnect().expect("all delivered");
        assert_eq!(proxy.connections(), 4, "nothing but tunnels");
    }
}

#[test]
fn a_large_message_goes_through() {
    let emulator = emulator();
    let payload = vec![7; aliyun_mqtt::Limits::default().payload_len];
    for (config, target) in transports(&emulator) {
        let proxy = HttpProxy::start();
        let client = connect(config.proxy(proxy.url()));
        let topic = topic(&emulator, "large");
        client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
        client.publish(&topic, QoS::AtLeastOnce, payload.clone()).expect("published");
        let message = client.recv_timeout(LONG).expect("connected").expect("a message");
        assert!(message.payload() == payload, "{target}");
        client.disconnect().expect("all delivered");
    }
}

#[test]
fn the_proxy_looks_up_the_name() {
    let emulator = emulator();
    let proxy = HttpProxy::start();
    let client = connect(far(&emulator, &proxy));
    assert_eq!(proxy.targets(), [TARGET]);
    assert_eq!(client.config().proxy().map(ToString::to_string), Some(proxy.url()));
}

#[test]
fn an_ipv6_address_on_either_side() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    drop(listener);
    let emulator = emulator();
    let proxy = HttpProxy::at("[::1]:0");
    proxy.know("[2001:db8::1]:1883", emulator.tcp_addr());
    let client = connect(far(&emulator, &proxy).endpoint("mqtt://[2001:db8::1]"));
    assert_eq!(proxy.targets(), ["[2001:db8::1]:1883"]);
    client.disconnect().expect("all delivered");
    // rumqttc cannot say both of it.
    #[cfg(feature = "tls")]
    {
        let error = error(through(&proxy).endpoint("mqtts://[2001:db8::1]").build());
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("host name"), "{error}");
    }
}

#[test]
fn logins() {
    let emulator = emulator();
    let proxy = HttpProxy::start();
    proxy.want_login("user", "ge:heim %");
    let port = proxy.addr().port();
    let far = || far(&emulator, &proxy);
    let right = [
        far().proxy(format!("http://user:ge%3Aheim%20%25@127.0.0.1:{port}")),
        far().proxy_credentials("user", "ge:heim %"),
        far().proxy(format!("http://other:geheim@localhost:{port}")).proxy_credentials("user", "ge:heim %"),
    ];
    for config in right {
        connect(config).disconnect().expect("all delivered");
        let login = Some("user:ge:heim %".to_string());
        assert_eq!(proxy.asked().last(), Some(&Tunnel { target: TARGET.to_string(), login }));
    }
    let wrong = [through(&proxy), through(&proxy).proxy_credentials("user", "geheim")];
    for config in wrong {
        let error = refused(config);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Proxy, Some(Code::Proxy(407))), "{error}");
        assert!(!error.is_retryable() && error.to_string().contains("proxy_credentials"), "{error}");
    }
}

#[test]
fn refusals_say_which_and_what_to_do() {
    let proxy = HttpProxy::start();
    for (status, retry, hint) in [
        (400, false, "allows CONNECT"),
        (403, false, "port 443"),
        (407, false, "user name and password"),
        (429, true, "later"),
        (502, true, "could not find or reach the server"),
        (503, true, "could not find or reach the server"),
        (201, false, "accepts 200 only"),
        (204, false, "accepts 200 only"),
        (302, false, "allows CONNECT"),
    ] {
        proxy.answer(Answer::Refuse(status));
        let error = refused(through(&proxy));
        assert_eq!((error.kind(), error.stage()), (ErrorKind::Proxy, Some(Stage::Proxy)), "{error}");
        assert_eq!((error.code(), error.is_retryable()), (Some(Code::Proxy(status)), retry), "{error}");
        assert!(error.to_string().contains(&format!("HTTP {status}: ")), "{error}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error}");
    }
    // The proxy itself cannot reach what nobody knows.
    proxy.answer(Answer::Tunnel);
    let nobody = Port::reserve();
    let error = refused(through(&proxy).endpoint(format!("mqtt://{}", nobody.addr())));
    assert_eq!(error.code(), Some(Code::Proxy(502)), "{error}");
}

#[test]
fn what_is_no_answer() {
    let proxy = HttpProxy::start();
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(5000)).into_bytes();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(17)).into_bytes();
    for (answer, kind, what) in [
        (Answer::Bytes(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), ErrorKind::Proxy, "does not speak HTTP"),
        (Answer::Bytes(b"\x15\x03\x03\0\x02\x02\xff\n".to_vec()), ErrorKind::Proxy, "does not speak HTTP"),
        (Answer::Bytes(b"\r\n\r\n\r\n".to_vec()), ErrorKind::Proxy, "does not speak HTTP"),
        (Answer::Bytes(long), ErrorKind::Proxy, "4096"),
        (Answer::Bytes(many), ErrorKind::Proxy, "header"),
        (Answer::Endless(b"A: b\r\n"), ErrorKind::Proxy, "4096"),
        (Answer::Bytes(b"HTTP/1.1 200 OK\r\n".to_vec()), ErrorKind::ConnectionLost, "without an answer"),
        (Answer::Close, ErrorKind::ConnectionLost, "without an answer"),
    ] {
        proxy.answer(answer.clone());
        let error = refused(through(&proxy));
        assert_eq!((error.kind(), error.stage(), error.code()), (kind, Some(Stage::Proxy), None), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(error.is_retryable(), kind == ErrorKind::ConnectionLost, "{error}");
    }
}

/// What a proxy says is not repeated where it repeats what it was told.
#[test]
fn an_echo_shows_no_login() {
    let proxy = HttpProxy::start();
    let mut echo = b"CONNECT broker.test:1883 HTTP/1.1\r\nProxy-Authorization: Basic dXNlcjpnZWhlaW0=\r\n".repeat(99);
    echo.extend(b"\r\n");
    for answer in [echo.clone(), echo.split_off(echo.len() - 200)] {
        proxy.answer(Answer::Bytes(answer));
        let error = refused(through(&proxy).proxy_credentials("user", "geheim"));
        assert!(!format!("{error:?}").contains("dXNlcjpnZWhlaW0="), "{error:?}");
    }
}

#[test]
fn no_proxy_there() {
    let closed = Port::reserve();
    let proxy = HttpProxy::start();
    let error = refused(through(&proxy).proxy(format!("http://{}", closed.addr())));
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_retryable() && error.to_string().contains("port of the proxy"), "{error}");
    let error = refused(through(&proxy).proxy("http://no-such-host.invalid:3128"));
    assert_eq!(error.kind(), ErrorKind::Resolve, "{error}");
    assert!(error.to_string().contains("host name of the proxy"), "{error}");
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn silence_ends_at_the_deadline_with_its_stage() {
    // A proxy that says nothing.
    let proxy = HttpProxy::start();
    proxy.answer(Answer::Silence);
    let error = refused(through(&proxy).timeout(TIMEOUT));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Proxy), "{error}");
    assert!(error.to_string().contains("did not answer"), "{error}");
    // One whose first line has no end; it takes its time, since nothing else bounds what is read until the deadline.
    proxy.answer(Answer::Drip);
    let error = refused(through(&proxy).timeout(TIMEOUT));
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Proxy, Some(Stage::Proxy)), "{error}");
    assert!(error.to_string().contains("does not speak HTTP: it sent \"x"), "{error}");
    // Whoever may repeat the login is not repeated.
    let error = refused(through(&proxy).proxy_credentials("user", "geheim").timeout(TIMEOUT));
    assert!(error.kind() == ErrorKind::Proxy && !error.to_string().contains("it said"), "{error}");
    // Behind a tunnel it is the server that says nothing, and the probe was there, too.
    let broker = Broker::start();
    proxy.answer(Answer::Tunnel);
    proxy.know(TARGET, broker.addr());
    let error = refused(through(&proxy).timeout(TIMEOUT));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::ConnAck), "{error}");
    assert!(proxy.connections() >= 6 && proxy.targets().iter().all(|target| target == TARGET));
    #[cfg(feature = "tls")]
    {
        proxy.know("broker.test:8883", broker.addr());
        let error = refused(through(&proxy).endpoint("mqtts://broker.test").timeout(TIMEOUT));
        assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Tls), "{error}");
    }
}

/// The environment of a process cannot be changed safely, so this test runs itself in another one.
#[test]
fn the_environment_counts_on_demand_only() {
    if let Some(direct) = as_child() {
        let here = || to(&format!("mqtt://{direct}"));
        let ways = [
            here(),
            // This machine needs no proxy, even on demand.
            here().proxy_from_env(),
            to("mqtt://broker.test:1883").proxy_from_env(),
            ConfigBuilder::from_env().credentials(Credentials::signature("test-access-key-id", "test-secret")),
        ];
        for way in ways {
            connect(way).disconnect().expect("disconnected");
        }
        let excepted = to("mqtt://excepted.test:1883").proxy_from_env().build().expect("good");
        assert!(excepted.proxy().is_none());
        return;
    }
    let broker = Broker::start();
    let proxy = HttpProxy::start();
    proxy.know(TARGET, broker.addr());
    let addr = broker.addr().to_string();
    // Nobody waits for it: a child that fails does not come.
    std::thread::spawn(move || {
        loop {
            let mut line = broker.accept(false);
            while line.read().is_some() {}
        }
    });
    let child = child(module_path!(), "the_environment_counts_on_demand_only", &addr)
        .env("https_proxy", format!("http://user:geheim@{}", proxy.addr()))
        .env("HTTPS_PROXY", "http://no-such-host.invalid:1")
        .env("no_proxy", "excepted.test")
        .env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{TARGET}"))
        .env("ALIYUN_MQTT_INSTANCE_ID", "post-cn-test")
        .env("ALIYUN_MQTT_GROUP_ID", "GID_test")
        .env(
            "ALIYUN_MQTT_PROTOCOL",
            if crate::support::protocol() == aliyun_mqtt::Protocol::V5 { "5" } else { "3.1.1" },
        )
        .env("ALIYUN_MQTT_PROXY", "env")
        .output()
        .expect("it runs");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let login = Some("user:geheim".to_string());
    assert_eq!(proxy.asked(), vec![Tunnel { target: TARGET.to_string(), login }; 2]);
}
