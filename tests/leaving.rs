//! Promise 10 and the end of a client: the last packet, the last report, and nothing after it.

mod support;

use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::{AckMode, Client, Credentials, ErrorKind, Event, Outgoing, QoS};
use support::broker::{Broker, Kind, Packet};
use support::{LONG, error, eventually};

const MOMENT: Duration = Duration::from_millis(200);

/// Held by each test that strands a worker or looks at how many there are: the count is the process's.
static STRANDED: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    STRANDED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn nothing_follows_disconnect_on_the_line() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 1, 1, false, "one");
    eventually("arrived", || client.stats().received == 1);
    thread::scope(|scope| {
        let closers: Vec<_> = (0..2).map(|_| scope.spawn(|| client.disconnect())).collect();
        line.expect(Kind::Disconnect);
        // Taking would acknowledge, but it is too late for that.
        client.recv().expect("received before");
        assert_eq!(line.read(), None, "the client closes, and says nothing more");
        for closer in closers {
            closer.join().expect("no panic").expect("nothing to deliver");
        }
    });
}

#[test]
fn drop_is_quick_and_strands_nobody_while_acknowledgements_are_missing() {
    let _alone = alone();
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    line.expect(Kind::Publish);
    let peer = thread::spawn(move || {
        line.expect(Kind::Disconnect);
        assert_eq!(line.read(), None);
    });
    drop(client);
    assert_eq!(aliyun_mqtt::stranded_workers(), 0);
    error(delivery.wait());
    peer.join().expect("DISCONNECT came, and then the end");
}

#[test]
fn a_client_closed_while_connecting_stays_closed() {
    let _alone = alone();
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    drop(line);
    let mut line = broker.accept_raw();
    line.read().expect("CONNECT");
    client.with_timeout(MOMENT).disconnect().expect("nothing to deliver");
    assert_eq!(error(client.recv()).kind(), ErrorKind::Closed);
    // Whoever answers a login that was given up is not spoken to any more.
    line.connack(false, 0);
    assert_eq!(line.read(), None);
    assert!(!client.is_connected());
    let connects = std::iter::from_fn(|| events.recv()).filter(|event| matches!(event, Event::Connected { .. }));
    assert_eq!(connects.count(), 0);
    eventually("the worker has ended", || aliyun_mqtt::stranded_workers() == 0);
}

#[test]
fn a_loss_is_reported_once() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    line.expect(Kind::Publish);
    assert_eq!(error(client.with_timeout(MOMENT).disconnect()).kind(), ErrorKind::Undelivered { count: 1 });
    drop(delivery);
    client.disconnect().expect("reported already");
}

#[test]
fn a_listener_that_comes_too_late_is_told_that_it_is_over() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    drop(line);
    client.disconnect().expect("nothing to deliver");
    assert!(client.events().recv().is_none());
}

#[test]
fn what_is_left_in_the_inbox_keeps_nothing_alive() {
    let broker = Broker::start();
    let token = Arc::new(());
    let held = Arc::downgrade(&token);
    let provider = Credentials::provider(move || {
        let _ = &token;
        Ok(Credentials::signature("test-access-key-id", "test-access-key-secret"))
    });
    let config = broker.config().credentials(provider).ack_mode(AckMode::Manual);
    let (client, mut line) = broker.connect(config);
    line.publish("t", 1, 1, false, "left behind");
    eventually("arrived", || client.stats().received == 1);
    drop((client, line));
    eventually("configuration and credentials are freed", || held.strong_count() == 0);
}

#[test]
fn disconnect_does_not_wait_for_a_pause_between_connects() {
    let _alone = alone();
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().backoff(LONG * 10, LONG * 10));
    let events = client.events();
    drop(line);
    support::event(&events, "pausing", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let start = Instant::now();
    client.disconnect().expect("nothing to deliver");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    assert_eq!(aliyun_mqtt::stranded_workers(), 0);
}

#[test]
fn connecting_can_be_given_up_from_outside() {
    let _alone = alone();
    let broker = Broker::start();
    let config = broker.config().timeout(Duration::from_secs(2)).build().expect("a good configuration");
    let error = error(Client::connect(config));
    assert!(error.is_timeout(), "{error}");
    eventually("its worker ends by itself", || aliyun_mqtt::stranded_workers() == 0);
}

#[test]
fn the_end_wakes_who_waits_for_a_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let (told, hears) = mpsc::channel();
    let receiver = client.clone();
    thread::spawn(move || {
        for _ in 0..2 {
            let _ = told.send(receiver.recv().map(|_| ()).map_err(|error| error.kind()));
        }
    });
    line.publish("t", 0, 0, false, "one");
    assert_eq!(hears.recv_timeout(LONG), Ok(Ok(())));
    // From now on it most likely waits; if it is late, it finds the end at once.
    client.disconnect().expect("nothing to deliver");
    assert_eq!(hears.recv_timeout(LONG), Ok(Err(ErrorKind::Closed)));
}

#[test]
fn after_disconnect_it_reads_on_while_the_other_side_has_not_closed() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    let start = Instant::now();
    thread::scope(|scope| {
        let closer = scope.spawn(|| client.disconnect());
        line.expect(Kind::Disconnect);
        assert_eq!(line.read(), None);
        assert!(start.elapsed() >= Duration::from_millis(1_500), "{:?}", start.elapsed());
        closer.join().expect("no panic").expect("nothing to deliver");
    });
}

#[test]
fn an_acknowledgement_after_disconnect_is_refused() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().ack_mode(AckMode::Manual));
    line.publish("t", 1, 1, false, "one");
    eventually("arrived", || client.stats().received == 1);
    let message = client.recv().expect("one");
    thread::scope(|scope| {
        let closer = scope.spawn(|| client.disconnect());
        line.expect(Kind::Disconnect);
        let acked = message.ack();
        assert_eq!(line.read(), None, "nothing follows");
        closer.join().expect("no panic").expect("nothing to deliver");
        assert_eq!(error(acked).kind(), ErrorKind::Closed);
    });
}

/// A server that has PUBREC keeps the message until PUBCOMP: a client that leaves before gets it again in a kept
/// session.
#[test]
fn disconnect_finishes_the_exchange_of_a_qos_2_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 2, 7, false, "one");
    client.recv_timeout(LONG).expect("connected").expect("one");
    assert_eq!(line.expect(Kind::PubRec).id(), 7, "PUBREC");
    thread::scope(|scope| {
        let closer = scope.spawn(|| client.disconnect());
        eventually("disconnect has begun", || client.enqueue(Outgoing::new("t", QoS::AtMostOnce, "x")).is_err());
        line.send(&Packet::PubRel(7));
        let after = std::iter::from_fn(|| line.read())
            .find(|packet| packet.kind() != Kind::Publish)
            .map(|packet| packet.kind());
        assert_eq!(after, Some(Kind::PubComp), "PUBCOMP, then DISCONNECT");
        line.expect(Kind::Disconnect);
        drop(line);
        closer.join().expect("no panic").expect("nothing to deliver");
    });
}

#[test]
fn an_exchange_that_the_server_does_not_finish_is_waited_for_until_the_deadline_only() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 2, 7, false, "one");
    client.recv_timeout(LONG).expect("connected").expect("one");
    assert_eq!(line.expect(Kind::PubRec).id(), 7, "PUBREC");
    let start = Instant::now();
    thread::scope(|scope| {
        let closer = scope.spawn(|| client.with_timeout(MOMENT * 5).disconnect());
        line.expect(Kind::Disconnect);
        assert!(start.elapsed() >= MOMENT, "{:?}", start.elapsed());
        drop(line);
        closer.join().expect("no panic").expect("nothing to deliver");
    });
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

#[test]
fn disconnect_does_not_wait_for_a_qos_2_message_that_was_not_taken_or_whose_connection_is_gone() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    line.publish("t", 2, 7, false, "left in the inbox");
    eventually("arrived", || client.stats().received == 1);
    let start = Instant::now();
    thread::scope(|scope| {
        let closer = scope.spawn(|| client.disconnect());
        line.expect(Kind::Disconnect);
        drop(line);
        closer.join().expect("no panic").expect("nothing to deliver");
    });
    let (client, mut line) = broker.connect(broker.config().backoff(LONG * 10, LONG * 10));
    line.publish("t", 2, 7, false, "one");
    client.recv_timeout(LONG).expect("connected").expect("one");
    assert_eq!(line.expect(Kind::PubRec).id(), 7, "PUBREC");
    drop(line);
    eventually("the connection is gone", || !client.is_connected());
    client.disconnect().expect("nothing to deliver");
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
}

/// Publishes one message to a server that acknowledges it, and keeps its side open after DISCONNECT. Returns how long
/// `disconnect` takes, and whether it waits for the server.
fn publish_and_leave(broker: &Broker, subscribed: bool) -> (Duration, bool) {
    let (client, mut line) = broker.connect(broker.config());
    let server = thread::spawn(move || {
        let packets =
            line.serve_until(|packets| packets.last().is_some_and(|packet| packet.kind() == Kind::Disconnect));
        assert_eq!(packets.last().map(Packet::kind), Some(Kind::Disconnect));
        line.stream.set_read_timeout(Some(MOMENT)).expect("set");
        match line.stream.read(&mut [0]) {
            // A reset would be an error of another kind.
            Ok(count) => assert_eq!(count, 0, "nothing follows DISCONNECT"),
            Err(error) => {
                assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
                return true;
            }
        }
        false
    });
    if subscribed {
        client.subscribe("t", QoS::AtLeastOnce).expect("granted");
    }
    client.publish("t", QoS::AtLeastOnce, "x").expect("acknowledged");
    let begin = Instant::now();
    client.disconnect().expect("nothing to deliver");
    (begin.elapsed(), server.join().expect("DISCONNECT, and then the end"))
}

#[test]
fn a_client_that_expects_nothing_more_closes_first_and_without_a_reset() {
    let _alone = alone();
    let broker = Broker::start();
    let ends: Vec<_> = (0..200).map(|_| publish_and_leave(&broker, false)).collect();
    // The worker would read for two seconds at most: all of these cannot be so slow by chance.
    let quickest = ends.iter().map(|(took, _)| *took).min().expect("one");
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
    assert!(ends.iter().any(|(_, waits)| !waits));
}

#[test]
fn a_client_that_has_subscribed_waits_for_the_servers_end() {
    let _alone = alone();
    let broker = Broker::start();
    let (_, waits) = publish_and_leave(&broker, true);
    assert!(waits, "a message may still come, and would reset the connection");
}
