//! Requests and replies: each caller gets its own reply, whatever the other callers, the inbox and the connection do, and
//! what comes too late bothers nobody.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Packet, lax};
use crate::support::fault_proxy::Proxy;
use crate::support::{
    LONG, client, config, connect, connected, emulator, error, event, eventually, payloads, text, topic,
};
use aliyun_mqtt::{
    AckMode, Client, ErrorKind, Event, Fate, Limits, Message, Outgoing, Protocol, QoS, RequestOptions, Stage,
};
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
        let reply = requester.request_p2p(emulator.parent_topic(), &id(&replier), "by id", LONG).expect("a reply");
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
                replier.publish_message_nowait(reply).expect("accepted");
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
                replier.publish_message_nowait(request.reply(QoS::AtMostOnce, "!")).expect("accepted");
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
    assert!(refused.to_string().contains("no request"), "{refused}");
    assert_eq!(one.stats().late_replies, 0);
}

/// An ordinary message.
fn message_of(receiver: &Client, sender: &Client, parent: &str) -> Message {
    sender.send_p2p(parent, &id(receiver), QoS::AtLeastOnce, "plain").expect("sent");
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
        replier.send_p2p(emulator.parent_topic(), &id(&requester), QoS::AtMostOnce, format!("{number}")).expect("sent");
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
fn an_answered_request_is_not_lost_with_the_client() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().timeout(SHORT));
    thread::scope(|scope| {
        let answer = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.expect(Kind::Publish);
        line.reply(&request, 0, 0, "!");
        assert_eq!(text(answer.join().expect("no panic").expect("a reply").payload()), "!");
        // Its PUBACK, which never comes, is waited for until the end.
        client.disconnect().expect("nothing was lost");
    });
}

#[test]
fn a_request_that_is_not_acknowledged_says_so() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let unknown = error(client.request("t/ask", "?", SHORT));
    assert_eq!((unknown.kind(), unknown.fate()), (ErrorKind::Timeout(Stage::Ack), Some(Fate::Unknown)), "{unknown}");
    line.expect(Kind::Publish);
    // The message's own time-out is for its acknowledgement, and the rest of the time for the reply.
    let message = Outgoing::new("t/ask", QoS::AtLeastOnce, "?").timeout(SHORT);
    let start = Instant::now();
    let unknown = error(client.request_message(message, LONG));
    assert_eq!(unknown.kind(), ErrorKind::Timeout(Stage::Ack), "{unknown}");
    assert!(start.elapsed() < LONG / 2, "not with the next sign of life, but in time");
    assert_eq!(client.stats().waiting_requests, 0);
}

#[test]
fn the_end_of_the_client_ends_all_that_wait_at_once() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| client.request("t/ask", "?", LONG))).collect();
        for _ in &waiting {
            let request = line.expect(Kind::Publish);
            line.send(&Packet::PubAck(request.id()));
        }
        eventually("acknowledged", || client.stats().outbox_messages == 0);
        // What is still to be delivered keeps the client, but nobody who waits for a reply.
        let open = client.publish_nowait("t/t", QoS::AtLeastOnce, "open").expect("accepted");
        let last = line.expect(Kind::Publish);
        let goodbye = scope.spawn(|| client.disconnect());
        for call in waiting {
            let ended = error(call.join().expect("no panic"));
            assert_eq!((ended.kind(), ended.fate()), (ErrorKind::Closed, Some(Fate::Delivered)), "{ended}");
        }
        line.send(&Packet::PubAck(last.id()));
        open.wait().expect("acknowledged");
        line.expect(Kind::Disconnect);
        drop(line);
        goodbye.join().expect("no panic").expect("nothing to deliver");
    });
    let refused = error(client.request("t/ask", "?", LONG));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{refused}");
    assert_eq!(client.stats().waiting_requests, 0);
}

#[test]
fn the_death_of_the_client_is_the_reason_given() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        eventually("acknowledged", || client.stats().acknowledged == 1);
        drop(line);
        // A lost connection alone is no reason.
        let mut line = broker.accept_login();
        assert_eq!(client.stats().waiting_requests, 1);
        line.connack(false, 2);
        let ended = error(call.join().expect("no panic"));
        assert_eq!((ended.kind(), ended.fate()), (ErrorKind::Refused, Some(Fate::Delivered)), "{ended}");
        assert_eq!(ended.code(), Some(crate::support::connack(2)));
    });
}

#[test]
fn a_lost_connection_does_not_end_the_wait() {
    let emulator = emulator();
    let proxy = Proxy::start(crate::support::matrix::addr(&emulator));
    let requester = connect(config(&emulator).endpoint(proxy.endpoint()));
    let replier = client(&emulator);
    let (events, target) = (requester.events(), id(&replier));
    thread::scope(|scope| {
        let call = scope.spawn(|| requester.request_p2p(emulator.parent_topic(), &target, "?", LONG));
        let question = asked(&replier);
        eventually("acknowledged", || requester.stats().outbox_messages == 0);
        proxy.cut();
        event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
        connected(&events);
        replier.reply(&question, "still there?").expect("replied");
        assert_eq!(text(call.join().expect("no panic").expect("a reply").payload()), "still there?");
    });
    assert_eq!(proxy.cuts(), 1);
}

#[test]
fn a_request_lost_with_its_connection_is_sent_again() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        line.expect(Kind::Publish);
        drop(line);
        let mut line = broker.accept(false);
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        line.reply(&request, 1, 1, "!");
        assert_eq!(text(call.join().expect("no panic").expect("a reply").payload()), "!");
    });
}

#[test]
fn a_reply_above_the_limit_ends_its_request() {
    let broker = Broker::start();
    let limits = lax().payload_len(1_000).topic_len(100).packet_len(2_000);
    let (client, line) = broker.connect(broker.config().limits(limits));
    let mut line = line;
    line.publish("t", 0, 0, false, &"x".repeat(3_000));
    let mut line = broker.accept(false);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        line.reply(&request, 1, 7, &"y".repeat(3_000));
        let told = error(call.join().expect("no panic"));
        assert_eq!(told.fate(), Some(Fate::Delivered), "{told}");
        assert!(told.to_string().contains("Limits::packet_len"), "{told}");
        assert_eq!(line.expect(Kind::PubAck).id(), 7, "acknowledged");
    });
    assert_eq!((client.stats().set_aside, client.stats().waiting_requests), (1, 0));
}

#[test]
fn a_forbidden_topic_is_refused_and_its_request_with_it() {
    let emulator = emulator();
    let client = client(&emulator);
    let refused = error(client.request("nosuch/topic", "?", LONG));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::SuspectedRefusal, Some(Fate::Refused)), "{refused}");
    assert!(refused.to_string().contains("nosuch/topic"), "{refused}");
    error(client.request("nosuch/topic", "?", LONG));
    // The topic is refused as a whole now, so that nothing is sent.
    let connections = client.stats().connections;
    let refused = error(client.request("nosuch/topic", "?", LONG));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::SuspectedRefusal, Some(Fate::Refused)), "{refused}");
    assert_eq!((client.stats().refused_topic, client.stats().connections), (1, connections));
    assert_eq!(client.stats().waiting_requests, 0);
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_sent() {
    let emulator = emulator();
    let requester = client(&emulator);
    let topic = topic(&emulator, "ask");
    let largest = vec![0; Limits::default().payload_len];
    let request = |topic: &str, payload: Vec<u8>| requester.request(topic, payload, LONG);
    let v5 = connect(config(&emulator).protocol(Protocol::V5));
    let plain = Outgoing::new(&topic, QoS::AtLeastOnce, "");
    let enveloped = RequestOptions::new(LONG).envelope(true);
    for (refused, why) in [
        (error(request("demo/#", Vec::new())), "wildcard"),
        (error(request("$SYS/x", Vec::new())), "by P2P"),
        (error(request(&topic, [&largest[..], b"x"].concat())), "the limit is 65536"),
        (error(requester.request_p2p("a/b", "x", "", LONG)), "parent"),
        (error(v5.request_message(Outgoing::new(&topic, QoS::AtLeastOnce, largest), enveloped)), "the limit is 65536"),
        (error(v5.request_message(plain.clone().response_topic("demo/x"), LONG)), "ConfigBuilder::response_topic"),
        (error(v5.request_message(plain.clone().correlation_data("x"), LONG)), "ConfigBuilder::response_topic"),
    ] {
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{refused}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert_eq!((requester.stats().published, v5.stats().published), (0, 0));
    for bad in ["demo/+", "$SYS/x", ""] {
        let refused = error(config(&emulator).response_topic(bad).build());
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains("response_topic"), "{refused}");
    }
}

#[test]
fn both_versions_ask_each_other() {
    let emulator = emulator();
    let topic = topic(&emulator, "ask");
    let old = connect(config(&emulator).protocol(Protocol::V311));
    let new = connect(config(&emulator).protocol(Protocol::V5));
    let form = |replier: &Client| {
        let message = asked(replier);
        let request = message.request().expect("a request");
        replier.reply(&message, request.payload()).expect("replied");
        request.is_enveloped()
    };
    new.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let replier = scope.spawn(|| form(&new));
        assert_eq!(text(old.request(&topic, "from 3.1.1", LONG).expect("a reply").payload()), "from 3.1.1");
        assert!(replier.join().expect("no panic"));
        // A client that asks itself takes its request for no reply, in either form.
        for envelope in [false, true] {
            let replier = scope.spawn(|| form(&new));
            let myself = aliyun_mqtt::p2p_topic(emulator.parent_topic(), &id(&new)).expect("a topic");
            let message = Outgoing::new(myself, QoS::AtLeastOnce, "myself");
            let reply = new.request_message(message, RequestOptions::new(LONG).envelope(envelope)).expect("a reply");
            assert_eq!(text(reply.payload()), "myself");
            assert_eq!(replier.join().expect("no panic"), envelope);
        }
    });
    new.unsubscribe(&topic).expect("unsubscribed");
    old.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let replier = scope.spawn(|| form(&old));
        let message = Outgoing::new(&topic, QoS::AtLeastOnce, "from 5").user_property("k", "v");
        let reply = new.request_message(message, RequestOptions::new(LONG).envelope(true)).expect("a reply");
        assert_eq!(text(reply.payload()), "from 5");
        assert!(replier.join().expect("no panic"));
        // Without it, 3.1.1 sees a message like any other; and the error says what to do.
        let unseen = scope.spawn(|| error(new.request(&topic, "unseen", SHORT)));
        let message = old.recv_timeout(LONG).expect("alive").expect("a message");
        assert!(message.request().is_none() && message.payload() == b"unseen");
        let unseen = unseen.join().expect("no panic");
        assert!(unseen.hint().is_some_and(|hint| hint.contains("RequestOptions::envelope")), "{unseen}");
    });
}

#[test]
fn over_mqtt_5_a_reply_has_what_the_replier_gave_it() {
    let emulator = emulator();
    let v5 = || connect(config(&emulator).protocol(Protocol::V5));
    let (replier, requester) = (v5(), v5());
    let topic = topic(&emulator, "ask");
    replier.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        scope.spawn(|| {
            let message = asked(&replier);
            assert_eq!(message.user_property("question"), Some("1"));
            let request = message.request().expect("a request");
            assert_eq!(Some(request.response_topic()), message.response_topic());
            assert_eq!(request.correlation_data(), message.correlation_data());
            let reply = request.reply(QoS::ExactlyOnce, "!").content_type("text/plain").user_property("answer", "2");
            replier.publish_message(reply).expect("replied");
        });
        let question = Outgoing::new(&topic, QoS::AtLeastOnce, "?").user_property("question", "1");
        let reply = requester.request_message(question, LONG).expect("a reply");
        assert_eq!((reply.content_type(), reply.user_property("answer")), (Some("text/plain"), Some("2")));
        assert_eq!(reply.qos(), QoS::ExactlyOnce);
    });
    // A request need not have correlation data.
    let other = Outgoing::new(&topic, QoS::AtLeastOnce, "?").response_topic(crate::support::topic(&emulator, "back"));
    requester.subscribe(&crate::support::topic(&emulator, "back"), QoS::AtLeastOnce).expect("subscribed");
    requester.publish_message(other).expect("published");
    replier.reply(&asked(&replier), "!").expect("replied");
    assert_eq!(payloads(&requester, 1), ["!"]);
}

#[test]
fn a_response_topic_is_subscribed_before_the_first_request() {
    let emulator = emulator();
    let (question, answers) = (topic(&emulator, "ask"), topic(&emulator, "answers/1"));
    let replier = client(&emulator);
    replier.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
    let requester = connect(config(&emulator).response_topic(&answers));
    assert_eq!(requester.config().response_topic(), Some(answers.as_str()));
    // What else comes there is the program's.
    let events = requester.events();
    for round in 0..2 {
        thread::scope(|scope| {
            scope.spawn(|| echo(&replier, 4));
            for _ in 0..4 {
                scope.spawn(|| {
                    let reply = requester.request(&question, "?", LONG).expect("a reply");
                    assert_eq!(reply.topic(), answers);
                });
            }
        });
        replier.publish(&answers, QoS::AtLeastOnce, "by the way").expect("published");
        assert_eq!(payloads(&requester, 1), ["by the way"]);
        if round == 0 {
            emulator.kick(&id(&requester));
            connected(&events);
        }
    }
}

#[test]
fn a_stream_of_the_response_topic_may_end_while_a_request_waits() {
    let emulator = emulator();
    let (question, answers) = (topic(&emulator, "ask"), topic(&emulator, "answers/1"));
    let replier = client(&emulator);
    replier.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
    let requester = connect(config(&emulator).response_topic(&answers));
    let stream = requester.subscribe_stream(&answers, QoS::AtLeastOnce).expect("subscribed");
    thread::scope(|scope| {
        let call = scope.spawn(|| requester.request(&question, "?", LONG));
        let message = asked(&replier);
        drop(stream);
        // Behind whatever the end of the stream has sent.
        requester.subscribe(&question, QoS::AtLeastOnce).expect("subscribed");
        replier.reply(&message, "!").expect("replied");
        assert_eq!(text(call.join().expect("no panic").expect("a reply").payload()), "!");
    });
}

#[test]
fn a_response_topic_that_is_refused_leaves_the_request_unsent() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().response_topic("t/answers"));
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let subscribe = line.expect(Kind::Subscribe);
        assert_eq!(subscribe.filters(), [("t/answers".to_string(), 1)]);
        line.suback(subscribe.id(), &[0x80]);
        let refused = error(call.join().expect("no panic"));
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Rejected, Some(Fate::NotSent)), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("t/ask") && said.contains("t/answers"), "{said}");
        assert_eq!(client.stats().published, 0);
        // The next request tries again.
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1]);
        let request = line.expect(Kind::Publish);
        line.send(&Packet::PubAck(request.id()));
        line.reply(&request, 0, 0, "!");
        call.join().expect("no panic").expect("a reply");
        // And one after that has no need to.
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.read().expect("a packet");
        assert_eq!(request.kind(), Kind::Publish);
        line.reply(&request, 0, 0, "!");
        call.join().expect("no panic").expect("a reply");
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

#[test]
fn limits_of_names_show_before_a_reply_is_missed() {
    // The reply's topic would be longer than this client may use.
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config().limits(lax().topic_len(10)));
    let refused = error(client.request("t/ask", "?", LONG));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("response_topic")), "{refused}");
}
