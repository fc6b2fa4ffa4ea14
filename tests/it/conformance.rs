//! Plain MQTT against Debian's mosquitto: a broker that shares no code with the emulator.
//!
//! Ignored by default, so that `cargo test` needs no package: `cargo test --test it -- --ignored conformance::`.

use crate::support::mosquitto::Mosquitto;
use crate::support::{LONG, connect, event, eventually, payloads};
use aliyun_mqtt::{Client, Event, Limits, Outgoing, Protocol, QoS};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// Publishes at each QoS to a subscription of each QoS: the lower of the two arrives.
fn round(client: &Client) {
    for subscribed in ALL {
        assert_eq!(client.subscribe("demo/round", subscribed).expect("subscribed"), subscribed);
        for published in ALL {
            client.publish("demo/round", published, format!("{published}")).expect("published");
            let message = client.recv_timeout(LONG).expect("alive").expect("a message");
            assert_eq!(message.payload_str().expect("text"), format!("{published}"));
            assert_eq!(message.qos(), published.min(subscribed));
        }
    }
    client.unsubscribe("demo/round").expect("unsubscribed");
    client.publish("demo/round", QoS::ExactlyOnce, "nobody hears").expect("published");
}

#[test]
#[ignore = "needs mosquitto"]
fn every_qos_both_ways() {
    let mosquitto = Mosquitto::start();
    let client = connect(mosquitto.config());
    round(&client);
    assert_eq!(client.stats().received, 9);
    client.disconnect().expect("all delivered");
}

#[test]
#[ignore = "needs mosquitto"]
fn requests_need_no_p2p_with_a_response_topic() {
    let mosquitto = Mosquitto::start();
    let requester = connect(mosquitto.config().response_topic("demo/replies/1"));
    let replier = connect(mosquitto.config());
    replier.subscribe("demo/ask", QoS::AtLeastOnce).expect("subscribed");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for message in replier.messages().take(8) {
                let message = message.expect("a request");
                let asked = message.request().expect("a request").payload().to_vec();
                replier.reply(&message, asked).expect("replied");
            }
        });
        for number in 0..8 {
            let requester = &requester;
            scope.spawn(move || {
                let reply = requester.request("demo/ask", format!("{number}"), LONG).expect("a reply");
                assert_eq!(reply.payload(), format!("{number}").as_bytes());
            });
        }
    });
    assert_eq!((requester.stats().replies, requester.stats().received), (8, 0));
}

#[test]
#[ignore = "needs mosquitto"]
fn a_kept_session_keeps_subscriptions_and_messages() {
    let mosquitto = Mosquitto::start();
    let sleeper = || connect(mosquitto.config().device_id("sleeper").clean_session(false));
    let awake = sleeper();
    awake.subscribe_many(&[("demo/one", QoS::AtLeastOnce), ("demo/two", QoS::ExactlyOnce)]).expect("subscribed");
    awake.disconnect().expect("gone");
    let sender = connect(mosquitto.config());
    for number in 0..50 {
        sender.publish("demo/one", QoS::AtLeastOnce, format!("one {number}")).expect("published");
        sender.publish("demo/two", QoS::ExactlyOnce, format!("two {number}")).expect("published");
    }
    let awake = sleeper();
    let expected: Vec<_> = (0..50).flat_map(|number| [format!("one {number}"), format!("two {number}")]).collect();
    assert_eq!(payloads(&awake, 100), expected);
    eventually("acknowledged", || awake.stats().unacknowledged == 0);
    awake.disconnect().expect("gone");
    let again = sleeper();
    sender.publish("demo/one", QoS::AtLeastOnce, "last").expect("published");
    assert_eq!(payloads(&again, 1), ["last"], "what was acknowledged does not come again");
}

#[test]
#[ignore = "needs mosquitto"]
fn a_message_above_the_limit_blocks_no_kept_session() {
    let mosquitto = Mosquitto::start();
    let limits = Limits::default().payload_len(1_000).packet_len(2_000);
    let sleeper = || connect(mosquitto.config().device_id("sleeper").clean_session(false).limits(limits.clone()));
    let awake = sleeper();
    awake.subscribe("demo/large", QoS::ExactlyOnce).expect("subscribed");
    awake.disconnect().expect("gone");
    let sender = connect(mosquitto.config());
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        for payload in ["before", &"x".repeat(5_000), "behind"] {
            sender.publish("demo/large", qos, payload).expect("published");
        }
    }
    let awake = sleeper();
    assert_eq!(payloads(&awake, 4), ["before", "behind", "before", "behind"]);
    // With MQTT 5 mosquitto knows the limit, and discards them itself.
    let set_aside = if crate::support::protocol() == Protocol::V311 { 2 } else { 0 };
    eventually("acknowledged", || awake.stats().unacknowledged == 0);
    assert_eq!(awake.stats().set_aside, set_aside);
    awake.disconnect().expect("gone");
    let again = sleeper();
    sender.publish("demo/large", QoS::AtLeastOnce, "last").expect("published");
    assert_eq!(payloads(&again, 1), ["last"], "what was acknowledged does not come again");
}

#[test]
#[ignore = "needs mosquitto"]
fn messages_not_acknowledged_come_again_on_the_kept_session() {
    let mosquitto = Mosquitto::start();
    let manual = || {
        let config = mosquitto.config().device_id("manual").clean_session(false);
        connect(config.ack_mode(aliyun_mqtt::AckMode::Manual))
    };
    let client = manual();
    client.subscribe("demo/work", QoS::AtLeastOnce).expect("subscribed");
    for number in 0..3 {
        client.publish("demo/work", QoS::AtLeastOnce, format!("{number}")).expect("published");
    }
    let taken: Vec<_> = client.messages().take(3).map(|message| message.expect("a message")).collect();
    taken[0].ack().expect("acknowledged");
    drop(client);
    let client = manual();
    assert_eq!(payloads(&client, 2), ["1", "2"]);
}

#[test]
#[ignore = "needs mosquitto"]
fn payloads_of_64_kib_and_of_nothing() {
    let mosquitto = Mosquitto::start();
    let client = connect(mosquitto.config());
    client.subscribe("demo/size", QoS::ExactlyOnce).expect("subscribed");
    for size in [0, 1, 127, 128, 16_383, 16_384, 65_535, 65_536] {
        let payload: Vec<u8> = (0..size).map(|byte: usize| (byte % 251) as u8).collect();
        client.publish("demo/size", QoS::ExactlyOnce, payload.clone()).expect("published");
        let message = client.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(message.into_payload(), payload, "{size}");
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn thirty_filters_in_one_packet_survive_a_lost_session() {
    let mosquitto = Mosquitto::start();
    let proxy = crate::support::fault_proxy::Proxy::start(mosquitto.addr());
    let client = connect(mosquitto.config().endpoint(proxy.endpoint()));
    let events = client.events();
    let filters: Vec<String> = (0..30).map(|number| format!("demo/filter/{number}/+")).collect();
    let filters: Vec<_> = filters.iter().map(|filter| (filter.as_str(), QoS::AtLeastOnce)).collect();
    assert_eq!(client.subscribe_many(&filters).expect("subscribed"), [QoS::AtLeastOnce; 30]);
    proxy.cut();
    crate::support::connected(&events);
    let sender = connect(mosquitto.config());
    for number in 0..30 {
        sender.publish(format!("demo/filter/{number}/x"), QoS::AtLeastOnce, format!("{number}")).expect("published");
    }
    let expected: Vec<_> = (0..30).map(|number| number.to_string()).collect();
    assert_eq!(payloads(&client, 30), expected);
}

#[test]
#[ignore = "needs mosquitto"]
fn a_second_client_with_the_same_id_takes_over() {
    let mosquitto = Mosquitto::start();
    let first = connect(mosquitto.config().device_id("twin").backoff(LONG, LONG));
    let events = first.events();
    let second = connect(mosquitto.config().device_id("twin"));
    let reason = event(&events, "cut", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.kind(), aliyun_mqtt::ErrorKind::ConnectionLost);
    second.publish("demo/twin", QoS::ExactlyOnce, "mine now").expect("published");
}

#[test]
#[ignore = "needs mosquitto"]
fn on_a_kept_session_cut_lines_lose_nothing_and_qos_2_arrives_once() {
    const COUNT: usize = 20_000;
    let mosquitto = Mosquitto::start();
    let proxy = crate::support::fault_proxy::Proxy::start(mosquitto.addr());
    let receiver = connect(mosquitto.config());
    receiver.subscribe("demo/cut/+", QoS::ExactlyOnce).expect("subscribed");
    let backoff = std::time::Duration::from_millis(10);
    let config = mosquitto.config().device_id("sender").clean_session(false).backoff(backoff, backoff);
    // The last message waits for all before it.
    let sender = connect(config.endpoint(proxy.endpoint())).with_timeout(10 * LONG);
    let mut arrived = [Vec::new(), Vec::new()];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..COUNT {
                let qos = ALL[1 + number % 2];
                let topic = format!("demo/cut/{}", qos.level());
                drop(sender.enqueue(Outgoing::new(&topic, qos, number.to_string())).expect("accepted"));
                if number % 500 == 499 {
                    proxy.cut();
                }
            }
            sender.flush(10 * LONG).expect("all acknowledged");
        });
        let done = |arrived: &[Vec<usize>; 2]| arrived.iter().all(|numbers| numbers.len() >= COUNT / 2);
        while !done(&arrived) {
            let message = receiver.recv_timeout(LONG).expect("alive").expect("a message");
            let number: usize = message.payload_str().expect("text").parse().expect("a number");
            let numbers = &mut arrived[usize::from(message.topic().ends_with('2'))];
            // A repetition of QoS 1 may follow later; what counts is the first arrival.
            if message.topic().ends_with('2') || !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    });
    let every_other = |first| (first..COUNT).step_by(2).collect::<Vec<_>>();
    for (first, numbers) in arrived.iter().enumerate() {
        let wrong = numbers.iter().zip(every_other(first)).position(|(number, expected)| *number != expected);
        let around = wrong.map(|at| &numbers[at.saturating_sub(3)..numbers.len().min(at + 10)]);
        assert_eq!(around, None, "QoS {}: complete, in order, and QoS 2 once", first + 1);
    }
    assert!(proxy.connections() > 10, "the cuts were real: {}", proxy.connections());
    assert!(receiver.try_recv().expect("alive").is_none_or(|message| message.topic().ends_with('1')));
}

#[test]
#[ignore = "needs mosquitto"]
fn ten_thousand_messages_of_each_qos_arrive_in_order() {
    const COUNT: usize = 10_000;
    let mosquitto = Mosquitto::start();
    let receiver = connect(mosquitto.config());
    let sender = connect(mosquitto.config()).with_timeout(10 * LONG);
    for qos in ALL {
        let topic = format!("demo/bulk/{}", qos.level());
        receiver.subscribe(&topic, qos).expect("subscribed");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..COUNT {
                    drop(sender.enqueue(Outgoing::new(&topic, qos, number.to_string())).expect("accepted"));
                }
                sender.flush(10 * LONG).expect("all acknowledged");
            });
            for number in 0..COUNT {
                let message = receiver.recv_timeout(LONG).expect("alive").expect("a message");
                assert_eq!(message.payload_str().expect("text"), number.to_string());
            }
        });
    }
}
