//! The window on real connections: how far it grows, and what follows a cut.

use std::cell::Cell;
use std::thread;
use std::time::Duration;

use crate::support::broker::{self, Broker, Kind, Line, Packet};
use crate::support::connect;
use crate::support::fault_proxy::Proxy;
use crate::support::matrix::Transport;
use aliyun_mqtt::{Client, ConfigBuilder, Delivery, Outgoing, Protocol, QoS};

const BOTH: [Protocol; 2] = [Protocol::V311, Protocol::V5];

/// A broker behind a line on which a round trip takes this long.
fn far(round_trip: Duration) -> (Broker, Proxy) {
    let broker = Broker::start();
    let proxy = Proxy::over(Transport::Tcp, broker.addr());
    proxy.delay(round_trip / 2);
    (broker, proxy)
}

fn joined(config: ConfigBuilder, accept: impl FnOnce() -> Line + Send) -> (Client, Line) {
    thread::scope(|scope| {
        let line = scope.spawn(accept);
        (connect(config), line.join().expect("no panic"))
    })
}

fn enqueue(client: &Client, count: usize) -> Vec<Delivery> {
    (0..count)
        .map(|number| client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, number.to_string())).expect("accepted"))
        .collect()
}

/// Reads this many messages before it acknowledges any.
fn in_flight(line: &mut Line, count: usize) -> Vec<u16> {
    (0..count).map(|_| line.expect(Kind::Publish).id()).collect()
}

fn acknowledge(line: &mut Line, ids: &[u16]) {
    let acks: Vec<u8> = ids.iter().flat_map(|id| Packet::PubAck(*id).encode(broker::level())).collect();
    line.write(&acks);
}

#[test]
fn ten_thousand_messages_are_in_flight_over_200_ms() {
    for protocol in BOTH {
        let (broker, proxy) = far(Duration::from_millis(200));
        let config = broker::config(proxy.addr()).protocol(protocol).window(10_000);
        let (client, mut line) = joined(config, || broker.accept(false));
        let deliveries = enqueue(&client, 10_000);
        let ids = in_flight(&mut line, 10_000);
        assert_eq!(client.stats().window, 10_000);
        acknowledge(&mut line, &ids);
        for delivery in deliveries {
            assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
        }
        assert_eq!(client.stats().connections, 1);
    }
}

#[test]
fn it_grows_on_a_long_line_to_its_bound_without_a_reconnect() {
    for (protocol, max) in [(Protocol::V311, None), (Protocol::V5, None), (Protocol::V311, Some(3_000))] {
        let (broker, proxy) = far(Duration::from_millis(20));
        let mut config = broker::config(proxy.addr()).protocol(protocol);
        if let Some(max) = max {
            config = config.max_window(max);
        }
        let (client, mut line) = joined(config, || broker.accept(false));
        // Ids go round, too: of a table for 1,000 in flight.
        let rounds: &[usize] = match max {
            None => &[100, 400, 1_000, 1_000, 1_000, 1_000, 1_000],
            Some(_) => &[100, 400, 1_600, 3_000, 3_000],
        };
        let deliveries = enqueue(&client, rounds.iter().sum::<usize>() + 1);
        for round in rounds {
            let ids = in_flight(&mut line, *round);
            assert_eq!(client.stats().window, *round as u64);
            line.quiet();
            acknowledge(&mut line, &ids);
        }
        let last = in_flight(&mut line, 1);
        acknowledge(&mut line, &last);
        for delivery in deliveries {
            assert_eq!(delivery.wait().expect("acknowledged").attempts, 1);
        }
        assert_eq!(client.stats().connections, 1);
    }
}

#[test]
fn it_stays_within_the_servers_receive_maximum() {
    let (broker, proxy) = far(Duration::from_millis(20));
    let config = broker::config(proxy.addr()).protocol(Protocol::V5);
    // Receive maximum 150.
    let (client, mut line) = joined(config, || broker.accept_with(false, &[0x21, 0, 150]));
    let deliveries = enqueue(&client, 700);
    for round in [100, 150, 150, 150, 150] {
        let ids = in_flight(&mut line, round);
        line.quiet();
        acknowledge(&mut line, &ids);
    }
    assert!(deliveries.iter().all(|delivery| delivery.wait().is_ok()));
}

#[test]
fn a_bound_below_100_is_the_window() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().max_window(3));
    let deliveries = enqueue(&client, 12);
    for _ in 0..4 {
        let ids = in_flight(&mut line, 3);
        line.quiet();
        acknowledge(&mut line, &ids);
    }
    assert!(deliveries.iter().all(|delivery| delivery.wait().is_ok()));
}

#[test]
fn after_a_cut_it_is_100_until_all_that_was_in_flight_is_settled() {
    for fixed in [false, true] {
        let (broker, proxy) = far(Duration::from_millis(20));
        let config = broker::config(proxy.addr());
        let config = if fixed { config.window(400) } else { config };
        let (client, mut line) = joined(config, || broker.accept(false));
        let deliveries = enqueue(&client, 1_500);
        if !fixed {
            let ids = in_flight(&mut line, 100);
            acknowledge(&mut line, &ids);
        }
        in_flight(&mut line, 400);
        drop(line);
        let mut line = broker.accept(false);
        for _ in 0..4 {
            let ids = in_flight(&mut line, 100);
            line.quiet();
            acknowledge(&mut line, &ids);
        }
        // The acknowledgement of the first message that was not in flight at the cut ends the care.
        let ids = in_flight(&mut line, 100);
        acknowledge(&mut line, &ids);
        let ids = in_flight(&mut line, if fixed { 400 } else { 100 });
        acknowledge(&mut line, &ids);
        let server = thread::spawn(move || line.serve_until(|_| false));
        let again = deliveries.iter().filter(|delivery| delivery.wait().expect("acknowledged").attempts == 2).count();
        assert_eq!(again, 400);
        client.disconnect().expect("clean");
        server.join().expect("no panic");
    }
}

#[test]
fn a_resumed_session_goes_on_with_ids_beyond_those_of_a_new_connection() {
    for protocol in BOTH {
        let (broker, proxy) = far(Duration::from_millis(20));
        let config = broker::config(proxy.addr()).protocol(protocol).device_id("d").clean_session(false);
        let (client, mut line) = joined(config, || broker.accept(false));
        let deliveries = enqueue(&client, 1_600);
        for round in [100, 400] {
            let ids = in_flight(&mut line, round);
            acknowledge(&mut line, &ids);
        }
        let ids = in_flight(&mut line, 1_000);
        assert!(ids.iter().any(|id| *id > 1_024), "a connection starts with 1,024");
        drop(line);
        let mut line = broker.accept(true);
        let packets = line.serve_until(|packets| packets.len() == 1_100);
        let (again, rest) = packets.split_at(1_000);
        assert_eq!(again.iter().map(Packet::id).collect::<Vec<_>>(), ids);
        assert!(again.iter().all(Packet::dup) && !rest.iter().any(Packet::dup));
        let attempts: Vec<_> = deliveries.iter().map(|each| each.wait().expect("acknowledged").attempts).collect();
        assert_eq!(attempts.iter().filter(|attempts| **attempts == 2).count(), 1_000);
        assert_eq!(client.stats().connections, 2);
    }
}

#[test]
fn publish_each_follows_the_window() {
    let (broker, proxy) = far(Duration::from_millis(20));
    let (client, mut line) = joined(broker::config(proxy.addr()), || broker.accept(false));
    let taken = Cell::new(0_usize);
    let messages = (0..2_500).map(|number: i32| Outgoing::new("t", QoS::AtLeastOnce, number.to_string()));
    let server = thread::spawn(move || {
        for round in [100, 400, 1_000, 1_000] {
            let ids = in_flight(&mut line, round);
            acknowledge(&mut line, &ids);
        }
        line
    });
    let most = client.config().max_window().into();
    for (number, result) in client.publish_each(messages.inspect(|_| taken.set(taken.get() + 1))).enumerate() {
        result.expect("acknowledged");
        assert!(taken.get() - number <= most, "{} taken at result {number}", taken.get());
    }
    drop(server.join().expect("no panic"));
}
