//! Messages: their fates, their bounds, and what is refused.

use crate::http::{Http, eventually};
use crate::rig::{Rig, end};

#[test]
fn a_message_is_answered_once_its_fate_is_known() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let mut http = rig.http();
    for (qos, fate) in [("0", "written"), ("1", "acknowledged"), ("2", "acknowledged")] {
        let answer = http.post(&format!("/v1/messages?topic=emulator/a&qos={qos}"), qos).expect(200);
        assert_eq!(answer.json()["fate"], fate);
    }
    let answer = http.call("POST", "/v1/messages?topic=emulator/a", &["Prefer: respond-async"], b"3").expect(202);
    assert_eq!(
        (answer.json()["fate"].as_str(), answer.header("preference-applied")),
        (Some("spooled"), Some("respond-async"))
    );
    http.post("/v1/p2p/GID_emulator@@@0002", "4").expect(200);
    http.post("/v1/p2p/GID_emulator%40%40%400003", "5").expect(200);
    eventually("all messages", || rig.arrived("emulator/a").len() == 4);
    assert_eq!(rig.arrived("emulator/a"), ["0", "1", "2", "3"]);
    assert_eq!(rig.arrived("emulator/p2p/GID_emulator@@@0003"), ["5"]);
    eventually("counted", || rig.metric("acknowledged_total") == 6.0);
    end(relay);
}

#[test]
fn what_is_invalid_or_not_allowed_is_refused_and_not_sent() {
    let rig = Rig::new(&["--allow-publish", "emulator/a/#"]);
    let relay = rig.ready();
    let mut http = rig.http();
    let not_sent = Some("not sent");
    http.post("/v1/messages", "x").problem(400, "invalid", not_sent);
    http.post("/v1/messages?topic=emulator/a/%2B", "x").problem(400, "invalid", not_sent);
    http.post("/v1/messages?topic=emulator/a&qos=3", "x").problem(400, "invalid", not_sent);
    http.post("/v1/messages?topic=emulator/a&tpic=x", "x").problem(400, "invalid", not_sent);
    http.post("/v1/messages?topic=emulator/a&content_type=x", "x").problem(400, "invalid", not_sent);
    http.post("/v1/messages?topic=emulator/b", "x").problem(403, "forbidden", not_sent);
    http.post("/v1/messages?topic=$SYS/uploadToken", "x").problem(403, "forbidden", not_sent);
    http.post("/v1/messages?topic=%24SYS/uploadToken", "x").problem(403, "forbidden", not_sent);
    http.post("/v1/requests?topic=$SYS/uploadToken", "x").problem(403, "forbidden", not_sent);
    http.post("/v1/p2p/GID_emulator@@@1", "x").problem(403, "forbidden", not_sent);
    http.call("POST", "/v1/messages?topic=emulator/a&qos=0", &["Idempotency-Key: a"], b"")
        .problem(400, "invalid", not_sent);
    http.get("/v1/nothing").problem(404, "not_found", None);
    let answer = http.delete("/v1/messages");
    answer.problem(405, "method_not_allowed", None);
    assert_eq!(answer.header("allow"), Some("GET, POST"));
    http.get("/v1/messages").problem(404, "not_found", None);
    http.post("/v1/messages?topic=emulator/a", &"x".repeat(65_536)).expect(200);
    http.send("POST", "/v1/messages?topic=emulator/a", &[], &[b'x'; 65_537]).ok();
    http.receive().expect("an answer").problem(413, "too_large", not_sent);
    // Before it is there, and where no length was announced.
    let mut http = rig.http();
    http.raw(b"POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r\r\nContent-Length: 65537\r\n\r\n").expect("sent");
    http.receive().expect("an answer").problem(413, "too_large", not_sent);
    let mut http = rig.http();
    let part = format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(3);
    let head = "POST /v1/messages?topic=emulator/a HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n";
    http.raw(format!("{head}{part}0\r\n\r\n").as_bytes()).ok();
    http.receive().expect("an answer").problem(413, "too_large", not_sent);
    assert_eq!(crate::support::published(&rig.emulator).len(), 1);
    end(relay);
}

#[test]
fn the_service_that_refuses_a_topic_gives_403_and_its_hint() {
    let rig = Rig::new(&[]);
    rig.emulator.forbid("emulator/forbidden");
    let relay = rig.ready();
    let answer = rig.http().post("/v1/messages?topic=emulator/forbidden&wait=60", "x");
    answer.problem(403, "suspected_refusal", Some("refused"));
    assert!(answer.json()["hint_key"].is_string(), "{}", answer.json());
    end(relay);
}

#[test]
fn without_a_connection_a_message_is_stored_when_its_time_is_over_and_sent_later() {
    let rig = Rig::new(&[]);
    rig.line.refuse(true);
    let relay = rig.start();
    let mut http = rig.http();
    http.get("/healthz").expect(200);
    assert_eq!(http.get("/readyz").expect(503).json()["reason"], "not connected");
    assert_eq!(http.post("/v1/messages?topic=emulator/a&wait=0.05", "1").expect(202).json()["fate"], "spooled");
    assert_eq!(
        http.call("POST", "/v1/messages?topic=emulator/a", &["Prefer: wait=0"], b"2").expect(202).json()["fate"],
        "spooled"
    );
    http.post("/v1/messages?topic=emulator/a&wait=0.05&qos=0", "x").problem(503, "no_connection", Some("not sent"));
    http.post("/v1/requests?topic=emulator/a", "x").problem(503, "no_connection", Some("not sent"));
    assert_eq!(rig.metric("spooled_messages"), 2.0);
    rig.line.heal();
    eventually("both messages", || rig.arrived("emulator/a").len() == 2);
    assert_eq!(rig.arrived("emulator/a"), ["1", "2"]);
    eventually("nothing left", || rig.metric("spooled_messages") == 0.0);
    end(relay);
}

#[test]
fn a_message_that_was_written_and_not_acknowledged_is_stored_too_and_at_qos_0_is_written() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    rig.line.hold_acks(true);
    let mut http = rig.http();
    http.post("/v1/messages?topic=emulator/a&wait=0.05", "1").expect(202);
    assert_eq!(rig.metric("spooled_messages"), 1.0);
    http.post("/v1/messages?topic=emulator/a&qos=0", "2").expect(200);
    rig.line.calm();
    eventually("nothing left", || rig.metric("in_flight_messages") == 0.0);
    end(relay);
}

#[test]
fn at_its_bounds_the_relay_accepts_nothing_more_and_says_so() {
    let rig = Rig::new(&["--max-messages", "2", "--max-waiting", "1", "--max-connections", "2"]);
    rig.line.refuse(true);
    let relay = rig.start();
    let mut http = rig.http();
    for number in ["1", "2"] {
        http.call("POST", "/v1/messages?topic=emulator/a", &["Prefer: respond-async"], number.as_bytes()).expect(202);
    }
    let answer = http.post("/v1/messages?topic=emulator/a", "3");
    answer.problem(503, "full", Some("not sent"));
    assert_eq!(answer.header("retry-after"), Some("1"));

    // A poll of events waits; nobody else may.
    let mut events = rig.http();
    events.send("GET", "/v1/events", &[], b"").expect("sent");
    events.head().expect("a head");
    http.post("/v1/messages?topic=emulator/a", "4").problem(503, "busy", Some("not sent"));
    rig.http().receive().expect("an answer").problem(503, "busy", Some("not sent"));
    drop(events);
    eventually("room for another connection", || {
        Http::unix(&rig.socket())
            .is_ok_and(|mut http| http.try_call("GET", "/healthz", &[], b"").is_ok_and(|answer| answer.status == 200))
    });
    rig.line.heal();
    eventually("both messages", || rig.arrived("emulator/a").len() == 2);
    end(relay);
}

#[test]
fn what_cannot_be_stored_is_not_promised_and_what_was_promised_is_there() {
    let rig = Rig::new(&[]);
    rig.line.refuse(true);
    // A file that may not grow is a disk that is full: the limit counts blocks of 512 or 1,024 bytes.
    let relay = rig.start_after("trap '' XFSZ; ulimit -f 8192");
    let body = |number: usize| format!("{number:060000}");
    let mut promised = 0;
    let headers = ["Prefer: respond-async"];
    loop {
        let answer = rig.http().call("POST", "/v1/messages?topic=emulator/a", &headers, body(promised).as_bytes());
        if answer.status != 202 {
            answer.problem(503, "spool", Some("not sent"));
            break;
        }
        promised += 1;
        assert!(promised < 1_000, "the limit has no effect");
    }
    assert!(promised > 0);
    relay.signal("KILL");
    drop(relay.wait());
    rig.line.heal();
    let relay = rig.ready();
    eventually("what was promised", || rig.arrived("emulator/a").len() == promised);
    assert_eq!(rig.arrived("emulator/a"), (0..promised).map(body).collect::<Vec<_>>());
    end(relay);
}

#[test]
fn too_long_a_head_is_refused() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let mut http = rig.http();
    let long = format!("X-Long: {}", "x".repeat(100_000));
    let _ = http.send("GET", "/healthz", &[&long], b"");
    assert_eq!(http.receive().expect("an answer").status, 431);
    end(relay);
}

#[test]
fn properties_of_mqtt_5_come_from_query_and_headers() {
    let rig = Rig::receiving(&["--protocol", "5"]);
    let relay = rig.ready();
    let mut http = rig.http();
    let headers = ["Mqtt-User-Property: k=1", "Mqtt-User-Property: k=2", "Mqtt-Correlation-Data: c", "Mqtt-Text: true"];
    http.call(
        "POST",
        "/v1/messages?topic=emulator/a&content_type=text/plain&message_expiry=60&response_topic=emulator/r",
        &headers,
        b"x",
    )
    .expect(200);
    let message = http.get("/v1/messages").expect(200).json()["messages"][0].clone();
    assert_eq!(message["user_properties"], serde_json::json!([["k", "1"], ["k", "2"]]));
    assert_eq!(
        (message["content_type"].as_str(), message["response_topic"].as_str()),
        (Some("text/plain"), Some("emulator/r"))
    );
    assert_eq!((message["correlation_data_b64"].as_str(), message["text"].as_bool()), (Some("Yw=="), Some(true)));
    end(relay);
}

#[test]
fn events_are_streamed_as_they_happen() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let mut http = rig.http();
    http.send("GET", "/v1/events", &[], b"").expect("sent");
    assert!(http.head().expect("a head").contains("text/event-stream"));
    let mut next = || String::from_utf8(http.chunk().expect("a part").expect("no end")).expect("UTF-8");
    assert_eq!(next(), "event: state\ndata: {\"state\":\"connected\"}\n\n");
    rig.line.cut();
    let lost = next();
    assert!(lost.starts_with("event: disconnected\n") && lost.contains("\"kind\":\"connection_lost\""), "{lost}");
    let back = next();
    assert!(back.starts_with("event: connected\n"), "{back}");
    let client = rig.emulator.sessions()[0].client_id.clone();
    assert!(rig.emulator.push_notice(&client, "$SYS/tokenExpireNotice", "{\"expireTime\":1,\"type\":\"RW\"}"));
    let notice = next();
    assert!(notice.starts_with("event: notice\n") && notice.contains("token_expire"), "{notice}");
    relay.signal("TERM");
    assert!(http.chunk().is_ok_and(|end| end.is_none()), "the stream ends when the relay drains");
    relay.wait().expect(0);
    assert!(!rig.socket().exists());
}

#[test]
fn a_topic_that_the_service_refuses_does_not_stop_the_others() {
    let rig = Rig::new(&[]);
    rig.emulator.forbid("emulator/no");
    let relay = rig.ready();
    let mut http = rig.http();
    // The whole topic is refused after a few: the others are not even sent, and that is their fate.
    for _ in 0..5 {
        http.call("POST", "/v1/messages?topic=emulator/no", &["Prefer: respond-async"], b"x").expect(202);
    }
    eventually("all have their fate", || rig.metric("in_flight_messages") == 0.0);
    http.post("/v1/messages?topic=emulator/a&wait=60", "1").expect(200);
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}

#[test]
fn the_wait_of_a_message_ends_also_if_its_caller_has_gone() {
    let rig = Rig::new(&["--max-messages", "2"]);
    rig.line.refuse(true);
    let relay = rig.start();
    for uri in ["/v1/messages?topic=emulator/a&wait=1&qos=0", "/v1/messages?topic=emulator/a&wait=1"] {
        let mut gone = rig.http();
        gone.send("POST", uri, &[], b"1").expect("sent");
        eventually("it is accepted", || rig.metric("waiting_calls") == 1.0 && rig.metric("in_flight_messages") >= 1.0);
        drop(gone);
        eventually("it has gone", || rig.metric("waiting_calls") == 0.0);
    }
    eventually("one is stored, and one withdrawn", || {
        (rig.metric("spooled_messages"), rig.metric("in_flight_messages")) == (1.0, 1.0)
    });
    relay.signal("KILL");
    drop(relay.wait());
    rig.line.heal();
    let relay = rig.ready();
    eventually("the stored one", || rig.arrived("emulator/a") == ["1"]);
    end(relay);
}

#[test]
fn there_are_no_more_connections_than_open_files() {
    let rig = Rig::new(&[]);
    let relay = rig.start_after("ulimit -n 84");
    let mut all: Vec<Http> = Vec::new();
    loop {
        let mut http = rig.http();
        match http.try_call("GET", "/healthz", &[], b"").expect("an answer").status {
            200 => all.push(http),
            status => break assert_eq!(status, 503),
        }
        assert!(all.len() < 84, "all descriptors are taken");
    }
    assert_eq!(all.len(), 20);
    drop(all);
    eventually("room again", || rig.http().try_call("GET", "/healthz", &[], b"").is_ok_and(|a| a.status == 200));
    end(relay);
    let rig = Rig::new(&[]);
    let relay = rig.start_after("ulimit -S -n 84");
    let mut all: Vec<Http> = (0..200).map(|_| rig.http()).collect();
    all.iter_mut().for_each(|http| drop(http.get("/healthz").expect(200)));
    drop(all);
    end(relay);
}
