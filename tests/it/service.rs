//! The rules of the service, against the emulator: P2P, order, poison messages, reconnects, refusals.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{
    LONG, client, config, connect, connected, emulator, error, event, eventually, payloads, text, topic,
};
use aliyun_mqtt::{Client, Credentials, Delivery, ErrorKind, Event, Fate, Limits, Notice, Protocol, QoS};
use aliyun_mqtt_emulator::{Emulator, Version, What};

const ALL: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn published(emulator: &Emulator, topic: &str) -> usize {
    let log = emulator.log();
    log.iter().filter(|entry| matches!(&entry.what, What::Published { topic: seen, .. } if seen == topic)).count()
}

#[test]
fn messages_go_round_at_every_qos() {
    let emulator = emulator();
    let client = client(&emulator);
    let topic = topic(&emulator, "round");
    for qos in ALL {
        assert_eq!(client.subscribe(&topic, qos).expect("subscribed"), qos);
        client.publish(&topic, qos, format!("{qos}")).expect("published");
        let message = client.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!((text(message.payload()), message.qos()), (format!("{qos}"), qos));
    }
    client.unsubscribe(&topic).expect("unsubscribed");
    client.publish(&topic, QoS::AtLeastOnce, "nobody").expect("published");
    client.disconnect().expect("all delivered");
    assert!(error(client.recv_timeout(LONG)).kind() == ErrorKind::Closed, "nothing came after UNSUBSCRIBE");
}

#[test]
fn a_message_above_the_limit_blocks_no_kept_session() {
    let emulator = emulator();
    let limits = Limits::default().payload_len(1_000).packet_len(2_000);
    let sleeper = || connect(config(&emulator).device_id("sleeper").clean_session(false).limits(limits.clone()));
    let topic = topic(&emulator, "large");
    let awake = sleeper();
    awake.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    awake.disconnect().expect("gone");
    let sender = client(&emulator);
    for payload in ["one", &"x".repeat(5_000), "two", &"y".repeat(6_000), "three"] {
        sender.publish(&topic, QoS::AtLeastOnce, payload).expect("published");
    }
    let awake = sleeper();
    let mut awaited = vec!["one", "two", "three"];
    while !awaited.is_empty() {
        // A repetition is no fault: the connection may have ended before an acknowledgement left.
        let [came] = &payloads(&awake, 1)[..] else { panic!("one at a time") };
        assert!(["one", "two", "three"].contains(&came.as_str()), "{came:.10}");
        awaited.retain(|payload| payload != came);
    }
    // A server of MQTT 5 knows the limit, and may discard them itself.
    let set_aside = || awake.stats().set_aside;
    if crate::support::protocol() == Protocol::V311 {
        eventually("set aside", || set_aside() == 2);
    }
    eventually("acknowledged", || {
        while awake.try_recv().expect("alive").is_some() {}
        awake.stats().unacknowledged == 0
    });
    awake.disconnect().expect("gone");
    let again = sleeper();
    sender.publish(&topic, QoS::AtLeastOnce, "last").expect("published");
    assert_eq!(payloads(&again, 1), ["last"], "what was acknowledged does not come again");
    assert_eq!((again.stats().set_aside, again.stats().connections), (0, 1));
}

#[test]
fn the_version_and_the_transport_are_those_that_were_asked_for() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = client.config().client_id().as_str();
    let spoken =
        emulator.wait_for_log(LONG, |entry| entry.client_id == id && matches!(entry.what, What::Connected { .. }));
    let Some(What::Connected { version, listener, .. }) = spoken.map(|entry| entry.what) else { panic!("no login") };
    assert_eq!(version == Version::V5, crate::support::protocol() == Protocol::V5);
    assert_eq!(format!("{listener:?}").to_lowercase(), crate::support::matrix::transport().to_string());
}

#[test]
fn p2p_needs_no_subscription() {
    let emulator = emulator();
    let receiver = connect(config(&emulator).device_id("receiver"));
    let sender = client(&emulator);
    for qos in ALL {
        let target = receiver.config().client_id().to_string();
        sender.send_p2p(emulator.parent_topic(), &target, qos, "psst").expect("sent");
        let message = receiver.recv_timeout(LONG).expect("alive").expect("a message");
        assert_eq!(text(message.payload()), "psst");
        assert!(message.topic().ends_with(&format!("/p2p/{target}")), "{}", message.topic());
    }
}

#[test]
fn ordered_mode_says_so_after_every_connect() {
    let emulator = emulator();
    let client = connect(config(&emulator).ordered(true));
    let events = client.events();
    let orders = || emulator.log().iter().filter(|entry| matches!(entry.what, What::OrderEnabled)).count();
    assert_eq!(orders(), 1, "before connect returns");
    assert!(emulator.kick(client.config().client_id().as_str()));
    connected(&events);
    client.publish(&topic(&emulator, "ordered"), QoS::AtLeastOnce, "x").expect("published");
    assert_eq!(orders(), 2);
    let log = emulator.log();
    let order = log.iter().rposition(|entry| matches!(entry.what, What::OrderEnabled)).expect("seen");
    let message = log.iter().position(|entry| matches!(entry.what, What::Published { .. })).expect("seen");
    assert!(order < message, "the flag comes first");
}

#[test]
fn every_kind_of_login_works() {
    let emulator = emulator();
    let (key, secret) = (emulator.access_key_id(), emulator.access_key_secret());
    connect(config(&emulator).credentials(Credentials::signature(key, secret)));
    let id = format!("{}@@@device", emulator.group_id());
    let device = emulator.register_device(&id);
    let credentials = Credentials::device(&device.access_key_id, &device.access_key_secret);
    connect(config(&emulator).device_id("device").credentials(credentials));
    let everything = format!("{}/#", emulator.parent_topic());
    let permission = aliyun_mqtt_emulator::Permission::ReadWrite;
    let token = emulator.issue_token(permission, &[everything.as_str()], LONG);
    let client = connect(config(&emulator).credentials(Credentials::token(key, format!("RW|{token}"))));
    client.publish(&topic(&emulator, "token"), QoS::AtLeastOnce, "x").expect("published");
    // A provider is asked at every connect.
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, key, secret) = (Arc::clone(&asked), key.to_string(), secret.to_string());
    let provider = Credentials::provider(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Credentials::signature(&key, &secret))
    });
    let client = connect(config(&emulator).credentials(provider));
    let events = client.events();
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

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
    client.publish(&topic(&emulator, "after"), QoS::ExactlyOnce, "x").expect("the line is good");
}

/// Each of these topics gets so many messages in turn, at this QoS or, for `None`, at each; then `good`, too.
fn batch(client: &Client, topics: &[&str], each: usize, qos: Option<QoS>) -> Vec<Vec<Delivery>> {
    let mut deliveries: Vec<Vec<_>> = topics.iter().map(|_| Vec::new()).collect();
    for number in 0..each {
        for (topic, deliveries) in topics.iter().zip(&mut deliveries) {
            let qos = qos.unwrap_or(ALL[number % 3]);
            deliveries.push(client.publish_nowait(topic, qos, format!("{number}")).expect("accepted"));
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
    assert_eq!(error(client.try_publish(&bad, QoS::AtLeastOnce, "").expect("looked at").wait()).kind(), last.kind());
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
            // QoS 0 may have been written before that was known, and is lost where the connection breaks while it is written.
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
    client.publish(&topic(&emulator, "after"), QoS::AtLeastOnce, "x").expect("the line is good");
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

#[test]
fn it_comes_back_after_a_restart_with_its_subscriptions() {
    let emulator = emulator();
    let client = client(&emulator);
    let events = client.events();
    let topic = topic(&emulator, "back");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    emulator.stop().expect("stopped");
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let delivery = client.publish_nowait(&topic, QoS::AtLeastOnce, "while you were out").expect("accepted");
    emulator.restart().expect("restarted");
    delivery.wait().expect("acknowledged in the end");
    assert_eq!(payloads(&client, 1), ["while you were out"]);
}

#[test]
fn a_refused_login_is_retried_slowly_and_then_given_up_with_its_reason() {
    let emulator = emulator();
    let builder = config(&emulator).refusal_patience(Duration::from_millis(300));
    let client = connect(builder.backoff(Duration::from_millis(10), Duration::from_millis(50)));
    let events = client.events();
    emulator.refuse_logins(Some(5));
    emulator.kick(client.config().client_id().as_str());
    event(&events, "the end", |event| matches!(event, Event::Disconnected { retry_in: None, .. }).then_some(()));
    let reason = error(client.recv());
    assert_eq!((reason.kind(), reason.code()), (ErrorKind::Refused, Some(crate::support::connack(5))), "{reason}");
    assert_eq!(error(client.publish(&topic(&emulator, "x"), QoS::AtLeastOnce, "")).kind(), ErrorKind::Refused);
    assert_eq!(error(client.disconnect()).kind(), ErrorKind::Refused);
}

#[test]
fn an_unavailable_server_is_tried_again() {
    let emulator = emulator();
    let client = client(&emulator);
    let events = client.events();
    emulator.refuse_next_logins(3, 3);
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    client.publish(&topic(&emulator, "x"), QoS::AtLeastOnce, "").expect("published");
}

#[test]
fn notices_are_events_and_never_messages() {
    let emulator = emulator();
    let client = client(&emulator);
    let events = client.events();
    let id = client.config().client_id().to_string();
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"expireTime":1700000000000,"type":"RW"}"#);
    let notice = event(&events, "a notice", |event| match event {
        Event::Notice(notice) => Some(notice),
        _ => None,
    });
    assert!(matches!(notice, Notice::TokenExpire { expire_time: Some(1_700_000_000_000), .. }), "{notice:?}");
    assert!(client.try_recv().expect("alive").is_none());
}

#[test]
fn offline_messages_of_a_kept_session_come_right_after_connack() {
    let emulator = emulator();
    let persistent = || config(&emulator).device_id("sleeper").clean_session(false);
    let topic = topic(&emulator, "offline");
    let sleeper = connect(persistent());
    sleeper.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    sleeper.disconnect().expect("gone");
    let sender = client(&emulator);
    sender.publish(&topic, QoS::AtLeastOnce, "good morning").expect("published");
    let sleeper = connect(persistent());
    assert_eq!(payloads(&sleeper, 1), ["good morning"]);
    eventually("acknowledged", || sleeper.stats().unacknowledged == 0);
}

#[test]
fn disconnect_delivers_what_was_accepted_also_at_qos_0() {
    const EACH: usize = 500;
    let emulator = emulator();
    let receiver = client(&emulator);
    let topic = topic(&emulator, "burst");
    receiver.subscribe(&topic, QoS::ExactlyOnce).expect("subscribed");
    for qos in ALL {
        let sender = client(&emulator);
        for number in 0..EACH {
            drop(sender.publish_nowait(&topic, qos, format!("{number}")).expect("accepted"));
        }
        sender.disconnect().expect("all delivered");
        let expected: Vec<_> = (0..EACH).map(|number| number.to_string()).collect();
        assert_eq!(payloads(&receiver, EACH), expected, "{qos}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_and_client_work_together() {
    let emulator = emulator();
    let client = connect(config(&emulator).endpoint(emulator.tls_endpoint()).ca_pem(emulator.ca_pem()));
    let topic = topic(&emulator, "tls");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    client.publish(&topic, QoS::AtLeastOnce, vec![7; 64 * 1024]).expect("published");
    let message = client.recv_timeout(LONG).expect("alive").expect("a message");
    assert_eq!(message.payload().len(), 64 * 1024);
    let unknown = Client::connect(
        crate::support::plain_config(&emulator).endpoint(emulator.tls_endpoint()).build().expect("good"),
    );
    assert_eq!(error(unknown).kind(), ErrorKind::Tls);
}
