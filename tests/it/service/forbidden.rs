//! Promise 4: what the service forbids fails alone, with its topic named, and everything else goes on.

use std::sync::Mutex;
use std::time::Duration;

use super::{ALL, published};
use crate::support::{client, config, connect, emulator, error, event, eventually, payloads, text, topic};
use aliyun_mqtt::{Client, Delivery, ErrorKind, Event, Fate, Outgoing, QoS};
use aliyun_mqtt_emulator::What;

#[test]
fn a_forbidden_publish_fails_alone_in_a_stream_of_good_ones() {
    const THREADS: usize = 4;
    const EACH: usize = 100;
    let emulator = emulator();
    let forbidden = topic(&emulator, "forbidden");
    emulator.forbid(&forbidden);
    let client = client(&emulator);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, emulator, failed, forbidden) = (client.clone(), &emulator, &failed, &forbidden);
            scope.spawn(move || {
                for number in 0..EACH {
                    if (thread, number) == (1, EACH / 2) {
                        let result = client.publish(forbidden, QoS::AtLeastOnce, "bad");
                        *failed.lock().expect("a lock") = Some(error(result));
                    }
                    let topic = topic(emulator, &format!("good/{thread}"));
                    client.publish(&topic, QoS::AtLeastOnce, format!("{number}")).expect("a good one");
                }
            });
        }
    });
    let error = failed.lock().expect("a lock").take().expect("it was tried");
    assert_eq!((error.kind(), error.fate()), (ErrorKind::SuspectedRefusal, Some(Fate::Refused)), "{error}");
    assert!(error.to_string().contains(&forbidden), "{error}");
    for thread in 0..THREADS {
        assert!(published(&emulator, &topic(&emulator, &format!("good/{thread}"))) >= EACH);
    }
    assert_eq!(published(&emulator, &forbidden), 0);
    client.publish(topic(&emulator, "after"), QoS::ExactlyOnce, "x").expect("the line is good");
}

/// Each of these topics gets so many messages in turn, at this QoS or, for `None`, at each; then `good`, too.
fn batch(client: &Client, topics: &[&str], each: usize, qos: Option<QoS>) -> Vec<Vec<Delivery>> {
    let mut deliveries: Vec<Vec<_>> = topics.iter().map(|_| Vec::new()).collect();
    for number in 0..each {
        for (topic, deliveries) in topics.iter().zip(&mut deliveries) {
            let qos = qos.unwrap_or(ALL[number % 3]);
            deliveries.push(client.enqueue(Outgoing::new(topic, qos, format!("{number}"))).expect("accepted"));
        }
    }
    deliveries
}

#[track_caller]
fn all_refused(deliveries: &[Delivery], topic: &str) {
    for (number, delivery) in deliveries.iter().enumerate() {
        let error = error(delivery.wait());
        assert_eq!(
            (error.kind(), error.fate()),
            (ErrorKind::SuspectedRefusal, Some(Fate::Refused)),
            "{number}: {error}"
        );
        assert!(error.to_string().contains(topic), "{error}");
    }
}

#[test]
fn a_batch_to_a_forbidden_topic_fails_as_a_whole_and_the_rest_goes_through() {
    const EACH: usize = 1_000;
    let emulator = emulator();
    let (good, bad) = (topic(&emulator, "good"), topic(&emulator, "bad"));
    emulator.forbid(&bad);
    let client = connect(config(&emulator).window(50));
    let events = client.events();
    let deliveries = batch(&client, &[&bad, &good], EACH, Some(QoS::AtLeastOnce));
    let (refused, pause) = event(&events, "the topic is refused", |event| match event {
        Event::TopicRefused { topic, retry_in, reason, .. } => {
            assert_eq!(reason.fate(), Some(Fate::Refused), "{reason}");
            Some((topic, retry_in))
        }
        _ => None,
    });
    assert_eq!((refused, pause), (bad.clone(), Duration::from_secs(600)));
    all_refused(&deliveries[0], &bad);
    for delivery in &deliveries[1] {
        delivery.wait().expect("permitted");
    }
    // Two connections make suspects, and at most two more convict each of two messages.
    let connections = client.stats().connections;
    assert!(connections <= 7, "{connections}");
    assert_eq!(client.stats().refused_topic, EACH as u64 - 2);
    // In their order, by first arrival.
    let mut firsts = Vec::new();
    for entry in emulator.log() {
        if let What::Published { topic, payload, .. } = entry.what {
            let number: usize = text(&payload).parse().expect("a number");
            assert_eq!(topic, good);
            if !firsts.contains(&number) {
                firsts.push(number);
            }
        }
    }
    assert!(firsts.iter().copied().eq(0..EACH), "{firsts:?}");
    // New ones cost nothing: blocking, by handle, at each QoS.
    let last = error(client.publish(&bad, QoS::AtLeastOnce, "new"));
    for words in ["2 earlier messages", "are refused for ", &bad] {
        assert!(last.to_string().contains(words), "{last}");
    }
    assert!(last.hint().is_some_and(|hint| hint.contains("refused_topic_pause")), "{last}");
    all_refused(&batch(&client, &[&bad], 6, None)[0], &bad);
    assert_eq!(
        error(client.try_enqueue(Outgoing::new(&bad, QoS::AtLeastOnce, "")).expect("looked at").wait()).kind(),
        last.kind()
    );
    client.publish(&good, QoS::ExactlyOnce, "0").expect("permitted");
    assert_eq!(client.stats().connections, connections);
    client.disconnect().expect("every fate was seen");
}

#[test]
fn several_forbidden_topics_and_every_qos_at_once() {
    const EACH: usize = 150;
    let emulator = emulator();
    let (good, other) = (topic(&emulator, "good"), topic(&emulator, "other"));
    let bad = topic(&emulator, "bad");
    let elsewhere = "unknown_parent/p2p/GID_test@@@nobody";
    emulator.forbid(&bad);
    let client = client(&emulator);
    let deliveries = batch(&client, &[&good, &bad, elsewhere, &other], EACH, None);
    for (topic, deliveries) in [&bad, elsewhere].into_iter().zip(&deliveries[1..]) {
        for delivery in deliveries {
            // QoS 0 may have been written before that was known, and is lost where the connection breaks while it is
            // written.
            if let Err(error) = delivery.wait() {
                let broke = error.to_string().contains("(QoS 0)") && error.fate() == Some(Fate::Unknown);
                assert!(broke || error.fate() == Some(Fate::Refused), "{error}");
                assert!(error.to_string().contains(topic), "{error}");
            }
        }
        let refused = deliveries.iter().filter(|delivery| delivery.try_wait().is_err()).count();
        assert!(refused >= EACH * 2 / 3, "{refused}");
    }
    for delivery in deliveries[0].iter().chain(&deliveries[3]) {
        // QoS 0 is lost where the connection breaks while it is written.
        if let Err(error) = delivery.wait() {
            assert_eq!(error.fate(), Some(Fate::Unknown), "{error}");
        }
    }
    let connections = client.stats().connections;
    // QoS 0 messages that were written before that was known cost some, too.
    assert!(connections <= 40, "{connections}");
    assert_eq!(published(&emulator, &bad), 0);
}

#[test]
fn a_refused_topic_is_tried_again_when_its_time_is_over() {
    let emulator = emulator();
    let bad = topic(&emulator, "bad");
    emulator.forbid(&bad);
    let client = connect(config(&emulator).refused_topic_pause(Duration::from_millis(300)));
    let events = client.events();
    all_refused(&batch(&client, &[&bad], 10, Some(QoS::AtLeastOnce))[0], &bad);
    emulator.allow(&bad);
    eventually("permitted", || client.publish(&bad, QoS::AtLeastOnce, "x").is_ok());
    assert_eq!(published(&emulator, &bad), 1);
    // One that was acknowledged keeps the topic from being convicted again with these credentials.
    emulator.forbid(&bad);
    all_refused(&batch(&client, &[&bad], 3, Some(QoS::AtLeastOnce))[0], &bad);
    let told = std::iter::from_fn(|| events.try_recv()).filter(|event| matches!(event, Event::TopicRefused { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_forbidden_subscription_fails_with_its_filter_named() {
    let emulator = emulator();
    let client = client(&emulator);
    let error = error(client.subscribe("unknown_parent/#", QoS::AtLeastOnce));
    assert_eq!(error.kind(), ErrorKind::SuspectedRefusal);
    assert!(error.to_string().contains("unknown_parent/#"), "{error}");
    client.publish(topic(&emulator, "after"), QoS::AtLeastOnce, "x").expect("the line is good");
}

#[test]
fn a_subscription_that_became_forbidden_is_given_up_and_the_rest_restored() {
    let emulator = emulator();
    let client = client(&emulator);
    let events = client.events();
    let (good, bad) = (topic(&emulator, "good"), topic(&emulator, "bad"));
    client.subscribe_many(&[(&good, QoS::AtLeastOnce), (&bad, QoS::AtLeastOnce)]).expect("both allowed");
    emulator.forbid(&bad);
    emulator.kick(client.config().client_id().as_str());
    let lost = event(&events, "given up", |event| match event {
        Event::SubscriptionLost { filter, .. } => Some(filter),
        _ => None,
    });
    assert_eq!(lost, bad);
    client.publish(&good, QoS::AtLeastOnce, "still here").expect("published");
    assert_eq!(payloads(&client, 1), ["still here"]);
}
