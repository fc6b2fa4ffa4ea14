//! How rumqttc 0.25.1 ends, or does not, and what a user sees of it: a program that is told to stop while it is busy.
//!
//! Each trap, where it is in rumqttc, and what holds it:
//!
//! * dropping all clients does not end the loop (eventloop.rs:80, 293-297):
//!   `leaks::a_hundred_clients_leave_no_thread_and_no_descriptor`,
//!   `leaving::drop_is_quick_and_strands_nobody_while_acknowledgements_are_missing`
//! * after DISCONNECT the next poll reconnects (state.rs:449-456, eventloop.rs:147-151):
//!   [`nothing_is_dialled_after_disconnect`]
//! * DISCONNECT does not wait for acknowledgements, and unread ones make the close a reset (eventloop.rs:243-253):
//!   `service::disconnect_delivers_what_was_accepted_also_at_qos_0`,
//!   `leaving::after_disconnect_it_reads_on_while_the_other_side_has_not_closed`
//! * DISCONNECT waits behind a full table (eventloop.rs:188, 243):
//!   `rumqttc_requests::a_full_window_lets_acknowledgements_and_the_goodbye_pass`,
//!   [`told_to_stop_while_the_window_is_full`]
//! * nothing wakes a loop that connects (eventloop.rs:150-159): [`told_to_stop_while_connecting`],
//!   `leaving::a_client_closed_while_connecting_stays_closed`
//! * a pause between connects is the program's own (eventloop.rs:147): [`told_to_stop_during_a_pause`],
//!   `leaving::disconnect_does_not_wait_for_a_pause_between_connects`
//! * dropping the connection waits for the lookup (client.rs:430-437): `resolver::a_dead_resolver_holds_nobody`
//! * dropping or polling it inside an async program panics (client.rs:259-269, 457-459):
//!   `anywhere::inside_an_async_program`, `anywhere::inside_a_program_of_many_async_threads`
//! * a panic of the runtime's construction (client.rs:265): `descriptors::out_of_descriptors_for_a_while`
//! * TLS ends without close_notify (framed.rs:11-16): no behaviour: the peer sees DISCONNECT before the end
//! * acknowledged after the caller's timeout, or after the goodbye:
//!   `rumqttc_acks::a_late_answer_is_nothing_to_the_next_message`,
//!   `leaving::an_acknowledgement_after_disconnect_is_refused`

use std::thread;
use std::time::{Duration, Instant};

use crate::support::broker::{self, Broker, Kind, lax};
use crate::support::{LONG, error, event, eventually};
use aliyun_mqtt::{Client, ErrorKind, Event, Events, Fate, Outgoing, QoS};

/// A deadline that must be kept: the disconnects here have it, and everything else waits far longer.
const SOON: Duration = Duration::from_secs(1);

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(20);

/// As a signal handler's thread does: disconnects with its own deadline, while the others are where they are.
fn stop(client: &Client) -> Result<(), aliyun_mqtt::Error> {
    let start = Instant::now();
    let result = client.with_timeout(SOON).disconnect();
    assert!(start.elapsed() < SOON + SLACK, "{:?}", start.elapsed());
    result
}

/// Waits until the client knows that it has no connection; its events from then on.
fn lost(client: &Client, line: broker::Line) -> Events {
    let events = client.events();
    drop(line);
    event(&events, "lost", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    events
}

/// The worker is gone: nothing more can happen.
fn over(events: Events) {
    let listener = thread::spawn(move || std::iter::from_fn(|| events.recv()).count());
    eventually("the worker has ended", || listener.is_finished());
}

#[test]
fn nothing_is_dialled_after_disconnect() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let leaving = scope.spawn(|| client.disconnect());
        // rumqttc's loop would end with an error when the other side closes, and connect again at the next poll.
        assert_eq!(line.read().map(|packet| packet.kind()), Some(Kind::Disconnect));
        drop(line);
        leaving.join().expect("no panic").expect("nothing to deliver");
    });
    assert_eq!(error(client.publish("t", QoS::AtLeastOnce, "x")).kind(), ErrorKind::Closed);
    // The worker is gone by now, so whatever it did was done.
    assert!(!broker.somebody_waits());
}

#[test]
fn told_to_stop_while_connecting() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = lost(&client, line);
    let held = broker.accept_login();
    thread::scope(|scope| {
        let publisher = scope.spawn(|| client.publish("t", QoS::AtLeastOnce, "x"));
        let receiver = scope.spawn(|| client.recv());
        eventually("accepted", || client.stats().outbox_messages == 1);
        let report = error(stop(&client));
        assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 }, "{report}");
        let failed = error(publisher.join().expect("no panic"));
        assert_eq!((failed.kind(), failed.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{failed}");
        assert_eq!(error(receiver.join().expect("no panic")).kind(), ErrorKind::Closed);
    });
    // What it was dialling is of no use to it any more.
    drop(held);
    over(events);
}

#[test]
fn told_to_stop_during_a_pause() {
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config().backoff(LONG * 10, LONG * 10));
    let events = lost(&client, line);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| client.publish("t", QoS::AtMostOnce, "x"));
        let subscriber = scope.spawn(|| client.subscribe("t", QoS::AtLeastOnce));
        let flusher = scope.spawn(|| {
            eventually("accepted", || client.stats().outbox_messages == 2);
            client.flush(LONG)
        });
        eventually("accepted", || client.stats().outbox_messages == 2);
        // What was not delivered are messages; a subscription is told to its caller.
        assert_eq!(error(stop(&client)).kind(), ErrorKind::Undelivered { count: 1 });
        assert_eq!(error(publisher.join().expect("no panic")).fate(), Some(Fate::NotSent));
        assert_eq!(error(subscriber.join().expect("no panic")).fate(), Some(Fate::NotSent));
        // Everything is settled, and told already: it may see the end, or nothing of it.
        let _ = flusher.join().expect("no panic");
    });
    over(events);
}

#[test]
fn told_to_stop_while_the_window_is_full() {
    let broker = Broker::start();
    let limits = lax().outbox(3, 100_000);
    let (client, mut line) = broker.connect(broker.config().window(1).limits(limits));
    let events = client.events();
    thread::scope(|scope| {
        // One on the line, two behind it, and two that find no room.
        let written = scope.spawn(|| client.publish("t/written", QoS::ExactlyOnce, "x"));
        line.expect(Kind::Publish);
        let behind: Vec<_> =
            (0..2).map(|_| client.enqueue(Outgoing::new("t/behind", QoS::AtLeastOnce, "x")).expect("room")).collect();
        let waiting: Vec<_> =
            (0..2).map(|_| scope.spawn(|| client.enqueue(Outgoing::new("t/late", QoS::AtLeastOnce, "x")))).collect();
        let receiver = scope.spawn(|| client.recv_timeout(LONG));
        let report = error(stop(&client));
        assert_eq!(report.kind(), ErrorKind::Undelivered { count: 3 }, "{report}");
        assert!(report.to_string().contains("t/written") && report.to_string().contains("t/behind"), "{report}");
        assert_eq!(line.read().map(|packet| packet.kind()), Some(Kind::Disconnect));
        drop(line);
        assert_eq!(error(written.join().expect("no panic")).fate(), Some(Fate::Unknown));
        for delivery in behind {
            assert_eq!(error(delivery.wait()).fate(), Some(Fate::NotSent));
        }
        for late in waiting {
            let refused = error(late.join().expect("no panic").map(drop));
            assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Closed, Some(Fate::NotSent)));
        }
        assert_eq!(error(receiver.join().expect("no panic")).kind(), ErrorKind::Closed);
    });
    over(events);
    assert_eq!(client.stats().outbox_messages, 0);
}

#[test]
fn told_to_stop_while_messages_come_in() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config());
    thread::scope(|scope| {
        let receiver = scope.spawn(|| client.messages().filter(Result::is_ok).count());
        let mut sent = 0_usize;
        while client.stats().received < 100 {
            line.publish("t", 1, sent as u16 + 1, false, "x");
            sent += 1;
        }
        let leaving = scope.spawn(|| stop(&client));
        // The messages go on coming until the goodbye is read.
        let packets = line.serve_until(|packets| packets.iter().any(|packet| packet.kind() == Kind::Disconnect));
        assert_eq!(packets.last().map(broker::Packet::kind), Some(Kind::Disconnect));
        drop(line);
        leaving.join().expect("no panic").expect("nothing to deliver");
        // What had arrived can be taken to the last one.
        let received = receiver.join().expect("no panic");
        assert!((100..=sent).contains(&received), "{received} of {sent}");
        assert_eq!(received as u64, client.stats().received);
    });
}
