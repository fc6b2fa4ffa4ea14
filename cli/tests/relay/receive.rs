//! Received messages: polls, leases, acknowledgements, dead letters.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Http, Response, eventually};
use crate::rig::{Rig, end};
use crate::support::library::fault_proxy::Way;

pub fn messages(answer: &Response) -> Vec<Value> {
    answer.json()["messages"].as_array().expect("a list").clone()
}

pub fn payloads(answer: &Response) -> Vec<String> {
    messages(answer).iter().map(|message| message["payload"].as_str().expect("text").to_string()).collect()
}

pub fn publish(rig: &Rig, topic: &str, payloads: &[&str]) {
    for payload in payloads {
        rig.emulator.publish_as_service(topic, 1, *payload).expect("published");
    }
}

pub fn stored(rig: &Rig, count: usize) {
    eventually("the messages are stored", || rig.metric("stored_messages") == count as f64);
}

pub fn delete(http: &mut Http, message: &Value, status: u16) {
    http.delete(&format!("/v1/messages/{}", message["id"].as_str().expect("an id"))).expect(status);
}

#[test]
fn messages_are_leased_deleted_in_any_order_and_kept_over_restarts_and_kills() {
    let rig = Rig::receiving(&["--lease", "1000"]);
    let mut relay = rig.ready();
    publish(&rig, "emulator/a", &["1", "2", "3", "4"]);
    publish(&rig, "emulator/b", &["5"]);
    stored(&rig, 5);
    let first = rig.http().get("/v1/messages?filter=emulator/a&max=3").expect(200);
    assert_eq!(payloads(&first), ["1", "2", "3"]);
    assert_eq!(payloads(&rig.http().get("/v1/messages?filter=emulator/%2B&wait=0").expect(200)), ["4", "5"]);
    assert!(payloads(&rig.http().get("/v1/messages?wait=0").expect(200)).is_empty());
    let all = messages(&first);
    delete(&mut rig.http(), &all[2], 204);
    delete(&mut rig.http(), &all[0], 204);
    delete(&mut rig.http(), &all[0], 404);
    rig.http().delete("/v1/messages/1-0000000000000000").problem(404, "not_found", None);
    // What was not deleted is there again, with the same ids.
    for signal in ["KILL", "TERM"] {
        relay.signal(signal);
        drop(relay.wait());
        relay = rig.ready();
        let again = rig.http().get("/v1/messages?wait=0").expect(200);
        assert_eq!(payloads(&again), ["2", "4", "5"]);
        assert_eq!(messages(&again)[0]["id"], all[1]["id"]);
    }
    delete(&mut rig.http(), &all[1], 204);
    end(relay);
}

#[test]
fn what_arrives_while_the_relay_is_down_or_is_killed_is_not_lost() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1"]);
    stored(&rig, 1);
    relay.signal("KILL");
    drop(relay.wait());
    eventually("offline", || rig.emulator.sessions().iter().all(|session| !rig.emulator.is_online(&session.client_id)));
    publish(&rig, "emulator/a", &["2", "3"]);
    let relay = rig.ready();
    // The first comes again if the kill was faster than its acknowledgement.
    eventually("the messages are stored", || rig.metric("stored_messages") >= 3.0);
    let mut seen = payloads(&rig.http().get("/v1/messages?wait=0").expect(200));
    seen.dedup();
    assert_eq!(seen, ["1", "2", "3"]);
    end(relay);
}

#[test]
fn a_message_stored_and_not_acknowledged_comes_again() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    rig.line.swallow_way(Way::Up, true);
    publish(&rig, "emulator/a", &["1"]);
    stored(&rig, 1);
    relay.signal("KILL");
    drop(relay.wait());
    rig.line.heal();
    eventually("offline", || rig.emulator.sessions().iter().all(|session| !rig.emulator.is_online(&session.client_id)));
    let relay = rig.ready();
    // At least once: nothing tells it from a new message with the same content.
    stored(&rig, 2);
    let all = messages(&rig.http().get("/v1/messages?wait=0").expect(200));
    let payloads: Vec<_> = all.iter().map(|message| message["payload"].as_str()).collect();
    assert_eq!(payloads, [Some("1"); 2]);
    assert_ne!(all[0]["id"], all[1]["id"]);
    assert_eq!((all[0]["duplicate"].as_bool(), all[1]["duplicate"].as_bool()), (Some(false), Some(true)));
    end(relay);
}

#[test]
fn what_cannot_be_stored_is_not_acknowledged() {
    let rig = Rig::receiving(&[]);
    // A file that may not grow is a disk that is full: the limit counts blocks of 512 or 1,024 bytes.
    let mut relay = rig.start_after("trap '' XFSZ; ulimit -f 8192");
    rig.until_ready();
    let body = |number: usize| format!("{number:060000}");
    const COUNT: usize = 200;
    (0..COUNT).for_each(|number| publish(&rig, "emulator/a", &[&body(number)]));
    relay.stderr_until("received messages cannot be stored");
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.ready();
    // The service has the rest, and maybe some that were stored already.
    eventually("all of them", || rig.metric("stored_messages") >= COUNT as f64);
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < COUNT {
        seen.extend(payloads(&rig.http().get("/v1/messages?max=50&wait=60").expect(200)));
    }
    assert!((0..COUNT).all(|number| seen.contains(&body(number))));
    end(relay);
}

#[test]
fn polls_wait_and_several_consumers_share_a_filter() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    let mut polls: Vec<Http> = (0..3).map(|_| rig.http()).collect();
    for (count, poll) in polls.iter_mut().enumerate() {
        poll.send("GET", "/v1/messages?filter=emulator/a&max=1&wait=100", &[], b"").expect("sent");
        eventually("it waits", || rig.metric("waiting_calls") == (count + 1) as f64);
    }
    publish(&rig, "emulator/b", &["other"]);
    publish(&rig, "emulator/a", &["1", "2", "3"]);
    let mut seen: Vec<String> =
        polls.iter_mut().flat_map(|poll| payloads(&poll.receive().expect("an answer").expect(200))).collect();
    seen.sort();
    assert_eq!(seen, ["1", "2", "3"]);
    end(relay);
}

#[test]
fn a_consumer_that_has_gone_gets_nothing() {
    let rig = Rig::receiving(&["--lease", "1000"]);
    let relay = rig.ready();
    let mut gone = rig.http();
    gone.send("GET", "/v1/messages?wait=100", &[], b"").expect("sent");
    eventually("it waits", || rig.metric("waiting_calls") == 1.0);
    drop(gone);
    eventually("it has gone", || rig.metric("waiting_calls") == 0.0);
    publish(&rig, "emulator/a", &["1"]);
    let answer = rig.http().get("/v1/messages?wait=100").expect(200);
    assert_eq!((payloads(&answer), &messages(&answer)[0]["leases"]), (vec!["1".to_string()], &serde_json::json!(1)));
    end(relay);
}

#[test]
fn a_poll_ends_when_its_time_is_over_or_the_relay_drains() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    let since = Instant::now();
    assert!(payloads(&rig.http().get("/v1/messages?wait=0.1").expect(200)).is_empty());
    assert!(since.elapsed() >= Duration::from_millis(100));
    let mut poll = rig.http();
    poll.send("GET", "/v1/messages?wait=600", &[], b"").expect("sent");
    eventually("it waits", || rig.metric("waiting_calls") == 1.0);
    relay.signal("TERM");
    assert!(payloads(&poll.receive().expect("an answer").expect(200)).is_empty());
    relay.wait().expect(0);
}

#[test]
fn a_lease_that_ends_gives_the_message_to_another_and_the_last_to_the_dead_letters() {
    let rig = Rig::receiving(&["--lease", "0.05", "--max-leases", "2"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["poison"]);
    let mut http = rig.http();
    for lease in 1..=2 {
        let answer = http.get("/v1/messages?wait=100").expect(200);
        assert_eq!(messages(&answer)[0]["leases"], lease);
    }
    eventually("it is dead", || rig.metric("dead_letters_present") == 1.0);
    assert_eq!(rig.metric("dead_letters_total"), 1.0);
    assert!(payloads(&http.get("/v1/messages?wait=0").expect(200)).is_empty());
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.ready();
    let mut http = rig.http();
    let dead = http.get("/v1/dead?filter=emulator/%23").expect(200);
    assert_eq!(payloads(&dead), ["poison"]);
    let id = messages(&dead)[0]["id"].as_str().expect("an id").to_string();
    assert!(payloads(&http.get("/v1/dead?filter=other/%23").expect(200)).is_empty());
    assert!(payloads(&http.get(&format!("/v1/dead?after={id}")).expect(200)).is_empty());
    http.post(&format!("/v1/dead/{id}"), "").expect(204);
    http.post(&format!("/v1/dead/{id}"), "").expect(404);
    assert_eq!(messages(&http.get("/v1/messages?wait=100").expect(200))[0]["id"], id.as_str());
    // And a second time.
    eventually("it is dead again", || {
        http.get("/v1/messages?wait=0").expect(200);
        rig.metric("dead_letters_present") == 1.0
    });
    http.delete(&format!("/v1/dead/{id}")).expect(204);
    http.delete(&format!("/v1/dead/{id}")).expect(404);
    assert!(payloads(&http.get("/v1/dead").expect(200)).is_empty());
    end(relay);
}

#[test]
fn there_are_five_leases_unless_the_relay_is_told_otherwise() {
    let rig = Rig::receiving(&["--lease", "0.02"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["poison"]);
    let mut leases = Vec::new();
    eventually("it is dead", || {
        let answer = rig.http().get("/v1/messages?wait=0.1").expect(200);
        leases.extend(messages(&answer).iter().map(|message| message["leases"].as_u64()));
        rig.metric("dead_letters_present") == 1.0
    });
    assert_eq!(leases, (1..=5).map(Some).collect::<Vec<_>>());
    end(relay);
}

#[test]
fn what_is_taken_needs_no_delete() {
    let rig = Rig::receiving(&["--lease", "0.05"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1", "2"]);
    stored(&rig, 2);
    let answer = rig.http().call("GET", "/v1/messages?ack=taken", &["Accept: application/x-ndjson"], b"").expect(200);
    let taken: Vec<Value> = answer.lines().iter().map(|message| message["payload"].clone()).collect();
    assert_eq!(taken, ["1", "2"]);
    assert_eq!(rig.metric("stored_messages"), 0.0);
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.ready();
    assert!(payloads(&rig.http().get("/v1/messages?wait=0").expect(200)).is_empty());
    end(relay);
}

#[test]
fn at_its_bound_the_relay_acknowledges_nothing_more_and_loses_nothing() {
    let rig = Rig::receiving(&["--max-messages", "2", "--lease", "1000"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1", "2", "3", "4", "5"]);
    stored(&rig, 2);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let answer = rig.http().get("/v1/messages?max=1&wait=100").expect(200);
        assert!(rig.metric("stored_messages") <= 2.0);
        seen.extend(payloads(&answer));
        delete(&mut rig.http(), &messages(&answer)[0], 204);
    }
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
    end(relay);
}

#[test]
fn filters_are_checked() {
    let rig = Rig::receiving(&["--allow-subscribe", "emulator/a/#"]);
    let relay = rig.ready();
    publish(&rig, "emulator/b", &["hidden"]);
    publish(&rig, "emulator/a/x", &["1"]);
    stored(&rig, 2);
    let mut http = rig.http();
    http.get("/v1/messages?filter=emulator/%23").problem(403, "forbidden", None);
    http.get("/v1/messages?filter=$SYS/%23").problem(403, "forbidden", None);
    http.get("/v1/messages?filter=a%23").problem(400, "invalid", None);
    http.get("/v1/messages?max=0").problem(400, "invalid", Some("not sent"));
    assert_eq!(payloads(&http.get("/v1/messages?wait=0").expect(200)), ["1"]);
    end(relay);
}

#[test]
fn p2p_messages_are_received_without_a_subscription() {
    let rig = Rig::new(&["--receive-p2p", "--device-id", "relay"]);
    let relay = rig.ready();
    let client = rig.emulator.sessions()[0].client_id.clone();
    rig.http().post(&format!("/v1/p2p/{client}"), "to myself").expect(200);
    let answer = rig.http().get("/v1/messages?filter=emulator/p2p/%23&wait=100").expect(200);
    assert_eq!(payloads(&answer), ["to myself"]);
    end(relay);
}
