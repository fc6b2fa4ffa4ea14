//! `doctor`: what the service says, and what it only shows by cutting the connection.

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::support::doctor::{Found, Responder, drain, examine, in_time};
use crate::support::library::broker::{Broker, Kind, Line, packet};
use crate::support::library::port::Port;
use crate::support::{LONG, emulator, topic, with};
use aliyun_mqtt::{Client, Config, Credentials};
use aliyun_mqtt_emulator::{Emulator, Permission};

/// No API to ask.
fn alone(mut command: Command) -> Command {
    command.env_remove("ALIYUN_MQTT_API_ENDPOINT");
    command
}

fn set(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.envs(variables.iter().copied());
    command
}

const GROUP: &str = "ALIYUN_MQTT_GROUP_ID";
const INSTANCE: &str = "ALIYUN_MQTT_INSTANCE_ID";
const KEY: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

#[test]
fn without_an_access_key_every_place_is_named() {
    let emulator = emulator();
    let mut command = with(&emulator);
    command.env_remove(KEY).env_remove(SECRET);
    let found = examine(command, &[]);
    found.expect("no key", "login", "no-key-found", 2);
    let message = found.step("login")["message"].as_str().unwrap_or_default().to_string();
    assert!(message.contains("~/.aliyun/config.json") && message.contains("--access-key-id"), "{message}");
}

#[test]
fn a_refused_login_is_explained_with_the_api_and_without() {
    let emulator = emulator();
    let good = || with(&emulator);
    #[rustfmt::skip]
    let rows = [
        ("a wrong secret", set(alone(good()), &[(SECRET, "not-the-secret")]), "password-refused"),
        ("a wrong instance", set(alone(good()), &[(INSTANCE, "post-cn-other")]), "not-authorized"),
        ("an unknown group", set(alone(good()), &[(GROUP, "GID_other")]), "not-authorized"),
        ("an unknown group", set(good(), &[(GROUP, "GID_other")]), "group-not-created"),
        ("a wrong secret", set(good(), &[(SECRET, "not-the-secret")]), "access-key-secret-wrong"),
        ("an unknown key", set(good(), &[(KEY, "no-such-key")]), "access-key-unknown"),
        ("a wrong instance", set(good(), &[(INSTANCE, "post-cn-other")]), "instance-unknown"),
    ];
    for (what, command, cause) in rows {
        let found = examine(command, &[]);
        found.expect(what, "connect", cause, 4);
        assert!(found.step("connect")["saw"]["connack"].is_string(), "{what}");
    }
    for (code, cause) in [
        (1, "mqtt-version-refused"),
        (2, "client-id-refused"),
        (3, "service-unavailable"),
        (4, "signature-not-taken"),
        (5, "signature-not-taken"),
    ] {
        emulator.refuse_logins(Some(code));
        for protocol in ["3.1.1", "5"] {
            let what = format!("CONNACK {code} of {protocol}");
            examine(good(), &["--protocol", protocol]).expect(&what, "connect", cause, 4);
        }
    }
}

#[test]
fn a_refused_device_is_explained() {
    let emulator = emulator();
    let id = format!("{}@@@0001", emulator.group_id());
    let device = |key: &str, secret: &str| {
        let variables = [
            ("ALIYUN_MQTT_AUTH", "device"),
            ("ALIYUN_MQTT_DEVICE_ID", "0001"),
            ("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", key),
            ("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", secret),
        ];
        examine(set(with(&emulator), &variables), &[])
    };
    let old = emulator.register_device(&id);
    let present = emulator.register_device(&id);
    let found = device(&old.access_key_id, &old.access_key_secret);
    found.expect("an old one", "connect", "device-credential-replaced", 4);
    device(&present.access_key_id, "DC.not-the-secret").expect("a wrong secret", "connect", "device-secret-wrong", 4);
    assert!(!found.output.text().contains(&present.access_key_secret), "the API's answer stays secret");
    emulator.unregister_device(&id);
    let found = device(&present.access_key_id, &present.access_key_secret);
    found.expect("an unregistered one", "connect", "device-credential-missing", 4);
}

#[test]
fn a_login_that_is_cut_instead_of_answered() {
    // Answers whoever asks without a client id: it does speak MQTT.
    let picky = Responder::start(|mut stream| {
        let mut connect = [0; 64];
        let length = stream.read(&mut connect).unwrap_or(0);
        if connect[..length].ends_with(&[0, 10, 0, 0]) {
            let _ = stream.write_all(&[0x20, 2, 0, 2]);
            drain(&mut stream);
        }
    });
    let emulator = emulator();
    let endpoint = format!("mqtt://127.0.0.1:{}", picky.port());
    let command = || set(with(&emulator), &[("ALIYUN_MQTT_ENDPOINT", &endpoint)]);
    let found = examine(alone(command()), &[]);
    found.expect("no witness", "connect", "connection-closed", 3);
    assert_eq!(found.step("connect")["saw"]["speaks"], "MQTT");
    let found = examine(set(command(), &[(GROUP, "GID_other")]), &[]);
    found.expect("an unknown group", "connect", "group-not-created", 4);
}

fn with_token(emulator: &Emulator, tokens: &str) -> Command {
    set(with(emulator), &[("ALIYUN_MQTT_AUTH", "token"), ("ALIYUN_MQTT_TOKEN", tokens)])
}

/// A text that is no token is none, whatever step looks at it.
#[test]
fn a_malformed_token_is_not_called_a_good_one() {
    let emulator = emulator();
    let good = emulator.issue_token(Permission::ReadWrite, &[&topic(&emulator, "#")], LONG);
    for malformed in [good.as_str(), "RW", "RW|", &format!("X|{good}"), &format!("RW|{good}|R"), &format!("rw|{good}")]
    {
        let found = examine(with_token(&emulator, malformed), &[]);
        found.expect(malformed, "login", "token-malformed", 2);
        found.expect(malformed, "token", "token-malformed", 2);
    }
}

/// A token that is there and is not used is no missing one.
#[test]
fn a_token_that_is_not_used_is_told_so() {
    let emulator = emulator();
    let token = format!("RW|{}", emulator.issue_token(Permission::ReadWrite, &[&topic(&emulator, "#")], LONG));
    let reason = |command| {
        let found = examine(command, &[]);
        assert_eq!(found.step("token")["result"], "skipped", "{found:?}");
        found.step("token")["reason"].as_str().expect("a reason").to_string()
    };
    let unused = reason(set(with(&emulator), &[("ALIYUN_MQTT_TOKEN", &token)]));
    for word in ["ALIYUN_MQTT_TOKEN", "signature", "--auth token"] {
        assert!(unused.contains(word), "{unused}");
    }
    assert_eq!(reason(with(&emulator)), "no token is given");
    let applied = reason(set(with(&emulator), &[("ALIYUN_MQTT_AUTH", "token")]));
    assert!(applied.contains("applied for"), "{applied}");
}

#[test]
fn a_token_that_does_not_do_is_explained() {
    let emulator = emulator();
    let all = topic(&emulator, "#");
    let issue = |permission, topic: &str, life| emulator.issue_token(permission, &[topic], life);
    let expired = issue(Permission::ReadWrite, &all, Duration::ZERO);
    let found = examine(with_token(&emulator, &format!("RW|{expired}")), &[]);
    found.expect("an expired one", "connect", "token-dead", 4);
    found.expect("an expired one", "token", "token-dead", 4);
    let revoked = issue(Permission::ReadWrite, &all, LONG);
    emulator.revoke_token(&revoked);
    examine(with_token(&emulator, &format!("RW|{revoked}")), &[]).expect("a revoked one", "connect", "token-dead", 4);
    let both = issue(Permission::ReadWrite, &all, LONG);
    let found = examine(with_token(&emulator, &format!("R|{both}")), &[]);
    found.expect("another kind", "connect", "token-of-other-key", 4);
    assert_eq!(found.step("token")["saw"]["valid"], true);

    let write = issue(Permission::Write, &all, LONG);
    let found = examine(with_token(&emulator, &format!("W|{write}")), &[]);
    found.expect("W to subscribe", "subscribe", "token-wrong-kind", 6);
    assert_eq!(found.step("publish")["result"], "ok", "{found:?}");
    assert_eq!(found.step("stay")["result"], "ok", "a cut that is explained is no conflict: {found:?}");
    let read = issue(Permission::Read, &all, LONG);
    let found = examine(with_token(&emulator, &format!("R|{read}")), &[]);
    found.expect("R to publish", "publish", "token-wrong-kind", 6);
    assert_eq!(found.step("subscribe")["result"], "ok", "{found:?}");
    let found = examine(with_token(&emulator, &format!("R|{read}|W|{write}")), &[]);
    found.healthy("one of each kind", &["tls"]);
    let other = issue(Permission::ReadWrite, &topic(&emulator, "other"), LONG);
    let found = examine(with_token(&emulator, &format!("RW|{other}")), &[]);
    found.expect("another topic", "subscribe", "token-other-topic", 6);
    let one = issue(Permission::ReadWrite, &topic(&emulator, "aliyun-mqtt-doctor"), LONG);
    let found = examine(with_token(&emulator, &format!("RW|{one}")), &[]);
    found.expect("no P2P topics", "p2p", "token-other-topic", 6);
}

#[test]
fn a_token_that_cannot_be_applied_for() {
    let emulator = emulator();
    let token = || set(with(&emulator), &[("ALIYUN_MQTT_AUTH", "token"), ("ALIYUN_MQTT_TOPIC", "nowhere")]);
    examine(token(), &[]).expect("no such topic", "connect", "topic-not-created", 6);
    examine(alone(token()), &[]).expect("no region", "login", "setting-missing", 2);
}

#[test]
fn a_topic_without_rights_is_explained_with_the_api_and_without() {
    let emulator = emulator();
    let found = examine(with(&emulator), &["-t", "nowhere/at-all"]);
    found.expect("no such topic", "subscribe", "topic-not-created", 6);
    found.expect("no such topic", "publish", "topic-not-created", 6);
    let secret = topic(&emulator, "secret");
    emulator.forbid(&secret);
    let found = examine(with(&emulator), &["-t", &secret]);
    found.expect("forbidden", "subscribe", "subscribe-not-permitted", 6);
    found.expect("forbidden", "publish", "publish-not-permitted", 6);
    assert_eq!(found.step("p2p")["result"], "ok", "the rest goes on: {found:?}");
    assert_eq!(found.step("stay")["result"], "ok", "{found:?}");
    let found = examine(alone(with(&emulator)), &["-t", &secret]);
    found.expect("no witness", "subscribe", "topic-or-permission", 6);
    // With an id of one's own, the doctor first looks whether the connection stays when nothing is sent.
    let found = examine(with(&emulator), &["-t", &secret, "--device-id", "mine"]);
    found.expect("forbidden", "subscribe", "subscribe-not-permitted", 6);
}

#[test]
fn a_bad_topic_is_no_obstacle_to_the_login() {
    let emulator = emulator();
    let found = examine(with(&emulator), &["-t", "emulator/a b"]);
    found.expect("a space", "names", "topic-malformed", 2);
    assert_eq!(found.step("connect")["result"], "ok", "{found:?}");
    assert_eq!(found.step("subscribe")["result"], "skipped", "{found:?}");
}

#[test]
fn a_refusal_that_is_told_is_taken_at_its_word() {
    let emulator = Emulator::builder().acknowledge_violations(true).start().expect("the emulator starts");
    let secret = topic(&emulator, "secret");
    emulator.forbid(&secret);
    let found = examine(with(&emulator), &["-t", &secret, "--protocol", "5"]);
    found.expect("SUBACK", "subscribe", "subscribe-refused", 6);
    found.expect("PUBACK", "publish", "publish-refused", 6);
}

#[test]
fn a_client_that_is_online_is_left_alone() {
    let emulator = emulator();
    let config = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .device_id("busy")
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()))
        .build()
        .expect("a good configuration");
    let client = Client::connect(config).expect("connected");
    let found = examine(with(&emulator), &["--device-id", "busy"]);
    found.expect("online", "connect", "client-id-in-use", 4);
    assert_eq!(client.stats().connections, 1, "it was not disturbed");
    client.disconnect().expect("goodbye");
    examine(with(&emulator), &["--device-id", "busy"]).healthy("offline now", &["tls", "token"]);
    let found = examine(with(&emulator), &["--device-id", "busy", "--take-over"]);
    found.healthy("taken over", &["tls", "token"]);
}

/// Runs against a broker that follows this script, with whatever settings.
#[track_caller]
fn scripted<T: Send + 'static>(
    arguments: &[&str],
    token: bool,
    script: impl FnOnce(Broker) -> T + Send + 'static,
) -> Found {
    let (emulator, broker) = (emulator(), Broker::start());
    let mut command = alone(with(&emulator));
    command.env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{}", broker.addr()));
    if token {
        command = set(command, &[("ALIYUN_MQTT_AUTH", "token"), ("ALIYUN_MQTT_TOKEN", "RW|not-a-token-at-all")]);
    }
    let thread = thread::spawn(move || script(broker));
    let found = examine(command, arguments);
    // It ends with the connection; what went wrong there shows in what was found. What it returned lives until here.
    drop(thread);
    found
}

/// The connection on which the client logs in, behind the one that only looks whether somebody is there.
fn login(broker: &Broker) -> Line {
    drop(broker.accept_raw());
    broker.accept(false)
}

#[test]
fn each_notice_about_a_token_has_its_cause() {
    for (code, cause, exit) in [
        (1, "token-forged", 4),
        (2, "token-expired", 4),
        (3, "token-revoked", 4),
        (4, "token-other-topic", 6),
        (5, "token-wrong-kind", 6),
        (8, "token-signature", 4),
        (-1, "token-account", 4),
    ] {
        let found = scripted(&["--timeout", "10", "--no-publish"], true, move |broker| {
            let mut line = login(&broker);
            line.expect(Kind::Subscribe);
            line.publish("$SYS/tokenInvalidNotice", 0, 0, false, &format!(r#"{{"code":{code},"type":"RW"}}"#));
            drop(line);
            // Whoever comes again is served.
            broker.accept(false).serve_until(|_| false);
        });
        found.expect(&format!("code {code}"), "subscribe", cause, exit);
    }
}

#[test]
fn another_client_with_the_same_id_shows_by_its_cuts() {
    let cut_after_suback = |broker: Broker| {
        let mut line = login(&broker);
        let subscribe = line.expect(Kind::Subscribe);
        line.answer(&subscribe);
        drop(line);
        broker.accept(false).serve_until(|_| false);
    };
    let found = scripted(&["--timeout", "10", "--no-publish", "--device-id", "twin"], false, cut_after_suback);
    found.expect("kicked out", "stay", "client-id-conflict", 3);
    // Cuts that look like a refusal, and go on when nothing is sent.
    let found = scripted(&["--timeout", "20", "--no-publish", "--device-id", "twin"], false, |broker| {
        drop(broker.accept_raw());
        loop {
            let line = &mut broker.accept(false);
            line.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
            line.read();
        }
    });
    found.expect("kicked out again and again", "subscribe", "client-id-conflict", 3);
    // MQTT 5 has a code for it.
    let script = |broker: Broker| {
        let mut line = login(&broker);
        let subscribe = line.expect(Kind::Subscribe);
        line.answer(&subscribe);
        line.expect(Kind::Publish);
        let port = broker.stop();
        line.write(&packet(0xe0, &[0x8e, 0]));
        port
    };
    let run = |timeout: &str| scripted(&["--timeout", timeout, "--protocol", "5"], false, script);
    let found = in_time(run, |found| found.is_ok("subscribe"));
    found.expect("DISCONNECT", "publish", "client-id-conflict", 3);
}

#[test]
fn a_connection_that_is_lost_for_good() {
    let script = |broker: Broker| {
        let mut line = login(&broker);
        let subscribe = line.expect(Kind::Subscribe);
        // Nobody is there any more when it comes again.
        let port = broker.stop();
        line.answer(&subscribe);
        port
    };
    let run = |timeout: &str| scripted(&["--timeout", timeout], false, script);
    let found = in_time(run, |found| found.is_ok("subscribe"));
    found.expect("lost", "publish", "connection-cut", 3);
}

#[test]
fn what_is_not_acknowledged_and_what_does_not_come_back() {
    let script = |broker: Broker| {
        let mut line = login(&broker);
        while line.read().is_some() {}
    };
    let run = |timeout: &str| scripted(&["--timeout", timeout, "--no-publish"], false, script);
    let found = in_time(run, |found| found.is_ok("connect"));
    found.expect("no SUBACK", "subscribe", "no-acknowledgement", 5);
    let script = |broker: Broker| {
        // Acknowledges everything, and gives it to nobody; somebody else's message comes instead.
        let mut line = login(&broker);
        line.serve_until(|packets| packets.len() == 2);
        line.publish("emulator/aliyun-mqtt-doctor", 0, 0, false, "aliyun-mqtt doctor 0");
        line.serve_until(|_| false);
    };
    let run = |timeout: &str| scripted(&["--timeout", timeout], false, script);
    let found = in_time(run, |found| found.is_acknowledged("publish") && found.is_acknowledged("p2p"));
    found.expect("no message", "publish", "message-not-back", 5);
    assert_eq!(found.step("publish")["result"], "warning");
    found.expect("no message", "p2p", "p2p-not-arriving", 5);
}

#[test]
fn each_trouble_of_the_api_has_its_cause() {
    let emulator = emulator();
    for (status, code, cause) in [
        (500, "InternalError", "api-faulty"),
        (403, "NoPermission", "api-no-permission"),
        (400, "PermissionCheckFailed", "api-no-permission"),
        (404, "ApiNotSupport", "api-not-supported"),
        (400, "InvalidSecurityToken.Expired", "security-token-wrong"),
        (400, "CheckAccountInfoFailed", "security-token-wrong"),
        (400, "SomethingNew", "api-refused"),
        (400, "IllegalTimestamp", "clock-wrong"),
    ] {
        emulator.fail_api(100, status, code);
        // A policy may be meant to permit no more than the client needs.
        let exit = if cause == "api-no-permission" { 0 } else { 4 };
        examine(with(&emulator), &["--no-publish"]).expect(code, "api", cause, exit);
    }
    emulator.fail_api(0, 500, "");
    emulator.throttle_api(100);
    examine(with(&emulator), &["--no-publish"]).expect("throttled", "api", "api-throttled", 4);
    emulator.throttle_api(0);
    emulator.delay_api(LONG);
    let run = |timeout: &str| examine(with(&emulator), &["--timeout", timeout, "--no-publish"]);
    let found = in_time(run, |found| found.is_ok("subscribe"));
    found.expect("silent", "api", "api-silent", 5);
    emulator.delay_api(Duration::ZERO);
    let free = Port::reserve();
    let page = Responder::http("200 OK", "Content-Type: text/html\r\n", "<html><title>Login</title></html>");
    for (what, url, cause) in [
        ("nobody listens", format!("http://{}", free.addr()), "nothing-here"),
        ("a bad name", "https://doctor.invalid".to_string(), "api-unreachable"),
        ("a login page", format!("http://127.0.0.1:{}", page.port()), "api-not-api"),
        ("a private CA", emulator.api_tls_endpoint(), "api-tls"),
    ] {
        let command = set(with(&emulator), &[("ALIYUN_MQTT_API_ENDPOINT", &url)]);
        examine(command, &["--no-publish"]).expect(what, "api", cause, 3);
    }
}

#[test]
fn a_wrong_clock_is_noticed() {
    let emulator = emulator();
    for (seconds, cause, exit) in [(3600, "clock-wrong", 4), (-3600, "clock-wrong", 4), (300, "clock-off", 0)] {
        emulator.set_clock_skew(seconds);
        let found = examine(with(&emulator), &["--no-publish"]);
        found.expect(&format!("{seconds} s"), "clock", cause, exit);
        let ahead = found.step("clock")["saw"]["ahead_s"].as_i64().expect("a number");
        assert!((ahead + seconds).abs() < 100, "{ahead}");
    }
}

/// However many steps hang, the whole run is over in time.
#[test]
fn it_never_hangs() {
    let (emulator, silent) = (emulator(), Responder::silent());
    let url = format!("http://127.0.0.1:{}", silent.port());
    let variables =
        [("ALIYUN_MQTT_ENDPOINT", format!("mqtt://127.0.0.1:{}", silent.port())), ("ALIYUN_MQTT_API_ENDPOINT", url)];
    let (done, end) = channel();
    let mut command = with(&emulator);
    command.envs(variables);
    thread::spawn(move || done.send(examine(command, &["--timeout", "1"])));
    // 14 steps, and a multiple of that for a busy machine.
    let found = end.recv_timeout(Duration::from_secs(60)).expect("in time");
    found.expect("silent", "connect", "connack-silent", 5);
    found.expect("silent", "api", "api-silent", 5);
}
