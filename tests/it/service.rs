//! The rules of the service, against the emulator: P2P, order, logins, reconnects, notices.

mod forbidden;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::{
    LONG, client, config, connect, connected, emulator, error, event, eventually, payloads, text, topic,
};
use aliyun_mqtt::{Credentials, ErrorKind, Event, Limits, Notice, Outgoing, Protocol, QoS};
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
    client.publish(topic(&emulator, "ordered"), QoS::AtLeastOnce, "x").expect("published");
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
    client.publish(topic(&emulator, "token"), QoS::AtLeastOnce, "x").expect("published");
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
fn it_comes_back_after_a_restart_with_its_subscriptions() {
    let emulator = emulator();
    let client = client(&emulator);
    let events = client.events();
    let topic = topic(&emulator, "back");
    client.subscribe(&topic, QoS::AtLeastOnce).expect("subscribed");
    emulator.stop().expect("stopped");
    event(&events, "disconnected", |event| matches!(event, Event::Disconnected { .. }).then_some(()));
    let delivery = client.enqueue(Outgoing::new(&topic, QoS::AtLeastOnce, "while you were out")).expect("accepted");
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
    assert_eq!(error(client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "")).kind(), ErrorKind::Refused);
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
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "").expect("published");
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
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000);
    assert!(matches!(notice, Notice::TokenExpire { expires: Some(at), .. } if at == end), "{notice:?}");
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
            drop(sender.enqueue(Outgoing::new(&topic, qos, format!("{number}"))).expect("accepted"));
        }
        sender.disconnect().expect("all delivered");
        let expected: Vec<_> = (0..EACH).map(|number| number.to_string()).collect();
        assert_eq!(payloads(&receiver, EACH), expected, "{qos}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn tls_and_client_work_together() {
    use aliyun_mqtt::Client;

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
