//! What rumqttc 0.25.1 does about acknowledgements, in both directions, and what a user sees of it.
//!
//! Each trap, where it is in rumqttc, and what holds it:
//!
//! * an acknowledgement of nothing ends the connection (`Unsolicited`) (state.rs:222-268, 284-288):
//!   [`an_acknowledgement_of_nothing_costs_the_line_but_no_message`]
//! * a PUBACK ends a QoS 2 message, a PUBREC begins to end a QoS 1 message (state.rs:222-268):
//!   [`an_acknowledgement_of_nothing_costs_the_line_but_no_message`], `fates::a_puback_does_not_end_qos_2`,
//!   [`a_pubrec_for_qos_1_does_not_follow_it_into_a_resumed_session`]
//! * a PUBREC or PUBREL that comes again ends the connection (state.rs:247-282):
//!   [`a_pubrec_that_comes_again_is_answered_each_time`],
//!   [`a_server_that_acknowledges_everything_twice_gets_the_messages_in_the_end`]
//! * SUBACK and UNSUBACK are not checked at all (state.rs:187-193): [`a_verdict_of_the_wrong_kind_is_none`],
//!   [`a_verdict_for_nobody_is_ignored`]
//! * the id is free for the next message when the caller has given up (state.rs:222-234):
//!   [`a_late_answer_is_nothing_to_the_next_message`]
//! * a resumed session forgets incoming QoS 2 ids: PUBREL ends every connection (state.rs:124, 270-275):
//!   `receiving::a_release_of_an_unknown_id_is_answered`, [`a_resumed_exchange_completes_in_both_directions`]
//! * a PUBLISH repeated on a resumed session is delivered twice (state.rs:197-219):
//!   `receiving::a_redelivery_on_a_resumed_session_is_not_queued_twice`,
//!   [`a_resumed_exchange_completes_in_both_directions`]
//! * PUBREL repeated, PUBREC on a lost session (state.rs:116-121):
//!   `outages::a_resumed_session_goes_on_with_the_same_ids_and_dup`,
//!   `outages::a_lost_session_makes_qos_1_and_2_go_out_again`
//! * blocking `ack` from the thread that receives deadlocks (client.rs:320-328):
//!   [`taking_and_answering_in_one_thread_needs_no_reader_on_the_other_side`]
//! * PUBRECs of the last connection in the channel are sent on the next (eventloop.rs:133-142):
//!   [`an_acknowledgement_does_not_outlive_its_session`]
//! * acknowledgements are for the application to drop (eventloop.rs:133-142):
//!   [`an_acknowledgement_does_not_outlive_its_session`]
//! * a clean session may be announced as resumed, and is believed (eventloop.rs:161):
//!   [`a_clean_session_is_never_taken_for_a_resumed_one`]
//! * publishing from the thread that receives deadlocks (eventloop.rs:193-195):
//!   `anywhere::answering_from_where_messages_are_received`
//! * the verdict of each filter (mqttbytes/v4/suback.rs:27-44):
//!   `fates::a_subscription_waits_for_suback_and_shows_its_verdicts`

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::support::broker::{self, Broker, Kind, Packet, level};
use crate::support::{LONG, connected, error, event, eventually, payloads};
use aliyun_mqtt::{AckMode, ErrorKind, Event, Events, Fate, Outgoing, QoS};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(2);

fn lost(events: &Events) -> aliyun_mqtt::Error {
    event(events, "lost", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
}

/// The reason of the next loss of this kind.
fn lost_for(events: &Events, kind: ErrorKind) -> aliyun_mqtt::Error {
    event(events, "lost", |event| match event {
        Event::Disconnected { reason, .. } if reason.kind() == kind => Some(reason),
        _ => None,
    })
}

#[test]
fn an_acknowledgement_of_nothing_costs_the_line_but_no_message() {
    // The client has one QoS 1 and one QoS 2 message under way. Kind and id; `None`: the id of that message.
    let wrong: &[(Kind, Option<u16>, u8)] = &[
        (Kind::PubAck, Some(0), 0),
        (Kind::PubAck, Some(900), 0),
        (Kind::PubAck, Some(u16::MAX), 0),
        (Kind::PubAck, None, 2),
        (Kind::PubRec, Some(0), 0),
        (Kind::PubRec, Some(900), 0),
        (Kind::PubRec, Some(u16::MAX), 0),
        (Kind::PubRec, None, 1),
        (Kind::PubComp, Some(900), 0),
        (Kind::PubComp, Some(u16::MAX), 0),
        (Kind::PubComp, None, 1),
        (Kind::PubComp, None, 2),
    ];
    for (kind, id, qos) in wrong {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config());
        let events = client.events();
        let one = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "one")).expect("accepted");
        let two = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "two")).expect("accepted");
        let ids = [line.expect(Kind::Publish).id(), line.expect(Kind::Publish).id()];
        // rumqttc src/state.rs:222-301: `Unsolicited`, or taken for an answer it cannot be.
        let id = id.unwrap_or_else(|| ids[usize::from(*qos) - 1]);
        line.send(&kind.of(id));
        let reason = lost(&events);
        assert_eq!(reason.kind(), ErrorKind::Protocol, "{kind:?} {id}: {reason}");
        // The others are in use, but for a message that is acknowledged otherwise.
        if [0, 900, u16::MAX].contains(&id) {
            let name = format!("{kind:?}").to_uppercase();
            let said = format!("{name} for packet id {id}, which is not in use");
            assert!(reason.to_string().contains(&said), "{reason}");
        }
        let mut line = broker.accept(false);
        line.serve_until(|packets| packets.len() == 3);
        assert_eq!(one.wait().expect("acknowledged").attempts, 2, "{kind:?} {id}");
        assert_eq!(two.wait().expect("complete").attempts, 2, "{kind:?} {id}");
    }
}

#[test]
fn each_acknowledgement_counts_once() {
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config());
        let events = client.events();
        let done = client.enqueue(Outgoing::new("t", qos, "done")).expect("accepted");
        let open = client.enqueue(Outgoing::new("t", qos, "open")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        line.expect(Kind::Publish);
        // The same once more, in one segment.
        let ack = if qos == QoS::AtLeastOnce { Packet::PubAck(id) } else { Packet::PubRec(id) };
        line.write(&ack.encode(level()).repeat(2));
        assert_eq!(lost(&events).kind(), ErrorKind::Protocol);
        let mut line = broker.accept(false);
        let again = line.serve_until(|packets| packets.len() == if qos == QoS::AtLeastOnce { 1 } else { 4 });
        let texts: Vec<_> = again.iter().filter(|packet| packet.kind() == Kind::Publish).map(Packet::payload).collect();
        assert_eq!(texts, if qos == QoS::AtLeastOnce { &["open"][..] } else { &["done", "open"] });
        done.wait().expect("acknowledged");
        open.wait().expect("acknowledged");
    }
}

#[test]
fn a_pubrec_for_qos_1_does_not_follow_it_into_a_resumed_session() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "one")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    // What comes again is the message: a PUBREL would be answered with a PUBCOMP, which is no answer to QoS 1.
    let mut line = broker.accept(true);
    let again = line.read().expect("a packet");
    assert_eq!((again.kind(), again.id()), (Kind::Publish, id));
    line.answer(&again);
    delivery.wait().expect("acknowledged");
}

#[test]
fn a_verdict_of_the_wrong_kind_is_none() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    thread::scope(|scope| {
        // rumqttc src/state.rs:187-193: neither is checked against what was asked.
        let subscribed = scope.spawn(|| client.subscribe_many(&[("a", QoS::AtLeastOnce)]));
        let id = line.expect(Kind::Subscribe).id();
        line.send(&Packet::UnsubAck(id));
        assert_eq!(lost(&events).kind(), ErrorKind::Protocol);
        let mut line = broker.accept(false);
        let again = line.expect(Kind::Subscribe);
        line.answer(&again);
        assert_eq!(subscribed.join().expect("no panic").expect("granted"), [QoS::AtLeastOnce]);
        let unsubscribed = scope.spawn(|| client.unsubscribe("a"));
        let id = line.expect(Kind::Unsubscribe).id();
        line.suback(id, &[1]);
        assert_eq!(lost(&events).kind(), ErrorKind::Protocol);
        let mut line = broker.accept(false);
        let again = line.expect(Kind::Unsubscribe);
        line.answer(&again);
        unsubscribed.join().expect("no panic").expect("unsubscribed");
    });
}

#[test]
fn a_verdict_for_nobody_is_ignored() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let subscribed = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(500, &[0x80]);
        line.send(&Packet::UnsubAck(500));
        // Twice, and the second time with another verdict.
        line.suback(id, &[1]);
        line.suback(id, &[0x80]);
        assert_eq!(subscribed.join().expect("no panic").expect("granted"), QoS::AtLeastOnce);
    });
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let packet = line.expect(Kind::Publish);
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
    assert_eq!(client.stats().connections, 1, "the line is none the worse for it");
}

#[test]
fn a_late_answer_is_nothing_to_the_next_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    for (qos, answer) in [(QoS::AtLeastOnce, Kind::PubAck), (QoS::ExactlyOnce, Kind::PubRec)] {
        let late = error(client.with_timeout(SHORT).publish("t", qos, "late"));
        assert_eq!(late.fate(), Some(Fate::Unknown));
        let next = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "next")).expect("accepted");
        let packets = [line.expect(Kind::Publish), line.expect(Kind::Publish)];
        assert_ne!(packets[0].id(), packets[1].id(), "the id is not free before its answer has come");
        line.send(&answer.of(packets[0].id()));
        if answer == Kind::PubRec {
            assert_eq!(line.expect(Kind::PubRel).id(), packets[0].id());
            line.send(&Packet::PubComp(packets[0].id()));
        }
        // Handled after the late one, which was written first.
        line.publish("mark", 0, 0, false, "");
        assert_eq!(payloads(&client, 1), [""]);
        assert_eq!(next.try_wait().expect("pending"), None);
        line.answer(&packets[1]);
        next.wait().expect("acknowledged");
    }
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn a_resumed_exchange_completes_in_both_directions() {
    // At which packet the line breaks, on the way in: before PUBREC was given, before PUBREL came, before PUBCOMP came.
    for received in [false, true] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
        let events = client.events();
        let out = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "out")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        // The same id in both directions means nothing.
        line.publish("t", 2, id, false, "in");
        assert_eq!(payloads(&client, 1), ["in"]);
        line.expect(Kind::PubRec);
        if received {
            line.send(&Packet::PubRec(id));
            line.expect(Kind::PubRel);
        }
        drop(line);
        let mut line = broker.accept(true);
        connected(&events);
        if received {
            // rumqttc src/state.rs:270-275: a PUBREL it does not remember is `Unsolicited`, on every connection.
            line.send(&Packet::PubRel(id));
        } else {
            // rumqttc src/state.rs:197-219: nothing is compared with what came before.
            line.publish("t", 2, id, true, "in");
        }
        let packets = line.serve_until(|packets| packets.len() == if received { 2 } else { 3 });
        let mut kinds: Vec<_> = packets.iter().map(Packet::kind).collect();
        kinds.sort_unstable();
        assert_eq!(
            kinds,
            if received { &[Kind::PubRel, Kind::PubComp][..] } else { &[Kind::Publish, Kind::PubRec, Kind::PubRel] }
        );
        out.wait().expect("complete");
        if !received {
            line.send(&Packet::PubRel(id));
            line.expect(Kind::PubComp);
        }
        assert!(client.try_recv().expect("alive").is_none(), "once");
        // The exchange is over, so the same id is a new message.
        line.publish("t", 2, id, false, "in");
        assert_eq!(payloads(&client, 1), ["in"]);
        assert_eq!(client.stats().connections, 2);
    }
}

#[test]
fn taking_and_answering_in_one_thread_needs_no_reader_on_the_other_side() {
    const COUNT: u16 = 2_000;
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(10));
    for id in 1..=COUNT {
        line.publish("question", 1, id, false, "?");
    }
    // rumqttc src/client.rs:320-328: `ack` waits for room in a channel that only this thread could empty.
    let mut answers = Vec::new();
    for message in client.messages().idle(LONG).take(usize::from(COUNT)) {
        message.expect("a question");
        answers.push(client.enqueue(Outgoing::new("answer", QoS::AtLeastOnce, "!")).expect("accepted"));
    }
    let packets = line.serve_until(|packets| packets.len() == 2 * usize::from(COUNT));
    let acks: Vec<_> = packets.iter().filter(|packet| packet.kind() == Kind::PubAck).map(Packet::id).collect();
    assert_eq!(acks, (1..=COUNT).collect::<Vec<_>>(), "in the order of receipt");
    for answer in answers {
        answer.wait().expect("acknowledged");
    }
}

#[test]
fn an_acknowledgement_does_not_outlive_its_session() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    let events = client.events();
    line.publish("t", 1, 1, false, "one");
    line.publish("t", 2, 2, false, "two");
    let messages: Vec<_> = (0..2).map(|_| client.recv().expect("a message")).collect();
    drop(line);
    let mut line = broker.accept(false);
    connected(&events);
    // The ids mean other messages now, or none.
    line.publish("t", 1, 1, false, "another");
    eventually("arrived", || client.stats().received == 3);
    for message in messages {
        assert_eq!(error(message.ack()).kind(), ErrorKind::ConnectionLost);
    }
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let packet = line.read().expect("a packet");
    assert_eq!(packet.kind(), Kind::Publish, "no acknowledgement");
    line.answer(&packet);
    delivery.wait().expect("acknowledged");
}

#[test]
fn a_clean_session_is_never_taken_for_a_resumed_one() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        broker::grant(&mut line);
        own.join().expect("no panic").expect("granted");
    });
    drop(line);
    // Against the rules (MQTT-3.2.2-1), so there can be no such session. A client of MQTT 5 has to close
    // (MQTT-3.2.2-4); one of MQTT 3.1.1 need not.
    let mut line = broker.accept(true);
    if level() == 5 {
        let reason = lost_for(&events, ErrorKind::Protocol);
        assert!(reason.to_string().contains("asked it to discard"), "{reason}");
        line = broker.accept(false);
    }
    let restored = line.read().expect("a packet");
    assert_eq!(restored.kind(), Kind::Subscribe, "it has no subscriptions");
    line.answer(&restored);
    let present = event(&events, "connected", |event| match event {
        Event::Connected { session_present, .. } => Some(session_present),
        _ => None,
    });
    assert!(!present);
}

#[test]
fn a_pubrec_that_comes_again_is_answered_each_time() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    // More than rumqttc has packet ids: none of them may stay in use.
    for _ in 0..1_500 {
        let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        for _ in 0..2 {
            line.send(&Packet::PubRec(id));
            assert_eq!(line.expect(Kind::PubRel).id(), id);
        }
        line.send(&Packet::PubComp(id));
        delivery.wait().expect("complete");
    }
    assert_eq!(client.stats().connections, 1);
}

#[test]
fn a_server_that_acknowledges_everything_twice_gets_the_messages_in_the_end() {
    // In one segment, which costs the connection. With a kept session QoS 2 goes on where it was.
    for (qos, kept) in [(QoS::AtLeastOnce, false), (QoS::AtLeastOnce, true), (QoS::ExactlyOnce, true)] {
        let broker = Broker::start();
        let config = broker.config().device_id("d").clean_session(!kept);
        let (client, mut line) = broker.connect(config);
        let open: Vec<_> = (0..3).map(|_| client.enqueue(Outgoing::new("t", qos, "")).expect("accepted")).collect();
        thread::scope(|scope| {
            scope.spawn(|| {
                // Until a connection comes that says nothing.
                while let Some(packet) = line.read() {
                    let ack = match packet {
                        Packet::Publish(message) if message.qos == 1 => Packet::PubAck(message.id),
                        Packet::Publish(message) => Packet::PubRec(message.id),
                        Packet::PubRel(id) => Packet::PubComp(id),
                        _ => continue,
                    };
                    line.write(&ack.encode(level()).repeat(2));
                    // The line is of no more use.
                    while line.read().is_some() {}
                    line = broker.accept_raw();
                    if line.read().is_some() {
                        line.connack(kept, 0);
                    }
                }
            });
            for delivery in &open {
                delivery.wait().expect("acknowledged");
            }
            drop(client);
            drop(TcpStream::connect(broker.addr()).expect("a connection"));
        });
    }
}

#[test]
#[ignore = "rumqttc 0.25.1 ends the connection over the second PUBREC before the first can be noted: docs/upstream.md"]
fn a_server_that_sends_pubrec_twice_in_a_row_gets_a_message_without_a_kept_session() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.write(&[Packet::PubRec(id).encode(level()), Packet::PubRec(id).encode(level())].concat());
    for _ in 0..2 {
        assert_eq!(line.expect(Kind::PubRel).id(), id);
    }
    line.send(&Packet::PubComp(id));
    delivery.wait().expect("complete");
}

#[test]
#[ignore = "rumqttc 0.25.1 ends the connection over the second PUBREL before the first can be noted: docs/upstream.md"]
fn a_pubrel_twice_in_a_row_is_answered_twice() {
    let broker = Broker::start();
    let (_client, mut line) = broker.connect(broker.config());
    line.write(&[Packet::PubRel(7).encode(level()), Packet::PubRel(7).encode(level())].concat());
    for _ in 0..2 {
        assert_eq!(line.expect(Kind::PubComp).id(), 7);
    }
}
