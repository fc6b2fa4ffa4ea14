//! Calls that the control API refuses although its document allows them, and the addresses under which it answers.

use aliyun_mqtt_emulator::Emulator;
use serde_json::json;

use crate::support::Raw;
use crate::support::http::Control;

const ID: &str = "GID_emulator@@@a";

#[test]
fn what_no_client_could_receive_is_not_sent() {
    let (emulator, control) = Control::start();
    let mut raw = Raw::login(&emulator, ID);
    raw.subscribed(&[("emulator/a", 1)]);
    let mut raw5 = Raw::login5(&emulator, "GID_emulator@@@five", true, &[]);
    raw5.subscribed(&[("emulator/a", 1)]);
    let publish = |size: usize| json!({ "topic": "emulator/a", "payload": "x".repeat(size) }).to_string();
    for size in [65_537, 131_072, 200_000] {
        assert!(control.call("POST", "/control/publish", &publish(size)).refused(422).contains("65536"));
    }
    control.call("POST", "/control/publish", &publish(65_536)).fine();
    assert_eq!((raw.message().payload.len(), raw5.message().payload.len()), (65_536, 65_536));
    let large = json!({ "client_id": ID, "topic": "$SYS/x", "payload": "x".repeat(200_000) }).to_string();
    assert!(control.call("POST", "/control/notify", &large).refused(422).contains("131072"));
    raw.quiet();
    raw5.quiet();
}

#[test]
fn the_printed_url_answers_under_the_address_of_the_listener() {
    let address = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
    // Not every system has more than one address of loopback.
    let Ok(emulator) = Emulator::builder().control_port(0).control_address(address).start() else { return };
    Control::of(&emulator).get("/control/settings");
}

#[test]
fn an_entry_of_another_log_is_not_waited_for() {
    let (_emulator, control) = Control::start();
    let settings = control.get("/control/settings");
    let (id, next) = (settings["log"]["id"].as_str().unwrap(), settings["log"]["next"].as_u64().unwrap());
    assert_eq!(control.get(&format!("/control/log?since={next}&log={id}"))["log"], id);
    for path in ["log", "events"] {
        let beyond = control.call("GET", &format!("/control/{path}?since={}", next + 1), "").refused(409);
        assert!(beyond.contains("beyond the end"), "{beyond}");
        let other = control.call("GET", &format!("/control/{path}?since=0&log=x"), "").refused(409);
        assert!(other.contains("another log"), "{other}");
    }
    let headers = format!("{}Last-Event-ID: 1000\r\n", control.headers());
    control.raw("GET", "/control/events", &headers, "").refused(409);
}
