//! Idempotency keys.

use crate::http::eventually;
use crate::rig::{Rig, end};

const POST: &str = "/v1/messages?topic=emulator/a";

#[test]
fn a_repeated_key_gets_the_first_answer_also_after_a_restart_and_a_kill() {
    let rig = Rig::new(&[]);
    let mut relay = rig.ready();
    let key = ["Idempotency-Key: key-1"];
    let first = rig.http().call("POST", POST, &key, b"1").expect(200);
    assert_eq!(first.header("idempotent-replayed"), None);
    rig.emulator.forbid("emulator/no");
    let refused = ["Idempotency-Key: key-2"];
    let no = rig.http().call("POST", "/v1/messages?topic=emulator/no&wait=60", &refused, b"2").expect(403);
    for kill in [None, Some("TERM"), Some("KILL")] {
        if let Some(signal) = kill {
            relay.signal(signal);
            drop(relay.wait());
            relay = rig.ready();
        }
        let again = rig.http().call("POST", POST, &key, b"1").expect(200);
        assert_eq!((again.header("idempotent-replayed"), &again.body), (Some("true"), &first.body));
        let again = rig.http().call("POST", "/v1/messages?topic=emulator/no&wait=60", &refused, b"2").expect(403);
        assert_eq!(again.body, no.body);
        for (uri, body) in
            [(POST, "2"), ("/v1/messages?topic=emulator/b", "1"), ("/v1/messages?topic=emulator/a&qos=2", "1")]
        {
            rig.http().call("POST", uri, &key, body.as_bytes()).problem(422, "key_reused", Some("not sent"));
        }
    }
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}

#[test]
fn a_call_whose_first_is_under_way_waits_for_the_same_result() {
    let rig = Rig::new(&[]);
    rig.line.refuse(true);
    let relay = rig.start();
    let key = ["Idempotency-Key: key-1"];
    rig.http().call("POST", &format!("{POST}&wait=0"), &key, b"1").expect(202);
    let mut second = rig.http();
    second.send("POST", &format!("{POST}&wait=100"), &key, b"1").expect("sent");
    rig.http().call("POST", POST, &["Idempotency-Key: key-1"], b"other").problem(422, "key_reused", Some("not sent"));
    eventually("the second call waits", || rig.metric("waiting_calls") == 1.0);
    rig.line.heal();
    let answer = second.receive().expect("an answer").expect(200);
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}

#[test]
fn a_key_survives_a_kill_while_its_message_is_on_its_way() {
    let rig = Rig::new(&[]);
    rig.line.refuse(true);
    let relay = rig.start();
    let headers = ["Idempotency-Key: key-1", "Prefer: respond-async"];
    rig.http().call("POST", POST, &headers, b"1").expect(202);
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.start();
    // The same call gets the same answer, before and after the message has arrived.
    let again = rig.http().call("POST", POST, &headers, b"1").expect(202);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    rig.line.heal();
    rig.http().call("POST", &format!("{POST}&wait=100"), &headers[..1], b"1").expect(200);
    rig.http().call("POST", POST, &headers, b"1").expect(202);
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}

#[test]
fn keys_are_bounded_and_a_call_that_was_not_accepted_leaves_none() {
    let rig = Rig::new(&["--max-remembered", "1"]);
    let relay = rig.ready();
    let mut http = rig.http();
    http.call("POST", "/v1/messages?topic=$SYS/x", &["Idempotency-Key: a"], b"1").expect(403);
    http.call("POST", POST, &["Idempotency-Key: a"], b"1").expect(200);
    http.call("POST", POST, &["Idempotency-Key: b"], b"1").problem(503, "too_many_keys", Some("not sent"));
    http.call("POST", POST, &["Idempotency-Key: a"], b"1").expect(200);
    http.post(POST, "2").expect(200);
    end(relay);
}

#[test]
fn keys_of_calls_and_of_lines_do_not_meet_and_a_key_has_no_space() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let mut http = rig.http();
    http.call("POST", POST, &["Idempotency-Key: 1 kk"], b"1").problem(400, "invalid", Some("not sent"));
    let headers = ["Idempotency-Key: kk", "Content-Type: application/x-ndjson"];
    let answer = http.call("POST", POST, &headers, b"{\"payload\":\"2\"}\n").expect(200);
    assert_eq!(answer.lines()[0]["status"], 200);
    end(relay);
}

/// Only the store knows the key: a wrong body must not take it from the true repetition.
#[test]
fn a_wrong_body_does_not_keep_the_true_repetition_from_its_answer() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let key = ["Idempotency-Key: key-1"];
    rig.http().call("POST", POST, &key, b"1").expect(200);
    for _ in 0..50 {
        let (mut wrong, mut right) = (rig.http(), rig.http());
        wrong.send("POST", POST, &key, b"2").expect("sent");
        right.send("POST", POST, &key, b"1").expect("sent");
        wrong.receive().expect("an answer").problem(422, "key_reused", Some("not sent"));
        right.receive().expect("an answer").expect(200);
    }
    assert_eq!(rig.arrived("emulator/a"), ["1"]);
    end(relay);
}
