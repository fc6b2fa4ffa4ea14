//! `doctor`: an HTTP proxy on the way.

use crate::support::doctor::{Responder, examine};
use crate::support::library::http_proxy::{Answer, HttpProxy};
use crate::support::library::port::Port;
use crate::support::{Folder, emulator, with};

/// A name that only the proxy knows.
const NAME: &str = "mqtt.example.invalid";

#[test]
fn all_goes_through_the_proxy_and_nothing_past_it() {
    let (emulator, proxy, folder) = (emulator(), HttpProxy::start(), Folder::new());
    let ca = folder.write("ca.pem", emulator.ca_pem());
    proxy.know(&format!("{NAME}:1883"), emulator.tcp_addr());
    proxy.want_login("user", "not-a-secret");
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{NAME}")).env("ALIYUN_MQTT_CA_FILE", ca);
    command.env("ALIYUN_MQTT_PROXY", format!("http://user:not-a-secret@{}", proxy.addr()));
    let found = examine(command, &[]);
    for step in ["dns", "tcp", "tls", "clock"] {
        let step = found.step(step);
        assert!(step["result"] == "skipped" && step["reason"].as_str().unwrap().contains("proxy"), "{step:#}");
    }
    for step in ["connect", "subscribe", "publish", "p2p", "stay", "api"] {
        assert_eq!(found.step(step)["result"], "ok", "{:#}", found.step(step));
    }
    assert_eq!(found.step("settings")["saw"]["proxy"], proxy.url());
    let shown = [found.output.text(), &found.output.stderr].concat();
    assert!(!shown.contains("not-a-secret"), "{shown}");
}

#[test]
fn each_trouble_of_a_proxy_has_its_cause() {
    let (emulator, proxy) = (emulator(), HttpProxy::start());
    let free = Port::reserve();
    let ask = |url: &str, timeout: &str| {
        let mut command = with(&emulator);
        command.env("ALIYUN_MQTT_PROXY", url).env_remove("ALIYUN_MQTT_API_ENDPOINT");
        examine(command, &["--timeout", timeout])
    };
    for (answer, cause, exit) in [
        (Answer::Refuse(407), "http-proxy", 3),
        (Answer::Refuse(403), "proxy-refused", 3),
        (Answer::Bytes(b"SSH-2.0-x\r\n".to_vec()), "proxy-refused", 3),
        (Answer::Close, "proxy-refused", 3),
        (Answer::Silence, "proxy-silent", 5),
    ] {
        proxy.answer(answer.clone());
        // Only silence takes that long.
        let timeout = if matches!(answer, Answer::Silence) { "1" } else { "30" };
        ask(&proxy.url(), timeout).expect(&format!("{answer:?}"), "connect", cause, exit);
    }
    ask(&format!("http://{}", free.addr()), "30").expect("nobody listens", "connect", "proxy-unreachable", 3);
    ask("http://host/path", "30").expect("no proxy at all", "settings", "setting-wrong", 2);
}

/// Behind a proxy nothing else can be asked: what the library says of the answer has to do.
#[test]
fn answers_to_the_request_for_a_websocket_are_judged_behind_a_proxy_too() {
    for (status, cause) in [
        ("404 Not Found", "websocket-refused"),
        ("403 Forbidden", "websocket-not-allowed"),
        ("426 Upgrade Required", "websocket-upgrade-lost"),
        ("503 Service Unavailable", "websocket-no-server"),
        ("301 Moved Permanently", "websocket-redirected"),
    ] {
        let (emulator, proxy) = (emulator(), HttpProxy::start());
        let server = Responder::http(status, "", "");
        proxy.know(&format!("{NAME}:80"), ([127, 0, 0, 1], server.port()).into());
        let mut command = with(&emulator);
        command.env("ALIYUN_MQTT_ENDPOINT", format!("ws://{NAME}")).env("ALIYUN_MQTT_PROXY", proxy.url());
        command.env_remove("ALIYUN_MQTT_API_ENDPOINT");
        let found = examine(command, &["--timeout", "10"]);
        found.expect(status, "connect", cause, 3);
        assert!(found.step("connect")["saw"].get("connack").is_none(), "there is no CONNACK: {:?}", found.steps);
    }
}

/// Behind a proxy the library alone sees the certificate.
#[test]
fn a_certificate_that_is_not_trusted_is_named_behind_a_proxy_too() {
    let (emulator, proxy) = (emulator(), HttpProxy::start());
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_ENDPOINT", emulator.tls_endpoint()).env("ALIYUN_MQTT_PROXY", proxy.url());
    command.env_remove("ALIYUN_MQTT_API_ENDPOINT").env_remove("ALIYUN_MQTT_CA_FILE");
    let found = examine(command, &[]);
    found.expect("a private CA", "connect", "tls-untrusted-issuer", 3);
}
