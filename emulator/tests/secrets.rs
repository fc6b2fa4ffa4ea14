//! Neither the emulator nor the libraries inside it log a secret. Has a process to itself, because a process has one
//! logger.

mod support;

use std::sync::Mutex;
use std::time::Duration;

use aliyun_mqtt_emulator::{Emulator, Permission};
use support::{Raw, api, username};

struct Collector(Mutex<String>);

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut text = self.0.lock().unwrap();
        text.push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

static COLLECTOR: Collector = Collector(Mutex::new(String::new()));

#[test]
fn neither_passwords_nor_tokens_are_logged() {
    log::set_logger(&COLLECTOR).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
    let hour = Duration::from_secs(3600);
    let token = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], hour);
    let fresh = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], hour);
    let mut by_token = Raw::tcp(&emulator);
    assert_eq!(by_token.connect(id, &user, &format!("RW|{token}"), true).0, 0);
    let mut by_key = Raw::login(&emulator, "GID_emulator@@@2");
    for raw in [&mut by_token, &mut by_key] {
        raw.publish("$SYS/uploadToken", 1, 1, format!(r#"{{"token":"{fresh}","type":"RW"}}"#).as_bytes());
        assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    }
    let refused = Raw::tcp(&emulator).connect(id, &username(&emulator), "wrong-password", true);
    assert_eq!(refused.0, 4);
    let mut bad_call = api::call(&emulator, api::Signed::V2, "RevokeToken", &[("Token", &token)]);
    bad_call.secret = "wrong-secret".into();
    bad_call.send(&emulator).refused(400, "SignatureDoesNotMatch");
    for signed in [api::Signed::V2, api::Signed::V3] {
        api::call(&emulator, signed, "QueryToken", &[("Token", &token)]).send(&emulator).fine();
    }
    drop(emulator);
    let logged = COLLECTOR.0.lock().unwrap();
    assert!(logged.contains("$SYS/uploadToken"), "the collector works");
    let right = support::sign("GID_emulator@@@2", "emulator-access-key-secret");
    for secret in [&token, &fresh, &right, "emulator-access-key-secret", "wrong-password", "wrong-secret"] {
        // Bytes may be logged as numbers.
        let numbers = format!("{:?}", secret.as_bytes());
        assert!(!logged.contains(secret) && !logged.contains(numbers.trim_matches(['[', ']'])), "{secret}");
    }
}
