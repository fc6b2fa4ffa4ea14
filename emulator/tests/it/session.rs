//! Publishing, subscribing and P2P, and their log entries.

use crate::support::{self, Raw, seen};
use aliyun_mqtt_emulator::{DisconnectReason, Emulator, Listener, LoginMode, Version, What};

#[test]
fn whoever_waits_for_a_subscription_loses_no_message_sent_after_it() {
    let emulator = Emulator::start().unwrap();
    for round in 0..10 {
        let id = format!("GID_emulator@@@waits{round}");
        let mut raw = Raw::login(&emulator, &id);
        let filters: Vec<_> = (0..30).map(|number| format!("emulator/{round}/{number}")).collect();
        let wanted: Vec<_> = filters.iter().map(|filter| (filter.as_str(), 0)).collect();
        raw.subscribe(1, &wanted);
        seen(&emulator, &id, |what| matches!(what, What::Subscribed { .. }));
        for filter in &filters {
            emulator.publish_as_service(filter, 0, "x").unwrap();
        }
        assert_eq!(raw.packet().map(|(first, _)| first), Some(0x90));
        for filter in &filters {
            assert_eq!(raw.message().topic, *filter);
        }
    }
}

#[test]
fn a_message_goes_from_one_client_to_another_at_each_qos() {
    let emulator = Emulator::start().unwrap();
    let (a, b) = ("GID_emulator@@@a", "GID_emulator@@@b");
    let mut receiver = Raw::login(&emulator, a);
    receiver.subscribed(&[("emulator/x/#", 1)]);
    let mut sender = Raw::login(&emulator, b);
    sender.publish("emulator/x/0", 0, 0, b"zero");
    sender.publish("emulator/x/1", 1, 5, b"one");
    assert_eq!(sender.packet(), Some((0x40, vec![0, 5])));
    sender.publish("emulator/x/2", 2, 6, b"two");
    assert_eq!(sender.packet(), Some((0x50, vec![0, 6])));
    sender.send(0x62, &[0, 6]);
    assert_eq!(sender.packet(), Some((0x70, vec![0, 6])));
    for (topic, qos, payload) in [("emulator/x/0", 0, "zero"), ("emulator/x/1", 1, "one"), ("emulator/x/2", 1, "two")] {
        let message = receiver.message();
        assert_eq!((message.topic.as_str(), message.qos, &message.payload[..]), (topic, qos, payload.as_bytes()));
    }
    let connected = seen(&emulator, a, |what| matches!(what, What::Connected { .. }));
    let What::Connected { version, listener, login, clean_session, session_present, keep_alive } = connected.what
    else {
        unreachable!()
    };
    assert_eq!((version, listener, clean_session, session_present), (Version::V311, Listener::Tcp, true, false));
    assert_eq!((login, keep_alive), (LoginMode::Signature, 60));
    seen(&emulator, b, |what| {
        matches!(what, What::Published { topic, qos: 1, packet_id: Some(5), dup: false, ordered: false, payload }
            if topic == "emulator/x/1" && **payload == *b"one")
    });
    for id in [5, 6] {
        seen(&emulator, b, |what| matches!(what, What::PublishAcknowledged { packet_id } if *packet_id == id));
    }
    seen(&emulator, a, |what| matches!(what, What::Subscribed { filter, qos: 1 } if filter == "emulator/x/#"));
    seen(&emulator, a, |what| matches!(what, What::Delivered { topic, .. } if topic == "emulator/x/2"));
    seen(&emulator, a, |what| matches!(what, What::DeliveryAcknowledged { .. }));
    sender.send(0xE0, &[]);
    seen(&emulator, b, |what| matches!(what, What::Disconnected { reason: DisconnectReason::DisconnectedByClient }));
    drop(receiver);
    seen(&emulator, a, |what| matches!(what, What::Disconnected { reason: DisconnectReason::ClosedByClient }));
}

#[test]
fn p2p_reaches_exactly_its_target() {
    let emulator = Emulator::start().unwrap();
    let (target, other, sender) = ("GID_emulator@@@target", "GID_emulator@@@other", "GID_emulator@@@sender");
    let mut at_target = Raw::login(&emulator, target);
    let mut at_other = Raw::login(&emulator, other);
    at_other.subscribed(&[("emulator/#", 1)]);
    let mut from = Raw::login(&emulator, sender);
    let topic = format!("emulator/p2p/{target}");
    from.publish(&topic, 0, 0, b"zero");
    from.publish(&topic, 1, 1, b"one");
    assert_eq!(from.packet(), Some((0x40, vec![0, 1])));
    from.publish(&topic, 2, 2, b"two");
    assert_eq!(from.packet(), Some((0x50, vec![0, 2])));
    for (qos, payload) in [(0, "zero"), (1, "one"), (2, "two")] {
        let message = at_target.message();
        assert_eq!((message.topic.as_str(), message.qos), (topic.as_str(), qos));
        assert_eq!(message.payload, payload.as_bytes());
    }
    at_other.quiet();
}

#[test]
fn p2p_waits_only_for_qos_1_of_a_sender_whose_session_is_kept() {
    let emulator = Emulator::start().unwrap();
    let target = "GID_emulator@@@target";
    let topic = format!("emulator/p2p/{target}");
    // A persistent session of the target makes no difference.
    let mut before = Raw::login_as(&emulator, target, false);
    before.send(0xE0, &[]);
    before.ended();
    seen(&emulator, target, |what| matches!(what, What::Disconnected { .. }));
    let mut kept = Raw::login_as(&emulator, "GID_emulator@@@kept", false);
    let mut clean = Raw::login(&emulator, "GID_emulator@@@clean");
    kept.publish(&topic, 0, 0, b"kept 0");
    kept.publish(&topic, 1, 1, b"kept 1");
    assert_eq!(kept.packet(), Some((0x40, vec![0, 1])));
    clean.publish(&topic, 1, 1, b"clean 1");
    assert_eq!(clean.packet(), Some((0x40, vec![0, 1])));
    emulator.publish_as_service(&topic, 1, "service 1").unwrap();
    seen(&emulator, target, |what| matches!(what, What::Stored { topic: stored } if *stored == topic));
    seen(&emulator, target, |what| matches!(what, What::Dropped { topic: lost, .. } if *lost == topic));
    let mut at_target = Raw::login_as(&emulator, target, false);
    let message = at_target.message();
    assert_eq!((message.topic, message.qos, message.payload), (topic, 1, b"kept 1".to_vec()));
    at_target.quiet();
}

#[test]
fn a_kept_session_gets_qos_1_and_only_that_after_it_was_offline() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@kept";
    let mut receiver = Raw::login_as(&emulator, id, false);
    receiver.subscribed(&[("emulator/all", 2)]);
    receiver.send(0xE0, &[]);
    receiver.ended();
    seen(&emulator, id, |what| matches!(what, What::Disconnected { .. }));
    let mut sender = Raw::login(&emulator, "GID_emulator@@@sender");
    sender.publish("emulator/all", 0, 0, b"zero");
    sender.publish("emulator/all", 1, 1, b"one");
    assert_eq!(sender.packet(), Some((0x40, vec![0, 1])));
    sender.publish("emulator/all", 2, 2, b"two");
    assert_eq!(sender.packet(), Some((0x50, vec![0, 2])));
    sender.send(0x62, &[0, 2]);
    assert_eq!(sender.packet(), Some((0x70, vec![0, 2])));
    let mut receiver = Raw::tcp(&emulator);
    let back = receiver.connect(id, &support::username(&emulator), &support::password(&emulator, id), false);
    assert_eq!(back, (0, true));
    assert_eq!(receiver.message().payload, b"one");
    sender.publish("emulator/all", 2, 3, b"online again");
    let message = receiver.message();
    assert_eq!((message.qos, &message.payload[..]), (2, &b"online again"[..]));
    let session = emulator.sessions().into_iter().find(|session| session.client_id == id).unwrap();
    assert_eq!((session.online, session.filters), (true, vec!["emulator/all".to_owned()]));
}

#[test]
fn an_unacknowledged_message_comes_again() {
    let emulator = Emulator::builder().retransmit_after(std::time::Duration::from_millis(200)).start().unwrap();
    let mut receiver = Raw::login(&emulator, "GID_emulator@@@slow");
    receiver.subscribed(&[("emulator/again", 1)]);
    emulator.publish_as_service("emulator/again", 1, "take it").unwrap();
    let first = receiver.message_unacknowledged();
    let before = std::time::Instant::now();
    let second = receiver.message();
    assert!(before.elapsed() < std::time::Duration::from_secs(8), "at the interval that was set");
    assert_eq!((first.dup, second.dup), (false, true));
    assert_eq!(first.packet_id, second.packet_id);
    assert_eq!(second.payload, b"take it");
}

#[test]
fn the_31st_filter_is_granted_and_gets_nothing() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@many";
    let mut raw = Raw::login(&emulator, id);
    let filters: Vec<String> = (1..=31).map(|number| format!("emulator/f{number}")).collect();
    for filter in &filters {
        raw.subscribed(&[(filter, 1)]);
    }
    let ignored = seen(&emulator, id, |what| matches!(what, What::FilterIgnored { .. }));
    assert_eq!(ignored.what, What::FilterIgnored { filter: "emulator/f31".into() });
    emulator.publish_as_service("emulator/f31", 1, "lost").unwrap();
    emulator.publish_as_service("emulator/f30", 1, "found").unwrap();
    assert_eq!(raw.message().payload, b"found");
    raw.quiet();
    // A known filter does not use up the quota again; an unsubscribed one makes room for a new one.
    raw.subscribed(&[("emulator/f1", 0)]);
    let mut unsubscribe = vec![0, 9];
    for filter in ["emulator/f2", "emulator/f31"] {
        unsubscribe.extend(support::text(filter));
    }
    raw.send(0xA2, &unsubscribe);
    assert_eq!(raw.packet(), Some((0xB0, vec![0, 9])));
    seen(&emulator, id, |what| matches!(what, What::Unsubscribed { filter } if filter == "emulator/f31"));
    raw.subscribed(&[("emulator/f31", 1)]);
    emulator.publish_as_service("emulator/f31", 1, "now").unwrap();
    assert_eq!(raw.message().payload, b"now");
    assert_eq!(emulator.sessions()[0].filters.len(), 30);
}

#[test]
fn the_order_flag_is_taken_acknowledged_and_seen_by_nobody() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@order";
    let mut raw = Raw::login(&emulator, id);
    raw.subscribed(&[("emulator/#", 1)]);
    raw.publish("emulator/before", 0, 0, b"");
    assert_eq!(raw.message().topic, "emulator/before");
    raw.publish("$SYS/enableOrderMsg", 1, 1, br#"{"order":true}"#);
    assert_eq!(raw.packet(), Some((0x40, vec![0, 1])));
    seen(&emulator, id, |what| matches!(what, What::ControlIgnored { .. }));
    assert!(!emulator.log().iter().any(|entry| entry.what == What::OrderEnabled));
    raw.publish("$SYS/enableOrderMsg", 1, 2, br#"{"order":"true"}"#);
    assert_eq!(raw.packet(), Some((0x40, vec![0, 2])));
    seen(&emulator, id, |what| *what == What::OrderEnabled);
    raw.publish("emulator/after", 1, 3, b"");
    assert_eq!(raw.packet(), Some((0x40, vec![0, 3])));
    assert_eq!(raw.message().topic, "emulator/after");
    for (name, expected) in [("emulator/before", false), ("emulator/after", true)] {
        seen(
            &emulator,
            id,
            |what| matches!(what, What::Published { topic, ordered, .. } if topic == name && *ordered == expected),
        );
    }
    raw.publish("$SYS/enableOrderMsg", 2, 4, br#"{"order":"true"}"#);
    assert_eq!(raw.packet(), Some((0x50, vec![0, 4])));
}

#[test]
fn a_will_and_the_retain_flag_have_no_effect() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@will";
    let mut watcher = Raw::login(&emulator, "GID_emulator@@@watcher");
    watcher.subscribed(&[("emulator/#", 1)]);
    let mut raw = Raw::tcp(&emulator);
    let mut body = support::text("MQTT");
    body.extend([4, 0xC0 | 2 | 4, 0, 60]);
    let (user, password) = (support::username(&emulator), support::password(&emulator, id));
    for field in [id, "emulator/will", "gone", &user, &password] {
        body.extend(support::text(field));
    }
    raw.send(0x10, &body);
    assert_eq!(raw.packet(), Some((0x20, vec![0, 0])));
    let mut retained = support::text("emulator/retained");
    retained.extend(b"kept?");
    raw.send(0x31, &retained);
    assert_eq!(watcher.message().topic, "emulator/retained");
    drop(raw);
    seen(&emulator, id, |what| matches!(what, What::Disconnected { .. }));
    let mut late = Raw::login(&emulator, id);
    late.subscribed(&[("emulator/retained", 1)]);
    late.quiet();
    watcher.quiet();
}
