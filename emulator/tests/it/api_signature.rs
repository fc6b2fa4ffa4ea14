//! The check of callers of the OpenAPI: both signatures, times, nonces and security tokens; and malformed HTTP.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant, SystemTime};

use crate::support::api::{Answer, Call, Signed, answer, ask, call, connect, encode, exchange, utc};
use crate::support::{self, LONG, Raw, tls};
use aliyun_mqtt_emulator::{Emulator, What};

const BOTH: [Signed; 2] = [Signed::V2, Signed::V3];

fn minutes_off(minutes: i64) -> String {
    let off = Duration::from_secs(minutes.unsigned_abs() * 60);
    utc(if minutes < 0 { SystemTime::now() - off } else { SystemTime::now() + off })
}

fn list(emulator: &Emulator, signed: Signed) -> Call {
    call(emulator, signed, "ListGroupId", &[])
}

#[test]
fn both_signatures_by_get_and_post_in_query_and_form() {
    const ODD: &str = "a b*c~d+e/f,g#h中&=%25?\"'\\";
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login(&emulator, "GID_emulator@@@1");
    raw.subscribed(&[("emulator/#", 1)]);
    for signed in BOTH {
        for (method, in_body) in [("GET", false), ("POST", false), ("POST", true)] {
            let parameters = [("MqttTopic", "emulator/a"), ("Payload", ODD)];
            let mut call = call(&emulator, signed, "SendMessage", &parameters);
            (call.method, call.in_body) = (method, in_body);
            call.send(&emulator).fine();
            assert_eq!(raw.message().payload, ODD.as_bytes(), "{signed:?} {method} {in_body}");
        }
    }
}

#[test]
fn an_unknown_key_and_a_wrong_secret() {
    let emulator = Emulator::start().unwrap();
    for signed in BOTH {
        let mut unknown = list(&emulator, signed);
        unknown.key = "nobody".into();
        unknown.send(&emulator).refused(404, "InvalidAccessKeyId.NotFound");

        let mut wrong = list(&emulator, signed);
        wrong.secret = "wrong-secret".into();
        let answer = wrong.send(&emulator);
        answer.refused(400, "SignatureDoesNotMatch");
        assert!(!answer.message().contains("wrong-secret") && !answer.message().contains(emulator.access_key_secret()));
        assert!(answer.message().contains("server string to sign is:"));
        if signed == Signed::V2 {
            assert!(answer.message().ends_with(&wrong.string_to_sign()), "{}", answer.message());
        }
        // A refused call does not consume its nonce.
        wrong.secret = emulator.access_key_secret().into();
        wrong.send(&emulator).fine();
    }
    let refused: Vec<_> = emulator
        .log()
        .into_iter()
        .filter_map(
            |entry| if let What::ApiRefused { action, code } = entry.what { Some((action, code)) } else { None },
        )
        .collect();
    let expected =
        ["InvalidAccessKeyId.NotFound", "SignatureDoesNotMatch"].map(|code| ("ListGroupId".into(), code.into()));
    assert_eq!(refused, [expected.clone(), expected].concat());
}

#[test]
fn what_is_signed_cannot_be_changed() {
    let emulator = Emulator::start().unwrap();
    let host = emulator.api_addr().to_string();
    for (signed, from, to) in [
        (Signed::V2, "GroupId=GID_one", "GroupId=GID_two"),
        (Signed::V2, "POST ", "GET "),
        (Signed::V2, "Action=CreateGroupId", "Action=DeleteGroupId"),
        (Signed::V3, "GroupId=GID_one", "GroupId=GID_two"),
        (Signed::V3, "POST ", "GET "),
        (Signed::V3, "x-acs-action: CreateGroupId", "x-acs-action: DeleteGroupId"),
        (Signed::V3, "nonce: nonce-", "nonce: Nonce-"),
    ] {
        let text = String::from_utf8(call(&emulator, signed, "CreateGroupId", &[("GroupId", "GID_one")]).bytes(&host));
        let text = text.unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let changed = text.replacen(from, to, 1);
        exchange(&mut connect(&emulator), changed.as_bytes()).refused(400, "SignatureDoesNotMatch");
    }
    let mut forms = call(&emulator, Signed::V3, "CreateGroupId", &[("GroupId", "GID_one")]);
    forms.in_body = true;
    let text = String::from_utf8(forms.bytes(&host)).unwrap().replace("GID_one", "GID_two");
    exchange(&mut connect(&emulator), text.as_bytes()).refused(400, "SignatureDoesNotMatch");
    forms.hashed_body = Some("");
    forms.send(&emulator).refused(400, "SignatureDoesNotMatch");
    let groups = ask(&emulator, "ListGroupId", &[]).fine();
    assert_eq!(groups["Data"].as_array().unwrap().len(), 1, "nothing was created");
}

#[test]
fn a_time_stamp_is_good_for_a_while() {
    let emulator = Emulator::start().unwrap();
    for (signed, fine, stale) in [(Signed::V2, 30, 32), (Signed::V3, 14, 16)] {
        for sign in [-1, 1] {
            let mut call = list(&emulator, signed);
            call.timestamp = minutes_off(sign * fine);
            call.send(&emulator).fine();
            call.timestamp = minutes_off(sign * stale);
            call.send(&emulator).refused(400, "InvalidTimeStamp.Expired");
        }
        let mut call = list(&emulator, signed);
        call.timestamp = "yesterday".into();
        call.send(&emulator).refused(400, "InvalidTimeStamp.Format");
    }
}

#[test]
fn the_clock_can_be_shifted() {
    let emulator = Emulator::start().unwrap();
    let date = |answer: &Answer| httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    for seconds in [3600_i64, -3600] {
        emulator.set_clock_skew(seconds);
        for signed in BOTH {
            let answer = list(&emulator, signed).send(&emulator);
            answer.refused(400, "InvalidTimeStamp.Expired");
            // A client that uses the Date of the response is accepted.
            let mut again = list(&emulator, signed);
            again.timestamp = utc(date(&answer));
            again.send(&emulator).fine();
        }
    }
    emulator.set_clock_skew(0);
    let answer = list(&emulator, Signed::V3).send(&emulator);
    let off = date(&answer).duration_since(SystemTime::now()).unwrap_or_else(|early| early.duration());
    assert!(off < LONG);
    answer.fine();
}

#[test]
fn a_nonce_is_good_once_also_after_a_restart() {
    let emulator = Emulator::start().unwrap();
    for signed in BOTH {
        let call = list(&emulator, signed);
        call.send(&emulator).fine();
        call.send(&emulator).refused(400, "SignatureNonceUsed");
        emulator.restart().unwrap();
        call.send(&emulator).refused(400, "SignatureNonceUsed");
    }
}

#[test]
fn each_common_parameter_is_needed() {
    let emulator = Emulator::start().unwrap();
    for (signed, names) in [
        (
            Signed::V2,
            &[
                "Action",
                "Version",
                "AccessKeyId",
                "SignatureMethod",
                "SignatureVersion",
                "SignatureNonce",
                "Timestamp",
                "Signature",
            ][..],
        ),
        (Signed::V3, &["x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"]),
    ] {
        for name in names {
            let mut call = list(&emulator, signed);
            call.without = vec![name];
            let answer = call.send(&emulator);
            answer.refused(400, "MissingParameter");
            assert!(answer.message().contains(name), "{}", answer.message());
        }
        let mut call = list(&emulator, signed);
        call.version = "2019-01-01".into();
        call.send(&emulator).refused(400, "InvalidVersion");
    }
    // A call without an Authorization header is treated as V2.
    let mut call = list(&emulator, Signed::V3);
    call.without = vec!["authorization"];
    call.send(&emulator).refused(400, "MissingParameter");
    let mut call = list(&emulator, Signed::V2);
    call.without = vec!["Format"];
    call.send(&emulator).fine();
    for (name, value, code) in [
        ("SignatureMethod", "HMAC-SHA256", "InvalidSignatureMethod"),
        ("SignatureVersion", "2.0", "InvalidSignatureVersion"),
        ("Format", "YAML", "InvalidFormat"),
    ] {
        let mut call = list(&emulator, Signed::V2);
        call.instead = vec![(name, value)];
        call.send(&emulator).refused(400, code);
    }
}

#[test]
fn all_headers_that_matter_must_be_signed() {
    let emulator = Emulator::builder().sts_key("STS.id", "secret", "token").start().unwrap();
    for name in [
        "host",
        "content-type",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
        "x-acs-security-token",
    ] {
        let mut call = list(&emulator, Signed::V3);
        call.in_body = true;
        call.key = "STS.id".into();
        call.secret = "secret".into();
        call.security_token = Some("token".into());
        call.send(&emulator).fine();
        call.nonce += "again";
        call.unsigned = vec![name];
        let answer = call.send(&emulator);
        answer.refused(400, "IncompleteSignature");
        assert!(answer.message().contains(name), "{}", answer.message());
    }
    let host = emulator.api_addr().to_string();
    for (from, to) in [
        ("SignedHeaders=host;x-acs-action", "SignedHeaders=x-acs-action;host"),
        ("SignedHeaders=host;", "SignedHeaders=Host;"),
        ("SignedHeaders=host;", "SignedHeaders=absent;host;"),
        ("Signature=", "Signature:"),
        ("ACS3-HMAC-SHA256 ", "ACS4-HMAC-SHA256 "),
        ("x-acs-action: ListGroupId\r\n", "x-acs-action: ListGroupId\r\nx-acs-action: ListGroupId\r\n"),
    ] {
        let text = String::from_utf8(list(&emulator, Signed::V3).bytes(&host)).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let answer = exchange(&mut connect(&emulator), text.replacen(from, to, 1).as_bytes());
        answer.refused(400, "IncompleteSignature");
    }
}

#[test]
fn a_temporary_key_needs_its_security_token() {
    let emulator = Emulator::builder().sts_key("STS.id", "sts-secret", "sts+tok/en==").start().unwrap();
    for signed in BOTH {
        let sts = |token: Option<&str>| {
            let mut call = list(&emulator, signed);
            (call.key, call.secret) = ("STS.id".into(), "sts-secret".into());
            call.security_token = token.map(Into::into);
            call.send(&emulator)
        };
        sts(Some("sts+tok/en==")).fine();
        sts(None).refused(400, "MissingSecurityToken");
        sts(Some("other")).refused(400, "InvalidSecurityToken.MismatchWithAccessKey");
        let mut plain = list(&emulator, signed);
        plain.security_token = Some("sts+tok/en==".into());
        plain.send(&emulator).refused(400, "InvalidSecurityToken.MismatchWithAccessKey");
    }
}

#[test]
fn http_that_is_not_as_it_should_be() {
    let emulator = Emulator::start().unwrap();
    let send = |request: &str| exchange(&mut connect(&emulator), request.as_bytes());
    let head = "HTTP/1.1\r\nhost: localhost\r\n";
    for query in ["A=%", "A=%4", "A=%zz", "%ff=1", "A=1&A=2", "A=%e4%b8"] {
        send(&format!("GET /?{query} {head}\r\n")).refused(400, "ParameterCheckFailed");
    }
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    for (kind, body) in [(form, "A=%x"), (form, "A=a b"), ("", "A=1"), ("content-type: application/json\r\n", "{}")] {
        let length = body.len();
        let answer = send(&format!("POST / {head}{kind}content-length: {length}\r\n\r\n{body}"));
        answer.refused(400, "ParameterCheckFailed");
    }
    send(&format!("PUT / {head}\r\n")).refused(405, "UnsupportedHTTPMethod");
    send(&format!("GET /other {head}\r\n")).refused(404, "ApiNotSupport");
    let answer = send(&format!("POST / {head}{form}content-length: 20000000\r\n\r\n"));
    answer.refused(413, "ParameterCheckFailed");
    let answer = send(&format!("POST / {head}{form}content-length: 2000000\r\n\r\n{}", "a".repeat(2_000_000)));
    answer.refused(413, "ParameterCheckFailed");
    let chunk = format!("{:x}\r\n{}\r\n", 300_000, "a".repeat(300_000));
    let answer = send(&format!("POST / {head}{form}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(4)));
    answer.refused(413, "ParameterCheckFailed");
    // Bytes that are not HTTP do no harm.
    let mut stream = connect(&emulator);
    stream.write_all(b"\x10\x0f\0\x06MQIsdp\x03\x02\0\x3c\0\x01a").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    list(&emulator, Signed::V3).send(&emulator).fine();
}

#[test]
fn a_body_just_small_enough_is_taken() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login(&emulator, "GID_emulator@@@1");
    raw.subscribed(&[("emulator/#", 1)]);
    // 64 KB of payload are three times as long in the body: too long for a query, but not for a form.
    let payload = "中".repeat(65_536 / 3);
    for signed in BOTH {
        let mut call = call(&emulator, signed, "SendMessage", &[("MqttTopic", "emulator/a"), ("Payload", &payload)]);
        call.in_body = true;
        call.send(&emulator).fine();
        assert_eq!(raw.message().payload, payload.as_bytes());
    }
}

#[test]
fn one_connection_may_carry_many_calls() {
    let emulator = Emulator::start().unwrap();
    let host = emulator.api_addr().to_string();
    let mut stream = connect(&emulator);
    for signed in BOTH.repeat(5) {
        exchange(&mut stream, &list(&emulator, signed).bytes(&host)).fine();
        let mut refused = list(&emulator, signed);
        refused.key = "nobody".into();
        exchange(&mut stream, &refused.bytes(&host)).refused(404, "InvalidAccessKeyId.NotFound");
    }
    let both = [list(&emulator, Signed::V2).bytes(&host), list(&emulator, Signed::V3).bytes(&host)].concat();
    stream.write_all(&both).unwrap();
    answer(&mut stream).fine();
    answer(&mut stream).fine();
}

#[test]
fn a_slow_client_keeps_nobody_waiting() {
    let emulator = Emulator::start().unwrap();
    let host = emulator.api_addr().to_string();
    let before = Instant::now();
    let whole = list(&emulator, Signed::V3).bytes(&host);
    let slow: Vec<_> = [1, 30, whole.len() - 1]
        .into_iter()
        .map(|length| {
            let mut stream = connect(&emulator);
            stream.write_all(&whole[..length]).unwrap();
            stream
        })
        .collect();
    let dead_tls = std::net::TcpStream::connect(emulator.api_tls_addr()).unwrap();
    for _ in 0..20 {
        list(&emulator, Signed::V3).send(&emulator).fine();
    }
    let mut secure = tls(&emulator, "localhost", emulator.api_tls_addr());
    exchange(&mut secure, &list(&emulator, Signed::V3).bytes("localhost")).fine();
    assert!(before.elapsed() < Duration::from_secs(8), "none of them waited for a slow one");
    // A body that ends in time is accepted.
    let mut last = slow.into_iter().last().unwrap();
    last.write_all(&whole[whole.len() - 1..]).unwrap();
    answer(&mut last).fine();
    drop(dead_tls);
}

#[test]
fn the_same_over_tls() {
    let emulator = Emulator::start().unwrap();
    assert_eq!(emulator.api_endpoint(), format!("http://{}", emulator.api_addr()));
    assert_eq!(emulator.api_tls_endpoint(), format!("https://localhost:{}", emulator.api_tls_addr().port()));
    for name in ["localhost", "127.0.0.1"] {
        let host = format!("{name}:{}", emulator.api_tls_addr().port());
        let mut stream = tls(&emulator, name, emulator.api_tls_addr());
        for signed in BOTH {
            exchange(&mut stream, &list(&emulator, signed).bytes(&host)).fine();
        }
    }
    let mut wrong = tls(&emulator, "example.com", emulator.api_tls_addr());
    assert!(wrong.write_all(b"x").and_then(|()| wrong.flush()).is_err());
}

#[test]
fn debug_output_and_the_log_hide_all_secrets() {
    let builder = Emulator::builder().access_key("id", "key-secret").sts_key("STS.id", "sts-secret", "sts-token");
    let settings = format!("{builder:?}");
    let emulator = builder.start().unwrap();
    let answer = ask(
        &emulator,
        "ApplyToken",
        &[("Resources", "emulator/#"), ("Actions", "R"), ("ExpireTime", &support::api::ahead(100))],
    );
    let token = answer.fine()["Token"].as_str().unwrap().to_owned();
    for signed in BOTH {
        for action in ["QueryToken", "RevokeToken", "NoSuchAction"] {
            call(&emulator, signed, action, &[("Token", &token)]).send(&emulator);
        }
        let mut odd = list(&emulator, signed);
        odd.action = token.clone();
        odd.send(&emulator).refused(404, "ApiNotSupport");
    }
    let device = ask(&emulator, "RegisterDeviceCredential", &[("ClientId", "GID_emulator@@@1")]).fine();
    let device = device["DeviceCredential"]["DeviceAccessKeySecret"].as_str().unwrap().to_owned();
    let shown = format!("{settings} {emulator:?} {:?}", emulator.log());
    assert!(shown.contains("RevokeToken"));
    for secret in ["key-secret", "sts-secret", "sts-token", &token, &device] {
        assert!(!shown.contains(secret) && !shown.contains(&encode(secret)), "{secret}");
    }
}
