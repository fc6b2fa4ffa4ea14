//! The spool: what was accepted outlives the process. A process of its own: a child that somebody starts meanwhile
//! would hold the lock of a spool until it has become another program.
#![cfg(feature = "spool")]

mod support;

use std::thread;
use std::time::{Duration, SystemTime};

use aliyun_mqtt::{Client, ErrorKind, Fate, Outgoing, Protocol, QoS, Stage};
use aliyun_mqtt_emulator::What;
use support::broker::{Broker, Kind, Line, Packet, lax};
use support::fault_proxy::Proxy;
use support::folder::Folder;
use support::{LONG, connected, error, eventually};

const MOMENT: Duration = Duration::from_millis(200);

/// For what has to time out: long enough for a busy machine to do what comes before.
const SHORT: Duration = Duration::from_secs(4);

fn run(broker: &Broker, dir: &Folder) -> (Client, Line) {
    broker.connect(broker.config().spool(dir.spool()))
}

/// Ends a client whose broker does not answer.
fn leave(client: &Client) -> Option<aliyun_mqtt::Error> {
    client.with_timeout(MOMENT).disconnect().err()
}

/// What a run without an answering broker leaves behind.
fn leave_behind(broker: &Broker, dir: &Folder, payloads: &[&str]) {
    let (client, _line) = run(broker, dir);
    for payload in payloads {
        drop(client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, *payload)).expect("accepted"));
    }
    let report = leave(&client).expect("not delivered");
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: payloads.len() });
}

fn acknowledge(line: &mut Line, payload: &str) {
    let publish = line.expect(Kind::Publish);
    assert_eq!((publish.payload().as_str(), publish.dup()), (payload, false));
    line.send(&Packet::PubAck(publish.id()));
}

#[test]
fn the_next_run_sends_what_is_left_in_order_and_before_anything_new() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, mut line) = run(&broker, &dir);
    let accepted: Vec<_> = ["one", "two", "three"]
        .map(|payload| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, payload)).expect("accepted"))
        .into();
    let exactly = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "four")).expect("accepted");
    assert_eq!(client.stats().spooled_messages, 4);
    client.publish("t", QoS::AtMostOnce, "not stored").expect("written");
    acknowledge(&mut line, "one");
    accepted[0].wait().expect("acknowledged");
    let report = leave(&client).expect("not delivered");
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 3 });
    assert!(report.to_string().contains("3 stay in the spool and are sent by the next run"), "{report}");
    for delivery in [&accepted[1], &accepted[2], &exactly] {
        let kept = error(delivery.wait());
        assert_eq!((kept.kind(), kept.fate()), (ErrorKind::Closed, Some(Fate::Spooled)), "{kept}");
    }
    drop(line);

    let (client, mut line) = run(&broker, &dir);
    assert_eq!((client.stats().spooled_messages, client.stats().published), (3, 0));
    let new = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "five")).expect("accepted");
    acknowledge(&mut line, "two");
    acknowledge(&mut line, "three");
    let four = line.expect(Kind::Publish);
    assert_eq!((four.payload().as_str(), four.qos(), four.dup()), ("four", 2, false), "a new message");
    acknowledge(&mut line, "five");
    line.send(&Packet::PubRec(four.id()));
    line.expect(Kind::PubRel);
    line.send(&Packet::PubComp(four.id()));
    new.wait().expect("acknowledged");
    client.flush(LONG).expect("all delivered");
    eventually("all removed", || client.stats().spooled_messages == 0 && client.stats().spooled_bytes == 0);
    client.disconnect().expect("nothing left");
    drop(line);

    let (client, mut line) = run(&broker, &dir);
    let last = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "six")).expect("accepted");
    acknowledge(&mut line, "six");
    last.wait().expect("acknowledged");
}

#[test]
fn disconnect_leaves_no_record_of_what_was_acknowledged() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, mut line) = run(&broker, &dir);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    acknowledge(&mut line, "x");
    delivery.wait().expect("acknowledged");
    // At once: the removal is still on its way.
    client.disconnect().expect("delivered");
    drop(line);
    let (client, _line) = run(&broker, &dir);
    assert_eq!(client.stats().spooled_messages, 0);
}

#[test]
fn a_publish_that_times_out_is_taken_back() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, mut line) = broker.connect(broker.config().spool(dir.spool()).window(1));
    thread::scope(|scope| {
        let written = scope.spawn(|| error(client.with_timeout(SHORT).publish("t", QoS::AtLeastOnce, "written")));
        assert_eq!(line.expect(Kind::Publish).payload(), "written");
        let queued = scope.spawn(|| error(client.with_timeout(SHORT / 2).publish("t", QoS::AtLeastOnce, "queued")));
        let (queued, written) = (queued.join().expect("no panic"), written.join().expect("no panic"));
        assert_eq!((queued.kind(), queued.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
        assert_eq!((written.kind(), written.fate()), (ErrorKind::Timeout(Stage::Ack), Some(Fate::Unknown)));
    });
    eventually("both records are gone", || client.stats().spooled_messages == 0);
    assert!(leave(&client).is_none(), "both were told");
    drop(line);
    let (client, mut line) = run(&broker, &dir);
    let next = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "next")).expect("accepted");
    acknowledge(&mut line, "next");
    next.wait().expect("acknowledged");
}

#[test]
fn a_message_without_a_limit_outlasts_the_clients_time_out() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, line) = run(&broker, &dir);
    let events = client.events();
    let short = client.with_timeout(MOMENT);
    let delivery = short.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "patient")).expect("accepted");
    assert_eq!(delivery.wait_timeout(MOMENT * 2).expect("open"), None);
    drop(line);
    let mut line = broker.accept(false);
    connected(&events);
    acknowledge(&mut line, "patient");
    assert_eq!(delivery.wait().expect("acknowledged").attempts, 2);
}

#[test]
fn age_counts_across_runs_and_the_loss_is_reported() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, line) = run(&broker, &dir);
    drop(client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "old")).expect("accepted"));
    let patient = Outgoing::new("t", QoS::AtLeastOnce, "patient").timeout(LONG * 60);
    drop(client.enqueue(patient).expect("accepted"));
    leave(&client).expect("not delivered");
    drop((client, line));
    let left = SystemTime::now();
    eventually("the clock went on", || left.elapsed().is_ok_and(|elapsed| elapsed > Duration::from_millis(5)));

    let config = broker.config().spool(dir.spool()).message_age(Duration::from_millis(1));
    let (client, mut line) = broker.connect(config);
    acknowledge(&mut line, "patient");
    let report = error(client.flush(LONG));
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains("PUBLISH to \"t\" (QoS 1) of an earlier run"), "{report}");
    client.disconnect().expect("told before");
    drop(line);
    let (client, _line) = run(&broker, &dir);
    assert_eq!(client.stats().spooled_messages, 0, "it does not come back");
}

#[test]
fn an_age_within_a_run_ends_the_record() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, _line) = broker.connect(broker.config().spool(dir.spool()).message_age(MOMENT));
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    assert_eq!(error(delivery.wait()).fate(), Some(Fate::Unknown));
    eventually("its record is gone", || client.stats().spooled_messages == 0);
}

#[test]
fn a_message_of_an_earlier_run_that_is_refused_is_reported_and_gone() {
    let emulator = support::emulator();
    let dir = Folder::new();
    let (good, bad) = (support::topic(&emulator, "good"), support::topic(&emulator, "bad"));
    let config = || support::config(&emulator).spool(dir.spool());
    let client = support::connect(config());
    emulator.refuse_logins(Some(3));
    assert!(emulator.kick(client.config().client_id().as_str()));
    eventually("cut", || !client.is_connected());
    drop(client.enqueue(Outgoing::new(&bad, QoS::AtLeastOnce, "bad")).expect("accepted"));
    drop(client.enqueue(Outgoing::new(&good, QoS::AtLeastOnce, "good")).expect("accepted"));
    leave(&client).expect("not delivered");
    emulator.refuse_logins(None);
    emulator.forbid(&bad);
    let client = support::connect(config());
    let report = error(client.flush(LONG));
    assert_eq!(report.kind(), ErrorKind::Undelivered { count: 1 });
    assert!(report.to_string().contains(&bad), "{report}");
    eventually("both records are gone", || client.stats().spooled_messages == 0);
}

#[test]
fn what_waits_for_a_refused_topic_stays_for_the_next_run() {
    const EACH: usize = 20;
    let emulator = support::emulator();
    let dir = Folder::new();
    let (good, bad) = (support::topic(&emulator, "good"), support::topic(&emulator, "bad"));
    emulator.forbid(&bad);
    let proxy = Proxy::start(support::matrix::addr(&emulator));
    let config = || support::config(&emulator).endpoint(proxy.endpoint()).spool(dir.spool());
    let client = support::connect(config());
    // All of them are accepted before the first is sent: what comes after the refusal is not stored.
    proxy.refuse(true);
    proxy.cut();
    let send = |topic: &str, number: usize| {
        client.enqueue(Outgoing::new(topic, QoS::AtLeastOnce, number.to_string())).expect("accepted")
    };
    let deliveries: Vec<_> = (0..EACH).map(|number| (send(&bad, number), send(&good, number))).collect();
    proxy.refuse(false);
    let mut fates = Vec::new();
    for (bad, good) in &deliveries {
        good.wait().expect("permitted");
        let error = error(bad.wait());
        assert_eq!(error.kind(), ErrorKind::SuspectedRefusal, "{error}");
        fates.push(error.fate().expect("a fate"));
    }
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Refused).count(), 2, "{fates:?}");
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Spooled).count(), EACH - 2, "{fates:?}");
    // A new one is not stored: nobody has to look for it there.
    let error = error(client.publish(&bad, QoS::AtLeastOnce, "new"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::SuspectedRefusal, Some(Fate::Refused)), "{error}");
    let kept = EACH as u64 - 2;
    eventually("the others' records are gone", || client.stats().spooled_messages == kept);
    client.disconnect().expect("every fate was seen");
    emulator.allow(&bad);
    let client = support::connect(config());
    client.flush(LONG).expect("permitted");
    eventually("all records are gone", || client.stats().spooled_messages == 0);
    let log = emulator.log();
    let arrived = log.iter().filter(|entry| matches!(&entry.what, What::Published { topic, .. } if *topic == bad));
    assert_eq!(arrived.count() as u64, kept);
}

#[test]
fn a_client_that_cannot_connect_loses_nothing_and_frees_the_file() {
    let (broker, dir) = (Broker::start(), Folder::new());
    leave_behind(&broker, &dir, &["kept"]);
    for _ in 0..3 {
        let config = broker.config().spool(dir.spool()).build().expect("good");
        thread::scope(|scope| {
            let client = scope.spawn(|| Client::connect(config));
            let mut line = broker.accept_raw();
            line.read().expect("CONNECT");
            line.connack(false, 5);
            assert_eq!(error(client.join().expect("no panic")).kind(), ErrorKind::Refused);
        });
    }
    let (client, mut line) = run(&broker, &dir);
    acknowledge(&mut line, "kept");
    client.flush(LONG).expect("delivered");
}

#[test]
fn a_second_client_is_refused_at_once() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, _line) = run(&broker, &dir);
    let second = error(Client::connect(broker.config().spool(dir.spool()).build().expect("good")));
    assert_eq!((second.kind(), second.stage()), (ErrorKind::Spool, Some(Stage::Spool)));
    assert!(second.to_string().contains("one client at a time"), "{second}");
    client.disconnect().expect("nothing to deliver");
    run(&broker, &dir);
}

#[test]
fn another_instance_is_refused_before_anything_is_sent() {
    let (broker, dir) = (Broker::start(), Folder::new());
    leave_behind(&broker, &dir, &["kept"]);
    let config = broker.config().instance_id("post-cn-other").spool(dir.spool()).build().expect("good");
    let refused = error(Client::connect(config));
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("post-cn-test") && refused.to_string().contains("post-cn-other"), "{refused}");
    // Had it connected, this would be its connection.
    let (client, mut line) = run(&broker, &dir);
    acknowledge(&mut line, "kept");
    client.flush(LONG).expect("delivered");
}

#[test]
fn a_message_too_large_for_the_limits_of_this_run_is_kept() {
    let (broker, dir) = (Broker::start(), Folder::new());
    leave_behind(&broker, &dir, &["a long payload"]);
    let config = broker.config().limits(lax().payload_len(5)).spool(dir.spool()).build().expect("good");
    let refused = error(Client::connect(config));
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("payload_len"), "{refused}");
    let (client, mut line) = run(&broker, &dir);
    acknowledge(&mut line, "a long payload");
    client.flush(LONG).expect("delivered");
}

#[test]
fn a_full_spool_waits_for_room_and_drops_nothing() {
    let (broker, dir) = (Broker::start(), Folder::new());
    // Two records of 24 bytes, topic and payload.
    let (client, mut line) = broker.connect(broker.config().spool(dir.spool().max_bytes(60)));
    let held: Vec<_> =
        (0..2).map(|n| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, format!("{n}"))).expect("room")).collect();
    assert_eq!((client.stats().spooled_messages, client.stats().spooled_bytes), (2, 52));
    let full = error(client.try_enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")));
    assert_eq!((full.kind(), full.fate()), (ErrorKind::Full, Some(Fate::NotSent)));
    assert!(full.to_string().contains("the spool is full"), "{full}");
    let late = error(client.with_timeout(MOMENT).enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")));
    assert_eq!((late.kind(), late.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)));
    client.publish("t", QoS::AtMostOnce, "needs no room").expect("written");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "2")).expect("room in time"));
        acknowledge(&mut line, "0");
        held[0].wait().expect("acknowledged");
        let third = waiting.join().expect("no panic");
        acknowledge(&mut line, "1");
        assert_eq!(line.expect(Kind::Publish).payload(), "needs no room");
        acknowledge(&mut line, "2");
        third.wait().expect("acknowledged");
    });
}

#[test]
fn a_damaged_file_can_be_set_aside_and_the_first_listener_hears_of_it() {
    let (broker, dir) = (Broker::start(), Folder::new());
    std::fs::write(dir.spool().path(), "no spool").expect("written");
    let refused = error(Client::connect(broker.config().spool(dir.spool()).build().expect("good")));
    assert_eq!(refused.kind(), ErrorKind::Spool);
    let (client, _line) = broker.connect(broker.config().spool(dir.spool().set_aside_damaged(true)));
    let path = support::event(&client.events(), "set aside", |event| match event {
        aliyun_mqtt::Event::SpoolSetAside { path, .. } => Some(path),
        _ => None,
    });
    assert_eq!(std::fs::read(path).expect("kept"), b"no spool");
    assert!(client.events().try_recv().is_none(), "told once");
}

#[test]
fn properties_of_mqtt_5_are_stored_with_their_message() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let config = |protocol| broker.config().protocol(protocol).spool(dir.spool());
    let (client, _line) = broker.connect(config(Protocol::V5));
    let message = Outgoing::new("t", QoS::AtLeastOnce, "x").content_type("c").user_property("k", "v");
    drop(client.enqueue(message).expect("accepted"));
    leave(&client);
    drop(client);
    let old = error(Client::connect(config(Protocol::V311).build().expect("good")));
    assert_eq!(old.kind(), ErrorKind::Config, "{old}");
    let (_client, mut line) = broker.connect(config(Protocol::V5));
    let publish = line.expect(Kind::Publish);
    assert_eq!((publish.topic().as_str(), publish.payload().as_str()), ("t", "x"));
    assert_eq!(publish.properties(), [&[0x26, 0, 1, b'k', 0, 1, b'v'][..], &[3, 0, 1, b'c']].concat());
    line.send(&Packet::PubAck(publish.id()));
}

#[test]
fn a_request_is_of_no_use_to_the_next_run() {
    let (broker, dir) = (Broker::start(), Folder::new());
    let (client, mut line) = run(&broker, &dir);
    thread::scope(|scope| {
        let call = scope.spawn(|| client.request("t/ask", "?", LONG));
        let request = line.expect(Kind::Publish);
        assert_eq!(client.stats().spooled_messages, 0);
        line.reply(&request, 0, 0, "!");
        call.join().expect("no panic").expect("a reply");
    });
    // Not acknowledged, and all the same not left for another run.
    leave(&client);
    drop((client, line));
    let (client, _line) = run(&broker, &dir);
    assert_eq!((client.stats().spooled_messages, client.stats().outbox_messages), (0, 0));
}
