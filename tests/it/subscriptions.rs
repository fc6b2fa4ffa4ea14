//! Promise 6: which messages a subscription handle gets, how it shares filters with others, and what becomes of both.

use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Line, Packet, grant, lax};
use crate::support::{LONG, error, event, eventually, mark, stream, text};
use aliyun_mqtt::{AckMode, Client, ErrorKind, Event, Fate, Outgoing, QoS, Stage, Subscription};

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(2);

#[test]
fn a_stream_gets_its_matches_instead_and_hands_them_over_when_dropped() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscription("a/#", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        // A message may overtake SUBACK.
        line.publish("a/1", 0, 0, false, "early");
        line.suback(id, &[1]);
        let stream = stream.join().expect("no panic").expect("subscribed");
        line.publish("b", 0, 0, false, "other");
        line.publish("a/2", 0, 0, false, "late");
        line.publish("a/3", 0, 0, false, "left");
        let got: Vec<_> = stream.messages().take(2).map(|message| text(message.expect("one").payload())).collect();
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
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
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
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        let stream = stream.join().expect("no panic").expect("subscribed");
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        // Asked for, and not granted yet.
        drop(stream);
        line.suback(id, &[1]);
        own.join().expect("no panic").expect("subscribed");
        let delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
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
fn a_refused_subscription_holds_no_filter() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[0x80]);
        assert_eq!(error(own.join().expect("no panic")).kind(), ErrorKind::Rejected);
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _next = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
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
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let unsubscribe = line.expect(Kind::Unsubscribe).id();
        // UNSUBACK is still to come when the client itself subscribes.
        let own = scope.spawn(|| client.subscribe("a", QoS::AtLeastOnce));
        let id = line.expect(Kind::Subscribe).id();
        line.send(&Packet::UnsubAck(unsubscribe));
        line.suback(id, &[1]);
        own.join().expect("no panic").expect("subscribed");
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
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
    let held = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    let failed = error(client.with_timeout(SHORT).subscribe("a", QoS::AtLeastOnce));
    assert_eq!((failed.kind(), failed.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
    line.send(&Packet::PubAck(id));
    held.wait().expect("acknowledged");
    thread::scope(|scope| {
        let stream = scope.spawn(|| client.subscription("a", QoS::AtLeastOnce));
        grant(&mut line);
        drop(stream.join().expect("no panic").expect("subscribed"));
        let _delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
        assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe, "nobody else holds the filter");
    });
}

#[test]
fn a_stream_that_timed_out_is_unsubscribed_when_it_turns_out_granted() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let failed = error(client.with_timeout(SHORT).subscription("a", QoS::AtLeastOnce));
    assert_eq!(failed.fate(), Some(Fate::Unknown));
    grant(&mut line);
    let _delivery = client.enqueue(Outgoing::new("z", QoS::AtLeastOnce, "")).expect("accepted");
    assert_eq!(line.read().expect("a packet").kind(), Kind::Unsubscribe, "dropping a stream unsubscribes");
}

/// The payloads of what waits in the stream.
fn waiting(stream: &Subscription) -> Vec<String> {
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
            let stream = scope.spawn(|| client.subscription("a/#", QoS::ExactlyOnce));
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
                assert_eq!(error(client.subscription("a/+", QoS::AtLeastOnce)).kind(), ErrorKind::Invalid);
                publish(&mut line, 5..=6);
            }
            End::Dropped => {
                let stream = stream(&client, &mut line, "a/+");
                publish(&mut line, 5..=6);
                drop(stream);
            }
            End::Refused | End::TimedOut => thread::scope(|scope| {
                let stream = scope.spawn(|| hasty.subscription("a/+", QoS::AtLeastOnce));
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
