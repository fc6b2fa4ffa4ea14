//! The actions of the OpenAPI, each with a success and a failure, and the faults that tests can order.

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

use crate::support::api::{Signed, ahead, answer, ask, call, connect, exchange, millis};
use crate::support::{self, Raw, seen, sign};
use aliyun_mqtt_emulator::{DisconnectReason, Emulator, Limits, What};
use serde_json::Value;

const ID: &str = "GID_emulator@@@1";

fn apply(emulator: &Emulator, actions: &str, resources: &str, seconds: u64) -> support::api::Answer {
    ask(emulator, "ApplyToken", &[("Resources", resources), ("Actions", actions), ("ExpireTime", &ahead(seconds))])
}

fn token(emulator: &Emulator, actions: &str, resources: &str, seconds: u64) -> String {
    apply(emulator, actions, resources, seconds).fine()["Token"].as_str().unwrap().to_owned()
}

fn token_login(emulator: &Emulator, key: &str, password: &str) -> (Raw, u8) {
    let mut raw = Raw::tcp(emulator);
    let code = raw.connect(ID, &format!("Token|{key}|{}", emulator.instance_id()), password, true).0;
    (raw, code)
}

fn alive(emulator: &Emulator, token: &str) -> bool {
    ask(emulator, "QueryToken", &[("Token", token)]).fine()["TokenStatus"].as_bool().unwrap()
}

#[test]
fn a_token_allows_what_was_applied_for() {
    let emulator = Emulator::start().unwrap();
    let write = token(&emulator, "W", "emulator/w/#", 3600);
    let both = token(&emulator, "R,W", "emulator/a,emulator/b/+", 3600);
    let (mut raw, code) = token_login(&emulator, emulator.access_key_id(), &format!("W|{write}|RW|{both}"));
    assert_eq!(code, 0);
    raw.subscribed(&[("emulator/a", 1), ("emulator/b/+", 1)]);
    for (number, topic) in [(1, "emulator/w/x"), (2, "emulator/c")] {
        raw.publish(topic, 1, number, b"");
        if number == 1 {
            assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
        } else {
            assert_eq!(raw.message().payload, br#"{"code":4,"type":"RW"}"#);
        }
    }
    raw.ended();
    // It is not valid as another type than the one applied for.
    assert_eq!(token_login(&emulator, emulator.access_key_id(), &format!("RW|{write}")).1, 4);
    assert!(alive(&emulator, &write) && !alive(&emulator, "never issued"));
    assert!(!alive(&emulator, &format!("{write}x")));
}

#[test]
fn a_token_belongs_to_the_key_that_applied_for_it() {
    let emulator = Emulator::builder()
        .access_key("first", "secret-1")
        .access_key("second", "secret-2")
        .sts_key("STS.id", "sts-secret", "sts-token")
        .start()
        .unwrap();
    let parameters = [("Resources", "emulator/#"), ("Actions", "R,W"), ("ExpireTime", &*ahead(3600))];
    let mut by_second = call(&emulator, Signed::V2, "ApplyToken", &parameters);
    (by_second.key, by_second.secret) = ("second".into(), "secret-2".into());
    let mut by_sts = call(&emulator, Signed::V3, "ApplyToken", &parameters);
    (by_sts.key, by_sts.secret, by_sts.security_token) =
        ("STS.id".into(), "sts-secret".into(), Some("sts-token".into()));
    for (call, key) in [(by_second, "second"), (by_sts, "STS.id")] {
        let token = call.send(&emulator).fine()["Token"].as_str().unwrap().to_owned();
        for (other, code) in [("first", 4), ("second", 4), ("STS.id", 4), ("nobody", 5), (key, 0)] {
            if other != key || code == 0 {
                assert_eq!(token_login(&emulator, other, &format!("RW|{token}")).1, code, "{key} {other}");
            }
        }
    }
    let mut raw = Raw::tcp(&emulator);
    let user = format!("Signature|STS.id|{}", emulator.instance_id());
    assert_eq!(raw.connect(ID, &user, &sign(ID, "sts-secret"), true).0, 5, "no signing with a temporary key");
}

#[test]
fn what_is_no_proper_application_is_refused() {
    let emulator = Emulator::start().unwrap();
    let many = |count| (0..count).map(|number| format!("emulator/{number:03}")).collect::<Vec<_>>().join(",");
    apply(&emulator, "R", &many(100), 3600).fine();
    for (resources, code) in [
        (many(101).as_str(), "ParameterCheckFailed"),
        ("emulator/b,emulator/a", "ParameterCheckFailed"),
        ("emulator/a,", "ParameterCheckFailed"),
        ("emulator/a b", "ParameterCheckFailed"),
        ("#", "ParameterCheckFailed"),
        ("elsewhere/#", "PermissionCheckFailed"),
    ] {
        apply(&emulator, "R", resources, 3600).refused(400, code);
    }
    for actions in ["", "RW", "W,R", "r"] {
        apply(&emulator, actions, "emulator/#", 3600).refused(400, "ParameterCheckFailed");
    }
    apply(&emulator, "R", "emulator/#", 60).fine();
    apply(&emulator, "R", "emulator/#", 55).refused(400, "ParameterCheckFailed");
    for expire in ["", "-1", "soon", "1", "99999999999999999999999"] {
        let parameters = [("Resources", "emulator/#"), ("Actions", "R"), ("ExpireTime", expire)];
        ask(&emulator, "ApplyToken", &parameters).refused(400, "ParameterCheckFailed");
    }
    let largest = u64::MAX.to_string();
    let parameters = [("Resources", "emulator/#"), ("Actions", "R"), ("ExpireTime", largest.as_str())];
    ask(&emulator, "ApplyToken", &parameters).fine();
}

#[test]
fn time_may_pass_faster_for_tokens() {
    // 60 s become 3 s, and the notice comes 1.5 s before the end.
    let emulator =
        Emulator::builder().token_time_scale(0.05).token_notice_lead(Duration::from_secs(30)).start().unwrap();
    let before = SystemTime::now();
    let short = token(&emulator, "R", "emulator/#", 60);
    let (mut raw, code) = token_login(&emulator, emulator.access_key_id(), &format!("R|{short}"));
    assert_eq!(code, 0);
    let notice = raw.message();
    assert!(before.elapsed().unwrap() >= Duration::from_millis(1500), "not before its time");
    assert_eq!(notice.topic, "$SYS/tokenExpireNotice");
    let body: Value = serde_json::from_slice(&notice.payload).unwrap();
    assert!(body["expireTime"].as_u64().unwrap().abs_diff(millis(before + Duration::from_millis(3150))) < 1000);
    assert!(alive(&emulator, &short));
    assert_eq!(raw.message().payload, br#"{"code":2,"type":"R"}"#);
    assert!(before.elapsed().unwrap() >= Duration::from_millis(3000));
    raw.ended();
    assert!(!alive(&emulator, &short));
    // A lifetime above 30 days is shortened to 30 days and scaled, too; it is far from over here.
    assert!(alive(&emulator, &token(&emulator, "R", "emulator/#", 3600 * 24 * 365)));
}

#[test]
fn more_than_thirty_days_are_cut_without_an_error() {
    // 30 days become 2.6 s.
    let emulator = Emulator::builder().token_time_scale(1e-6).token_notice_lead(Duration::ZERO).start().unwrap();
    let before = Instant::now();
    let token = token(&emulator, "R", "emulator/#", 3600 * 24 * 3650);
    let (mut raw, code) = token_login(&emulator, emulator.access_key_id(), &format!("R|{token}"));
    assert_eq!(code, 0);
    while raw.packet().is_some() {}
    assert!(before.elapsed() >= Duration::from_millis(2590) && before.elapsed() < Duration::from_secs(12));
    // A token that a test issues keeps its exact lifetime.
    let exact = emulator.issue_token(aliyun_mqtt_emulator::Permission::Read, &["emulator/#"], Duration::from_secs(60));
    assert!(alive(&emulator, &exact));
}

#[test]
fn revoking_cuts_a_live_client() {
    let emulator = Emulator::start().unwrap();
    let token = token(&emulator, "R,W", "emulator/#", 3600);
    let password = format!("RW|{token}");
    let (mut raw, code) = token_login(&emulator, emulator.access_key_id(), &password);
    assert_eq!(code, 0);
    raw.subscribed(&[("emulator/#", 1)]);
    ask(&emulator, "RevokeToken", &[("Token", &token)]).fine();
    assert_eq!(raw.message().payload, br#"{"code":3,"type":"RW"}"#);
    raw.ended();
    assert!(!alive(&emulator, &token));
    assert_eq!(token_login(&emulator, emulator.access_key_id(), &password).1, 4);
    ask(&emulator, "RevokeToken", &[("Token", "never issued")]).refused(400, "ParameterCheckFailed");
    ask(&emulator, "RevokeToken", &[]).refused(400, "ParameterCheckFailed");
    ask(&emulator, "QueryToken", &[]).refused(400, "ParameterCheckFailed");
}

#[test]
fn messages_are_sent_to_subscribers_and_to_one_client() {
    let mut limits = Limits::default();
    limits.payload = 1000;
    let emulator = Emulator::builder().limits(limits).forbid("emulator/forbidden").start().unwrap();
    let (mut raw, mut other) = (Raw::login(&emulator, ID), Raw::login(&emulator, "GID_emulator@@@2"));
    raw.subscribed(&[("emulator/a", 1)]);
    let send =
        |topic: &str, payload: &str| ask(&emulator, "SendMessage", &[("MqttTopic", topic), ("Payload", payload)]);
    assert_eq!(send("emulator/a", "aGVsbG8=").fine()["MsgId"].as_str().unwrap().len(), 32);
    let message = raw.message();
    assert_eq!((message.topic.as_str(), message.qos, &message.payload[..]), ("emulator/a", 1, &b"aGVsbG8="[..]));
    let direct = "emulator/p2p/GID_emulator@@@2";
    send(direct, "psst").fine();
    assert_eq!(other.message().topic, direct);
    let absent = "GID_emulator@@@absent";
    send(&format!("emulator/p2p/{absent}"), "psst").fine();
    seen(&emulator, absent, |what| matches!(what, What::Dropped { .. }));
    send("emulator/a", &"x".repeat(1000)).fine();
    assert_eq!(raw.message().payload.len(), 1000);
    for (topic, payload, code) in [
        ("emulator/a", "x".repeat(1001), "ParameterCheckFailed"),
        ("emulator/a", String::new(), "ParameterCheckFailed"),
        ("", "x".into(), "ParameterCheckFailed"),
        ("emulator/#", "x".into(), "ParameterCheckFailed"),
        ("$SYS/uploadToken", "x".into(), "ParameterCheckFailed"),
        ("elsewhere/a", "x".into(), "PermissionCheckFailed"),
        ("emulator/forbidden", "x".into(), "PermissionCheckFailed"),
    ] {
        send(topic, &payload).refused(400, code);
    }
    raw.quiet();
}

#[test]
fn sessions_are_asked_for_and_closed() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login(&emulator, ID);
    let online =
        |id: &str| ask(&emulator, "QuerySessionByClientId", &[("ClientId", id)]).fine()["OnlineStatus"].clone();
    assert_eq!(online(ID), true);
    assert_eq!(online("GID_emulator@@@2"), false);
    ask(&emulator, "QuerySessionByClientId", &[]).refused(400, "ParameterCheckFailed");
    ask(&emulator, "QuerySessionByClientId", &[("ClientId", &"x".repeat(65))]).refused(400, "ParameterCheckFailed");

    let batch = [("ClientIdList.1", ID), ("ClientIdList.2", "GID_emulator@@@2")];
    let list = ask(&emulator, "BatchQuerySessionByClientIds", &batch).fine();
    let expected = serde_json::json!([
        { "ClientId": ID, "OnlineStatus": true },
        { "ClientId": "GID_emulator@@@2", "OnlineStatus": false },
    ]);
    assert_eq!(list["OnlineStatusList"], expected);
    let names: Vec<_> = (1..=11).map(|number| format!("ClientIdList.{number}")).collect();
    for (count, fine) in [(0, false), (10, true), (11, false)] {
        let many: Vec<_> = names[..count].iter().map(|name| (name.as_str(), ID)).collect();
        let answer = ask(&emulator, "BatchQuerySessionByClientIds", &many);
        if fine {
            answer.fine();
        } else {
            answer.refused(400, "ParameterCheckFailed");
        }
    }

    let closed = ask(&emulator, "CloseConnection", &[("ClientId", ID)]).fine();
    assert_eq!((&closed["Success"], &closed["Code"]), (&true.into(), &200.into()));
    raw.ended();
    seen(&emulator, ID, |what| matches!(what, What::Disconnected { reason: DisconnectReason::Kicked }));
    let again = ask(&emulator, "CloseConnection", &[("ClientId", ID)]).fine();
    assert_eq!((&again["Success"], &again["Code"]), (&false.into(), &404.into()));
    assert_eq!(online(ID), false);
}

#[test]
fn groups_come_and_go() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_new@@@1";
    let code = || {
        let (user, password) = (support::username(&emulator), support::password(&emulator, id));
        Raw::tcp(&emulator).connect(id, &user, &password, true).0
    };
    let group = |action: &str, id: &str| ask(&emulator, action, &[("GroupId", id)]);
    assert_eq!(code(), 5);
    let before = SystemTime::now();
    group("CreateGroupId", "GID_new").fine();
    assert_eq!(code(), 0);
    let list = ask(&emulator, "ListGroupId", &[]).fine();
    assert_eq!(list["Data"].as_array().unwrap().len(), 2);
    let new = &list["Data"][1];
    assert_eq!((&new["GroupId"], &new["InstanceId"]), (&"GID_new".into(), &emulator.instance_id().into()));
    assert!(new["CreateTime"].as_u64().unwrap() >= millis(before) && new["IndependentNaming"].is_boolean());
    group("CreateGroupId", "GID_new").refused(400, "ParameterCheckFailed");
    for bad in ["", "new", "GID_a", "GID_with blank"] {
        group("CreateGroupId", bad).refused(400, "ParameterCheckFailed");
    }
    group("DeleteGroupId", "GID_new").fine();
    assert_eq!(code(), 5);
    group("DeleteGroupId", "GID_new").refused(400, "PermissionCheckFailed");
}

#[test]
fn devices_are_registered_refreshed_and_unregistered() {
    let emulator = Emulator::start().unwrap();
    let device = |action: &str, id: &str| ask(&emulator, action, &[("ClientId", id)]);
    let code = |credential: &Value| {
        let field = |name: &str| credential[name].as_str().unwrap().to_owned();
        let user = format!("DeviceCredential|{}|{}", field("DeviceAccessKeyId"), emulator.instance_id());
        Raw::tcp(&emulator).connect(ID, &user, &sign(ID, &field("DeviceAccessKeySecret")), true).0
    };
    for action in ["GetDeviceCredential", "RefreshDeviceCredential", "UnRegisterDeviceCredential"] {
        device(action, ID).refused(400, "ParameterCheckFailed");
    }
    let first = device("RegisterDeviceCredential", ID).fine()["DeviceCredential"].clone();
    assert_eq!((&first["ClientId"], &first["InstanceId"]), (&ID.into(), &emulator.instance_id().into()));
    assert!(first["CreateTime"].is_u64() && first["UpdateTime"].is_u64());
    assert_eq!(code(&first), 0);
    assert_eq!(device("GetDeviceCredential", ID).fine()["DeviceCredential"], first);
    let fresh = device("RefreshDeviceCredential", ID).fine()["DeviceCredential"].clone();
    assert_eq!(fresh["CreateTime"], first["CreateTime"]);
    assert_eq!((code(&first), code(&fresh)), (5, 0));
    let third = device("RegisterDeviceCredential", ID).fine()["DeviceCredential"].clone();
    assert_eq!((code(&fresh), code(&third)), (5, 0));
    device("UnRegisterDeviceCredential", ID).fine();
    assert_eq!(code(&third), 5);
    device("GetDeviceCredential", ID).refused(400, "ParameterCheckFailed");
    device("RegisterDeviceCredential", "GID_unknown@@@1").refused(400, "PermissionCheckFailed");
    device("RegisterDeviceCredential", "no form").refused(400, "ParameterCheckFailed");
}

#[test]
fn devices_are_listed_page_by_page() {
    let emulator = Emulator::builder().group_id("GID_one").group_id("GID_two").start().unwrap();
    for number in 1..=5 {
        emulator.register_device(&format!("GID_one@@@{number}"));
    }
    emulator.register_device("GID_two@@@1");
    let list = |parameters: &[(&str, &str)]| ask(&emulator, "ListDeviceCredentialClientId", parameters);
    let page = |parameters: &[(&str, &str)]| {
        let list =
            list(&[&[("GroupId", "GID_one")], parameters].concat()).fine()["DeviceCredentialClientIdList"].clone();
        let field = |name: &str| list[name].as_str().unwrap().to_owned();
        assert_eq!(field("Total"), "5");
        let ids = list["ClientIdList"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>().join(" "), field("PageNo"), field("PageSize"), field("NextToken"))
    };
    let expect =
        |ids: &str, number: &str, next: &str| (ids.to_owned(), number.to_owned(), "2".to_owned(), next.to_owned());
    let size = ("PageSize", "2");
    assert_eq!(page(&[size]), expect("GID_one@@@1 GID_one@@@2", "1", "2"));
    assert_eq!(page(&[size, ("PageNo", "2")]), expect("GID_one@@@3 GID_one@@@4", "2", "3"));
    assert_eq!(page(&[size, ("NextToken", "3")]), expect("GID_one@@@5", "3", ""));
    assert_eq!(page(&[size, ("PageNo", "4")]), expect("", "4", ""));
    let one = ("GroupId", "GID_one");
    for bad in [
        &[one][..],
        &[one, ("PageSize", "0")],
        &[one, ("PageSize", "101")],
        &[one, size, ("PageNo", "0")],
        &[one, size, ("NextToken", "x")],
        &[size],
    ] {
        list(bad).refused(400, "ParameterCheckFailed");
    }
    list(&[("GroupId", "GID_three"), size]).refused(400, "PermissionCheckFailed");
}

#[test]
fn another_instance_or_action_is_refused() {
    let emulator = Emulator::start().unwrap();
    for action in ["ListInstances", "applytoken", "Nonsense"] {
        ask(&emulator, action, &[]).refused(404, "ApiNotSupport");
    }
    for action in [
        "ApplyToken",
        "QueryToken",
        "RevokeToken",
        "SendMessage",
        "QuerySessionByClientId",
        "BatchQuerySessionByClientIds",
        "CloseConnection",
        "CreateGroupId",
        "ListGroupId",
        "DeleteGroupId",
        "RegisterDeviceCredential",
        "GetDeviceCredential",
        "RefreshDeviceCredential",
        "UnRegisterDeviceCredential",
        "ListDeviceCredentialClientId",
        "QueryMqttTraceDevice",
        "QueryMqttTraceMessageOfClient",
        "QueryMqttTraceMessagePublish",
        "QueryMqttTraceMessageSubscribe",
    ] {
        let mut other = call(&emulator, Signed::V3, action, &[]);
        other.parameters[0].1 = "post-cn-other".into();
        other.send(&emulator).refused(400, "InstancePermissionCheckFailed");
        other.nonce += "again";
        other.parameters.clear();
        other.send(&emulator).refused(400, "ParameterCheckFailed");
    }
}

#[test]
fn the_log_counts_calls_and_refusals() {
    let emulator = Emulator::start().unwrap();
    let position = emulator.log_position();
    ask(&emulator, "QuerySessionByClientId", &[("ClientId", ID)]).fine();
    ask(&emulator, "Nonsense", &[]).refused(404, "ApiNotSupport");
    exchange(&mut connect(&emulator), b"GET /?A=% HTTP/1.1\r\nhost: x\r\n\r\n").refused(400, "ParameterCheckFailed");
    let log: Vec<_> = emulator.log_since(position).into_iter().map(|entry| (entry.client_id, entry.what)).collect();
    let refused = |action: &str, code: &str| What::ApiRefused { action: action.into(), code: code.into() };
    assert_eq!(
        log,
        [
            (ID.to_owned(), What::ApiCalled { action: "QuerySessionByClientId".into() }),
            (String::new(), refused("Nonsense", "ApiNotSupport")),
            (String::new(), refused("", "ParameterCheckFailed")),
        ]
    );
}

#[test]
fn calls_are_throttled_fail_and_are_delayed_as_told() {
    let emulator = Emulator::start().unwrap();
    let list = || ask(&emulator, "ListGroupId", &[]);
    emulator.throttle_api(2);
    let answer = list();
    answer.refused(429, "Throttling.User");
    assert_eq!(answer.header("x-acs-retry-after"), Some("1"));
    apply(&emulator, "R", "emulator/#", 3600).refused(400, "ApplyTokenOverFlow");
    assert_eq!(list().header("x-acs-retry-after"), None);

    emulator.fail_api(2, 503, "ServiceUnavailable");
    list().refused(503, "ServiceUnavailable");
    // A call that could not be read is delayed, too.
    let broken = exchange(&mut connect(&emulator), b"GET /?A=% HTTP/1.1\r\nhost: x\r\n\r\n");
    broken.refused(503, "ServiceUnavailable");
    list().fine();
    emulator.fail_api(1, 200, "Odd");
    list().refused(500, "Odd");

    let delay = Duration::from_millis(1500);
    emulator.delay_api(delay);
    let before = Instant::now();
    let mut stream = connect(&emulator);
    let position = emulator.log_position();
    let request = call(&emulator, Signed::V3, "ListGroupId", &[]).bytes(&emulator.api_addr().to_string());
    stream.write_all(&request).unwrap();
    let done =
        emulator.wait_for_log_since(position, support::LONG, |entry| matches!(entry.what, What::ApiCalled { .. }));
    assert!(done.is_some() && before.elapsed() < delay, "carried out before the answer");
    answer_of(&mut stream);
    assert!(before.elapsed() >= delay);
    // MQTT is not delayed.
    emulator.delay_api(Duration::from_secs(60));
    stream.write_all(&call(&emulator, Signed::V3, "ListGroupId", &[]).bytes("x")).unwrap();
    Raw::login(&emulator, ID).quiet();
    emulator.delay_api(Duration::ZERO);
    let before = Instant::now();
    list().fine();
    assert!(before.elapsed() < Duration::from_secs(20));
}

fn answer_of(stream: &mut std::net::TcpStream) {
    answer(stream).fine();
}

/// A request that cannot be read is refused in JSON, too, and the client receives the response.
#[test]
fn a_request_that_cannot_be_read_is_refused_in_json() {
    let emulator = Emulator::start().unwrap();
    let long = "x".repeat(70_000);
    let huge = "x".repeat(2_000_000);
    let many: String = (0..200).map(|number| format!("h{number}: x\r\n")).collect();
    for (request, status) in [
        (format!("GET /?a={long} HTTP/1.1\r\nhost: a\r\n\r\n"), 414),
        (format!("GET /?a={huge} HTTP/1.1\r\nhost: a\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: a\r\nx: {huge}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        ("GET / HTTP/1.1\r\nhost a\r\n\r\n".into(), 400),
        ("no HTTP at all\r\n\r\n".into(), 400),
    ] {
        let start = &request[..request.len().min(40)];
        let mut stream = connect(&emulator);
        let mut writer = stream.try_clone().unwrap();
        // The response comes before the whole request is read.
        let sender = std::thread::scope(|scope| {
            let sending = scope.spawn(|| std::io::Write::write_all(&mut writer, request.as_bytes()));
            let answer = answer(&mut stream);
            assert!(answer.message().contains("the "), "{start}: {}", answer.message());
            answer.refused(status, "ParameterCheckFailed");
            drop(stream);
            sending.join().unwrap()
        });
        // The connection may be closed before the rest is sent.
        drop(sender);
    }
    let refused = emulator.log().into_iter().filter(|entry| matches!(entry.what, What::ApiRefused { .. })).count();
    assert_eq!(refused, 6);
}
