//! Promises 2 and 3: the fate of each message, told once and truly, whatever the connection does.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{Broker, Kind, Line, Packet, grant};
use crate::support::{LONG, connected, error, event, eventually};
use aliyun_mqtt::{Client, ErrorKind, Event, Fate, QoS, Stage};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn publish_returns_for_its_own_acknowledgement_only() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let deliveries: Vec<_> =
        (0..3).map(|n| client.publish_nowait("t", QoS::AtLeastOnce, format!("{n}")).expect("accepted")).collect();
    let ids: Vec<u16> = (0..3).map(|_| line.expect(Kind::Publish).id()).collect();
    // The last one first, and an acknowledgement nobody waits for never comes into it.
    line.send(&Packet::PubAck(ids[2]));
    deliveries[2].wait().expect("acknowledged");
    assert_eq!(deliveries[0].try_wait().expect("pending"), None);
    assert_eq!(deliveries[1].wait_timeout(Duration::ZERO).expect("pending"), None);
    line.send(&Packet::PubAck(ids[0]));
    assert_eq!(deliveries[0].wait().expect("acknowledged").attempts, 1);
    line.send(&Packet::PubAck(ids[1]));
    deliveries[1].wait().expect("acknowledged");
}

#[test]
fn qos_2_is_done_at_pubcomp_not_before() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.publish_nowait("t", QoS::ExactlyOnce, "x").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    assert_eq!(line.expect(Kind::PubRel).id(), id);
    assert_eq!(delivery.try_wait().expect("pending"), None);
    line.send(&Packet::PubComp(id));
    delivery.wait().expect("complete");
}

#[test]
fn a_message_not_acknowledged_in_time_is_unknown_and_not_sent_again() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let start = Instant::now();
    let error = error(client.with_timeout(SHORT).publish("t", QoS::AtLeastOnce, "late"));
    assert!(start.elapsed() >= SHORT && start.elapsed() < LONG, "{:?}", start.elapsed());
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Ack), Some(Fate::Unknown)));
    assert_eq!(line.expect(Kind::Publish).payload(), "late");
    drop(line);
    let mut line = broker.accept(false);
    connected(&events);
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "next").expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "next", "what is settled is not sent again");
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
}

/// A client whose connection was lost after the packets of `prepare`, with its next connection held back until the
/// deadline of what it had in its outbox has passed, though nobody has looked.
fn connection_after_the_deadline(prepare: impl FnOnce(&Client, Option<&mut Line>), offline: bool) {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    let start = Instant::now();
    if offline {
        drop(line);
        event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
        prepare(&client, None);
    } else {
        prepare(&client, Some(&mut line));
        drop(line);
    }
    let mut line = broker.accept_raw();
    line.read().expect("CONNECT");
    while start.elapsed() < SHORT {
        thread::park_timeout(SHORT - start.elapsed());
    }
    line.connack(false, 0);
    connected(&events);
    let next = client.publish_nowait("t", QoS::AtLeastOnce, "next").expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "next", "what is past its deadline does not go out");
    line.send(&Packet::PubAck(publish.id()));
    next.wait().expect("acknowledged");
    assert_eq!(error(client.flush(LONG)).kind(), ErrorKind::Undelivered { count: 1 });
}

#[test]
fn what_was_queued_is_not_sent_after_its_deadline_though_nobody_waits() {
    let publish = |client: &Client, _: Option<&mut Line>| {
        let short = client.with_timeout(SHORT / 2);
        drop(short.publish_nowait("t", QoS::AtLeastOnce, "stale").expect("accepted"));
    };
    connection_after_the_deadline(publish, true);
}

#[test]
fn what_was_written_is_not_sent_again_after_its_deadline_though_nobody_waits() {
    let publish = |client: &Client, line: Option<&mut Line>| {
        let short = client.with_timeout(SHORT / 2);
        drop(short.publish_nowait("t", QoS::AtLeastOnce, "stale").expect("accepted"));
        assert_eq!(line.expect("online").expect(Kind::Publish).payload(), "stale");
    };
    connection_after_the_deadline(publish, false);
}

#[test]
fn answers_that_never_come_do_not_hold_the_window_for_ever() {
    let broker = Broker::start();
    let config = broker.config().window(1).timeout(Duration::from_secs(1)).keep_alive(Duration::from_secs(5));
    let (client, mut line) = broker.connect(config);
    error(client.with_timeout(SHORT / 2).publish("t", QoS::AtLeastOnce, "swallowed"));
    line.expect(Kind::Publish);
    let delivery = client.with_timeout(LONG).publish_nowait("t", QoS::AtLeastOnce, "behind it").expect("accepted");
    // The line is alive: pings are answered. Only the acknowledgement is missing.
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Some(packet) = line.read() {
                if packet.kind() == Kind::PingReq {
                    line.write(&[0xd0, 0]);
                }
            }
        });
        let mut line = broker.accept(false);
        let publish = line.expect(Kind::Publish);
        assert_eq!(publish.payload(), "behind it");
        line.send(&Packet::PubAck(publish.id()));
        delivery.wait().expect("acknowledged on a new connection");
    });
}

#[test]
fn a_puback_does_not_end_qos_2() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.publish_nowait("t", QoS::ExactlyOnce, "x").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(again));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(again));
    assert_eq!(delivery.wait().expect("complete").attempts, 2);
}

#[test]
fn waiting_for_room_ends_at_the_callers_time_out_not_at_the_messages_age() {
    let broker = Broker::start();
    let config = broker.config().limits(crate::support::broker::lax().outbox(1, 1_000)).message_age(LONG * 10);
    let (client, _line) = broker.connect(config);
    let _held = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("room");
    let late = error(client.with_timeout(Duration::from_millis(50)).publish_nowait("t", QoS::AtLeastOnce, "y"));
    assert_eq!((late.kind(), late.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
}

#[test]
fn a_full_window_holds_messages_back_and_their_time_out_says_not_sent() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    let first = client.publish_nowait("t", QoS::AtLeastOnce, "first").expect("accepted");
    let error = error(client.with_timeout(SHORT).publish("t", QoS::AtLeastOnce, "second"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
    let publish = line.expect(Kind::Publish);
    line.send(&Packet::PubAck(publish.id()));
    first.wait().expect("acknowledged");
    let third = client.publish_nowait("t", QoS::AtLeastOnce, "third").expect("accepted");
    let publish = line.expect(Kind::Publish);
    assert_eq!(publish.payload(), "third", "what was withdrawn is not sent");
    line.send(&Packet::PubAck(publish.id()));
    third.wait().expect("acknowledged");
}

#[test]
fn a_lost_session_makes_qos_1_and_2_go_out_again() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let one = client.publish_nowait("t", QoS::AtLeastOnce, "one").expect("accepted");
    let two = client.publish_nowait("t", QoS::ExactlyOnce, "two").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let id_two = line.expect(Kind::Publish).id();
    assert_ne!(id, id_two);
    line.send(&Packet::PubRec(id_two));
    line.expect(Kind::PubRel);
    drop(line);
    let mut line = broker.accept(false);
    let again = line.expect(Kind::Publish);
    assert_eq!((again.payload().as_str(), again.dup()), ("one", false), "a new session: a new message");
    let again_two = line.expect(Kind::Publish);
    assert_eq!(again_two.payload(), "two", "PUBREC of a lost session counts for nothing");
    line.send(&Packet::PubAck(again.id()));
    line.send(&Packet::PubRec(again_two.id()));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(again_two.id()));
    assert_eq!(one.wait().expect("acknowledged").attempts, 2);
    assert_eq!(two.wait().expect("acknowledged").attempts, 2);
}

#[test]
fn a_resumed_session_goes_on_with_the_same_ids_and_dup() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d1").clean_session(false));
    let one = client.publish_nowait("t", QoS::AtLeastOnce, "one").expect("accepted");
    let two = client.publish_nowait("t", QoS::ExactlyOnce, "two").expect("accepted");
    let three = client.publish_nowait("t", QoS::ExactlyOnce, "three").expect("accepted");
    let ids: Vec<u16> = (0..3).map(|_| line.expect(Kind::Publish).id()).collect();
    line.send(&Packet::PubRec(ids[1]));
    assert_eq!(line.expect(Kind::PubRel).id(), ids[1]);
    drop(line);
    let mut line = broker.accept(true);
    let first = line.expect(Kind::Publish);
    assert_eq!((first.payload().as_str(), first.dup(), first.id()), ("one", true, ids[0]));
    let release = line.read().expect("PUBREL");
    assert_eq!(release, Packet::PubRel(ids[1]), "after PUBREC only PUBREL is repeated");
    let third = line.expect(Kind::Publish);
    assert_eq!((third.payload().as_str(), third.dup(), third.id()), ("three", true, ids[2]));
    let four = client.publish_nowait("t", QoS::AtLeastOnce, "four").expect("accepted");
    let fourth = line.expect(Kind::Publish);
    assert!(!ids.contains(&fourth.id()), "the ids of the resumed session are taken");
    line.send(&Packet::PubAck(ids[0]));
    line.send(&Packet::PubComp(ids[1]));
    line.send(&Packet::PubRec(ids[2]));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(ids[2]));
    line.send(&Packet::PubAck(fourth.id()));
    for delivery in [one, two, three, four] {
        delivery.wait().expect("acknowledged");
    }
}

#[test]
fn a_kept_session_that_was_lost_half_way_gets_its_subscriptions_all_the_same() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
    let events = client.events();
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
        grant(&mut line);
        granted.join().expect("no panic").expect("granted");
    });
    drop(line);
    // The broker lost the session and makes a new one; the line breaks before it has the subscription.
    let mut line = broker.accept(false);
    line.expect(Kind::Subscribe);
    drop(line);
    let mut line = broker.accept(true);
    let subscribe = line.read().expect("a packet");
    assert_eq!(subscribe.kind(), Kind::Subscribe);
    line.suback(subscribe.id(), &[1]);
    connected(&events);
    drop(line);
    let mut line = broker.accept(true);
    connected(&events);
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let publish = line.read().expect("a packet");
    assert_eq!(publish.kind(), Kind::Publish, "now it has it");
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
}

#[test]
fn the_order_flag_finds_a_free_id_on_a_resumed_session() {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).ordered(true).build().expect("good");
    let (client, mut line) = thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let mut line = broker.accept(false);
        let flag = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(flag));
        (client.join().expect("no panic").expect("connected"), line)
    });
    let straggler = client.publish_nowait("t/straggler", QoS::AtLeastOnce, "").expect("accepted");
    let held = line.expect(Kind::Publish).id();
    // All ids go round, up to the one that is held.
    let mut id = held;
    while id != if held == 1 { 1024 } else { held - 1 } {
        let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
        id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        delivery.wait().expect("acknowledged");
    }
    drop(line);
    let mut line = broker.accept(true);
    let flag = line.expect(Kind::Publish);
    assert_eq!(flag.topic(), "$SYS/enableOrderMsg");
    assert_ne!(flag.id(), held);
    line.send(&Packet::PubAck(flag.id()));
    let again = line.expect(Kind::Publish);
    assert_eq!((again.topic().as_str(), again.id(), again.dup()), ("t/straggler", held, true));
    line.send(&Packet::PubAck(held));
    straggler.wait().expect("acknowledged");
}

#[test]
fn acknowledgements_that_came_just_before_the_end_count() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    drop(line);
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
}

#[test]
fn qos_0_waits_for_a_connection_and_is_written_once() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    drop(line);
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let delivery = client.publish_nowait("t", QoS::AtMostOnce, "zero").expect("accepted");
    let mut line = broker.accept(false);
    assert_eq!(line.expect(Kind::Publish).payload(), "zero");
    assert_eq!(delivery.wait().expect("written").attempts, 1);
}

#[test]
fn offline_a_deadline_says_not_sent_and_why() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().backoff(LONG, LONG));
    let events = client.events();
    drop(line);
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    drop(broker);
    let error = error(client.with_timeout(Duration::from_millis(200)).publish("t", QoS::AtLeastOnce, "x"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Connect), Some(Fate::NotSent)));
    // The pause is random: by now a second attempt may have failed, too.
    assert!(error.to_string().contains("last failure: "), "{error}");
}

#[test]
fn dropping_the_client_settles_every_handle() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(2));
    let deliveries: Vec<_> =
        (0..4).map(|n| client.publish_nowait("t", QoS::AtLeastOnce, format!("{n}")).expect("accepted")).collect();
    line.expect(Kind::Publish);
    line.expect(Kind::Publish);
    drop(client);
    let fates: Vec<_> = deliveries.iter().map(|delivery| error(delivery.wait()).fate()).collect();
    let (unknown, not_sent) = (Some(Fate::Unknown), Some(Fate::NotSent));
    assert_eq!(fates, [unknown, unknown, not_sent, not_sent]);
}

#[test]
fn disconnect_names_what_was_not_delivered() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.publish_nowait("t/lost", QoS::AtLeastOnce, "x").expect("accepted");
    line.expect(Kind::Publish);
    let report = error(client.with_timeout(Duration::from_millis(300)).disconnect());
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains("t/lost"), "{report}");
    assert_eq!(error(delivery.wait()).fate(), Some(Fate::Unknown));
    line.expect(Kind::Disconnect);
    client.disconnect().expect("a second time does nothing");
    assert_eq!(error(client.publish("t", QoS::AtMostOnce, "x")).kind(), ErrorKind::Closed);
}

#[test]
fn flush_waits_for_all_and_reports_what_nobody_saw() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    drop(client.with_timeout(SHORT).publish_nowait("t/unseen", QoS::AtLeastOnce, "x").expect("accepted"));
    line.expect(Kind::Publish);
    let delivery = client.publish_nowait("t/good", QoS::AtLeastOnce, "x").expect("accepted");
    let good = line.expect(Kind::Publish).id();
    let early = error(client.flush(Duration::from_millis(10)));
    assert_eq!(early.kind(), ErrorKind::Timeout(Stage::Ack));
    assert!(early.to_string().contains('2'), "{early}");
    line.send(&Packet::PubAck(good));
    delivery.wait().expect("acknowledged");
    let report = error(client.flush(LONG));
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains("t/unseen"), "{report}");
    client.flush(LONG).expect("reported once");
}

#[test]
fn a_subscription_waits_for_suback_and_shows_its_verdicts() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe_many(&[("a", QoS::ExactlyOnce), ("b", QoS::AtLeastOnce)]));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1, 0]);
        assert_eq!(granted.join().expect("no panic").expect("granted"), [QoS::AtLeastOnce, QoS::AtMostOnce]);
        let refused = scope.spawn(|| client.subscribe("c", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[0x80]);
        let error = error(refused.join().expect("no panic"));
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.code(), Some(aliyun_mqtt::Code::SubAck(0x80)));
        assert!(error.to_string().contains("\"c\""), "{error}");
    });
}

#[test]
fn subscriptions_come_back_before_messages_do() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
        grant(&mut line);
        granted.join().expect("no panic").expect("granted");
    });
    drop(line);
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let mut line = broker.accept(false);
    let subscribe = line.read().expect("a packet");
    assert_eq!(subscribe.kind(), Kind::Subscribe, "before any message");
    line.suback(subscribe.id(), &[1]);
    let publish = line.expect(Kind::Publish);
    line.send(&Packet::PubAck(publish.id()));
    delivery.wait().expect("acknowledged");
    eventually("connected", || client.is_connected());
}

#[test]
fn a_failure_is_reported_by_whoever_shows_it_first_and_once() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config());
    let short = client.with_timeout(Duration::from_millis(50));
    let publish = || short.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let seen = publish();
    error(seen.wait());
    drop(seen);
    client.flush(LONG).expect("somebody has seen it");
    let unseen = publish();
    client.flush(LONG).expect("somebody may still look");
    drop(unseen);
    assert_eq!(error(client.flush(LONG)).kind(), ErrorKind::Undelivered { count: 1 });
}

#[test]
fn flush_does_not_wait_for_what_comes_after_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let mut open = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
    thread::scope(|scope| {
        let flush = scope.spawn(|| client.flush(LONG));
        // There is always one that is not acknowledged.
        while !flush.is_finished() {
            let next = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
            let id = line.expect(Kind::Publish).id();
            line.send(&Packet::PubAck(id));
            open.wait().expect("acknowledged");
            open = next;
        }
        flush.join().expect("no panic").expect("those before it are settled");
    });
}

#[test]
fn what_is_unsubscribed_is_not_restored_though_the_broker_never_heard_of_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
    });
    let held = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
    line.expect(Kind::Publish);
    assert_eq!(error(client.with_timeout(SHORT).unsubscribe("a")).fate(), Some(Fate::NotSent));
    drop(line);
    let mut line = broker.accept(false);
    let first = line.read().expect("a packet");
    assert_eq!(first.kind(), Kind::Publish, "no SUBSCRIBE");
    line.send(&Packet::PubAck(first.id()));
    held.wait().expect("acknowledged");
}

#[test]
fn a_line_that_was_cured_comes_back_at_once() {
    let min = Duration::from_millis(10);
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().backoff(min, LONG));
    let events = client.events();
    let pause = || {
        event(&events, "cut", |event| match event {
            Event::Disconnected { retry_in, .. } => Some(retry_in),
            _ => None,
        })
    };
    // A topic of its own each time: a topic is found once.
    for topic in ["bad/1", "bad/2", "bad/3", "bad/4"] {
        let bad = client.publish_nowait(topic, QoS::AtLeastOnce, "").expect("accepted");
        for _ in 0..2 {
            line.expect(Kind::Publish);
            drop(line);
            pause();
            line = broker.accept(false);
        }
        line.expect(Kind::Publish);
        drop(line);
        assert!(pause() <= Some(min), "the cause is out");
        assert_eq!(error(bad.wait()).kind(), ErrorKind::SuspectedRefusal);
        line = broker.accept(false);
        let good = client.publish_nowait("good", QoS::AtLeastOnce, "").expect("accepted");
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        good.wait().expect("acknowledged");
    }
}

#[test]
fn flush_returns_when_the_last_one_is_settled_not_at_its_deadline() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().timeout(LONG * 10));
    let ack = |line: &mut Line| {
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
    };
    let held = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let (told, hears) = mpsc::channel();
    let flusher = client.clone();
    thread::spawn(move || told.send(flusher.flush(LONG * 10).is_ok()));
    // Some round trips, so that it most likely waits by now; if it is late, it finds everything settled.
    for _ in 0..100 {
        let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
        ack(&mut line);
        delivery.wait().expect("acknowledged");
    }
    line.send(&Packet::PubAck(id));
    held.wait().expect("acknowledged");
    assert_eq!(hears.recv_timeout(LONG), Ok(true));
}

#[test]
fn a_filter_unsubscribed_while_it_is_restored_stays_away() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
    });
    drop(line);
    let mut line = broker.accept(false);
    let restore = line.expect(Kind::Subscribe).id();
    let failed = error(client.with_timeout(SHORT).unsubscribe("a"));
    assert_eq!(failed.fate(), Some(Fate::NotSent));
    line.suback(restore, &[1]);
    connected(&events);
    drop(line);
    let mut line = broker.accept(false);
    let _delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
    assert_eq!(
        line.read().expect("a packet").kind(),
        Kind::Publish,
        "unsubscribe says: not subscribed again after a reconnect"
    );
}
