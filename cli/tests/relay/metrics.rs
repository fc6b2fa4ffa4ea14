//! The metrics that Prometheus reads.

use std::collections::HashMap;

use crate::rig::{Rig, end};

/// Every series, and the types by name.
fn read(rig: &Rig) -> (HashMap<String, f64>, HashMap<String, String>) {
    let answer = rig.http().get("/metrics").expect(200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    let text = String::from_utf8(answer.body).expect("UTF-8");
    let (mut series, mut types, mut helps) = (HashMap::new(), HashMap::new(), Vec::new());
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    for line in lines {
        let word = |place| line.split(' ').nth(place).expect("a word").to_string();
        match line.split(' ').nth(1).expect("a word") {
            "HELP" => helps.push(word(2)),
            "TYPE" => drop(types.insert(word(2), word(3))),
            "UNIT" => assert!(word(2).ends_with(&format!("_{}", word(3))), "{line}"),
            value => drop(series.insert(word(0), value.parse::<f64>().expect("a number"))),
        }
    }
    assert_eq!(helps.len(), types.len());
    assert!(helps.iter().all(|name| types.contains_key(name)));
    (series, types)
}

#[test]
fn every_series_is_described_has_its_unit_in_its_name_and_is_a_number() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    rig.emulator.forbid("emulator/no");
    let mut http = rig.http();
    http.post("/v1/messages?topic=emulator/a", "1").expect(200);
    http.post("/v1/messages?topic=emulator/no&wait=60", "1").expect(403);
    let (series, types) = read(&rig);
    for (name, value) in &series {
        assert!(value.is_finite(), "{name} {value}");
        let base = name.split('{').next().expect("a name");
        assert!(base.starts_with("aliyun_mqtt_relay_"), "{name}");
        let ends = |end: &str, kind: &str| {
            base.strip_suffix(end).is_some_and(|base| types.get(base).is_some_and(|known| known == kind))
        };
        let described = ends("", "gauge")
            || ends("_total", "counter")
            || ["_bucket", "_sum", "_count"].iter().any(|end| ends(end, "histogram"));
        assert!(described, "{name}");
    }
    for (name, expected) in [
        ("published_total", 2.0),
        ("acknowledged_total", 1.0),
        ("failed_total{fate=\"refused\"}", 1.0),
        ("http_responses_total{status=\"200\"}", 2.0),
        ("round_trip_seconds_count", 2.0),
    ] {
        let seen = series.get(&format!("aliyun_mqtt_relay_{name}"));
        // Answers for `until_ready` are among the responses.
        assert!(seen.is_some_and(|seen| *seen >= expected), "{name}: {seen:?}");
    }
    // A signature has no end, and what is not known is left out.
    assert!(!series.contains_key("aliyun_mqtt_relay_token_life_left_seconds"));
    end(relay);
}

#[test]
fn the_life_of_the_token_is_known_from_the_first_login_on() {
    let rig = Rig::new(&["--auth", "token"]);
    let relay = rig.ready();
    let left = read(&rig).0["aliyun_mqtt_relay_token_life_left_seconds"];
    assert!(left > 60.0, "{left}");
    end(relay);
}
