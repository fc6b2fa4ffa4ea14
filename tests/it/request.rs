//! Requests and replies: each caller gets its own reply, whatever the other callers, the inbox and the connection do,
//! and what comes too late bothers nobody.

mod failing;
mod response_topic;

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Packet};
use crate::support::{LONG, client, config, connect, emulator, error, eventually, payloads, text, topic};
use aliyun_mqtt::{AckMode, Client, ErrorKind, Fate, Limits, Message, Outgoing, QoS, Stage};
use aliyun_mqtt_emulator::Emulator;

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(3);

/// The next message, which has to be a request.
fn asked(client: &Client) -> Message {
    let message = client.recv_timeout(LONG).expect("alive").expect("a message");
    assert!(message.request().is_some(), "{message:?}");
    message
}

/// Answers so many requests with what was asked.
fn echo(client: &Client, count: usize) {
    for _ in 0..count {
        let message = asked(client);
        let payload = message.request().expect("a request").payload().to_vec();
        client.reply(&message, payload).expect("replied");
    }
}

fn id(client: &Client) -> String {
    client.config().client_id().to_string()
}

/// A client that subscribes to the topic, and one that asks there.
fn two(emulator: &Emulator, topic: &str) -> (Client, Client) {
    let (replier, requester) = (client(emulator), client(emulator));
    replier.subscribe(topic, QoS::ExactlyOnce).expect("subscribed");
    (replier, requester)
}

#[test]
fn a_request_to_a_topic_or_to_a_client_gets_its_reply() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let (replier, requester) = two(&emulator, &topic);
    thread::scope(|scope| {
        scope.spawn(|| echo(&replier, 5));
        let reply = requester.request(&topic, "by topic", LONG).expect("a reply");
        assert_eq!(text(reply.payload()), "by topic");
        assert_eq!(reply.topic(), format!("{}/p2p/{}", emulator.parent_topic(), id(&requester)));
        assert!(reply.request().is_none(), "a reply is no request");
        let reply = requester.request_p2p(emulator.parent_topic(), id(&replier), "by id", LONG).expect("a reply");
        assert_eq!(text(reply.payload()), "by id");
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let reply = requester.request_message(Outgoing::new(&topic, qos, ""), LONG).expect("a reply");
            assert_eq!(reply.payload(), b"", "{qos}");
        }
    });
    let stats = requester.stats();
    assert_eq!((stats.replies, stats.late_replies, stats.waiting_requests, stats.received), (5, 0, 0, 0));
    requester.disconnect().expect("all delivered");
}

#[test]
fn each_of_many_threads_gets_the_reply_to_its_own_request() {
    const THREADS: usize = 16;
    const EACH: usize = 20;
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let (replier, requester) = two(&emulator, &topic);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (requester, topic) = (requester.clone(), &topic);
            scope.spawn(move || {
                for number in 0..EACH {
                    let question = format!("{thread} {number}");
                    let reply = requester.request(topic, question.as_str(), LONG).expect("a reply");
                    assert_eq!(text(reply.payload()), format!("re {question}"));
                }
            });
        }
        for _ in 0..EACH {
            // One of each thread, which all wait: the last comes first.
            let questions: Vec<_> = (0..THREADS).map(|_| asked(&replier)).collect();
            for message in questions.iter().rev() {
                let request = message.request().expect("a request");
                let reply = request.reply(QoS::AtLeastOnce, format!("re {}", text(request.payload())));
                replier.enqueue(reply).expect("accepted");
            }
        }
    });
    replier.flush(LONG).expect("all delivered");
    let stats = requester.stats();
    assert_eq!((stats.replies, stats.late_replies, stats.waiting_requests), ((THREADS * EACH) as u64, 0, 0));
}

#[test]
fn late_and_second_replies_are_dropped_acknowledged_and_counted() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let (replier, requester) = two(&emulator, &topic);
    let start = Instant::now();
    let late = error(requester.request(&topic, "slow", SHORT));
    assert!(start.elapsed() >= SHORT && start.elapsed() < LONG, "{:?}", start.elapsed());
    assert_eq!((late.kind(), late.fate()), (ErrorKind::Timeout(Stage::Reply), Some(Fate::Delivered)), "{late}");
    assert!(late.is_timeout() && late.stage() == Some(Stage::Reply));
    let said = late.to_string();
    assert!(said.contains(&topic) && said.contains("acknowledged") && said.contains("(stage: reply)"), "{said}");
    let slow = asked(&replier);
    assert_eq!(requester.stats().waiting_requests, 0);
    replier.reply(&slow, "late").expect("replied");
    eventually("the late one is counted", || requester.stats().late_replies == 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            let quick = asked(&replier);
            replier.reply(&quick, "first").expect("replied");
            replier.reply(&quick, "second").expect("replied");
        });
        assert_eq!(text(requester.request(&topic, "quick", LONG).expect("a reply").payload()), "first");
    });
    eventually("the second one is counted", || requester.stats().late_replies == 2);
    // Nothing is left of them, here or at the broker.
    requester.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    requester.publish(&topic, QoS::AtLeastOnce, "mark").expect("published");
    assert_eq!(payloads(&requester, 1), ["mark"]);
    let stats = requester.stats();
    assert_eq!((stats.received, stats.inbox_messages, stats.unacknowledged), (1, 0, 0));
}

/// Also where the reply and the deadline come at the same time: some of these do.
#[test]
fn a_reply_is_given_to_its_caller_or_counted_as_late() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let (replier, requester) = two(&emulator, &topic);
    thread::scope(|scope| {
        let replying = scope.spawn(|| {
            let mut replies = 0;
            loop {
                let message = replier.recv_timeout(LONG).expect("alive").expect("a message");
                let Some(request) = message.request() else { return replies };
                replier.enqueue(request.reply(QoS::AtMostOnce, "!")).expect("accepted");
                replies += 1;
            }
        });
        let asking: Vec<_> = (0..4)
            .map(|_| {
                let ask = |number: u64| requester.request(&topic, "?", Duration::from_micros(100 * (number % 80)));
                scope.spawn(move || (0..800).map(ask).filter(Result::is_ok).count() as u64)
            })
            .collect();
        let given: u64 = asking.into_iter().map(|asking| asking.join().expect("no panic")).sum();
        requester.publish(&topic, QoS::AtLeastOnce, "the end").expect("published");
        let replies = replying.join().expect("no panic");
        eventually("all have come", || requester.stats().replies + requester.stats().late_replies == replies);
        assert_eq!(requester.stats().replies, given);
    });
}

#[test]
fn what_only_looks_like_a_reply_or_a_request_is_a_message_like_any_other() {
    let emulator = emulator();
    let (one, other) = (client(&emulator), client(&emulator));
    let (parent, target) = (emulator.parent_topic(), id(&one));
    let mut reply = b"\xfaARR\x01\x02\x18\x00\x00".to_vec();
    reply.extend_from_slice(&[0; 24]);
    let mut request = b"\xfaARR\x01\x01\x01\x00\x10i$SYS/uploadToken".to_vec();
    for (payload, is_request) in [
        (reply, false),
        (request.clone(), false),
        (b"\xfaARR\x01\x01\xff\xff\xffshort".to_vec(), false),
        (b"\xfaARR".to_vec(), false),
        (std::mem::take(&mut request).into_iter().map(|byte| if byte == b'$' { b'x' } else { byte }).collect(), true),
    ] {
        other.send_p2p(parent, &target, QoS::AtLeastOnce, payload.clone()).expect("sent");
        let message = one.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(message.payload(), payload, "untouched");
        assert_eq!(message.request().is_some(), is_request, "{payload:?}");
    }
    let refused = error(one.reply(&message_of(&one, &other, parent), "?"));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)));
    assert!(refused.to_string().contains("not a request"), "{refused}");
    assert_eq!(one.stats().late_replies, 0);
}

/// An ordinary message.
fn message_of(receiver: &Client, sender: &Client, parent: &str) -> Message {
    sender.send_p2p(parent, id(receiver), QoS::AtLeastOnce, "plain").expect("sent");
    receiver.recv_timeout(LONG).expect("alive").expect("a message")
}

#[test]
fn a_full_inbox_takes_nothing_from_a_reply() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let replier = client(&emulator);
    replier.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    let requester = connect(config(&emulator).limits(Limits::default().inbox(1, 1_000)));
    for number in 0..3 {
        replier.send_p2p(emulator.parent_topic(), id(&requester), QoS::AtMostOnce, format!("{number}")).expect("sent");
    }
    eventually("the inbox is full", || requester.stats().dropped_full == 2);
    thread::scope(|scope| {
        scope.spawn(|| echo(&replier, 2));
        for question in ["one", "two"] {
            assert_eq!(text(requester.request(&topic, question, LONG).expect("a reply").payload()), question);
        }
    });
    let stats = requester.stats();
    assert_eq!((stats.inbox_messages, stats.replies, stats.unacknowledged), (1, 2, 0));
    assert_eq!(payloads(&requester, 1), ["0"]);
}

#[test]
fn by_hand_is_for_messages_and_a_reply_is_acknowledged_in_its_turn() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    thread::scope(|scope| {
        line.publish("t", 1, 7, false, "in the program's hands");
        let held = client.recv_timeout(LONG).expect("alive").expect("a message");
        let answer = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        line.reply(&request, 1, 8, "!");
        let reply = answer.join().expect("no panic").expect("a reply");
        assert_eq!(text(reply.payload()), "!");
        reply.ack().expect("does nothing");
        assert_eq!(client.stats().unacknowledged, 2);
        // A repetition of the reply meanwhile is none of a second one.
        line.reply(&request, 1, 8, "!");
        eventually("the repetition was seen", || client.stats().redelivered == 1);
        held.ack().expect("noted");
        assert_eq!([line.expect(Kind::PubAck).id(), line.expect(Kind::PubAck).id()], [7, 8], "in the order of receipt");
        line.reply(&request, 2, 9, "late");
        assert_eq!(line.expect(Kind::PubRec).id(), 9, "a late one, too");
        assert_eq!((client.stats().late_replies, client.stats().replies), (1, 1));
    });
}

#[test]
fn a_reply_that_overtakes_the_acknowledgement_is_a_reply() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.request("t/ask", "?", SHORT));
        let request = line.expect(Kind::Publish);
        line.reply(&request, 0, 0, "!");
        assert_eq!(text(answer.join().expect("no panic").expect("a reply").payload()), "!");
        // That PUBACK never came is no loss to report: the caller knows better.
        client.flush(LONG).expect("nothing was lost");
        client.disconnect().expect("nothing was lost");
    });
}

#[test]
fn inside_an_async_program_from_where_messages_are_received() {
    let emulator = emulator();
    let (topic, other) = (topic(&emulator, "ask"), client(&emulator));
    let middle = client(&emulator);
    middle.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (parent, target) = (emulator.parent_topic().to_string(), id(&other));
        let (end, asker) = (tokio::spawn(async move { echo(&other, 3) }), client(&emulator));
        // It answers by asking somebody else.
        let between = tokio::spawn(async move {
            for _ in 0..3 {
                let message = asked(&middle);
                let question = message.request().expect("a request").payload().to_vec();
                let answer = middle.request_p2p(&parent, &target, question, LONG).expect("a reply");
                middle.reply(&message, answer.into_payload()).expect("replied");
            }
        });
        for number in 0..3 {
            let reply = asker.request(&topic, format!("{number}"), LONG).expect("a reply");
            assert_eq!(text(reply.payload()), format!("{number}"));
        }
        end.await.expect("no panic");
        between.await.expect("no panic");
    });
}
