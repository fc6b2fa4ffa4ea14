//! What rumqttc 0.25.1 does to requests, within a connection and across reconnects, and that no user meets it.
//!
//! Lines are those of its `src/`. "By construction": the library makes a new rumqttc client for every connection and
//! keeps the only truth in its own outbox; the test holds what a user would see otherwise. What only MQTT 5 has is not
//! here. The other tables are in `rumqttc_acks`, `rumqttc_packets`, `rumqttc_time` and `rumqttc_leaving`.
//!
//! Each trap, where it is in rumqttc, and what holds it:
//!
//! * no request has a handle, nothing tells its id (client.rs:282-303):
//!   `fates::publish_returns_for_its_own_acknowledgement_only`, [`answers_in_reverse_reach_whoever_asked`]
//! * QoS 0 has id 0 and no answer, only an event after the write (eventloop.rs:243-253):
//!   `fates::qos_0_waits_for_a_connection_and_is_written_once`, [`an_id_in_use_is_never_given_again`]
//! * acknowledgements and pings make the same events as requests (state.rs:350-409):
//!   [`answers_in_reverse_reach_whoever_asked`], `load::eight_threads_of_mixed_qos_arrive_complete_and_in_order`
//! * a failed connect cleans nothing up (eventloop.rs:147-158):
//!   `service::it_comes_back_after_a_restart_with_its_subscriptions`, by construction
//! * `session_present=false` drops all that is unacknowledged or queued (eventloop.rs:161-163):
//!   [`a_lost_session_loses_neither_what_was_written_nor_what_was_queued`]
//! * a channel of capacity 0 does not help: taken requests are lost all the same (eventloop.rs:126-142): the same, by
//!   construction
//! * events read before an error come out after the reconnect (eventloop.rs:127-143, state.rs:103-130):
//!   [`answers_in_the_same_segment_as_the_end_count_and_only_once`]
//! * `last_pkid`, `collision` and `events` outlive a connection (state.rs:103-130):
//!   [`an_answer_to_the_last_connection_is_none_to_this_one`], by construction
//! * an unacknowledged id comes round again: `AwaitAck`, and no request is read (state.rs:318-329, eventloop.rs:243):
//!   [`an_id_in_use_is_never_given_again`]
//! * a SUBSCRIBE takes the id of an open PUBLISH; two carry the same id (state.rs:417, 486-500):
//!   [`an_id_in_use_is_never_given_again`]
//! * an id is reused between PUBREC and PUBCOMP (state.rs:257-262, 318): [`an_id_in_use_is_never_given_again`]
//! * a collision ended by PUBCOMP is sent but not stored (state.rs:291-297): [`an_id_in_use_is_never_given_again`]
//! * a collision that outlives its session gates all requests for ever (state.rs:381-386, eventloop.rs:189):
//!   [`nothing_waits_for_an_id_of_a_session_that_is_gone`]
//! * replay passes the gate: beyond `inflight` each collides and overwrites the last (eventloop.rs:243, state.rs:325):
//!   [`more_than_a_window_survives_a_resumed_session_in_order`]
//! * replay has `dup=false` (eventloop.rs:130): [`more_than_a_window_survives_a_resumed_session_in_order`]
//! * a SUBSCRIBE that was written is not sent again (state.rs:103-130): [`a_subscription_under_way_is_asked_again`]
//! * a full table stops DISCONNECT and acknowledgements, too (eventloop.rs:188, 243):
//!   [`a_full_window_lets_acknowledgements_and_the_goodbye_pass`]
//! * FIFO is the only link between a request and its id (state.rs:311-347, 409-447):
//!   [`answers_in_reverse_reach_whoever_asked`]
//! * the next `recv` reconnects at once (eventloop.rs:147-151): `backoff` in src/,
//!   `deadlines::after_a_refused_login_the_provider_is_asked_once_more_at_once`
//! * `publish` races the drain after an error (eventloop.rs:133):
//!   `load::cut_connections_lose_no_acknowledged_message_and_keep_the_order`
//! * order of several publishers (client.rs:282): `load::eight_threads_of_mixed_qos_arrive_complete_and_in_order`
//! * `recv_timeout` drops half-written packets (client.rs:480-500): never used while anything is sent:
//!   `LinkPump::next`; `service::forbidden::a_forbidden_publish_fails_alone_in_a_stream_of_good_ones`
//! * two clients with one id reconnect in a tight loop (eventloop.rs:147-151):
//!   `conformance::a_second_client_with_the_same_id_takes_over`, `backoff` in src/

use std::collections::HashSet;
use std::thread;

use crate::support::broker::{self, Broker, Kind, Line, Packet, level};
use crate::support::{LONG, connected, error, text};
use aliyun_mqtt::{AckMode, Client, Delivery, ErrorKind, Outgoing, QoS};

/// rumqttc's id space at the start of a connection: `id_limit` in src/session/wire/dial.rs.
fn ids() -> u16 {
    if level() == 4 { 128 } else { 400 }
}

fn publish(client: &Client, qos: QoS, payload: &str) -> Delivery {
    client.enqueue(Outgoing::new("t", qos, payload)).expect("accepted")
}

#[test]
fn a_lost_session_loses_neither_what_was_written_nor_what_was_queued() {
    const COUNT: usize = 20;
    // The window is smaller than the number of messages, so some are in flight and some are not.
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(4));
    let deliveries: Vec<_> = (0..COUNT)
        .map(|number| {
            publish(&client, if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce }, &number.to_string())
        })
        .collect();
    for _ in 0..4 {
        line.expect(Kind::Publish);
    }
    drop(line);
    // rumqttc src/eventloop.rs:161-163: session_present=false clears `pending`, the channel's requests included.
    let mut line = broker.accept(false);
    let packets = line.serve_until(|packets| packets.len() == COUNT + COUNT / 2);
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(publishes(&packets), expected, "all of them, once, in order");
    for delivery in deliveries {
        delivery.wait().expect("acknowledged");
    }
}

fn publishes(packets: &[Packet]) -> Vec<String> {
    packets.iter().filter(|packet| packet.kind() == Kind::Publish).map(Packet::payload).collect()
}

#[test]
fn answers_in_the_same_segment_as_the_end_count_and_only_once() {
    // More than rumqttc reads in one go (src/framed.rs:33: ten packets).
    const COUNT: usize = 25;
    let garbage: &[u8] = &[0x40, 0x7f, 0xff];
    for end in [None, Some(garbage)] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config());
        let deliveries: Vec<_> =
            (0..COUNT).map(|number| publish(&client, QoS::AtLeastOnce, &number.to_string())).collect();
        let ids: Vec<_> = (0..COUNT).map(|_| line.expect(Kind::Publish).id()).collect();
        let mut last = broker::publish("t", 1, 7, false, b"last words");
        last.extend(ids.iter().rev().flat_map(|id| Packet::PubAck(*id).encode(level())));
        last.extend_from_slice(end.unwrap_or_default());
        // rumqttc src/eventloop.rs:133-143: `clean` leaves what was read in `state.events`, for the next connection.
        let closing = thread::spawn(move || line.write_and_close(&last));
        for delivery in deliveries {
            assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
        }
        let mut line = broker.accept(false);
        assert_eq!(text(client.recv_timeout(LONG).expect("alive").expect("a message").payload()), "last words");
        let next = publish(&client, QoS::AtLeastOnce, "next");
        let packet = line.read().expect("a packet");
        assert_eq!(packet.kind(), Kind::Publish, "no PUBACK for a message of the last connection");
        assert_eq!(next.try_wait().expect("pending"), None, "no answer of the last connection either");
        line.answer(&packet);
        next.wait().expect("acknowledged");
        closing.join().expect("no panic");
    }
}

#[test]
fn an_answer_to_the_last_connection_is_none_to_this_one() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let first = publish(&client, QoS::AtLeastOnce, "first");
    let second = publish(&client, QoS::AtLeastOnce, "second");
    let ids = [line.expect(Kind::Publish).id(), line.expect(Kind::Publish).id()];
    line.send(&Packet::PubAck(ids[0]));
    first.wait().expect("acknowledged");
    line.reset();
    // A new session begins with the first id again, which was the one of another message.
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish);
    assert_eq!((again.payload().as_str(), again.id(), again.dup()), ("second", ids[0], false));
    assert_eq!(second.try_wait().expect("pending"), None);
    line.answer(&again);
    assert_eq!(second.wait().expect("acknowledged").attempts, 2);
}

/// Sends messages until the next id is the one that is held. `held` is left open.
fn go_round(client: &Client, line: &mut Line, held: u16) {
    let mut id = held;
    while id != if held == 1 { ids() } else { held - 1 } {
        let delivery = publish(client, QoS::AtLeastOnce, "round");
        let packet = line.expect(Kind::Publish);
        id = packet.id();
        assert_ne!(id, held);
        line.answer(&packet);
        delivery.wait().expect("acknowledged");
    }
}

#[test]
fn an_id_in_use_is_never_given_again() {
    for (held_qos, follower) in
        [(QoS::AtLeastOnce, "publish"), (QoS::ExactlyOnce, "publish"), (QoS::ExactlyOnce, "subscribe")]
    {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config());
        let straggler = publish(&client, held_qos, "straggler");
        let held = line.expect(Kind::Publish).id();
        if held_qos == QoS::ExactlyOnce {
            // rumqttc src/state.rs:257-262: from PUBREC on, it takes the id for free.
            line.send(&Packet::PubRec(held));
            line.expect(Kind::PubRel);
        }
        go_round(&client, &mut line, held);
        // rumqttc src/state.rs:318-329: the next publish would be put aside, and nothing be sent any more. Its id is
        // passed over instead.
        thread::scope(|scope| {
            let next = scope.spawn(|| match follower {
                "subscribe" => client.subscribe("a", QoS::AtLeastOnce).map(drop),
                _ => client.publish("t", QoS::ExactlyOnce, "follower"),
            });
            let packet = line.read().expect("a packet");
            assert_ne!(packet.id(), held, "it is in use");
            assert_eq!(packet.kind(), if follower == "subscribe" { Kind::Subscribe } else { Kind::Publish });
            line.answer(&packet);
            if follower == "publish" {
                let release = line.expect(Kind::PubRel);
                line.answer(&release);
            }
            next.join().expect("no panic").expect("acknowledged");
        });
        assert_eq!(straggler.try_wait().expect("pending"), None);
        let ack = if held_qos == QoS::ExactlyOnce { Kind::PubComp } else { Kind::PubAck };
        line.send(&ack.of(held));
        straggler.wait().expect("acknowledged");
    }
}

#[test]
fn nothing_waits_for_an_id_of_a_session_that_is_gone() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let straggler = publish(&client, QoS::AtLeastOnce, "straggler");
    let held = line.expect(Kind::Publish).id();
    go_round(&client, &mut line, held);
    let next = publish(&client, QoS::AtLeastOnce, "next");
    drop(line);
    // rumqttc src/state.rs:381-386: `collision` stays, and every second ping ends the connection with CollisionTimeout.
    let mut line = broker.accept(false);
    for payload in ["straggler", "next"] {
        let packet = line.expect(Kind::Publish);
        assert_eq!(packet.payload(), payload);
        line.answer(&packet);
    }
    straggler.wait().expect("acknowledged");
    next.wait().expect("acknowledged");
}

#[test]
fn more_than_a_window_survives_a_resumed_session_in_order() {
    const WINDOW: usize = 300;
    const COUNT: usize = 1_000;
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(WINDOW as u16).device_id("d").clean_session(false));
    let deliveries: Vec<_> = (0..COUNT).map(|number| publish(&client, QoS::AtLeastOnce, &number.to_string())).collect();
    let ids: Vec<_> = (0..WINDOW).map(|_| line.expect(Kind::Publish).id()).collect();
    drop(line);
    // rumqttc src/eventloop.rs:243: pending requests pass the gate, and each that collides overwrites the one before.
    let mut line = broker.accept(true);
    let packets = line.serve_until(|packets| packets.len() == COUNT);
    let (again, rest) = packets.split_at(WINDOW);
    assert_eq!(again.iter().map(Packet::id).collect::<Vec<_>>(), ids);
    // rumqttc src/eventloop.rs:130: it would send them again with dup=false.
    assert!(again.iter().all(Packet::dup) && !rest.iter().any(Packet::dup));
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(publishes(&packets), expected);
    for (number, delivery) in deliveries.iter().enumerate() {
        let attempts = delivery.wait().expect("acknowledged").attempts;
        assert_eq!(attempts, if number < WINDOW { 2 } else { 1 });
    }
}

#[test]
fn a_subscription_under_way_is_asked_again() {
    for session_present in [false, true] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
        thread::scope(|scope| {
            let subscribed = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
            line.expect(Kind::Subscribe);
            drop(line);
            // rumqttc src/state.rs:103-130: only publishes and PUBRELs are remembered.
            let mut line = broker.accept(session_present);
            let packet = line.read().expect("a packet");
            assert_eq!(packet.kind(), Kind::Subscribe);
            line.answer(&packet);
            assert_eq!(subscribed.join().expect("no panic").expect("granted"), QoS::AtLeastOnce);
        });
    }
}

#[test]
fn a_full_window_lets_acknowledgements_and_the_goodbye_pass() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(2).ack_mode(AckMode::Manual));
    let held: Vec<_> = (0..3).map(|number| publish(&client, QoS::AtLeastOnce, &number.to_string())).collect();
    line.expect(Kind::Publish);
    line.expect(Kind::Publish);
    line.publish("t", 1, 7, false, "in");
    line.publish("t", 2, 8, false, "in");
    for _ in 0..2 {
        client.recv().expect("a message").ack().expect("noted");
    }
    // rumqttc src/eventloop.rs:188,243: at its own limit it reads no request at all; ours is always lower.
    let (puback, pubrec) = (line.read().expect("a packet"), line.read().expect("a packet"));
    assert_eq!((puback, pubrec), (Packet::PubAck(7), Packet::PubRec(8)));
    thread::scope(|scope| {
        let leaving = scope.spawn(|| client.with_timeout(std::time::Duration::from_secs(1)).disconnect());
        line.expect(Kind::Disconnect);
        drop(line);
        let report = error(leaving.join().expect("no panic"));
        assert_eq!(report.kind(), ErrorKind::Undelivered { count: 3 });
    });
    drop(held);
}

#[test]
fn answers_in_reverse_reach_whoever_asked() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let low = scope.spawn(|| client.subscribe("low", QoS::ExactlyOnce));
        let high = scope.spawn(|| client.subscribe("high", QoS::ExactlyOnce));
        let gone = scope.spawn(|| client.unsubscribe("gone"));
        let one = publish(&client, QoS::AtLeastOnce, "one");
        let two = publish(&client, QoS::ExactlyOnce, "two");
        let mut packets: Vec<_> = (0..5).map(|_| line.read().expect("a packet")).collect();
        let ids: HashSet<_> = packets.iter().map(Packet::id).collect();
        assert_eq!(ids.len(), 5, "no id twice");
        packets.reverse();
        for packet in packets {
            let low =
                packet.kind() == Kind::Subscribe && packet.filters().iter().any(|(filter, _)| filter.contains("low"));
            if low { line.suback(packet.id(), &[0]) } else { line.answer(&packet) }
        }
        assert_eq!(two.try_wait().expect("pending"), None, "PUBCOMP is still to come");
        let release = line.expect(Kind::PubRel);
        line.answer(&release);
        assert_eq!(low.join().expect("no panic").expect("granted"), QoS::AtMostOnce);
        assert_eq!(high.join().expect("no panic").expect("granted"), QoS::AtLeastOnce);
        gone.join().expect("no panic").expect("unsubscribed");
        one.wait().expect("acknowledged");
        two.wait().expect("complete");
    });
}

#[test]
fn a_reset_line_is_as_good_as_a_closed_one() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let delivery = publish(&client, QoS::AtLeastOnce, "x");
    line.expect(Kind::Publish);
    line.reset();
    let mut line = broker.accept(false);
    connected(&events);
    let packet = line.expect(Kind::Publish);
    line.answer(&packet);
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 2);
}
