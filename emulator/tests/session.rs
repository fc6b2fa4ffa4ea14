//! Publishing, subscribing, P2P, and what the log says of it.

mod support;

use aliyun_mqtt_emulator::{DisconnectReason, Emulator, Listener, Version, What};
use support::{Raw, seen};

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
    let What::Connected { version, listener, clean_session, session_present, keep_alive } = connected.what else {
        unreachable!()
    };
    assert_eq!((version, listener, clean_session, session_present), (Version::V311, Listener::Tcp, true, false));
    assert_eq!(keep_alive, 60);
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
    seen(&emulator, b, |what| {
        matches!(what, What::Disconnected { reason: DisconnectReason::DisconnectedByClient })
    });
    drop(receiver);
    seen(&emulator, a, |what| matches!(what, What::Disconnected { reason: DisconnectReason::ClosedByClient }));
}
