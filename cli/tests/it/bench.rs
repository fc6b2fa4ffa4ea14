//! `bench`.

use serde_json::Value;

use crate::support;
use crate::support::{emulator, run, topic, with};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

#[test]
fn publish_counts_and_times_every_message_of_every_client() {
    let emulator = emulator();
    let topic = topic(&emulator, "bench");
    for (qos, clients) in [("0", "1"), ("1", "3"), ("2", "1")] {
        let arguments = ["bench", "publish", "-t", &topic, "-C", "100", "-q", qos, "--clients", clients, "--json"];
        let json = json(run(with(&emulator), arguments).expect(0).text());
        assert_eq!((&json["bench"], &json["count"], &json["failed"]), (&"publish".into(), &100.into(), &0.into()));
        let times: Vec<f64> =
            ["min_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"].map(|key| json[key].as_f64().unwrap()).into();
        assert!(times.is_sorted() && times[0] > 0.0 && json["per_second"].as_f64().unwrap() > 0.0, "{json}");
    }
    let seen = emulator
        .log()
        .iter()
        .filter(|entry| matches!(entry.what, aliyun_mqtt_emulator::What::Published { .. }))
        .count();
    assert_eq!(seen, 300);
}

#[test]
fn subscribe_counts_each_message_once_at_each_receiver() {
    let emulator = emulator();
    let topic = topic(&emulator, "bench");
    let arguments = ["bench", "subscribe", "-t", &topic, "-C", "50", "--clients", "2", "--json"];
    let json = json(run(with(&emulator), arguments).expect(0).text());
    assert_eq!((&json["count"], &json["failed"]), (&100.into(), &0.into()), "{json}");
}

#[test]
fn connect_counts_logins() {
    let emulator = emulator();
    let output = run(with(&emulator), ["bench", "connect", "-C", "5", "--clients", "2"]).expect(0);
    assert!(output.text().starts_with("5 connects, 0 failed, 2 clients"), "{}", output.text());
    assert!(output.text().contains("median"), "{}", output.text());
}

#[test]
fn what_fails_is_counted_and_decides_the_exit_code() {
    let emulator = emulator();
    let mut wrong = with(&emulator);
    wrong.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret");
    let output = run(wrong, ["bench", "connect", "-C", "5", "--json"]).expect(4);
    assert_eq!(json(output.text())["failed"], 1, "a refusal is not tried again");
    assert!(output.stderr.contains("CONNACK"), "{}", output.stderr);
    let mut nobody = with(&emulator);
    nobody.env("ALIYUN_MQTT_ENDPOINT", "mqtt://127.0.0.1:1");
    run(nobody, ["bench", "publish", "-t", "demo/x"]).expect(3);
    run(with(&emulator), ["bench", "publish", "-t", "bad topic!"]).expect(2);
    run(with(&emulator), ["bench", "publish", "-t", "demo/x", "--clients", "2", "--device-id", "one"]).expect(2);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_with_what_was_measured() {
    let emulator = emulator();
    let topic = topic(&emulator, "bench");
    let mut command = with(&emulator);
    command.args(["bench", "publish", "-t", &topic, "--for", "600", "--rate", "100", "--json"]);
    let running = support::Running::start(command);
    emulator
        .wait_for_log(support::LONG, |entry| {
            matches!(entry.what, aliyun_mqtt_emulator::What::PublishAcknowledged { .. })
        })
        .expect("a message");
    running.signal("INT");
    let json = json(running.wait().expect(130).text());
    assert!(json["count"].as_u64().unwrap() > 0 && json["interrupted"] == true, "{json}");
}
