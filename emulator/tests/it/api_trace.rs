//! Traces of devices and messages in the OpenAPI.

use std::time::{Duration, SystemTime};

use crate::support::api::{Answer, ask, millis};
use crate::support::{self, Raw, seen};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

const SENDER: &str = "GID_emulator@@@sender";
const RECEIVER: &str = "GID_emulator@@@receiver";

/// Queries a trace, with defaults for the required parameters that are not among `parameters`.
fn trace(emulator: &Emulator, action: &str, parameters: &[(&str, &str)]) -> Answer {
    let hour = Duration::from_secs(3600);
    let (begin, end) = (millis(SystemTime::now() - hour), millis(SystemTime::now() + hour));
    let (begin, end) = (begin.to_string(), end.to_string());
    let mut all = parameters.to_vec();
    for (name, value) in [
        ("MqttRegionId", "cn-hangzhou"),
        ("BeginTime", begin.as_str()),
        ("EndTime", end.as_str()),
        ("CurrentPage", "1"),
        ("PageSize", "100"),
    ] {
        if !parameters.iter().any(|(known, _)| *known == name) {
            all.push((name, value));
        }
    }
    ask(emulator, action, &all)
}

fn column(list: &Value, names: &[&str]) -> Vec<String> {
    let row = |item: &Value| names.iter().map(|name| item[*name].as_str().unwrap()).collect::<Vec<_>>().join(" | ");
    list.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_device_comes_and_goes() {
    let emulator = Emulator::start().unwrap();
    let mut refused = Raw::tcp(&emulator);
    assert_eq!(refused.connect(SENDER, &support::username(&emulator), "wrong", true).0, 4);
    let mut first = Raw::login(&emulator, SENDER);
    let mut second = Raw::login(&emulator, SENDER);
    first.ended();
    seen(&emulator, SENDER, |what| matches!(what, What::Disconnected { .. }));
    second.publish("elsewhere/a", 1, 1, b"");
    second.ended();
    let position = emulator.log_position();
    let mut third = Raw::login(&emulator, SENDER);
    third.send(0xE0, &[]);
    let gone =
        emulator.wait_for_log_since(position, support::LONG, |entry| matches!(entry.what, What::Disconnected { .. }));
    assert!(gone.is_some());

    let all = trace(&emulator, "QueryMqttTraceDevice", &[("ClientId", SENDER)]).fine();
    assert_eq!((&all["Total"], &all["CurrentPage"], &all["PageSize"]), (&7.into(), &1.into(), &100.into()));
    let list = &all["DeviceInfoList"];
    let mut words = column(list, &["Action", "ActionCode", "ActionInfo"]);
    // The first connection ends when the second begins; the order of the two events does not matter.
    words[2..4].sort();
    assert_eq!(
        words,
        [
            "close | mqtt.trace.action.close | not authorized",
            "connect | mqtt.trace.action.connect | accepted",
            "close | mqtt.trace.action.close | clientId conflict",
            "connect | mqtt.trace.action.connect | accepted",
            "close | mqtt.trace.action.close | resource auth failed",
            "connect | mqtt.trace.action.connect | accepted",
            "disconnect | mqtt.trace.action.disconnect | disconnected by client",
        ]
    );
    // Each connection has its own channel, in both of its events.
    let channels = |words: &[&str]| {
        let fitting =
            list.as_array().unwrap().iter().filter(|item| words.contains(&item["ActionInfo"].as_str().unwrap()));
        column(&fitting.cloned().collect(), &["ChannelId"])
    };
    let begun = channels(&["accepted"]);
    assert!(begun[0] != begun[1] && begun[1] != begun[2]);
    assert_eq!(begun, channels(&["clientId conflict", "resource auth failed", "disconnected by client"]));
    // 2021-05-21 15:51:54.867
    let time = list[0]["Time"].as_str().unwrap();
    assert!(time.len() == 23 && &time[10..11] == " " && &time[19..20] == ".", "{time}");

    let page = |parameters: &[(&str, &str)]| {
        let all = [&[("ClientId", SENDER), ("PageSize", "3")], parameters].concat();
        let answer = trace(&emulator, "QueryMqttTraceDevice", &all).fine();
        assert_eq!(answer["Total"], 7);
        column(&answer["DeviceInfoList"], &["ActionInfo"])
    };
    assert_eq!(page(&[])[..2], ["not authorized", "accepted"]);
    assert_eq!(page(&[]).len(), 3);
    assert_eq!(page(&[("CurrentPage", "3")]), ["disconnected by client"]);
    assert_eq!(page(&[("Reverse", "true")]), ["disconnected by client", "accepted", "resource auth failed"]);
    assert_eq!(page(&[("Reverse", "true"), ("CurrentPage", "3")]), ["not authorized"]);
    assert!(page(&[("CurrentPage", "4")]).is_empty());
    let other = trace(&emulator, "QueryMqttTraceDevice", &[("ClientId", "GID_emulator@@@other")]).fine();
    assert_eq!(other["Total"], 0);
}

#[test]
fn a_message_has_one_id_wherever_it_is_seen() {
    let emulator = Emulator::start().unwrap();
    let mut receiver = Raw::login_as(&emulator, RECEIVER, false);
    receiver.subscribed(&[("emulator/#", 1)]);
    let mut sender = Raw::login(&emulator, SENDER);
    sender.publish("emulator/a", 1, 1, b"same");
    sender.publish("emulator/a", 1, 2, b"same");
    assert_eq!((receiver.message().payload, receiver.message().payload), (b"same".to_vec(), b"same".to_vec()));
    // The acknowledgements have arrived before the ping did.
    receiver.quiet();
    emulator.kick(RECEIVER);
    receiver.ended();
    seen(&emulator, RECEIVER, |what| matches!(what, What::Disconnected { .. }));
    let sent = ask(&emulator, "SendMessage", &[("MqttTopic", "emulator/b"), ("Payload", "while away")]).fine();
    let by_service = sent["MsgId"].as_str().unwrap().to_owned();
    let mut receiver = Raw::tcp(&emulator);
    let (user, password) = (support::username(&emulator), support::password(&emulator, RECEIVER));
    assert_eq!(receiver.connect(RECEIVER, &user, &password, false), (0, true));
    assert_eq!(receiver.message().payload, b"while away");

    let of = |id: &str| trace(&emulator, "QueryMqttTraceMessageOfClient", &[("ClientId", id)]).fine();
    let published = of(SENDER);
    assert_eq!(
        column(&published["MessageOfClientList"], &["Action", "ActionCode", "ActionInfo", "ClientId"]),
        vec![format!("pub_mqtt | mqtt.trace.action.msg.pub.mqtt | Pub From Mqtt Client | {SENDER}"); 2]
    );
    let received = of(RECEIVER);
    assert_eq!(
        column(&received["MessageOfClientList"], &["Action", "ActionCode", "ActionInfo"]),
        [
            "sub | mqtt.trace.action.msg.sub | Push To Mqtt Client",
            "sub | mqtt.trace.action.msg.sub | Push To Mqtt Client",
            "push_offline | mqtt.trace.action.msg.push.offline | Push Offline Msg To Mqtt Client",
        ]
    );
    let mut ids = column(&published["MessageOfClientList"], &["MsgId"]);
    assert_ne!(ids[0], ids[1]);
    ids.push(by_service.clone());
    assert_eq!(column(&received["MessageOfClientList"], &["MsgId"]), ids);

    for (id, action, sender) in [(&ids[0], "pub_mqtt", SENDER), (&by_service, "pub_mq", "")] {
        let list = trace(&emulator, "QueryMqttTraceMessagePublish", &[("MsgId", id)]).fine();
        let expected = format!("{action} | {id} | {sender}");
        assert_eq!(column(&list["MessageTraceLists"], &["Action", "MsgId", "ClientId"]), [expected]);
        let list = trace(&emulator, "QueryMqttTraceMessageSubscribe", &[("MsgId", id)]).fine();
        assert_eq!(column(&list["MessageTraceLists"], &["MsgId", "ClientId"]), [format!("{id} | {RECEIVER}")]);
        for (client_id, total) in [(RECEIVER, 1), (SENDER, 0)] {
            let parameters = [("MsgId", id.as_str()), ("ClientId", client_id)];
            let list = trace(&emulator, "QueryMqttTraceMessageSubscribe", &parameters).fine();
            assert_eq!(list["Total"], total);
        }
    }
    let none = trace(&emulator, "QueryMqttTraceMessagePublish", &[("MsgId", "unknown")]).fine();
    assert_eq!(none["MessageTraceLists"], Value::Array(vec![]));
}

#[test]
fn only_the_time_asked_for_is_shown() {
    let emulator = Emulator::start().unwrap();
    let mut sender = Raw::login(&emulator, SENDER);
    sender.publish("emulator/a", 1, 1, b"");
    assert_eq!(sender.packet(), Some((0x40, vec![0, 1])));
    let at = millis(seen(&emulator, SENDER, |what| matches!(what, What::Published { .. })).time);
    for (begin, end, total) in [(at, at, 1), (at - 10, at - 1, 0), (at + 1, at + 10, 0), (at - 1, at, 1)] {
        let (begin, end) = (begin.to_string(), end.to_string());
        let parameters = [("ClientId", SENDER), ("BeginTime", begin.as_str()), ("EndTime", end.as_str())];
        assert_eq!(trace(&emulator, "QueryMqttTraceMessageOfClient", &parameters).fine()["Total"], total);
    }
}

#[test]
fn improper_queries_are_refused() {
    let emulator = Emulator::start().unwrap();
    let both = [("ClientId", SENDER), ("MsgId", "x")];
    for (action, parameters) in [
        ("QueryMqttTraceDevice", &["ClientId", "MqttRegionId", "BeginTime", "EndTime", "CurrentPage", "PageSize"][..]),
        (
            "QueryMqttTraceMessageOfClient",
            &["ClientId", "MqttRegionId", "BeginTime", "EndTime", "CurrentPage", "PageSize"],
        ),
        ("QueryMqttTraceMessagePublish", &["MsgId", "MqttRegionId", "BeginTime", "EndTime"]),
        (
            "QueryMqttTraceMessageSubscribe",
            &["MsgId", "MqttRegionId", "BeginTime", "EndTime", "CurrentPage", "PageSize"],
        ),
    ] {
        trace(&emulator, action, &both).fine();
        for missing in parameters {
            let kept: Vec<_> = both.into_iter().filter(|(name, _)| name != missing).collect();
            let answer = trace(&emulator, action, &[&kept[..], &[(missing, "")]].concat());
            answer.refused(400, "ParameterCheckFailed");
            assert!(answer.message().contains(missing), "{action} {missing}: {}", answer.message());
        }
        trace(&emulator, action, &[&both[..], &[("EndTime", "1")]].concat()).refused(400, "ParameterCheckFailed");
    }
    for bad in [("PageSize", "0"), ("PageSize", "101"), ("CurrentPage", "0"), ("Reverse", "maybe")] {
        let answer = trace(&emulator, "QueryMqttTraceDevice", &[&both[..], &[bad]].concat());
        answer.refused(400, "ParameterCheckFailed");
    }
}

/// Alibaba's Python SDKs spell booleans as Python does.
#[test]
fn reverse_is_taken_in_any_letter_case() {
    let emulator = Emulator::start().unwrap();
    let mut raw = Raw::login(&emulator, SENDER);
    for id in 1..=2 {
        raw.publish("emulator/a", 1, id, b"");
        assert_eq!(raw.packet(), Some((0x40, vec![0, id as u8])));
    }
    let ids = |reverse: &str| {
        let parameters = [("ClientId", SENDER), ("Reverse", reverse)];
        let answer = trace(&emulator, "QueryMqttTraceMessageOfClient", &parameters).fine();
        column(&answer["MessageOfClientList"], &["MsgId"])
    };
    let forward = ids("false");
    assert_ne!(forward[0], forward[1]);
    let backward: Vec<_> = forward.iter().rev().cloned().collect();
    for (reverse, expected) in [("True", &backward), ("TRUE", &backward), ("true", &backward), ("False", &forward)] {
        assert_eq!(&ids(reverse), expected, "{reverse}");
    }
    trace(&emulator, "QueryMqttTraceMessageOfClient", &[("ClientId", SENDER), ("Reverse", "1")])
        .refused(400, "ParameterCheckFailed");
}
