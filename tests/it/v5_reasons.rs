//! MQTT 5 on the wire: reason codes, properties, options of subscriptions, and what CONNECT asks for.

use std::thread;
use std::time::Duration;

use crate::support::broker::{Broker, Kind, Line, Packet};
use crate::support::{LONG, connected, error, event};
use aliyun_mqtt::{Client, Code, ConfigBuilder, ErrorKind, Event, Fate, Outgoing, Protocol, QoS, SubscribeOptions};

fn v5(broker: &Broker) -> ConfigBuilder {
    broker.config().protocol(Protocol::V5)
}

fn subscribe(client: &Client, line: &mut Line, filter: &str, options: SubscribeOptions) {
    thread::scope(|scope| {
        let granted = scope.spawn(|| client.subscribe(filter, options));
        crate::support::broker::grant(line);
        granted.join().expect("no panic").expect("granted");
    });
}

#[test]
fn a_refused_message_says_why() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    for (qos, kind, code, refused) in [
        (QoS::AtLeastOnce, Kind::PubAck, 0x97, Some(Code::PubAck(0x97))),
        (QoS::ExactlyOnce, Kind::PubRec, 0x90, Some(Code::PubRec(0x90))),
        (QoS::AtLeastOnce, Kind::PubAck, 0x10, None),
    ] {
        let delivery = client.enqueue(Outgoing::new("t/topic", qos, "")).expect("accepted");
        let id = line.expect(Kind::Publish).id();
        line.send_with(&kind.of(id), code, "because");
        match refused {
            None => assert_eq!(delivery.wait().expect("nobody subscribed, but accepted").attempts, 1),
            Some(expected) => {
                let error = error(delivery.wait());
                assert_eq!((error.kind(), error.fate()), (ErrorKind::Rejected, Some(Fate::Refused)), "{error}");
                assert_eq!(error.code(), Some(expected));
                let text = error.to_string();
                assert!(text.contains("t/topic") && text.contains("the server says: because"), "{text}");
            }
        }
    }
    assert_eq!(client.stats().connections, 1);
}

/// What a server says makes no line and no colours in the program's log, and no endless ones.
#[test]
fn what_the_server_says_is_shown_in_one_line_that_ends() {
    const HOSTILE: &str = "a\nerror: b\u{1b}[2J\u{202e}";
    const SHOWN: &str = r"the server says: a\nerror: b\u{1b}[2J\u{202e}";
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker).backoff(LONG * 10, LONG * 10));
    let events = client.events();
    let delivery = client.enqueue(Outgoing::new("t/topic", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send_with(&Packet::PubAck(id), 0x97, HOSTILE);
    let refused = error(delivery.wait());
    assert!(refused.to_string().contains(SHOWN), "{refused}");
    // DISCONNECT with a reason string of 60,000 bytes.
    let said = format!("{HOSTILE}{}", "x".repeat(60_000));
    let properties = [&[0x1f][..], &(said.len() as u16).to_be_bytes(), said.as_bytes()].concat();
    let length = [properties.len() as u8 | 0x80, (properties.len() >> 7) as u8 | 0x80, (properties.len() >> 14) as u8];
    line.write(&crate::support::broker::packet(0xe0, &[&[0x8d][..], &length, &properties].concat()));
    let reason = event(&events, "disconnected", |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(reason.to_string().contains(SHOWN) && reason.to_string().len() < 1_000, "{reason}");
    assert_eq!(aliyun_mqtt::printable(&reason.to_string()), reason.to_string());
}

/// A hint about topics and rights is given where these can be the cause, and nowhere else.
#[test]
fn the_hint_is_about_the_reason() {
    const RIGHTS: &str = "parent topic";
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    for (code, hint) in
        [(0x87, Some(RIGHTS)), (0x90, Some(RIGHTS)), (0x97, Some("quota")), (0x99, Some("UTF-8")), (0x91, None)]
    {
        for (qos, kind) in [(QoS::AtLeastOnce, Kind::PubAck), (QoS::ExactlyOnce, Kind::PubRec)] {
            let delivery = client.enqueue(Outgoing::new("t/topic", qos, "")).expect("accepted");
            let id = line.expect(Kind::Publish).id();
            line.send_with(&kind.of(id), code, "");
            let refused = error(delivery.wait());
            assert_eq!(refused.hint().is_some(), hint.is_some(), "{refused}");
            assert!(hint.is_none_or(|hint| refused.hint().is_some_and(|text| text.contains(hint))), "{refused}");
        }
    }
    for (code, hint) in [(0x80, Some(RIGHTS)), (0x87, Some(RIGHTS)), (0x97, Some("quota")), (0xA2, Some("full names"))]
    {
        thread::scope(|scope| {
            let asked = scope.spawn(|| client.subscribe("a/#", QoS::AtLeastOnce));
            let id = line.expect(Kind::Subscribe).id();
            line.suback(id, &[code]);
            let refused = error(asked.join().expect("no panic"));
            assert!(hint.is_none_or(|hint| refused.hint().is_some_and(|text| text.contains(hint))), "{refused}");
        });
    }
}

/// The same where the server ends the connection each time a message is sent.
#[test]
fn the_hint_of_a_cut_is_about_its_reason() {
    for (code, hint) in
        [(None, Some("parent")), (Some(0x87), Some("parent")), (Some(0x97), Some("quota")), (Some(0x82), None)]
    {
        let broker = Broker::start();
        let min = Duration::from_millis(10);
        let (client, mut line) = broker.connect(v5(&broker).backoff(min, LONG));
        let events = client.events();
        let bad = client.enqueue(Outgoing::new("bad", QoS::AtLeastOnce, "")).expect("accepted");
        for cut in 1..=3 {
            line.expect(Kind::Publish);
            match code {
                Some(code) => line.write_and_close(&[0xE0, 2, code, 0]),
                None => drop(line),
            }
            let reason = event(&events, "cut", |event| match event {
                Event::Disconnected { reason, .. } => Some(reason),
                _ => None,
            });
            assert_eq!(reason.code(), code.map(Code::Disconnect), "{reason}");
            line = if cut < 3 { broker.accept(false) } else { break };
        }
        let refused = error(bad.wait());
        assert_eq!(refused.kind(), ErrorKind::SuspectedRefusal, "{refused}");
        assert_eq!(refused.code(), code.map(Code::Disconnect), "{refused}");
        assert_eq!(refused.hint().is_some(), hint.is_some(), "{refused}");
        assert!(hint.is_none_or(|hint| refused.hint().is_some_and(|text| text.contains(hint))), "{refused}");
    }
}

/// A message whose time passes after the connection ended for a reason of its own.
#[test]
fn a_message_that_was_cut_short_is_not_blamed_for_what_the_server_did_wrong() {
    type End = fn(&mut Line);
    const ENDS: [(Protocol, bool, End); 5] = [
        // PUBACK for nothing; a packet of no type; a quota; a protocol error; nothing but the end.
        (Protocol::V311, false, |line| line.write(&[0x40, 2, 0, 99])),
        (Protocol::V311, false, |line| line.write(&[0x00, 0])),
        (Protocol::V5, false, |line| line.write(&[0xE0, 2, 0x97, 0])),
        (Protocol::V5, false, |line| line.write(&[0xE0, 2, 0x82, 0])),
        (Protocol::V311, true, |line| line.stream.shutdown(std::net::Shutdown::Both).expect("closed")),
    ];
    thread::scope(|scope| {
        for (protocol, blamed, end) in ENDS {
            scope.spawn(move || {
                let broker = Broker::start();
                let (client, mut line) = broker.connect(broker.config().protocol(protocol).backoff(LONG, LONG));
                let message = Outgoing::new("t", QoS::AtLeastOnce, "").timeout(Duration::from_secs(10));
                let delivery = client.enqueue(message).expect("accepted");
                line.expect(Kind::Publish);
                end(&mut line);
                let late = error(delivery.wait());
                assert_eq!((late.is_timeout(), late.fate()), (true, Some(Fate::Unknown)), "{late}");
                assert_eq!(late.to_string().contains("parent"), blamed, "{late}");
            });
        }
    });
}

#[test]
fn each_refused_filter_says_why() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    thread::scope(|scope| {
        let asked = scope.spawn(|| client.subscribe_many(&[("a", QoS::ExactlyOnce), ("b/#", QoS::AtLeastOnce)]));
        let id = line.expect(Kind::Subscribe).id();
        line.suback(id, &[1, 0x87]);
        let error = error(asked.join().expect("no panic"));
        assert_eq!((error.code(), error.fate()), (Some(Code::SubAck(0x87)), Some(Fate::Refused)), "{error}");
        assert!(error.to_string().contains("b/#") && error.to_string().contains("not authorized"), "{error}");
        let asked = scope.spawn(|| client.unsubscribe("a"));
        let id = line.expect(Kind::Unsubscribe).id();
        let [high, low] = id.to_be_bytes();
        line.write(&[0xb0, 4, high, low, 0, 0x83]);
        let refused = crate::support::error(asked.join().expect("no panic"));
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some(Code::UnsubAck(0x83))), "{refused}");
        // That there was none is no failure.
        let asked = scope.spawn(|| client.unsubscribe("z"));
        let [high, low] = line.expect(Kind::Unsubscribe).id().to_be_bytes();
        line.write(&[0xb0, 4, high, low, 0, 0x11]);
        asked.join().expect("no panic").expect("unsubscribed");
    });
}

#[test]
fn on_a_resumed_session_an_unknown_id_means_that_it_was_complete() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker).clean_session(false).device_id("d"));
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    line.expect(Kind::PubRel);
    drop(line);
    let mut line = broker.accept(true);
    assert_eq!(line.expect(Kind::PubRel).id(), id);
    line.send_with(&Packet::PubComp(id), 0x92, "");
    delivery.wait().expect("complete");
    // Otherwise nobody knows.
    let delivery = client.enqueue(Outgoing::new("t", QoS::ExactlyOnce, "")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubRec(id));
    line.expect(Kind::PubRel);
    line.send_with(&Packet::PubComp(id), 0x92, "");
    let lost = error(delivery.wait());
    assert_eq!((lost.code(), lost.fate()), (Some(Code::PubComp(0x92)), Some(Fate::Unknown)), "{lost}");
}

#[test]
fn refused_logins_have_the_codes_of_mqtt_5() {
    let refused = [0x80, 0x85, 0x86, 0x87, 0x8a, 0x9c].map(|code| (code, false));
    let later = [0x88, 0x89, 0x97, 0x9f].map(|code| (code, true));
    for (code, retry) in refused.into_iter().chain(later) {
        let broker = Broker::start();
        let config = v5(&broker);
        let (_, refused) = broker.refuse(config, &[0x20, 3, 0, code, 0]);
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, Some(Code::ConnAck(code))), "{refused}");
        assert_eq!(refused.is_retryable(), retry, "{refused}");
        assert!(refused.hint().is_some(), "{refused}");
        assert_eq!(refused.to_string().contains("cannot take the connection now"), retry, "{refused}");
    }
}

/// The properties of CONNECT, and its flags.
fn connect_packet(configure: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> (u8, Vec<u8>) {
    let broker = Broker::start();
    let config = configure(v5(&broker));
    let (connect, _) = broker.refuse(config, &[0x20, 3, 0, 0x85, 0]);
    let length = usize::from(connect.body()[10]);
    (connect.body()[7], connect.body()[11..11 + length].to_vec())
}

#[test]
fn connect_asks_for_what_was_configured() {
    let packet_len = [0x27, 0, 4, 0, 0];
    let (flags, properties) = connect_packet(|builder| builder);
    assert_eq!(flags & 2, 2, "clean start");
    assert_eq!(properties, packet_len, "and a session that ends with its connection");
    let (flags, properties) = connect_packet(|builder| builder.clean_session(false).device_id("d").receive_maximum(9));
    assert_eq!(flags & 2, 0);
    let three_days = (3 * 24 * 3600_u32).to_be_bytes();
    assert_eq!(properties, [&[0x11][..], &three_days, &[0x21, 0, 9], &packet_len].concat());
    let (_, properties) = connect_packet(|builder| {
        builder.clean_session(false).device_id("d").session_expiry(Duration::from_secs(2_147_483_647))
    });
    assert_eq!(properties[..5], [0x11, 0x7f, 0xff, 0xff, 0xff]);
    assert!(!properties.contains(&0x22), "no topic aliases");
}

#[test]
fn a_lost_session_gets_subscriptions_back_with_their_options() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let events = client.events();
    let plain = SubscribeOptions::new(QoS::AtLeastOnce);
    subscribe(&client, &mut line, "a", plain);
    subscribe(&client, &mut line, "b", plain.identifier(300));
    subscribe(&client, &mut line, "c", plain.no_local(true));
    drop(line);
    let mut line = broker.accept(false);
    let both = line.expect(Kind::Subscribe);
    assert_eq!(both.filters(), [("a".to_string(), 1), ("c".to_string(), 1 | 4)]);
    assert!(both.properties().is_empty());
    line.suback(both.id(), &[1, 1]);
    let one = line.expect(Kind::Subscribe);
    assert_eq!((one.filters(), one.properties()), (vec![("b".to_string(), 1)], &[0x0b, 0xac, 2][..]));
    line.suback(one.id(), &[0x97]);
    let (filter, reason) = event(&events, "lost", |event| match event {
        Event::SubscriptionLost { filter, reason, .. } => Some((filter, reason)),
        _ => None,
    });
    assert_eq!((filter.as_str(), reason.code()), ("b", Some(Code::SubAck(0x97))), "{reason}");
    connected(&events);
}

#[test]
fn filters_with_identifiers_must_not_overlap() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker));
    let with = |identifier| SubscribeOptions::new(QoS::AtLeastOnce).identifier(identifier);
    subscribe(&client, &mut line, "a/+", with(1));
    let refused = error(client.subscribe("a/b", with(2)));
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{refused}");
    assert!(refused.to_string().contains("a/+"), "{refused}");
    subscribe(&client, &mut line, "a/b", SubscribeOptions::new(QoS::AtLeastOnce));
    subscribe(&client, &mut line, "b/+", with(2));
    subscribe(&client, &mut line, "a/+", with(3));
    line.publish_with("b/x", &[0x0b, 2, 1, 1], "payload");
    let message = client.recv_timeout(LONG).expect("alive").expect("a message");
    assert_eq!((message.payload(), message.subscription_identifiers()), (&b"payload"[..], &[2][..]));
    assert!(message.payload_format_utf8());
}

#[test]
fn properties_go_out_again_with_the_message() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(v5(&broker).clean_session(false).device_id("d"));
    let message =
        Outgoing::new("t", QoS::AtLeastOnce, "x").content_type("c").message_expiry(Duration::from_millis(1_500));
    let delivery = client.enqueue(message).expect("accepted");
    let first = line.expect(Kind::Publish);
    assert_eq!(first.properties(), [2, 0, 0, 0, 2, 3, 0, 1, b'c']);
    drop(line);
    let mut line = broker.accept(true);
    let again = line.expect(Kind::Publish);
    assert!(again.dup());
    assert_eq!((again.properties(), again.payload().as_str()), (first.properties(), "x"));
    line.send(&Packet::PubAck(again.id()));
    delivery.wait().expect("acknowledged");
}

#[test]
fn mqtt_3_1_1_cannot_say_it() {
    let broker = Broker::start();
    let (client, mut line) = broker.connect(broker.config().protocol(Protocol::V311));
    let plain = Outgoing::new("t", QoS::AtLeastOnce, "x");
    let options = SubscribeOptions::new(QoS::AtLeastOnce);
    for refused in [
        client.publish_message(plain.clone().user_property("k", "v")),
        client.publish_message(plain.clone().payload_format_utf8()),
        client.enqueue(plain.correlation_data("c")).map(drop),
        client.subscribe("a", options.identifier(1)).map(drop),
        client.subscription("a", options.no_local(true)).map(drop),
    ] {
        let refused = error(refused);
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{refused}");
        assert!(refused.to_string().contains("need MQTT 5"), "{refused}");
    }
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "")).expect("accepted");
    let id = line.read().expect("a packet").id();
    line.send(&Packet::PubAck(id));
    delivery.wait().expect("nothing else was sent");
}
