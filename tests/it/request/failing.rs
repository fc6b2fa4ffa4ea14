//! Requests that get no reply, or not at once: each ends in time, with its reason.

use std::thread;
use std::time::Instant;

use super::{SHORT, asked, id};
use crate::support::broker::{Broker, Kind, Packet, lax};
use crate::support::fault_proxy::Proxy;
use crate::support::{LONG, client, config, connect, connected, emulator, error, event, eventually, text, topic};
use aliyun_mqtt::{ErrorKind, Event, Fate, Limits, Outgoing, Protocol, QoS, RequestOptions, Stage};

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
    // The message's own timeout is for its acknowledgement, and the rest of the time for the reply.
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
        // Messages still to be delivered keep the client, but nobody who waits for a reply.
        let open = client.enqueue(Outgoing::new("t/t", QoS::AtLeastOnce, "open")).expect("accepted");
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
        assert!(told.to_string().contains("packet_len"), "{told}");
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
        (error(v5.request_message(plain.clone().response_topic("demo/x"), LONG)), "set response_topic"),
        (error(v5.request_message(plain.clone().correlation_data("x"), LONG)), "set response_topic"),
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
