//! Outcomes and replies that go to a channel: one thread waits for any number of messages and requests.

use std::sync::mpsc::{Receiver, Sender};

use super::*;
use aliyun_mqtt::{Settled, StartedRequest};

/// The next report, as its tag and how the message ended.
fn next(reports: &Receiver<Settled>) -> (u64, Result<u32, (ErrorKind, Option<Fate>)>) {
    let Settled { tag, result, .. } = reports.recv_timeout(LONG).expect("a report");
    (tag, result.map(|receipt| receipt.attempts).map_err(|error| (error.kind(), error.fate())))
}

fn ask(client: &Client, to: &Sender<u64>, tag: u64) -> StartedRequest {
    let request = Outgoing::new("t/ask", QoS::AtLeastOnce, tag.to_string());
    let request = client.start_request(request, LONG).expect("sent");
    request.report_to(to, tag);
    request
}

#[test]
fn one_channel_gets_the_outcome_of_every_message() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let (to, reports) = channel();
        for (tag, message) in (1..).zip(numbered(1..=3)) {
            client.enqueue(message).expect("accepted").report_to(&to, tag);
        }
        // Before or after the outcome is known, and for a message that is written and not acknowledged.
        let settled = client.enqueue(message("4")).expect("accepted");
        let ids: Vec<u16> = (0..4).map(|_| line.expect(Kind::Publish).id()).collect();
        for place in [3, 0] {
            line.send(&Packet::PubAck(ids[place]));
        }
        assert_eq!(next(&reports), (1, Ok(1)));
        assert_eq!(settled.wait().expect("acknowledged").attempts, 1);
        settled.report_to(&to, 4);
        assert_eq!(next(&reports), (4, Ok(1)));
        let late = client.enqueue(message("5").timeout(SHORT)).expect("accepted");
        late.report_to(&to, 5);
        line.expect(Kind::Publish);
        eventually("its deadline", || late.try_wait().is_err());
        let timeout = (ErrorKind::Timeout(Stage::Ack), Some(Fate::Unknown));
        assert_eq!(next(&reports), (5, Err(timeout)));
        // The end of the client settles the rest, and what was reported is no loss.
        drop(late);
        client.with_timeout(Duration::from_millis(300)).disconnect().expect_err("two are open");
        let mut rest = [next(&reports), next(&reports)].map(|(tag, result)| (tag, result.map_err(|(_, fate)| fate)));
        rest.sort_by_key(|(tag, _)| *tag);
        assert_eq!(rest, [(2, Err(Some(Fate::Unknown))), (3, Err(Some(Fate::Unknown)))]);
        drop(to);
        assert!(reports.recv_timeout(LONG).is_err(), "each was reported once");
    }
}

#[test]
fn one_channel_learns_of_the_end_of_every_request() {
    for protocol in BOTH {
        let broker = Broker::start();
        let (client, mut line) = broker.connect(broker.config().protocol(protocol));
        let (to, ended) = channel();
        let ended = || ended.recv_timeout(LONG).expect("an end");
        let requests: Vec<StartedRequest> = (0..4).map(|tag| ask(&client, &to, tag)).collect();
        let asked: Vec<Packet> = (0..4).map(|_| line.expect(Kind::Publish)).collect();
        let mut requests = requests.into_iter();
        let mut first = || requests.next().expect("a request");
        line.reply(&asked[1], 0, 0, "one");
        assert_eq!(ended(), 1);
        // The acknowledgement is not the end.
        asked.iter().for_each(|request| line.send(&Packet::PubAck(request.id())));
        line.reply(&asked[0], 0, 0, "zero");
        assert_eq!(ended(), 0);
        for expected in ["zero", "one"] {
            assert_eq!(payload(&first().finish().expect("a reply")), expected);
        }
        let none = error(first().finish());
        assert_eq!((none.kind(), none.fate()), (ErrorKind::Timeout(Stage::Reply), Some(Fate::Delivered)), "{none}");
        assert_eq!(client.stats().waiting_requests, 1);
        drop(client);
        assert_eq!(ended(), 3);
        let gone = error(first().finish());
        assert_eq!((gone.kind(), gone.fate()), (ErrorKind::Closed, Some(Fate::Delivered)), "{gone}");
    }
}

#[test]
fn a_request_that_is_given_up_is_withdrawn_and_no_loss() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().window(1));
    let (to, ended) = channel();
    let written = ask(&client, &to, 0);
    let first = line.expect(Kind::Publish);
    let (waiting, dropped) = (ask(&client, &to, 1), ask(&client, &to, 2));
    let unsent = error(waiting.finish());
    assert_eq!((unsent.kind(), unsent.fate()), (ErrorKind::Closed, Some(Fate::NotSent)), "{unsent}");
    drop(dropped);
    let unknown = error(written.finish());
    assert_eq!((unknown.kind(), unknown.fate()), (ErrorKind::Closed, Some(Fate::Unknown)), "{unknown}");
    line.send(&Packet::PubAck(first.id()));
    let last = client.enqueue(message("behind")).expect("accepted");
    let behind = line.expect(Kind::Publish);
    assert_eq!(behind.payload(), "behind", "the two were never sent");
    line.send(&Packet::PubAck(behind.id()));
    last.wait().expect("acknowledged");
    assert_eq!((client.stats().waiting_requests, client.stats().outbox_messages), (0, 0));
    drop(to);
    // Each withdrawal was an end, too.
    assert_eq!(ended.iter().count(), 3);
    client.flush(LONG).expect("nothing was lost");
}

#[test]
fn a_refused_request_ends_at_once() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().protocol(Protocol::V5));
    let (to, ended) = channel();
    let request = ask(&client, &to, 7);
    let asked = line.expect(Kind::Publish);
    line.send_with(&Packet::PubAck(asked.id()), 0x87, "not you");
    assert_eq!(ended.recv_timeout(LONG), Ok(7));
    // Also for who asks afterwards.
    request.report_to(&to, 8);
    assert_eq!(ended.recv_timeout(LONG), Ok(8));
    assert_eq!(error(request.finish()).fate(), Some(Fate::Refused));
    let invalid = error(client.start_request(invalid(), LONG));
    assert_eq!(invalid.kind(), ErrorKind::Invalid);
}
