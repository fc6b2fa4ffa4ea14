//! The control API over HTTP.

use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::{Emulator, Error, What};
use serde_json::{Value, json};

use crate::support::api;
use crate::support::http::Control;
use crate::support::{self, LONG, Raw, seen};

const ID: &str = "GID_emulator@@@a";

#[test]
fn without_being_asked_for_there_is_none() {
    let emulator = Emulator::start().unwrap();
    assert_eq!((emulator.control_url(), emulator.control_token()), (None, None));
    let environment = emulator.environment(aliyun_mqtt_emulator::Transport::Tcp, None).unwrap();
    assert_eq!(environment.get("ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN"), None);
}

#[test]
fn the_environment_names_it_and_a_given_token_is_taken() {
    let token = "chosen-by-the-test";
    let emulator = Emulator::builder().control_port(0).control_token(token).start().unwrap();
    let environment = emulator.environment(aliyun_mqtt_emulator::Transport::Tcp, None).unwrap();
    assert_eq!(environment.get("ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN"), Some(token));
    assert_eq!(environment.get("ALIYUN_MQTT_EMULATOR_CONTROL_URL"), emulator.control_url().as_deref());
    Control::of(&emulator).get("/control/settings");
    for bad in ["", "short", "sixteen letters\nand more", "chosen by the test"] {
        let refused = Emulator::builder().control_token(bad).start();
        assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}");
    }
    assert!(!format!("{:?}", Emulator::builder().control_token(token)).contains(token));
    let taken = Emulator::builder().control_port(Control::of(&emulator).address.port()).start();
    assert!(matches!(taken, Err(Error::Io { .. })));
}

#[test]
fn foreign_pages_and_callers_without_the_token_get_nothing() {
    let (_emulator, control) = Control::start();
    let (port, token) = (control.address.port(), &control.token);
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for (headers, status) in [
        (format!("Host: localhost:{port}\r\n{bearer}"), 200),
        (format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n{bearer}"), 200),
        (format!("Host: localhost:{port}\r\n"), 401),
        (format!("Host: localhost:{port}\r\nAuthorization: Bearer {token}x\r\n"), 401),
        (format!("Host: evil.example:{port}\r\n{bearer}"), 403),
        (format!("Host: localhost\r\n{bearer}"), 403),
        (bearer.clone(), 403),
        (format!("Host: localhost:{port}\r\nOrigin: http://evil.example\r\n{bearer}"), 403),
    ] {
        for path in ["/control/settings", "/control/openapi.json"] {
            let answer = control.raw("GET", path, &headers, "");
            assert_eq!(answer.status, status, "{headers}");
            if status != 200 {
                let head = answer.head.clone();
                answer.refused(status);
                assert_eq!(head.contains("www-authenticate: bearer"), status == 401);
            }
        }
    }
    // Without the token, nobody learns which calls there are.
    assert_eq!(control.raw("GET", "/nowhere", &format!("Host: localhost:{port}\r\n"), "").status, 401);
}

#[test]
fn wrong_calls_are_told_what_is_wrong() {
    let (_emulator, control) = Control::start();
    for (method, path, body, status, named) in [
        ("GET", "/control/nowhere", "", 404, "openapi.json"),
        ("GET", "/control/kick", "", 405, "POST"),
        ("POST", "/control/kick", "", 400, "client_id is missing"),
        ("POST", "/control/kick", "{\"client\":\"x\"}", 400, "known: client_id"),
        ("POST", "/control/kick", "x", 400, "not JSON"),
        ("POST", "/control/refuse-logins", "{\"code\":9}", 400, "from 1 to 5"),
        ("GET", "/control/log?what=publish", "", 400, "published"),
        ("POST", "/control/publish", "{\"topic\":\"elsewhere/x\"}", 422, "elsewhere"),
        ("POST", "/control/publish", "{\"topic\":\"emulator/#\"}", 400, "topic"),
        ("POST", "/control/tokens/revoke", "{}", 422, "number"),
        ("POST", "/control/notify", "{\"client_id\":\"a\",\"topic\":\"a/+\"}", 400, "topic"),
        ("POST", "/control/forbid", "{\"filter\":\"emulator/#/x\"}", 422, "#"),
        ("POST", "/control/forbid", "{\"filter\":\"###\"}", 422, "parent topic"),
        ("POST", "/control/forbid", "{\"filter\":\"$SYS/uploadToken\"}", 422, "parent topic"),
        ("POST", "/control/forbid", "{\"filter\":\"elsewhere/#\"}", 422, "elsewhere"),
        ("POST", "/control/devices", BAD_DEVICE, 422, "client id"),
        ("POST", "/control/devices", BAD_KEY, 422, "|"),
        ("POST", "/control/tokens", BAD_RESOURCE, 422, "#bad#"),
        ("POST", "/control/restart", "[]", 400, "object"),
    ] {
        let answer = control.call(method, path, body);
        assert!(status != 405 || answer.head.contains("allow: post"), "{}", answer.head);
        let detail = answer.refused(status);
        assert!(detail.contains(named), "{path} {body}: {detail}");
    }
    let headers = control.headers().replace("application/json", "text/plain");
    assert!(control.raw("POST", "/control/kick", &headers, "{}").refused(415).contains("application/json"));
    let large = format!("{{\"client_id\":\"{}\"}}", "x".repeat(1024 * 1024));
    assert!(control.call("POST", "/control/kick", &large).refused(413).contains("1048576"));
}

const BAD_DEVICE: &str = r#"{"client_id":"bad id |","access_key_id":"DC.a","access_key_secret":"s"}"#;
const BAD_KEY: &str = r#"{"client_id":"GID_emulator@@@a","access_key_id":"a|b","access_key_secret":"s"}"#;
const BAD_RESOURCE: &str = r##"{"token":"t","permission":"R","resources":["#bad#"],"lifetime":9}"##;

#[test]
fn a_topic_is_forbidden_and_allowed_again() {
    let (emulator, control) = Control::start();
    let mut raw = Raw::login(&emulator, ID);
    control.post("/control/forbid", &json!({ "filter": "emulator/secret/#" }));
    assert_eq!(control.get("/control/settings")["faults"]["forbidden"], json!(["emulator/secret/#"]));
    raw.publish("emulator/secret/a", 1, 1, b"x");
    raw.ended();
    let log = control.get("/control/log?what=violation&wait=20");
    assert_eq!(log["entries"][0]["topic"], "emulator/secret/a");
    assert_eq!(log["entries"][0]["action"], "publish");
    assert!(log["entries"][0]["reason"].as_str().unwrap().contains("forbidden"));
    assert_eq!(control.post("/control/allow", &json!({ "filter": "emulator/secret/#" }))["allowed"], true);
    assert_eq!(control.post("/control/allow", &json!({ "filter": "emulator/secret/#" }))["allowed"], false);
    let mut raw = Raw::login(&emulator, ID);
    raw.publish("emulator/secret/a", 1, 1, b"x");
    assert_eq!(raw.packet().map(|(first, _)| first), Some(0x40));
}

#[test]
fn logins_are_refused_with_a_code_and_accepted_again() {
    let (emulator, control) = Control::start();
    let code = || {
        let mut raw = Raw::tcp(&emulator);
        raw.connect(ID, &support::username(&emulator), &support::password(&emulator, ID), true).0
    };
    control.post("/control/refuse-logins", &json!({ "code": 3, "count": 1 }));
    assert_eq!((code(), code()), (3, 0));
    control.post("/control/refuse-logins", &json!({ "code": 4 }));
    assert_eq!((code(), code()), (4, 4));
    control.post("/control/refuse-logins", &json!({ "code": 3, "count": 9 }));
    control.post("/control/accept-logins", &json!({}));
    assert_eq!(code(), 0);
    let refused = control.get("/control/log?what=login_refused&max=1&client_id=GID_emulator@@@a");
    assert_eq!((&refused["entries"][0]["code"], &refused["more"]), (&json!(3), &json!(true)));
}

#[test]
fn clients_are_listed_kicked_notified_and_sent_messages() {
    let (emulator, control) = Control::start();
    let mut raw = Raw::login(&emulator, ID);
    raw.subscribed(&[("emulator/b", 1), ("emulator/a", 1)]);
    let sessions = control.get("/control/sessions");
    let session = &sessions["sessions"][0];
    assert_eq!(session["client_id"], ID);
    assert_eq!(session["filters"], json!(["emulator/a", "emulator/b"]));
    assert_eq!(
        (&session["connection"]["login"], &session["connection"]["version"]),
        (&json!("Signature"), &json!("3.1.1"))
    );

    control.post("/control/publish", &json!({ "topic": "emulator/a", "payload": "你好" }));
    let message = raw.message();
    assert_eq!((message.qos, message.payload), (1, "你好".as_bytes().to_vec()));
    control.post("/control/publish", &json!({ "topic": "emulator/b", "qos": 0, "payload": { "base64": "AP8=" } }));
    assert_eq!(raw.message().payload, [0, 255]);
    let notice = json!({ "client_id": ID, "topic": "$SYS/tokenExpireNotice", "payload": "{}" });
    assert_eq!(control.post("/control/notify", &notice)["pushed"], true);
    assert_eq!(raw.message().topic, "$SYS/tokenExpireNotice");
    let nobody = json!({ "client_id": "nobody", "topic": "x" });
    assert_eq!(control.post("/control/notify", &nobody)["pushed"], false);

    assert_eq!(control.post("/control/kick", &json!({ "client_id": ID }))["kicked"], true);
    raw.ended();
    assert_eq!(control.post("/control/kick", &json!({ "client_id": ID }))["kicked"], false);
    seen(&emulator, ID, |what| *what == What::Kicked);
}

#[test]
fn tokens_are_added_expired_and_revoked_and_never_shown() {
    let (emulator, control) = Control::start();
    let login = |token: &str| {
        let mut raw = Raw::tcp(&emulator);
        let user = format!("Token|{}|{}", emulator.access_key_id(), emulator.instance_id());
        let code = raw.connect(ID, &user, &format!("RW|{token}"), true).0;
        (code, raw)
    };
    let add =
        |token: &str| json!({ "token": token, "permission": "RW", "resources": ["emulator/#"], "lifetime": 1000 });
    for (token, way, code) in [("token-one", "expire", 2), ("token-two", "revoke", 3)] {
        let number = control.post("/control/tokens", &add(token))["number"].clone();
        let (accepted, mut raw) = login(token);
        assert_eq!(accepted, 0);
        // The notice that it will expire soon is not sent, as more than 300 s are left.
        let by = if way == "expire" { json!({ "token": token }) } else { json!({ "number": number }) };
        assert_eq!(control.post(&format!("/control/tokens/{way}"), &by)["known"], true);
        let notice = raw.message();
        assert_eq!(notice.topic, "$SYS/tokenInvalidNotice");
        assert_eq!(serde_json::from_slice::<Value>(&notice.payload).unwrap()["code"], code);
        raw.ended();
        assert_eq!(login(token).0, 4);
    }
    control.call("POST", "/control/tokens", &add("token-one").to_string()).refused(409);
    let tokens = control.get("/control/tokens");
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 2);
    assert_eq!((&tokens["tokens"][1]["revoked"], &tokens["tokens"][0]["valid"]), (&json!(true), &json!(false)));
    assert_eq!(control.post("/control/tokens/revoke", &json!({ "token": "unknown" }))["known"], false);
    for path in ["/control/tokens", "/control/settings", "/control/log", "/control/sessions"] {
        let shown = control.get(path).to_string();
        for secret in ["token-one", "token-two", emulator.access_key_secret(), &control.token] {
            assert!(!shown.contains(secret), "{path}");
        }
    }
}

#[test]
fn a_device_credential_is_set_and_removed() {
    let (emulator, control) = Control::start();
    let credential = json!({ "client_id": ID, "access_key_id": "DC.id", "access_key_secret": "DC.not-a-secret" });
    control.post("/control/devices", &credential);
    let code = || {
        let user = format!("DeviceCredential|DC.id|{}", emulator.instance_id());
        Raw::tcp(&emulator).connect(ID, &user, &support::sign(ID, "DC.not-a-secret"), true).0
    };
    assert_eq!(code(), 0);
    assert_eq!(control.post("/control/devices/remove", &json!({ "client_id": ID }))["removed"], true);
    assert_eq!(code(), 5);
}

#[test]
fn certificates_are_listed_and_an_unknown_one_cannot_be_activated() {
    let (_emulator, control) = Control::start();
    assert_eq!(control.get("/control/certificates"), json!({ "certificates": [] }));
    let unknown = json!({ "serial_number": "abcd", "active": true });
    assert_eq!(control.post("/control/certificates/activate", &unknown)["known"], false);
}

#[test]
fn the_openapi_is_throttled_failed_delayed_and_shifted() {
    let (emulator, control) = Control::start();
    let call = || api::ask(&emulator, "QuerySessionByClientId", &[("ClientId", ID)]);
    control.post("/control/api/throttle", &json!({ "count": 1 }));
    call().refused(429, "Throttling.User");
    control.post("/control/api/fail", &json!({ "count": 1, "status": 503, "code": "ServiceUnavailable" }));
    call().refused(503, "ServiceUnavailable");
    control.post("/control/clock", &json!({ "skew": 3600 }));
    call().refused(400, "InvalidTimeStamp.Expired");
    control.post("/control/clock", &json!({ "skew": 0 }));
    control.post("/control/api/delay", &json!({ "seconds": 0.05 }));
    let before = Instant::now();
    call().fine();
    assert!(before.elapsed() >= Duration::from_millis(50));
    let faults = control.get("/control/settings")["faults"].clone();
    assert_eq!((&faults["delay_api"], &faults["clock_skew"]), (&json!(0.05), &json!(0)));
}

#[test]
fn it_stops_and_restarts_the_emulator_and_goes_on_itself() {
    let (emulator, control) = Control::start();
    let mut raw = Raw::login(&emulator, ID);
    control.post("/control/stop", &json!({}));
    raw.ended();
    assert_eq!(control.get("/control/settings")["running"], false);
    assert_eq!(control.get("/control/sessions")["sessions"], json!([]));
    control.call("POST", "/control/publish", r#"{"topic":"emulator/a"}"#).refused(409);
    // Two at once do not disturb each other.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| control.post("/control/restart", &json!({})));
        }
    });
    assert_eq!(control.get("/control/settings")["running"], true);
    Raw::login(&emulator, ID).quiet();
}

#[test]
fn waiting_needs_no_thread_for_each_waiter_and_loses_nothing() {
    let (emulator, control) = Control::start();
    let next = control.get("/control/log")["next"].as_u64().unwrap();
    let path = format!("/control/log?since={next}&wait=60&what=service_published");
    let waiting: Vec<_> = (0..200).map(|_| control.open("GET", &path, &control.headers(), "")).collect();
    #[cfg(target_os = "linux")]
    {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 200, "{threads} threads");
    }
    // Of another kind: nobody is woken for good.
    Raw::login(&emulator, ID).quiet();
    emulator.publish_as_service("emulator/a", 1, "awaited").unwrap();
    for mut stream in waiting {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
        assert!(text.contains("awaited"), "{text}");
    }
    let before = Instant::now();
    let none = control.get(&format!("/control/log?since={}&wait=0.05&what=kicked", next + 1));
    assert!(before.elapsed() >= Duration::from_millis(50) && before.elapsed() < LONG);
    assert_eq!(none["entries"], json!([]));
}

#[test]
fn events_are_streamed_as_they_come() {
    let (emulator, control) = Control::start();
    let mut all = control.events("?since=0&what=started,connected");
    let mut later = control.events("?what=connected,published&max_payload=2");
    let mut raw = Raw::login(&emulator, ID);
    raw.publish("emulator/a", 1, 7, b"Hello");
    assert_eq!(all.next().1["what"], "started");
    assert_eq!(all.next().1["what"], "connected");
    let (name, connected) = later.next();
    assert_eq!(
        (name.as_str(), &connected["what"], &connected["client_id"]),
        ("entry", &json!("connected"), &json!(ID))
    );
    let published = later.next().1;
    assert_eq!((&published["packet_id"], &published["topic"]), (&json!(7), &json!("emulator/a")));
    assert_eq!(published["payload"], json!({ "size": 5, "text": "He", "cut": true }));
}

#[test]
fn streams_are_bounded_and_one_that_ends_makes_room() {
    let (_emulator, control) = Control::start();
    let mut streams: Vec<_> = (0..64).map(|_| control.events("")).collect();
    assert!(control.call("GET", "/control/events", "").refused(503).contains("64"));
    streams.pop();
    // The server notices the end of the connection a little later.
    let deadline = Instant::now() + LONG;
    let begins = || {
        let stream = control.open("GET", "/control/events", &control.headers(), "");
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stream), &mut line).unwrap();
        line.contains("200")
    };
    while !begins() {
        assert!(Instant::now() < deadline, "no room");
    }
}

#[test]
fn a_dropped_emulator_ends_it_with_its_streams() {
    let (emulator, control) = Control::start();
    let mut stream = control.open("GET", "/control/events", &control.headers(), "");
    drop(emulator);
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
}

#[test]
fn the_document_describes_each_call() {
    let (_emulator, control) = Control::start();
    let document = control.get("/control/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    for (path, method) in [("/control/kick", "post"), ("/control/tokens", "get"), ("/control/tokens", "post")] {
        assert!(document["paths"][path][method]["responses"]["200"].is_object(), "{method} {path}");
    }
    // Each described path is there.
    for path in document["paths"].as_object().unwrap().keys() {
        assert_eq!(control.call("PATCH", path, "").status, 405, "{path}");
    }
}
