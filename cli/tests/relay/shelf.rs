//! Received messages on disk: their ids, their deletion, and the bounds of what is kept and given out.

use serde_json::Value;

use crate::http::eventually;
use crate::receive::{delete, messages, payloads, publish, stored};
use crate::rig::{Rig, end};

/// The id of a message.
fn id(message: &Value) -> String {
    message["id"].as_str().expect("an id").to_string()
}

#[test]
fn an_id_is_never_used_again() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1"]);
    let first = messages(&rig.http().get("/v1/messages?wait=60").expect(200));
    delete(&mut rig.http(), &first[0], 204);
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["2"]);
    let second = messages(&rig.http().get("/v1/messages?wait=60").expect(200));
    assert_ne!(id(&first[0]), id(&second[0]));
    // The repeated call of a consumer that has seen no answer.
    delete(&mut rig.http(), &first[0], 404);
    delete(&mut rig.http(), &second[0], 204);
    end(relay);
}

#[test]
fn a_delete_whose_caller_has_gone_is_done_to_its_end() {
    let rig = Rig::receiving(&["--max-messages", "3", "--lease", "0.05", "--max-leases", "1"]);
    let relay = rig.ready();
    for round in 0..20 {
        publish(&rig, "emulator/a", &["1", "2", "3"]);
        let mut taken = Vec::new();
        while taken.len() < 3 {
            taken.extend(messages(&rig.http().get("/v1/messages?wait=60").expect(200)));
        }
        for message in &taken {
            let mut gone = rig.http();
            gone.send("DELETE", &format!("/v1/messages/{}", id(message)), &[], b"").expect("sent");
        }
        // Those whose calls were cut off before they began become dead letters; nothing is in between.
        eventually("nothing is left in memory only", || {
            if rig.metric("stored_messages") > 0.0 {
                return false;
            }
            let dead = messages(&rig.http().get("/v1/dead").expect(200));
            assert!(dead.len() <= 3, "round {round}");
            dead.iter().for_each(|message| drop(rig.http().delete(&format!("/v1/messages/{}", id(message)))));
            rig.metric("dead_letters_present") == 0.0
        });
    }
    assert_eq!(rig.metric("receiving_blocked"), 0.0);
    end(relay);
}

#[test]
fn a_dead_letter_is_deleted_as_any_message_and_a_living_message_not_as_a_dead_letter() {
    let rig = Rig::receiving(&["--lease", "0.02", "--max-leases", "1"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["slow"]);
    let slow = messages(&rig.http().get("/v1/messages?wait=60").expect(200));
    eventually("its last lease has ended", || rig.metric("dead_letters_present") == 1.0);
    delete(&mut rig.http(), &slow[0], 204);
    assert_eq!(rig.metric("dead_letters_present"), 0.0);
    end(relay);
    let rig = Rig::receiving(&["--lease", "1000"]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1"]);
    let living = messages(&rig.http().get("/v1/messages?wait=60").expect(200));
    rig.http().delete(&format!("/v1/dead/{}", id(&living[0]))).expect(404);
    delete(&mut rig.http(), &living[0], 204);
    end(relay);
}

#[test]
fn dead_letters_have_a_bound_of_their_own_and_do_not_end_receiving() {
    let rig = Rig::receiving(&["--max-messages", "2", "--lease", "0.02", "--max-leases", "1"]);
    let relay = rig.ready();
    for number in 1..=5 {
        publish(&rig, "emulator/a", &[&number.to_string()]);
        assert_eq!(payloads(&rig.http().get("/v1/messages?wait=60").expect(200)), [number.to_string()]);
    }
    eventually("all are dead", || rig.metric("dead_letters_total") == 5.0);
    assert_eq!((rig.metric("dead_letters_present"), rig.metric("dropped_dead_letters_total")), (2.0, 3.0));
    relay.signal("KILL");
    drop(relay.wait());
    let relay = rig.ready();
    assert_eq!(payloads(&rig.http().get("/v1/dead").expect(200)), ["4", "5"]);
    end(relay);
}

#[test]
fn that_nothing_more_is_received_is_a_metric() {
    let rig = Rig::receiving(&["--max-messages", "1", "--lease", "1000"]);
    let mut relay = rig.ready();
    publish(&rig, "emulator/a", &["1", "2"]);
    relay.stderr_until("receiving pauses");
    assert_eq!(rig.metric("receiving_blocked"), 1.0);
    let first = messages(&rig.http().get("/v1/messages?wait=60").expect(200));
    delete(&mut rig.http(), &first[0], 204);
    eventually("it goes on", || rig.metric("receiving_blocked") == 0.0);
    assert_eq!(payloads(&rig.http().get("/v1/messages?wait=60").expect(200)), ["2"]);
    end(relay);
}

#[test]
fn an_answer_has_a_bound_in_bytes() {
    let rig = Rig::receiving(&["--lease", "0.5", "--max-leases", "1"]);
    let relay = rig.ready();
    const COUNT: usize = 100;
    let payload = "x".repeat(60_000);
    (0..COUNT).for_each(|_| publish(&rig, "emulator/a", &[&payload]));
    stored(&rig, COUNT);
    let most = 4 * 1024 * 1024 + 100_000;
    let mut seen = 0;
    while seen < COUNT {
        let answer = rig.http().get("/v1/messages?max=1000&wait=60").expect(200);
        assert!(answer.body.len() < most, "{}", answer.body.len());
        seen += messages(&answer).len();
    }
    eventually("all are dead", || rig.metric("dead_letters_present") == COUNT as f64);
    let answer = rig.http().get("/v1/dead?max=1000").expect(200);
    assert!(answer.body.len() < most && messages(&answer).len() > 50, "{}", answer.body.len());
    end(relay);
}

#[test]
fn a_plus_in_a_filter_is_a_wildcard() {
    let rig = Rig::receiving(&[]);
    let relay = rig.ready();
    publish(&rig, "emulator/a", &["1"]);
    assert_eq!(payloads(&rig.http().get("/v1/messages?filter=emulator/+&wait=60").expect(200)), ["1"]);
    rig.http().get("/v1/messages?filter=emulator/%FF").problem(400, "invalid", Some("not sent"));
    end(relay);
}
