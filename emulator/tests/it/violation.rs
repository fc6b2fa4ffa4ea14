//! Broken rules: the connection is closed, and a token holder receives a notice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::{LONG, Raw, api, seen};
use aliyun_mqtt_emulator::{Action, DisconnectReason, Emulator, Limits, Permission, What};

const HOUR: Duration = Duration::from_secs(3600);

fn token_login(emulator: &Emulator, client_id: &str, password: &str) -> Raw {
    let mut raw = Raw::tcp(emulator);
    let user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
    assert_eq!(raw.connect(client_id, &user, password, true).0, 0);
    raw
}

fn violated(emulator: &Emulator, client_id: &str, action: Action, topic: &str) -> String {
    let entry = seen(emulator, client_id, |what| matches!(what, What::Violation { .. }));
    let What::Violation { action: found, topic: named, reason } = entry.what else { unreachable!() };
    assert_eq!((found, named.as_str()), (action, topic));
    seen(emulator, client_id, |what| matches!(what, What::Disconnected { reason: DisconnectReason::Violation }));
    reason
}

#[test]
fn a_forbidden_publish_is_cut_without_an_acknowledgement() {
    let emulator = Emulator::builder().forbid("emulator/forbidden").start().unwrap();
    let too_long = format!("emulator/{}", "x".repeat(120));
    for (number, (topic, qos)) in [
        ("emulator/forbidden", 1),
        ("elsewhere/a", 1),
        ("elsewhere/a", 2),
        ("elsewhere/a", 0),
        ("emulator/bad name", 1),
        (&too_long, 1),
        ("$SYS/unheard-of", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("GID_emulator@@@{number}");
        let mut raw = Raw::login(&emulator, &id);
        // Earlier packets are still acknowledged.
        raw.publish("emulator/fine", 1, 1, b"");
        raw.publish(topic, qos, 2, b"");
        assert_eq!(raw.packet(), Some((0x40, vec![0, 1])), "{topic}");
        raw.ended();
        violated(&emulator, &id, Action::Publish, topic);
        assert!(!emulator.is_online(&id));
    }
}

#[test]
fn a_forbidden_subscribe_is_cut_without_an_acknowledgement() {
    let emulator = Emulator::builder().forbid("emulator/forbidden").start().unwrap();
    for (number, filter) in
        ["emulator/forbidden", "elsewhere/#", "#", "$share/g/emulator/a", "$SYS/#"].into_iter().enumerate()
    {
        let id = format!("GID_emulator@@@{number}");
        let mut raw = Raw::login(&emulator, &id);
        raw.subscribe(1, &[("emulator/fine", 1), (filter, 1)]);
        raw.ended();
        violated(&emulator, &id, Action::Subscribe, filter);
    }
    let mut wide = Raw::login(&emulator, "GID_emulator@@@wide");
    wide.subscribed(&[("emulator/#", 1)]);
}

#[test]
fn forbidding_and_allowing_at_run_time() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let mut raw = Raw::login(&emulator, id);
    raw.publish("emulator/a/b", 1, 1, b"");
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    emulator.forbid("emulator/a/#");
    raw.publish("emulator/a/b", 1, 2, b"");
    raw.ended();
    assert!(emulator.allow("emulator/a/#"));
    assert!(!emulator.allow("emulator/a/#"));
    let mut raw = Raw::login(&emulator, id);
    raw.publish("emulator/a/b", 1, 3, b"");
    assert_eq!(raw.packet(), Some((0x40, vec![0, 3])));
    // Whatever a token says, and for subscriptions, too.
    let token = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], Duration::from_secs(3600));
    let user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
    emulator.forbid("emulator/a/#");
    for publishes in [true, false] {
        let mut raw = Raw::tcp(&emulator);
        assert_eq!(raw.connect(id, &user, &format!("RW|{token}"), true).0, 0);
        if publishes {
            raw.publish("emulator/a/b", 1, 4, b"");
        } else {
            raw.subscribe(4, &[("emulator/a/+", 1)]);
        }
        raw.ended();
    }
}

#[test]
fn violations_are_acknowledged_where_that_is_chosen() {
    let emulator = Emulator::builder().acknowledge_violations(true).start().unwrap();
    let id = "GID_emulator@@@1";
    for (qos, answer) in [(1, 0x40), (2, 0x50)] {
        let mut raw = Raw::login(&emulator, id);
        raw.publish("elsewhere/a", qos, 7, b"");
        assert_eq!(raw.packet(), Some((answer, vec![0, 7])));
        raw.ended();
    }
    let mut raw = Raw::login(&emulator, id);
    raw.subscribe(8, &[("emulator/a", 1), ("elsewhere/a", 1)]);
    assert_eq!(raw.packet(), Some((0x90, vec![0, 8, 0x80, 0x80])));
    raw.ended();
}

#[test]
fn sizes() {
    let mut limits = Limits::default();
    limits.payload = 1000;
    limits.packet = 2000;
    let emulator = Emulator::builder().limits(limits).start().unwrap();
    let id = "GID_emulator@@@1";
    for (size, fine) in [(1000, true), (1001, false), (3000, false)] {
        let mut raw = Raw::login(&emulator, id);
        raw.publish("emulator/big", 1, 1, &vec![0; size]);
        if fine {
            assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
        } else {
            raw.ended();
        }
    }
    let reason = violated(&emulator, id, Action::Publish, "emulator/big");
    assert!(reason.contains("invalid param"), "{reason}");

    let mut limits = Limits::default();
    limits.packet = 2000;
    let small_packets = Emulator::builder().limits(limits).start().unwrap();
    let mut raw = Raw::login(&small_packets, id);
    raw.publish("emulator/big", 1, 1, &[0; 2000]);
    raw.ended();
    let reason = violated(&small_packets, id, Action::Publish, "emulator/big");
    assert!(reason.contains("the packet has"), "{reason}");

    let full_size = Emulator::start().unwrap();
    let mut raw = Raw::login(&full_size, id);
    raw.subscribed(&[("emulator/big", 1)]);
    raw.publish("emulator/big", 1, 1, &vec![7; 65_536]);
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    assert_eq!(raw.message().payload, vec![7; 65_536]);
    raw.publish("emulator/big", 1, 2, &vec![7; 65_537]);
    raw.ended();
}

#[test]
fn a_packet_of_nonsense_is_cut() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    for nonsense in [&[0x30, 3, 0, 9, b'x'][..], &[0xC0, 0xFF, 0xFF, 0xFF, 0xFF], &[0xD0, 0], &[0x00, 0]] {
        let mut raw = Raw::login(&emulator, id);
        let position = emulator.log_position();
        raw.bytes(nonsense);
        raw.ended();
        let violation =
            emulator.wait_for_log_since(position, LONG, |entry| matches!(entry.what, What::Violation { .. }));
        assert!(violation.is_some(), "{nonsense:x?}");
    }
    violated(&emulator, id, Action::Packet, "");
}

#[test]
fn a_token_without_permission_is_told_so_before_the_cut() {
    let emulator = Emulator::start().unwrap();
    let write = emulator.issue_token(Permission::Write, &["emulator/w/#"], HOUR);
    let id = "GID_emulator@@@token";
    let password = format!("W|{write}");

    let mut raw = token_login(&emulator, id, &password);
    raw.publish("emulator/w/a", 1, 1, b"");
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    raw.publish("emulator/other", 1, 2, b"");
    let notice = raw.message();
    assert_eq!(notice.topic, "$SYS/tokenInvalidNotice");
    assert_eq!(notice.payload, br#"{"code":4,"type":"W"}"#);
    raw.ended();
    violated(&emulator, id, Action::Publish, "emulator/other");

    let mut raw = token_login(&emulator, id, &password);
    raw.subscribe(1, &[("emulator/w/#", 1)]);
    assert_eq!(raw.message().payload, br#"{"code":5,"type":"R"}"#);
    raw.ended();
}

#[test]
fn an_uploaded_token_takes_the_place_of_the_old_one() {
    let emulator = Emulator::start().unwrap();
    let old = emulator.issue_token(Permission::ReadWrite, &["emulator/old"], HOUR);
    let new = emulator.issue_token(Permission::ReadWrite, &["emulator/new"], HOUR);
    let id = "GID_emulator@@@token";
    let mut raw = token_login(&emulator, id, &format!("RW|{old}"));
    raw.publish("$SYS/uploadToken", 1, 1, format!(r#"{{"token":"{new}","type":"RW"}}"#).as_bytes());
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    seen(&emulator, id, |what| matches!(what, What::TokenUploaded { permission: Permission::ReadWrite }));
    raw.publish("emulator/new", 1, 2, b"");
    assert_eq!(raw.packet(), Some((0x40, vec![0, 2])));
    // Revoking the replaced token does not affect this connection.
    assert!(emulator.revoke_token(&old));
    raw.quiet();
    raw.publish("emulator/old", 1, 3, b"");
    assert_eq!(raw.message().payload, br#"{"code":4,"type":"RW"}"#);
    raw.ended();

    let mut raw = token_login(&emulator, id, &format!("RW|{new}"));
    raw.publish("$SYS/uploadToken", 1, 1, br#"{"token":"forged","type":"RW"}"#);
    assert_eq!(raw.message().payload, br#"{"code":1,"type":"RW"}"#);
    raw.ended();
}

#[test]
fn a_bad_upload_is_told_what_is_wrong_with_it() {
    let emulator =
        Emulator::builder().access_key("first", "secret-1").access_key("second", "secret-2").start().unwrap();
    let good = emulator.issue_token(Permission::Read, &["emulator/#"], HOUR);
    let write = emulator.issue_token(Permission::Write, &["emulator/#"], HOUR);
    let expired = emulator.issue_token(Permission::Read, &["emulator/#"], Duration::ZERO);
    let revoked = emulator.issue_token(Permission::Read, &["emulator/#"], HOUR);
    assert!(emulator.revoke_token(&revoked));
    let mut by_second = api::call(
        &emulator,
        api::Signed::V3,
        "ApplyToken",
        &[("Resources", "emulator/#"), ("Actions", "R"), ("ExpireTime", &api::ahead(3600))],
    );
    (by_second.key, by_second.secret) = ("second".into(), "secret-2".into());
    let foreign = by_second.send(&emulator).fine()["Token"].as_str().unwrap().to_owned();
    let id = "GID_emulator@@@token";
    for (token, code) in [(foreign, 1), (expired, 2), (revoked, 3), (write, 5)] {
        let position = emulator.log_position();
        let mut raw = token_login(&emulator, id, &format!("R|{good}"));
        raw.publish("$SYS/uploadToken", 1, 1, format!(r#"{{"token":"{token}","type":"R"}}"#).as_bytes());
        let notice = raw.message();
        assert_eq!(notice.topic, "$SYS/tokenInvalidNotice");
        assert_eq!(String::from_utf8_lossy(&notice.payload), format!(r#"{{"code":{code},"type":"R"}}"#));
        raw.ended();
        let violation =
            emulator.wait_for_log_since(position, LONG, |entry| matches!(entry.what, What::Violation { .. }));
        assert!(matches!(violation.unwrap().what, What::Violation { action: Action::UploadToken, .. }));
    }
}

#[test]
fn a_revoked_token_ends_the_connection() {
    let emulator = Emulator::start().unwrap();
    let token = emulator.issue_token(Permission::Read, &["emulator/#"], HOUR);
    let id = "GID_emulator@@@token";
    let mut raw = token_login(&emulator, id, &format!("R|{token}"));
    raw.subscribed(&[("emulator/#", 1)]);
    emulator.revoke_token(&token);
    let notice = raw.message();
    assert_eq!(
        (notice.topic.as_str(), &notice.payload[..]),
        ("$SYS/tokenInvalidNotice", &br#"{"code":3,"type":"R"}"#[..])
    );
    raw.ended();
    violated(&emulator, id, Action::HoldToken, "");
}

#[test]
fn an_expiring_token_is_announced_once_and_then_ends_the_connection() {
    let emulator = Emulator::builder().token_notice_lead(Duration::from_millis(600)).start().unwrap();
    let before = SystemTime::now();
    let token = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], Duration::from_millis(900));
    let mut raw = token_login(&emulator, "GID_emulator@@@token", &format!("RW|{token}"));
    let notice = raw.message();
    assert!(before.elapsed().unwrap() >= Duration::from_millis(300), "not before its time");
    assert_eq!(notice.topic, "$SYS/tokenExpireNotice");
    let body = String::from_utf8(notice.payload).unwrap();
    let expire_time = body
        .strip_prefix(r#"{"expireTime":"#)
        .and_then(|rest| rest.strip_suffix(r#","type":"RW"}"#))
        .unwrap_or_else(|| panic!("{body}"));
    let expected = (before + Duration::from_millis(900)).duration_since(UNIX_EPOCH).unwrap().as_millis();
    assert!(expire_time.parse::<u128>().unwrap().abs_diff(expected) < 1000);
    let notice = raw.message();
    assert!(before.elapsed().unwrap() >= Duration::from_millis(890), "not before it expires");
    assert_eq!(
        (notice.topic.as_str(), &notice.payload[..]),
        ("$SYS/tokenInvalidNotice", &br#"{"code":2,"type":"RW"}"#[..])
    );
    raw.ended();
}

#[test]
fn a_token_that_is_short_of_time_is_announced_right_behind_the_connack() {
    let emulator = Emulator::start().unwrap();
    for _ in 0..20 {
        let token = emulator.issue_token(Permission::Read, &["emulator/#"], Duration::from_secs(100));
        let mut raw = token_login(&emulator, "GID_emulator@@@token", &format!("R|{token}"));
        assert_eq!(raw.message().topic, "$SYS/tokenExpireNotice");
        // Only once, even if the tokens are checked again for another reason.
        assert!(emulator.push_notice("GID_emulator@@@token", "$SYS/other", ""));
        assert_eq!(raw.message().topic, "$SYS/other");
        raw.quiet();
    }
}

#[test]
fn an_uploaded_token_has_its_own_end() {
    let emulator = Emulator::start().unwrap();
    let long = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], HOUR);
    let short = emulator.issue_token(Permission::ReadWrite, &["emulator/#"], Duration::from_millis(400));
    let mut raw = token_login(&emulator, "GID_emulator@@@token", &format!("RW|{long}"));
    raw.publish("$SYS/uploadToken", 1, 1, format!(r#"{{"token":"{short}","type":"RW"}}"#).as_bytes());
    let mut seen = Vec::new();
    while let Some((first, body)) = raw.packet() {
        seen.push((first, String::from_utf8_lossy(&body[2..]).into_owned()));
    }
    // The acknowledgement and the notice may come in either order.
    seen[..2].sort();
    assert!(seen[0].1.starts_with("$SYS/tokenExpireNotice"), "{seen:?}");
    assert_eq!(seen[1].0, 0x40);
    assert_eq!(seen[2].1, r#"$SYS/tokenInvalidNotice{"code":2,"type":"RW"}"#);
    assert_eq!(seen.len(), 3);
}
