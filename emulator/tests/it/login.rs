//! Logins that are accepted and refused, with their CONNACK codes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{LONG, Raw, password, seen, sign, text, username};
use aliyun_mqtt_emulator::{Emulator, Permission, SignMode, What};

const HOUR: Duration = Duration::from_secs(3600);

/// Logs in over a new connection; returns the CONNACK code, and checks that a refused connection ends.
fn code(emulator: &Emulator, client_id: &str, username: &str, password: &str) -> u8 {
    let mut raw = Raw::tcp(emulator);
    let (code, session_present) = raw.connect(client_id, username, password, true);
    assert!(!session_present);
    if code > 0 {
        raw.ended();
    }
    code
}

#[test]
fn signature() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let good = password(&emulator, id);
    let user = |mode: &str, instance: &str| format!("{mode}|{}|{instance}", emulator.access_key_id());
    assert_eq!(code(&emulator, id, &username(&emulator), &good), 0);
    assert_eq!(code(&emulator, id, &username(&emulator), &sign("GID_emulator@@@2", emulator.access_key_secret())), 4);
    assert_eq!(code(&emulator, id, &user("Signature", "post-cn-other"), &good), 5);
    assert_eq!(code(&emulator, id, &user("Signed", emulator.instance_id()), &good), 4);
    let other = "GID_other@@@1";
    assert_eq!(code(&emulator, other, &username(&emulator), &password(&emulator, other)), 5);
    let no_group = "no-group";
    assert_eq!(code(&emulator, no_group, &username(&emulator), &password(&emulator, no_group)), 2);
    let refusals: Vec<u8> = emulator
        .log()
        .iter()
        .filter_map(|entry| match entry.what {
            What::LoginRefused { code, .. } => Some(code),
            _ => None,
        })
        .collect();
    assert_eq!(refusals, [4, 5, 4, 5, 2]);
}

#[test]
fn several_accounts_groups_and_topics() {
    let emulator = Emulator::builder()
        .instance_id("mqtt-xxxxx")
        .group_id("GID_Test")
        .group_id("GID_second")
        .parent_topic("one")
        .parent_topic("two")
        .access_key("YYYYY", "XXXXX")
        .access_key("key2", "secret2")
        .start()
        .unwrap();
    assert_eq!((emulator.group_id(), emulator.parent_topic(), emulator.access_key_id()), ("GID_Test", "one", "YYYYY"));
    // The inputs of the service's documentation.
    let documented = ("GID_Test@@@0001", "Signature|YYYYY|mqtt-xxxxx", "vI009IZJZVGRwBwZvnbwjfuXxVM=");
    assert_eq!(code(&emulator, documented.0, documented.1, documented.2), 0);
    let second = "GID_second@@@1";
    assert_eq!(code(&emulator, second, "Signature|key2|mqtt-xxxxx", &sign(second, "secret2")), 0);
    assert_eq!(code(&emulator, second, "Signature|key2|mqtt-xxxxx", &sign(second, "XXXXX")), 4);
    let default_group = "GID_emulator@@@1";
    assert_eq!(code(&emulator, default_group, "Signature|key2|mqtt-xxxxx", &sign(default_group, "secret2")), 5);
    let mut raw = Raw::tcp(&emulator);
    assert_eq!(raw.connect(second, "Signature|key2|mqtt-xxxxx", &sign(second, "secret2"), true).0, 0);
    raw.subscribed(&[("one/#", 1), ("two/#", 1)]);
}

#[test]
fn device_credential() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@device";
    let credential = emulator.register_device(id);
    let user = format!("DeviceCredential|{}|{}", credential.access_key_id, emulator.instance_id());
    let secret = &credential.access_key_secret;
    assert_eq!(code(&emulator, id, &user, &sign(id, secret)), 0);
    assert_eq!(code(&emulator, id, &user, "wrong"), 4);
    let other = "GID_emulator@@@other";
    assert_eq!(code(&emulator, other, &user, &sign(other, secret)), 5);
    assert!(emulator.unregister_device(id));
    assert_eq!(code(&emulator, id, &user, &sign(id, secret)), 5);
}

#[test]
fn token() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@token";
    let user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
    let read = emulator.issue_token(Permission::Read, &["emulator/#"], HOUR);
    let write = emulator.issue_token(Permission::Write, &["emulator/#"], HOUR);
    assert_eq!(code(&emulator, id, &user, &format!("R|{read}")), 0);
    assert_eq!(code(&emulator, id, &user, &format!("W|{write}|R|{read}")), 0);
    assert_eq!(code(&emulator, id, &user, &format!("RW|{read}")), 4);
    assert_eq!(code(&emulator, id, &user, &format!("R|{read}|W|forged")), 4);
    assert_eq!(code(&emulator, id, &user, &read), 4);
    let dead = emulator.issue_token(Permission::Read, &["emulator/#"], Duration::ZERO);
    assert_eq!(code(&emulator, id, &user, &format!("R|{dead}")), 4);
    assert!(emulator.revoke_token(&read));
    assert!(!emulator.revoke_token("forged"));
    assert_eq!(code(&emulator, id, &user, &format!("R|{read}")), 4);
}

#[test]
fn custom_identity() {
    let emulator = Emulator::builder()
        .custom_identity("plain", "s3cret", SignMode::Origin)
        .custom_identity("signed", "s3cret", SignMode::Signed)
        .start()
        .unwrap();
    assert_eq!(code(&emulator, "any-form", "plain", "s3cret"), 0);
    assert_eq!(code(&emulator, "any-form", "plain", "s3cre"), 4);
    assert_eq!(code(&emulator, "any-form", "signed", &sign("any-form", "s3cret")), 0);
    assert_eq!(code(&emulator, "any-form", "signed", "s3cret"), 4);
    assert_eq!(code(&emulator, &"x".repeat(65), "plain", "s3cret"), 2);
}

#[test]
fn logins_can_be_refused_by_order() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let login = || code(&emulator, id, &username(&emulator), &password(&emulator, id));
    for ordered in 1..=5 {
        emulator.refuse_logins(Some(ordered));
        assert_eq!((login(), login()), (ordered, ordered));
    }
    emulator.refuse_logins(Some(99));
    assert_eq!(login(), 5);
    emulator.refuse_logins(None);
    assert_eq!(login(), 0);
    emulator.refuse_next_logins(2, 3);
    assert_eq!([login(), login(), login()], [3, 3, 0]);
    seen(&emulator, id, |what| matches!(what, What::LoginRefused { code: 3, .. }));
}

#[test]
fn mqtt_5_gets_the_reason_code_of_the_same_meaning() {
    let emulator = Emulator::start().unwrap();
    for (code, reason) in [(1, 0x84), (2, 0x85), (3, 0x88), (4, 0x86), (5, 0x87)] {
        emulator.refuse_logins(Some(code));
        let mut stream = TcpStream::connect(emulator.tcp_addr()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let mut body = text("MQTT");
        body.extend([5, 2, 0, 60, 0]);
        body.extend(text("GID_emulator@@@1"));
        stream.write_all(&[&[0x10, u8::try_from(body.len()).unwrap()], &body[..]].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, [0x20, 3, 0, reason, 0]);
    }
}

#[test]
fn odd_first_packets() {
    let emulator = Emulator::start().unwrap();
    let answer = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(emulator.tcp_addr()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset ends the connection, too.
        let _ = stream.read_to_end(&mut answer);
        answer
    };
    assert_eq!(answer(&b"GET / HTTP/1.1\r\n".repeat(10)), b"");
    assert_eq!(answer(&[0xC0, 0]), b"");
    // MQTT 3.1, and a persistent session of MQTT 3.1.1 without a client id.
    assert_eq!(answer(&[&[0x10, 15], &text("MQIsdp")[..], &[3, 2, 0, 60], &text("a")[..]].concat()), [0x20, 2, 0, 1]);
    assert_eq!(answer(&[&[0x10, 12], &text("MQTT")[..], &[4, 0, 0, 60], &text("")[..]].concat()), [0x20, 2, 0, 2]);
}

#[test]
fn a_keep_alive_beyond_the_largest_is_no_fault() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let mut raw = Raw::tcp(&emulator);
    let mut body = text("MQTT");
    body.extend([4, 0xC2, 0xFF, 0xFF]);
    for field in [id, &username(&emulator), &password(&emulator, id)] {
        body.extend(text(field));
    }
    raw.send(0x10, &body);
    assert_eq!(raw.packet(), Some((0x20, vec![0, 0])));
    seen(&emulator, id, |what| matches!(what, What::Connected { keep_alive: 65_535, .. }));
}

#[test]
fn the_log_and_debug_hold_no_secret() {
    let emulator = Emulator::builder().custom_identity("name", "hidden-secret", SignMode::Origin).start().unwrap();
    let id = "GID_emulator@@@1";
    let token = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], HOUR);
    let device = emulator.register_device(id);
    let token_user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
    let mut raw = Raw::tcp(&emulator);
    assert_eq!(raw.connect(id, &token_user, &format!("RW|{token}"), true).0, 0);
    let fresh = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], HOUR);
    raw.publish("$SYS/uploadToken", 1, 1, format!(r#"{{"token":"{fresh}","type":"RW"}}"#).as_bytes());
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    code(&emulator, id, &token_user, "RW|forged-token-text");
    code(&emulator, id, &username(&emulator), &password(&emulator, id));
    code(&emulator, id, &username(&emulator), "wrong-signature-text");
    code(&emulator, id, "name", "wrong-password-text");
    let shown =
        format!("{:?} {emulator:?} {device:?} {:?}", emulator.log(), Emulator::builder().access_key("a", "hidden"));
    let password = password(&emulator, id);
    for secret in [
        &token,
        &fresh,
        emulator.access_key_secret(),
        &device.access_key_secret,
        &password,
        "forged-token-text",
        "wrong-signature-text",
        "wrong-password-text",
        "hidden",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
