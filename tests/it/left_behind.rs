//! Promises 6 and 7: what is reported of messages that nobody took, or that nobody acknowledged.

use std::time::Duration;

use crate::support::broker::{Broker, Kind};
use crate::support::{LONG, connected, error, event, eventually, mark, stream};
use aliyun_mqtt::{AckMode, ErrorKind, Event, Events};

/// After how long a message that holds back acknowledgements is named, in the tests of that; the shortest keep-alive.
const HELD: Duration = Duration::from_secs(3);
const HELD_KEEP: Duration = Duration::from_secs(5);

/// The content of the last event: how many messages were not taken, the topic of the first, and the acknowledgements
/// that did not leave.
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
        let taken: Vec<_> = client.messages().take(3).map(|message| message.expect("one")).collect();
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
