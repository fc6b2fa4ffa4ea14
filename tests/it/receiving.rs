//! Promises 6 and 7: early messages count, queues are bounded, acknowledgements are given in order and only for what
//! the program has.

use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Line, Packet, grant, lax};
use crate::support::{LONG, connected, error, event, eventually, text};
use aliyun_mqtt::{AckMode, Client, ErrorKind, Event, Events, Fate, QoS, Stage, Stream};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(2);

/// After how long a message that holds back acknowledgements is named, in the tests of that; the shortest keep-alive.
const HELD: Duration = Duration::from_secs(3);
const HELD_KEEP: Duration = Duration::from_secs(5);

/// A stream, whose SUBSCRIBE is granted.
fn stream(client: &Client, line: &mut Line, filter: &str) -> Stream {
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscribe_stream(filter, QoS::AtLeastOnce));
        grant(line);
        stream.join().expect("no panic").expect("subscribed")
    })
}

/// Writes a QoS 0 message and waits until it has arrived: everything before it was handled.
fn mark(client: &Client, line: &mut Line) {
    let before = client.stats().received;
    line.publish("mark", 0, 0, false, "");
    eventually("the mark arrived", || client.stats().received > before);
}

#[test]
fn messages_that_come_with_connack_are_kept() {
    let broker = Broker::start();
    let config = broker.config().build().expect("a good configuration");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        let mut line = broker.accept_raw();
        line.read();
        // CONNACK, and a P2P message in the same segment.
        let both =
            [crate::support::broker::connack(false), crate::support::broker::publish("a/p2p", 0, 0, false, b"hey")];
        line.write(&both.concat());
        let client = client.join().expect("no panic").expect("connected");
        assert_eq!(text(client.recv_timeout(LONG).expect("alive").expect("a message").payload()), "hey");
    });
}

#[test]
fn taking_acknowledges_in_the_order_of_receipt() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 1, 11, false, "one");
    line.publish("t", 2, 12, false, "two");
    mark(&client, &mut line);
    assert_eq!(client.stats().unacknowledged, 2);
    assert_eq!(crate::support::payloads(&client, 3), ["one", "two", ""]);
    let ack = line.read().expect("PUBACK");
    assert_eq!(ack, Packet::PubAck(11));
    let ack = line.read().expect("PUBREC");
    assert_eq!(ack, Packet::PubRec(12));
    line.send(&Packet::PubRel(12));
    assert_eq!(line.expect(Kind::PubComp).id(), 12);
}

#[test]
fn by_hand_an_early_acknowledgement_waits_for_those_before_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    line.publish("t", 1, 1, false, "one");
    line.publish("t", 1, 2, false, "two");
    let one = client.recv().expect("one");
    let two = client.recv().expect("two");
    two.ack().expect("noted");
    line.publish("t", 1, 1, true, "one");
    mark(&client, &mut line);
    assert_eq!(client.stats().redelivered, 1, "in the program's hands: not queued twice");
    one.ack().expect("noted");
    assert_eq!([line.expect(Kind::PubAck).id(), line.expect(Kind::PubAck).id()], [1, 2]);
    one.ack().expect("a second time does nothing");
    two.clone().ack().expect("nor on a clone");
}

#[test]
fn on_arrival_means_at_once() {
    let broker = Broker::start();
    let (_client, mut line) = broker.connect(broker.config().ack_mode(AckMode::OnArrival));
    line.publish("t", 1, 9, false, "x");
    assert_eq!(line.expect(Kind::PubAck).id(), 9);
}

#[test]
fn a_redelivery_on_a_resumed_session_is_not_queued_twice() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
    let events = client.events();
    line.publish("t", 1, 5, false, "five");
    line.publish("t", 2, 6, false, "six");
    mark(&client, &mut line);
    drop(line);
    let mut line = broker.accept(true);
    connected(&events);
    line.publish("t", 1, 5, true, "five");
    line.publish("t", 2, 6, true, "six");
    mark(&client, &mut line);
    assert_eq!(crate::support::payloads(&client, 4), ["five", "six", "", ""]);
    assert_eq!(line.expect(Kind::PubAck).id(), 5, "acknowledged on the new connection");
    assert_eq!(line.expect(Kind::PubRec).id(), 6);
    drop(line);
    // The broker did not get PUBREC, or PUBREL is still to come: neither may deliver again, or break the line.
    let mut line = broker.accept(true);
    connected(&events);
    line.publish("t", 2, 6, true, "six");
    assert_eq!(line.expect(Kind::PubRec).id(), 6);
    line.send(&Packet::PubRel(6));
    assert_eq!(line.expect(Kind::PubComp).id(), 6);
    assert!(client.try_recv().expect("alive").is_none());
}

#[test]
fn a_release_of_an_unknown_id_is_answered() {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).build().expect("a good configuration");
    thread::scope(|scope| {
        let client = scope.spawn(|| Client::connect(config));
        // An exchange that an earlier process left open; the broker repeats PUBREL until it is answered.
        let mut line = broker.accept(true);
        let client = client.join().expect("no panic").expect("connected");
        for id in [7, 7, 60_000] {
            line.send(&Packet::PubRel(id));
            assert_eq!(line.expect(Kind::PubComp).id(), id);
        }
        mark(&client, &mut line);
    });
    // On a new session as well: MQTT-4.3.3-2 knows no exception.
    let (client, mut line) = broker.connect(broker.config());
    for id in [7, 60_000] {
        line.send(&Packet::PubRel(id));
        assert_eq!(line.expect(Kind::PubComp).id(), id);
    }
    line.publish("t", 2, 9, false, "nine");
    assert_eq!(crate::support::payloads(&client, 1), ["nine"]);
    assert_eq!(line.expect(Kind::PubRec).id(), 9);
    for _ in 0..2 {
        line.send(&Packet::PubRel(9));
        assert_eq!(line.expect(Kind::PubComp).id(), 9);
    }
}

#[test]
fn a_full_inbox_drops_qos_0_and_leaves_the_rest_to_the_broker() {
    let broker = Broker::start();
    let limits = lax().inbox(1, 10_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let events = client.events();
    line.publish("t", 1, 1, false, "kept");
    line.publish("t", 1, 2, false, "refused");
    line.publish("t", 0, 0, false, "dropped");
    event(&events, "full", |event| matches!(event, Event::InboxFull).then_some(()));
    eventually("both counted", || client.stats().dropped_full == 1);
    assert_eq!((client.stats().refused_full, client.stats().received), (1, 1));
    // The line lives on: nothing here waits for the program to take a message.
    let delivery = client.publish_nowait("t", QoS::AtLeastOnce, "x").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    delivery.wait().expect("acknowledged");
    assert_eq!(crate::support::payloads(&client, 1), ["kept"]);
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
    // What was refused is not acknowledged, does not hold back what follows, and may come again.
    line.publish("t", 1, 2, true, "refused");
    assert_eq!(crate::support::payloads(&client, 1), ["refused"]);
    assert_eq!(line.expect(Kind::PubAck).id(), 2);
    assert!(events.try_recv().is_none(), "announced once");
}

#[test]
fn a_stream_gets_its_matches_instead_and_hands_them_over_when_dropped() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscribe_stream("a/#", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        // A message may overtake SUBACK.
        line.publish("a/1", 0, 0, false, "early");
        line.suback(id, &[1]);
        let stream = stream.join().expect("no panic").expect("subscribed");
        line.publish("b", 0, 0, false, "other");
        line.publish("a/2", 0, 0, false, "late");
        line.publish("a/3", 0, 0, false, "left");
        let got: Vec<_> = stream.messages().limit(2).map(|message| text(message.expect("one").payload())).collect();
        assert_eq!(got, ["early", "late"]);
        assert_eq!(crate::support::payloads(&client, 1), ["other"]);
        eventually("the last one is held", || client.stats().inbox_messages == 1);
        drop(stream);
        assert_eq!(crate::support::payloads(&client, 1), ["left"]);
        let unsubscribe = line.expect(Kind::Unsubscribe);
        line.send(&Packet::UnsubAck(unsubscribe.id()));
        client.flush(LONG).expect("settled");
    });
}

#[test]
fn a_stream_shares_its_filter() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        grant(&mut line);
        own.join().expect("no panic").expect("subscribed");
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
        let next = line.read().expect("a packet");
        assert_eq!(next.kind(), Kind::Publish, "the client itself still wants the filter: no UNSUBSCRIBE");
        line.send(&Packet::PubAck(next.id()));
        delivery.wait().expect("acknowledged");
    });
}

#[test]
fn a_dropped_stream_leaves_the_clients_own_subscription_alone() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        let stream = stream.join().expect("no panic").expect("subscribed");
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        // Asked for, and not granted yet.
        drop(stream);
        line.suback(id, &[1]);
        own.join().expect("no panic").expect("subscribed");
        let delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
        let next = line.read().expect("a packet");
        assert_eq!(next.kind(), Kind::Publish, "no UNSUBSCRIBE");
        line.send(&Packet::PubAck(next.id()));
        delivery.wait().expect("acknowledged");
    });
}

#[test]
fn one_filter_too_many_is_refused_here() {
    let broker = Broker::start();
    let limits = lax().filters(1);
    let (client, _line) = broker.connect(broker.config().limits(limits));
    let refused = error(client.subscribe_many(&[("a", QoS::AtLeastOnce), ("b", QoS::AtLeastOnce)]));
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("2 filters"), "{refused}");
}

#[test]
fn a_full_outbox_makes_try_publish_say_so() {
    let broker = Broker::start();
    let limits = lax().outbox(2, 10_000);
    let (client, mut line) = broker.connect(broker.config().limits(limits));
    let held: Vec<_> = (0..2).map(|_| client.try_publish("t", QoS::AtLeastOnce, "x").expect("room")).collect();
    let full = error(client.try_publish("t", QoS::AtLeastOnce, "x"));
    assert_eq!((full.kind(), full.fate()), (ErrorKind::Full, Some(Fate::NotSent)));
    let waited = client.with_timeout(Duration::from_millis(50));
    let late = error(waited.publish_nowait("t", QoS::AtLeastOnce, "x"));
    assert_eq!(late.kind(), ErrorKind::Timeout(Stage::Window));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.publish_nowait("t", QoS::AtLeastOnce, "third"));
        let id = line.expect(Kind::Publish).id();
        line.send(&Packet::PubAck(id));
        waiting.join().expect("no panic").expect("there was room at last");
    });
    held[0].wait().expect("acknowledged");
}

#[test]
fn the_publish_rate_spaces_messages() {
    let broker = Broker::start();
    let (client, _line) = broker.connect(broker.config().max_publish_rate(0.01));
    client.publish("t", QoS::AtMostOnce, "first").expect("a slot");
    let full = error(client.try_publish("t", QoS::AtMostOnce, "second"));
    assert_eq!(full.kind(), ErrorKind::Full);
    let late = error(client.with_timeout(Duration::from_millis(50)).publish("t", QoS::AtMostOnce, "second"));
    assert_eq!(late.kind(), ErrorKind::Timeout(Stage::Window));
}

#[test]
fn a_refused_subscription_holds_no_filter() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[0x80]);
        assert_eq!(error(own.join().expect("no panic")).kind(), ErrorKind::Rejected);
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _next = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
        assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe, "only the stream had it");
    });
}

#[test]
fn filters_that_wait_for_suback_count() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().limits(lax().filters(1)));
    thread::scope(|scope| {
        let first = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        assert_eq!(error(client.with_timeout(SHORT).subscribe("b", QoS::AtLeastOnce)).kind(), ErrorKind::Invalid);
        line.suback(id, &[1]);
        first.join().expect("no panic").expect("subscribed");
    });
}

#[test]
fn an_unsuback_leaves_a_later_subscription_alone() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let unsubscribe = line.expect(Kind::Unsubscribe).id();
        // UNSUBACK is still to come when the client itself subscribes.
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.send(&Packet::UnsubAck(unsubscribe));
        line.suback(id, &[1]);
        own.join().expect("no panic").expect("subscribed");
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
        assert_eq!(
            line.read().expect("a packet").kind(),
            Kind::Publish,
            "the client itself holds the filter: no UNSUBSCRIBE"
        );
    });
}

#[test]
fn a_subscription_never_sent_holds_no_filter() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    let held = client.publish_nowait("t", QoS::AtLeastOnce, "").expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let failed = error(client.with_timeout(SHORT).subscribe("a", QoS::AtLeastOnce));
    assert_eq!((failed.kind(), failed.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
    line.send(&Packet::PubAck(id));
    held.wait().expect("acknowledged");
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscribe_stream("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
        assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe, "nobody else holds the filter");
    });
}

#[test]
fn a_stream_that_timed_out_is_unsubscribed_when_it_turns_out_granted() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let failed = error(client.with_timeout(SHORT).subscribe_stream("a", QoS::AtLeastOnce));
    assert_eq!(failed.fate(), Some(Fate::Unknown));
    grant(&mut line);
    let _delivery = client.publish_nowait("z", QoS::AtLeastOnce, "").expect("accepted");
    assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe, "dropping a stream unsubscribes");
}

/// The payloads of what waits in the stream.
fn waiting(stream: &Stream) -> Vec<String> {
    let messages = std::iter::from_fn(|| stream.try_recv().expect("alive"));
    messages.map(|message| text(message.payload())).collect()
}

/// The same, of the client's own queue.
fn waiting_for(client: &Client) -> Vec<String> {
    let messages = std::iter::from_fn(|| client.try_recv().expect("alive"));
    messages.map(|message| text(message.payload())).collect()
}

#[test]
fn a_stream_first_takes_over_what_came_before_it() {
    for mode in [AckMode::OnTake, AckMode::OnArrival, AckMode::Manual] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().ack_mode(mode));
        for (id, topic) in (1..).zip(["a/1", "b/1", "a/2", "$SYS/a", "own/p2p/GID_test@@@1", "a"]) {
            line.publish(topic, (id % 3) as u8, id, false, &format!("{id}"));
        }
        mark(&client, &mut line);
        thread::scope(|scope| {
            let stream = scope.spawn(|| client.subscribe_stream("a/#", QoS::ExactlyOnce));
            let id = line.expect(Kind::Subscribe).id();
            // Another thread reads the client's own queue meanwhile.
            assert_eq!(text(client.recv().expect("one").payload()), "2");
            line.publish("a/3", 1, 7, false, "7");
            line.suback(id, &[2]);
            let stream = stream.join().expect("no panic").expect("subscribed");
            line.publish("a/4", 1, 8, false, "8");
            mark(&client, &mut line);
            // A second one with the same filter gets nothing while the first is there.
            let again = self::stream(&client, &mut line, "a/#");
            assert_eq!(waiting(&again), [""; 0]);
            assert_eq!(text(stream.recv().expect("one").payload()), "1");
            drop(stream);
            // Not to the client's queue, where nobody might look for it.
            assert_eq!(waiting(&again), ["3", "6", "7", "8"], "{mode:?}");
            let all = self::stream(&client, &mut line, "#");
            assert_eq!(waiting(&all), ["5", "", ""]);
            assert_eq!(waiting_for(&client), ["4"], "# does not match what begins with $");
        });
        assert_eq!(client.stats().inbox_messages, 0);
    }
}

#[test]
fn a_stream_that_ends_in_whatever_way_gives_back_in_the_order_of_receipt() {
    /// How the SUBSCRIBE ends.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum End {
        Dropped,
        Refused,
        TimedOut,
        TooMany,
    }
    for end in [End::Dropped, End::Refused, End::TimedOut, End::TooMany] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().limits(lax().filters(1)));
        let publish = |line: &mut Line, numbers: std::ops::RangeInclusive<u16>| {
            for id in numbers {
                line.publish(["a/x", "b/x"][usize::from(id % 2)], 1, id, false, &format!("{id}"));
            }
            mark(&client, line);
        };
        publish(&mut line, 1..=4);
        let hasty = client.with_timeout(if end == End::TimedOut { SHORT } else { LONG });
        match end {
            End::TooMany => {
                let _other = stream(&client, &mut line, "c");
                assert_eq!(error(client.subscribe_stream("a/+", QoS::AtLeastOnce)).kind(), ErrorKind::Invalid);
                publish(&mut line, 5..=6);
            }
            End::Dropped => {
                let stream = stream(&client, &mut line, "a/+");
                publish(&mut line, 5..=6);
                drop(stream);
            }
            End::Refused | End::TimedOut => thread::scope(|scope| {
                let stream = scope.spawn(|| hasty.subscribe_stream("a/+", QoS::AtLeastOnce));
                let id = line.expect(Kind::Subscribe).id();
                publish(&mut line, 5..=6);
                if end == End::Refused {
                    line.suback(id, &[0x80]);
                }
                error(stream.join().expect("no panic"));
            }),
        }
        assert_eq!(waiting_for(&client), ["1", "2", "3", "4", "", "5", "6", ""], "{end:?}");
        assert_eq!((1..=6).map(|_| line.expect(Kind::PubAck).id()).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6], "{end:?}");
    }
}

#[test]
fn a_handover_needs_no_room() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().limits(lax().inbox(2, 1_000_000)));
    let events = client.events();
    for id in 1..=3 {
        line.publish("a", 1, id, false, &format!("{id}"));
    }
    event(&events, "full", |event| matches!(event, Event::InboxFull).then_some(()));
    let stream = stream(&client, &mut line, "a");
    assert_eq!((client.stats().inbox_messages, client.stats().refused_full), (2, 1));
    assert_eq!(waiting(&stream), ["1", "2"]);
    line.publish("a", 1, 3, true, "3");
    assert_eq!(text(stream.recv().expect("the one that was refused").payload()), "3");
}

/// What the last event says: how many messages were not taken, the topic of the first, and the acknowledgements that did
/// not leave.
fn end(events: &Events) -> (Option<(usize, String)>, usize) {
    let said = event(events, "the end", |event| match event {
        Event::Ended { untaken, unsent_acks, .. } => {
            Some((untaken.map(|untaken| (untaken.count, untaken.first_topic)), unsent_acks))
        }
        _ => None,
    });
    assert!(events.recv().is_none(), "it is the last one");
    said
}

#[test]
fn the_end_tells_what_nobody_took() {
    // By `disconnect`, and by dropping the last handle.
    for by_drop in [false, true] {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().device_id("d").clean_session(false));
        let events = client.events();
        let stream = stream(&client, &mut line, "job");
        line.publish("done", 1, 1, false, "");
        line.publish("job", 1, 2, false, "");
        line.publish("job", 1, 3, false, "");
        mark(&client, &mut line);
        assert_eq!(client.recv().expect("one").topic(), "done");
        stream.recv().expect("one");
        assert_eq!(client.stats().untaken, 0, "it has not ended");
        if by_drop {
            drop(client);
        } else {
            client.disconnect().expect("nothing was to be delivered");
            assert_eq!((client.stats().untaken, client.stats().inbox_messages), (2, 2));
            assert_eq!(client.recv().expect("it can still be taken").topic(), "mark");
            assert_eq!(client.stats().untaken, 2, "that came after the end");
        }
        assert_eq!(end(&events), (Some((2, "job".to_string())), 0));
        assert_eq!(stream.recv().expect("so can this").topic(), "job");
        assert_eq!(error(stream.recv()).kind(), ErrorKind::Closed);
    }
}

#[test]
fn the_end_tells_of_acknowledgements_that_did_not_leave() {
    for (clean, unsent) in [(false, 2), (true, 0)] {
        let broker = Broker::start();
        let config = broker.config().device_id("d").clean_session(clean).ack_mode(AckMode::Manual);
        let (client, mut line) = broker.connect(config);
        let events = client.events();
        for id in 1..=3 {
            line.publish("t", 1, id, false, "");
        }
        let taken: Vec<_> = client.messages().limit(3).map(|message| message.expect("one")).collect();
        taken[1].ack().expect("noted");
        taken[2].ack().expect("noted");
        assert_eq!(client.stats().held_back, 2);
        client.disconnect().expect("nothing was to be delivered");
        assert_eq!(end(&events), (None, unsent), "a session that ends sends nothing again");
    }
}

#[test]
fn the_end_of_a_client_that_gives_up_tells_it_too() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let events = client.events();
    line.publish("t", 0, 0, false, "");
    mark(&client, &mut line);
    drop(line);
    // Code 2: the client id is refused, and no other attempt can work.
    broker.accept_login().write(&crate::support::broker::refusal(2));
    assert_eq!(end(&events), (Some((2, "t".to_string())), 0));
    assert_eq!(client.stats().untaken, 2);
}

/// Every event until then of a message that holds back acknowledgements.
fn held_back(events: &Events) -> Vec<(String, bool, usize)> {
    let events = std::iter::from_fn(|| events.try_recv());
    let told = events.filter_map(|event| match event {
        Event::AcksHeldBack { topic, taken, held_back, .. } => Some((topic, taken, held_back)),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_message_that_holds_back_acknowledgements_by_hand_is_named_once() {
    named_once(AckMode::Manual);
}

#[test]
fn a_message_that_holds_back_acknowledgements_on_taking_is_named_once() {
    named_once(AckMode::OnTake);
}

fn named_once(mode: AckMode) {
    let broker = Broker::start();
    let config = broker.config().device_id("d").clean_session(false).ack_mode(mode).timeout(HELD);
    let (client, mut line) = broker.connect(config);
    let client = client.with_timeout(LONG);
    let events = client.events();
    let stream = stream(&client, &mut line, "job");
    line.publish("nobody/1", 1, 1, false, "");
    line.publish("nobody/2", 1, 2, false, "");
    line.publish("job", 1, 3, false, "");
    line.publish("job", 1, 4, false, "");
    for _ in 0..2 {
        stream.recv().expect("a job").ack().expect("noted");
    }
    assert_eq!(client.stats().held_back, 2);
    assert_eq!(held_back(&events), [], "not yet");
    // Nothing happens on the line: the one who waits for the next job finds out.
    assert!(stream.recv_timeout(HELD).expect("alive").is_none());
    assert_eq!(held_back(&events), [("nobody/1".to_string(), false, 2)], "{mode:?}");
    // The line breaks, and comes back: it is the same message.
    drop(line);
    let mut line = broker.accept(true);
    connected(&events);
    for (id, topic) in [(1, "nobody/1"), (2, "nobody/2"), (3, "job"), (4, "job")] {
        line.publish(topic, 1, id, true, "");
    }
    eventually("all are known", || client.stats().redelivered == 4);
    assert!(stream.recv_timeout(HELD).expect("alive").is_none());
    assert_eq!(held_back(&events), []);
    // The next one that holds them back is another.
    client.recv().expect("the first").ack().expect("noted");
    assert_eq!(line.expect(Kind::PubAck).id(), 1);
    assert!(stream.recv_timeout(HELD).expect("alive").is_none());
    assert_eq!(held_back(&events), [("nobody/2".to_string(), false, 2)]);
    client.recv().expect("the second").ack().expect("noted");
    assert_eq!([2, 3, 4].map(|_| line.expect(Kind::PubAck).id()), [2, 3, 4]);
    assert_eq!((client.stats().held_back, client.stats().unacknowledged), (0, 0));
}

#[test]
fn a_message_that_is_taken_and_never_acknowledged_is_named_too() {
    let broker = Broker::start();
    let (client, mut line) =
        broker.connect(broker.config().ack_mode(AckMode::Manual).timeout(HELD).keep_alive(HELD_KEEP));
    let events = client.events();
    line.publish("forgotten", 1, 1, false, "");
    line.publish("done", 1, 2, false, "");
    let _forgotten = client.recv().expect("one");
    client.recv().expect("two").ack().expect("noted");
    // Nobody waits for a message: the keep-alive makes the worker look.
    let named = event(&events, "held back", |event| match event {
        Event::AcksHeldBack { topic, taken, held_back, .. } => Some((topic, taken, held_back)),
        _ => None,
    });
    assert_eq!(named, ("forgotten".to_string(), true, 1));
}
