//! Requests and their replies.

use aliyun_mqtt::{Client, Config, Credentials, Message, QoS};

use crate::http::{Http, eventually};
use crate::rig::{Rig, end};
use crate::support::LONG;

/// A client that receives what is asked.
fn replier(rig: &Rig) -> Client {
    let emulator = &rig.emulator;
    let config = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .credentials(Credentials::signature(emulator.access_key_id(), emulator.access_key_secret()));
    let replier = Client::connect(config.build().expect("a configuration")).expect("a connection");
    replier.subscribe("emulator/ask", QoS::AtLeastOnce).expect("a subscription");
    replier
}

fn question(replier: &Client) -> Message {
    replier.recv_timeout(LONG).expect("no failure").expect("a request")
}

/// Replies with the question and an exclamation mark.
fn answer(replier: &Client, question: &Message) {
    let payload = [question.request().expect("a request").payload(), b"!"].concat();
    replier.reply(question, payload).expect("the reply is sent");
}

/// Sends a request without waiting for its answer.
fn ask(rig: &Rig, timeout: &str, payload: &str) -> Http {
    let mut http = rig.http();
    let uri = format!("/v1/requests?topic=emulator/ask&timeout={timeout}");
    http.send("POST", &uri, &[], payload.as_bytes()).expect("sent");
    http
}

#[test]
fn a_request_is_answered_with_the_reply() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    let replier = replier(&rig);
    let mut asking = ask(&rig, "60", "?");
    answer(&replier, &question(&replier));
    let reply = asking.receive().expect("an answer").expect(200);
    assert_eq!(reply.body, b"?!");
    let mut http = rig.http();
    http.post("/v1/requests?topic=emulator/nobody&timeout=0.2", "?").problem(504, "timeout", Some("delivered"));
    http.call("POST", "/v1/requests?topic=emulator/ask", &["Prefer: respond-async"], b"").problem(
        400,
        "invalid",
        Some("not sent"),
    );
    http.post("/v1/requests?topic=emulator/ask&wait=1", "").problem(400, "invalid", Some("not sent"));
    end(relay);
}

/// The relay's threads do not grow in number with the requests that wait.
#[test]
#[cfg(target_os = "linux")]
fn waiting_requests_have_no_threads_and_are_bounded_with_all_calls_that_wait() {
    const COUNT: usize = 200;
    let rig = Rig::new(&["--max-waiting", &COUNT.to_string()]);
    let relay = rig.ready();
    let replier = replier(&rig);
    let threads = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", relay.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("a number");
        line.trim().parse::<usize>().expect("a number")
    };
    let before = threads();
    let mut asking: Vec<Http> = (0..COUNT).map(|number| ask(&rig, "600", &number.to_string())).collect();
    let questions: Vec<Message> = (0..COUNT).map(|_| question(&replier)).collect();
    assert_eq!(rig.metric("waiting_calls"), COUNT as f64);
    assert!(threads() <= before, "{} threads, {before} before", threads());
    rig.http().post("/v1/requests?topic=emulator/ask", "?").problem(503, "busy", Some("not sent"));
    questions.iter().rev().for_each(|question| answer(&replier, question));
    for (number, http) in asking.iter_mut().enumerate() {
        assert_eq!(http.receive().expect("an answer").expect(200).body, format!("{number}!").into_bytes());
    }
    assert_eq!(rig.metric("waiting_calls"), 0.0);
    end(relay);
}

#[test]
fn a_caller_that_has_gone_gives_its_request_up() {
    let rig = Rig::new(&[]);
    let relay = rig.ready();
    rig.line.refuse(true);
    rig.line.cut();
    eventually("no connection", || rig.metric("connected") == 0.0);
    let asking = ask(&rig, "600", "gone");
    eventually("it waits", || rig.metric("waiting_calls") == 1.0);
    drop(asking);
    eventually("it has gone", || rig.metric("waiting_calls") == 0.0);
    rig.http().post("/v1/requests?topic=emulator/ask&timeout=0.1", "late").problem(503, "timeout", Some("not sent"));
    rig.line.heal();
    rig.http().post("/v1/messages?topic=emulator/ask&wait=600", "behind").expect(200);
    assert_eq!(crate::support::published(&rig.emulator).len(), 1, "neither request was sent");
    end(relay);
}

#[test]
fn a_draining_relay_waits_for_replies_as_long_as_it_drains() {
    for drain in ["600", "0.1"] {
        let rig = Rig::new(&["--drain", drain]);
        let mut relay = rig.ready();
        let replier = replier(&rig);
        let mut asking = ask(&rig, "600", "?");
        let question = question(&replier);
        relay.signal("TERM");
        relay.stderr_until("draining");
        if drain == "600" {
            answer(&replier, &question);
            assert_eq!(asking.receive().expect("an answer").expect(200).body, b"?!");
        } else {
            asking.receive().expect("an answer").problem(504, "timeout", Some("delivered"));
        }
        relay.wait().expect(0);
    }
}
