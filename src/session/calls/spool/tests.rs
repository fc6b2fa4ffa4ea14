//! Accepted means stored: a client over a store that hangs and fails.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;
use crate::spool::{Fake, Fault, Spool};
use crate::{Client, Credentials, Delivery, Outgoing, QoS};

const LONG: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_millis(100);

/// A server for one connection that acknowledges nothing. Returns the payloads that arrive, one letter each.
fn server() -> (String, Receiver<char>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("mqtt://{}", listener.local_addr().expect("an address"));
    let (tell, arrived) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = [0; 2];
        while stream.read_exact(&mut head).is_ok() {
            let mut length = usize::from(head[1]);
            if length > 127 {
                let mut more = [0];
                stream.read_exact(&mut more).expect("the length");
                length = length - 128 + 128 * usize::from(more[0]);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("a packet");
            match head[0] >> 4 {
                1 => stream.write_all(&[0x20, 2, 0, 0]).expect("CONNACK"),
                3 => drop(tell.send(char::from(*body.last().expect("a payload")))),
                _ => {}
            }
        }
    });
    (endpoint, arrived)
}

fn client(fake: &Fake) -> (Client, Receiver<char>) {
    client_with(fake, |spool| spool)
}

fn client_with(fake: &Fake, change: impl FnOnce(Spool) -> Spool) -> (Client, Receiver<char>) {
    let (endpoint, arrived) = server();
    let config = Config::builder()
        .endpoint(endpoint)
        .instance_id("post-cn-test")
        .group_id("GID_test")
        .credentials(Credentials::signature("key", "secret"))
        .timeout(LONG)
        .spool(change(Spool::at("/nonexistent/never-opened")));
    let opened =
        Opened { store: Box::new(fake.clone()), restored: Vec::new(), set_aside: None, without_lock_file: false };
    let config = config.build().expect("good");
    let session = Session::start_with(config, Instant::now() + LONG, Some(opened)).expect("connected");
    (Client::over(session), arrived)
}

/// Waits until everything before this is sent.
fn marker(client: &Client, arrived: &Receiver<char>, letter: char) {
    client.publish("demo/t", QoS::AtMostOnce, letter.to_string()).expect("written");
    assert_eq!(arrived.recv_timeout(LONG), Ok(letter));
}

fn nowait(client: &Client, letter: char) -> Result<Delivery> {
    client.enqueue(Outgoing::new("demo/t", QoS::AtLeastOnce, letter.to_string()))
}

#[test]
fn nothing_is_accepted_or_sent_before_it_is_stored() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    fake.hold(true);
    thread::scope(|scope| {
        let publishes: [Box<dyn Fn() -> Result<Delivery> + Send>; 2] = [
            Box::new(|| nowait(&client, 'a')),
            Box::new(|| client.try_enqueue(Outgoing::new("demo/t", QoS::ExactlyOnce, "a"))),
        ];
        for (round, publish) in publishes.into_iter().enumerate() {
            fake.hold(true);
            let publish = scope.spawn(publish);
            fake.begun(round + 1);
            marker(&client, &arrived, '0');
            assert!(!publish.is_finished());
            fake.hold(false);
            publish.join().expect("no panic").expect("accepted");
            fake.holds(round + 1);
            assert_eq!(arrived.recv_timeout(LONG), Ok('a'));
        }
    });
}

#[test]
fn a_batch_is_stored_with_one_sync() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    let letters = || "abcdefgh".chars();
    let message = |letter: char| Outgoing::new("demo/t", QoS::AtLeastOnce, letter.to_string());
    fake.hold(true);
    thread::scope(|scope| {
        let batch = scope.spawn(|| client.enqueue_many(letters().map(message)));
        fake.begun(1);
        marker(&client, &arrived, '0');
        assert!(!batch.is_finished(), "nothing is accepted before it is stored");
        fake.hold(false);
        assert!(batch.join().expect("no panic").iter().all(Result::is_ok));
    });
    fake.holds(8);
    assert_eq!(fake.commits(), [8], "one for all");
    let in_order: String = letters().map(|_| arrived.recv_timeout(LONG).expect("sent")).collect();
    assert_eq!(in_order, "abcdefgh");

    fake.fault(Some(Fault::Fails));
    for error in
        client.enqueue_many("xy".chars().map(message)).into_iter().map(|result| result.expect_err("not stored"))
    {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Spool, Some(Fate::NotSent)), "{error}");
    }
    fake.fault(None);
    nowait(&client, 'z').expect("the disk is well again");
    assert_eq!(arrived.recv_timeout(LONG), Ok('z'));
}

#[test]
fn a_thousand_messages_take_one_sync() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    let messages = || (0..1000).map(|_| Outgoing::new("demo/t", QoS::AtLeastOnce, "x"));
    assert!(client.enqueue_many(messages()).iter().all(Result::is_ok));
    assert_eq!(fake.commits(), [1000]);
    assert_eq!(arrived.recv_timeout(LONG), Ok('x'));
}

#[test]
fn the_messages_of_publish_each_do_not_wait_for_the_disk_one_by_one() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    let window = usize::from(client.config().window());
    fake.hold(true);
    let messages = (0..window).map(|number| {
        if number == 1 {
            // While the input blocks, the first message is on its way.
            fake.begun(1);
        }
        Outgoing::new("demo/t", QoS::AtLeastOnce, if number == 0 { "a" } else { "b" })
    });
    let mut results = client.publish_each(messages);
    thread::scope(|scope| {
        let first = scope.spawn(|| results.next());
        let until = Instant::now() + LONG;
        while client.stats().outbox_messages < window as u64 {
            assert!(Instant::now() < until, "a message waits for the one before it");
            thread::yield_now();
        }
        marker(&client, &arrived, '0');
        fake.hold(false);
        fake.holds(window);
        assert_eq!(fake.commits(), [1, window - 1], "what gathers during one sync shares the next");
        for number in 0..window {
            assert_eq!(arrived.recv_timeout(LONG), Ok(if number == 0 { 'a' } else { 'b' }));
        }
        client.closer().close();
        assert_eq!(first.join().expect("no panic").expect("one").expect_err("closed").kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_batch_for_which_the_disk_takes_too_long_fails_as_a_whole() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    fake.hold(true);
    let message = |letter: char| Outgoing::new("demo/t", QoS::AtLeastOnce, letter.to_string());
    for result in client.with_timeout(MOMENT).enqueue_many("abc".chars().map(message)) {
        let error = result.expect_err("not in time");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Spool), Some(Fate::NotSent)), "{error}");
    }
    fake.hold(false);
    nowait(&client, 'y').expect("stored");
    assert_eq!(arrived.recv_timeout(LONG), Ok('y'), "what was taken back is not sent");
    fake.holds(1);
}

/// The message that waits for the disk may be the one that takes the room.
#[test]
fn a_batch_larger_than_the_spool_is_stored_in_parts() {
    let fake = Fake::default();
    let (client, arrived) = client_with(&fake, |spool| spool.max_bytes(3 * 40));
    let message = |letter: char| Outgoing::new("demo/t", QoS::AtLeastOnce, letter.to_string());
    let results = client.with_timeout(MOMENT).enqueue_many("abcdef".chars().map(message));
    let stored = results.iter().filter(|result| result.is_ok()).count();
    fake.holds(stored);
    assert!((1..6).contains(&stored), "{stored}");
    for error in results.iter().skip(stored).map(|result| result.as_ref().expect_err("no room")) {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Window), Some(Fate::NotSent)), "{error}");
    }
    for letter in "abcdef".chars().take(stored) {
        assert_eq!(arrived.recv_timeout(LONG), Ok(letter));
    }
}

#[test]
fn a_closer_ends_the_wait_for_the_disk_and_takes_the_message_back() {
    let fake = Fake::default();
    let (client, _arrived) = client(&fake);
    fake.hold(true);
    thread::scope(|scope| {
        let queued = scope.spawn(|| nowait(&client, 'x'));
        fake.begun(1);
        let published = scope.spawn(|| client.publish("demo/t", QoS::AtLeastOnce, "y"));
        let closed = || client.stats().outbox_messages == 2;
        while !closed() {
            thread::yield_now();
        }
        client.closer().close();
        let errors = [queued.join().expect("no panic").map(drop), published.join().expect("no panic")];
        for error in errors.map(|result| result.expect_err("not accepted")) {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{error}");
        }
        fake.hold(false);
        client.disconnect().expect("nothing is left");
        fake.holds(0);
    });
}

#[test]
fn what_cannot_be_stored_is_not_accepted_and_not_sent() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    for fault in [Fault::Fails, Fault::Panics] {
        fake.fault(Some(fault));
        let blocking = client.publish("demo/t", QoS::AtLeastOnce, "x").expect_err("not stored");
        for error in [blocking, nowait(&client, 'x').expect_err("not stored")] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Spool, Some(Fate::NotSent)), "{error}");
        }
        fake.fault(None);
        nowait(&client, 'y').expect("the disk is well again");
        assert_eq!(arrived.recv_timeout(LONG), Ok('y'));
    }
    marker(&client, &arrived, '0');
    fake.holds(2);
}

#[test]
fn a_disk_that_hangs_costs_the_caller_its_timeout_and_the_connection_nothing() {
    let fake = Fake::default();
    let (client, arrived) = client(&fake);
    fake.hold(true);
    let short = client.with_timeout(MOMENT);
    let blocking = short.publish("demo/t", QoS::AtLeastOnce, "x").expect_err("not in time");
    for error in [blocking, nowait(&short, 'x').expect_err("not in time")] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Spool), Some(Fate::NotSent)), "{error}");
    }
    marker(&client, &arrived, '0');
    fake.hold(false);
    nowait(&client, 'y').expect("stored");
    assert_eq!(arrived.recv_timeout(LONG), Ok('y'), "what was taken back is not sent");
    // Nor by the next run.
    fake.holds(1);
    assert_eq!(client.stats().outbox_messages, 1);
}

#[test]
fn the_end_takes_back_what_was_not_stored_yet() {
    let fake = Fake::default();
    let (client, _arrived) = client(&fake);
    let kept = nowait(&client, 'k').expect("stored");
    fake.hold(true);
    thread::scope(|scope| {
        let storing = scope.spawn(|| nowait(&client, 'x'));
        fake.begun(2);
        client.with_timeout(MOMENT).disconnect().expect_err("two are left");
        let error = storing.join().expect("no panic").expect_err("not accepted");
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{error}");
        assert_eq!(kept.wait().expect_err("kept").fate(), Some(Fate::Spooled));
        fake.hold(false);
        fake.holds(1);
    });
}
