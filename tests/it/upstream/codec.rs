//! rumqttc 0.25.1: what its decoders read, and what they make of it.

use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{self, Packet};

/// What rumqttc reads from these bytes with MQTT 5, and how many bytes it leaves.
fn read(bytes: &[u8]) -> (Result<Packet, Error>, usize) {
    // The only way to such a buffer without the crate it is from.
    let payload = v5::Publish::new("", Default::default(), bytes.to_vec(), None).payload;
    let mut buffer = payload.try_into_mut().expect("nobody else has it");
    let packet = Packet::read(&mut buffer, None);
    (packet, buffer.len())
}

/// The same with MQTT 3.1.1.
fn read_v4(bytes: &[u8]) -> Result<v4::Packet, rumqttc::mqttbytes::Error> {
    let payload = v5::Publish::new("", Default::default(), bytes.to_vec(), None).payload;
    let mut buffer = payload.try_into_mut().expect("nobody else has it");
    v4::Packet::read(&mut buffer, 1 << 20)
}

fn publish(bytes: &[u8]) -> v5::Publish {
    match read(bytes).0 {
        Ok(Packet::Publish(publish)) => publish,
        other => panic!("mended: {other:?}"),
    }
}

#[test]
fn a_packet_with_its_property_length_cut_off_is_consumed_and_asked_to_go_on() {
    for packet in [
        // PUBLISH: no property length; one that does not end; a subscription identifier that does not end.
        &[0x30, 3, 0, 1, b't'][..],
        &[0x30, 4, 0, 1, b't', 0x80],
        &[0x30, 6, 0, 1, b't', 2, 0x0b, 0x80],
        // CONNACK, SUBACK, UNSUBACK without; as a server of MQTT 3.1.1 writes them.
        &[0x20, 2, 0, 1],
        &[0x90, 2, 0, 1],
        &[0xb0, 2, 0, 1],
        // PUBACK, PUBREC, PUBREL and PUBCOMP whose property length does not end.
        &[0x40, 4, 0, 1, 0, 0x80],
        &[0x50, 4, 0, 1, 0, 0x80],
        &[0x62, 4, 0, 1, 0, 0x80],
        &[0x70, 4, 0, 1, 0, 0x80],
    ] {
        let (packet, left) = read(&[packet, &[0xd0, 0]].concat());
        assert!(matches!(packet, Err(Error::InsufficientBytes(_))), "mended: {packet:?}");
        assert_eq!(left, 2, "it is gone, and what is behind it waits for more bytes");
    }
}

#[test]
fn a_disconnect_without_properties_is_not_read() {
    // Legal: MQTT 5, section 3.14.2.2.1.
    let (packet, left) = read(&[0xe0, 1, 0x8e]);
    assert!(matches!(packet, Err(Error::InsufficientBytes(_))) && left == 0, "mended: {packet:?}");
    // Legal: section 3.14.2.1.
    let (packet, _) = read(&[0xe0, 0]);
    assert!(matches!(packet, Err(Error::PayloadRequired)), "mended: {packet:?}");
}

#[test]
fn flags_of_the_fixed_header_are_not_looked_at() {
    // PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, PINGRESP.
    for packet in [
        &[0x4f, 2, 0, 1][..],
        &[0x5f, 2, 0, 1],
        &[0x60, 2, 0, 1],
        &[0x7f, 2, 0, 1],
        &[0x9f, 4, 0, 1, 0, 0],
        &[0xbf, 4, 0, 1, 0, 0],
        &[0xdf, 0],
        &[0x2f, 3, 0, 0, 0],
    ] {
        assert!(read(packet).0.is_ok(), "mended: {packet:x?}");
    }
    for packet in
        [&[0x4f, 2, 0, 1][..], &[0x5f, 2, 0, 1], &[0x60, 2, 0, 1], &[0x7f, 2, 0, 1], &[0x9f, 3, 0, 1, 0], &[0xdf, 0]]
    {
        assert!(read_v4(packet).is_ok(), "mended: {packet:x?}");
    }
}

#[test]
fn reserved_bits_of_connack_are_not_looked_at() {
    assert!(read(&[0x20, 3, 0xfe, 0, 0]).0.is_ok(), "mended");
    assert!(read_v4(&[0x20, 2, 0xfe, 0]).is_ok(), "mended");
}

#[test]
fn bytes_behind_the_end_of_what_a_packet_can_hold_are_not_looked_at() {
    for packet in [&[0x40, 5, 0, 1, 0, 0, 9][..], &[0x62, 5, 0, 1, 0, 0, 9], &[0xd0, 1, 9], &[0x20, 4, 0, 0, 0, 9]] {
        assert!(read(packet).0.is_ok(), "mended: {packet:x?}");
    }
    for packet in [&[0x40, 3, 0, 1, 9][..], &[0xd0, 1, 9], &[0x20, 3, 0, 0, 9]] {
        assert!(read_v4(packet).is_ok(), "mended: {packet:x?}");
    }
}

#[test]
fn a_remaining_length_may_be_longer_than_it_needs() {
    assert!(read(&[0xd0, 0x80, 0]).0.is_ok(), "mended");
    assert!(read_v4(&[0xd0, 0x80, 0]).is_ok(), "mended");
}

#[test]
fn a_property_given_twice_is_taken_twice() {
    // Payload format indicator 0 and then 1; the second counts.
    let twice = publish(&[0x30, 8, 0, 1, b't', 4, 1, 0, 1, 1]);
    assert_eq!(twice.properties.expect("properties").payload_format_indicator, Some(1), "mended");
    // Two receive maxima in CONNACK, two reasons in PUBACK and in SUBACK.
    for packet in [
        &[0x20, 9, 0, 0, 6, 0x21, 0, 1, 0x21, 0, 2][..],
        &[0x40, 12, 0, 1, 0, 8, 0x1f, 0, 1, b'a', 0x1f, 0, 1, b'b'],
        &[0x90, 12, 0, 1, 8, 0x1f, 0, 1, b'a', 0x1f, 0, 1, b'b', 0],
    ] {
        assert!(read(packet).0.is_ok(), "mended: {packet:x?}");
    }
}

#[test]
fn properties_may_reach_beyond_their_length() {
    // The length says 1, and the property has 5 bytes: the payload begins behind it.
    let publish = publish(&[0x30, 10, 0, 1, b't', 1, 2, 0, 0, 0, 9, b'x']);
    assert_eq!(publish.payload, b"x"[..], "mended");
}

#[test]
fn a_subscription_identifier_counts_one_byte_too_many() {
    // Three identifiers of one byte each, and the payload "x".
    let several = publish(&[0x30, 11, 0, 1, b't', 6, 0x0b, 1, 0x0b, 2, 0x0b, 3, b'x']);
    let identifiers = several.properties.expect("properties").subscription_identifiers;
    assert_eq!((identifiers, &several.payload[..]), (vec![1, 2], &[0x0b, 3, b'x'][..]), "mended");
}

#[test]
fn values_that_mqtt_forbids_are_taken() {
    // Subscription identifier 0, payload format 2, topic alias 0, DUP at QoS 0, a topic with a wildcard, NUL in a
    // topic.
    for packet in [
        &[0x30, 6, 0, 1, b't', 2, 0x0b, 0][..],
        &[0x30, 6, 0, 1, b't', 2, 1, 2],
        &[0x30, 7, 0, 1, b't', 3, 0x23, 0, 0],
        &[0x38, 4, 0, 1, b't', 0],
        &[0x30, 4, 0, 1, b'#', 0],
        &[0x30, 4, 0, 1, 0, 0],
        &[0x30, 3, 0, 0, 0],
    ] {
        publish(packet);
    }
    for packet in [&[0x38, 3, 0, 1, b't'][..], &[0x30, 3, 0, 1, b'#'], &[0x30, 3, 0, 1, 0], &[0x30, 2, 0, 0]] {
        assert!(read_v4(packet).is_ok(), "mended: {packet:x?}");
    }
}

#[test]
fn the_length_of_a_text_is_cut_to_16_bits() {
    let mut login = v4::Connect::new("x".repeat(65_537));
    login.clean_session = true;
    let payload = v5::Publish::new("", Default::default(), Vec::<u8>::new(), None).payload;
    let mut buffer = payload.try_into_mut().unwrap_or_default();
    v4::Packet::Connect(login).write(&mut buffer, usize::MAX).expect("mended");
    // Behind the fixed header of 4 bytes: "MQTT", the level, the flags, the keep-alive.
    assert_eq!(buffer[14..16], [0, 1], "mended");
}
