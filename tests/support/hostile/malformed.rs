//! Packets that are none, whatever they stand for.

use super::kind::Table;
use crate::support::broker::{Kind, packet, publish_at, suback_at};

/// What a server may send, by its type.
const TYPES: [(&str, u8); 9] = [
    ("connack", 2),
    ("puback", 4),
    ("pubrec", 5),
    ("pubrel", 6),
    ("pubcomp", 7),
    ("suback", 9),
    ("unsuback", 11),
    ("pingresp", 13),
    ("disconnect", 14),
];

const ACKS: [(&str, u8); 4] = [("puback", 4), ("pubrec", 5), ("pubrel", 6), ("pubcomp", 7)];

/// Topics that no PUBLISH may have.
pub const TOPICS: [(&str, &[u8]); 14] = [
    ("nul", b"a\0b"),
    ("plus", b"a/+/b"),
    ("hash", b"a/#"),
    ("hash-within", b"a/#/b"),
    ("not-utf8", b"\xff\xfe"),
    ("overlong-utf8", b"a\xc0\x80"),
    ("overlong-slash", b"a\xc0\xafb"),
    ("surrogate", b"a\xed\xa0\x80"),
    ("beyond-unicode", b"a\xf4\x90\x80\x80"),
    ("cut-utf8", b"a\xe2\x82"),
    ("noncharacter", b"a\xef\xbf\xbf"),
    ("control", b"a\x01b"),
    ("line-end", b"a\r\nb"),
    ("escape", b"a\x1b[2Jb"),
];

pub fn add(table: &mut Table) {
    lengths(table);
    types(table);
    publishes(table);
    acknowledgements(table);
}

fn lengths(table: &mut Table) {
    table.waits(cut_lengths);
    table.fixed("length/5-bytes", &[0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
    table.fixed("length/5-bytes-ff", &[0x30, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    table.fixed("length/not-minimal-pingresp", &[0xd0, 0x80, 0x00]);
    table.bytes("length/not-minimal-publish", |scene| {
        let good = scene.publish("t/x", &[]);
        [&[good[0], good[1] | 0x80, 0][..], &good[2..]].concat()
    });
}

fn cut_lengths(table: &mut Table) {
    table.fixed("length/missing", &[0x30]);
    table.fixed("length/unfinished", &[0x30, 0x80]);
    table.fixed("length/unfinished-3-bytes", &[0x30, 0x80, 0x80, 0x80]);
    table.bytes("length/body-cut", |scene| {
        let good = scene.publish("t/x", &[]);
        good[..good.len() - 3].to_vec()
    });
    table.bytes("length/one-too-many", |scene| {
        let mut good = scene.publish("t/x", &[]);
        good[1] += 1;
        good
    });
    table.bytes("length/one-too-few", |scene| {
        let mut good = scene.publish("t/x", &[]);
        good[1] -= 1;
        good
    });
}

fn types(table: &mut Table) {
    for kind in [0, 15] {
        table.packet(format!("type/{kind}-empty"), kind << 4, &[]);
        table.packet(format!("type/{kind}-with-body"), kind << 4, &[0, 0, 0]);
        table.packet(format!("type/{kind}-with-flags"), kind << 4 | 0x0f, &[0]);
    }
    // What only a client may send.
    table.bytes("client/connect", |scene| {
        let rest = [&[2, 0, 60][..], scene.no_properties(), b"\0\x01x"].concat();
        packet(0x10, &[&[0, 4][..], b"MQTT", &[scene.level], &rest].concat())
    });
    table.bytes("client/subscribe", |scene| {
        packet(0x82, &[&[0, 1][..], scene.no_properties(), b"\0\x01x\x01"].concat())
    });
    table.bytes("client/unsubscribe", |scene| packet(0xa2, &[&[0, 1][..], scene.no_properties(), b"\0\x01x"].concat()));
    table.packet("client/pingreq", 0xc0, &[]);
    table.only(4, |table| table.packet("client/disconnect", 0xe0, &[]));
    for (name, kind) in TYPES {
        let right = if kind == 6 { 2 } else { 0 };
        for flags in [0, 1, 2, 8, 15].into_iter().filter(|flags| *flags != right) {
            table.bytes(format!("flags/{name}-{flags}"), move |scene| {
                let body: Vec<u8> = match kind {
                    2 => vec![0, 0, 0][..if scene.level == 5 { 3 } else { 2 }].to_vec(),
                    9 => return suback_with_flags(scene.level, scene.id, flags),
                    11 if scene.level == 5 => [&scene.id.to_be_bytes()[..], &[0, 0]].concat(),
                    13 => Vec::new(),
                    14 => vec![0x8b, 0],
                    _ => scene.id.to_be_bytes().to_vec(),
                };
                packet(kind << 4 | flags, &body)
            });
        }
        if kind != 13 {
            table.packet(format!("body/{name}-empty"), kind << 4 | right, &[]);
        }
        table.packet(format!("body/{name}-one-byte"), kind << 4 | right, &[0xff]);
    }
    table.packet("body/publish-empty", 0x30, &[]);
    table.packet("body/publish-one-byte", 0x30, &[0]);
}

fn suback_with_flags(level: u8, id: u16, flags: u8) -> Vec<u8> {
    let mut suback = suback_at(level, id, &[1]);
    suback[0] |= flags;
    suback
}

fn publishes(table: &mut Table) {
    for (name, first) in [("qos-3", 0x36), ("qos-3-dup", 0x3e), ("qos-3-retain", 0x37)] {
        table.bytes(format!("publish/{name}"), move |scene| {
            packet(first, &[&b"\0\x03t/x\0\x01"[..], scene.no_properties(), b"hostile"].concat())
        });
    }
    table.bytes("publish/dup-at-qos-0", |scene| {
        packet(0x38, &[&b"\0\x03t/x"[..], scene.no_properties(), b"hostile"].concat())
    });
    for qos in [1, 2] {
        table.bytes(format!("publish/id-0-at-qos-{qos}"), move |scene| {
            publish_at(scene.level, "t/x", qos, 0, false, &[], b"hostile")
        });
        table.packet(format!("publish/no-id-at-qos-{qos}"), 0x30 | qos << 1, b"\0\x03t/x");
        table.packet(format!("publish/half-an-id-at-qos-{qos}"), 0x30 | qos << 1, b"\0\x03t/x\0");
        table.bytes(format!("publish/topic-empty-at-qos-{qos}"), move |scene| {
            publish_at(scene.level, "", qos, 7, false, &[], b"hostile")
        });
    }
    table.bytes("publish/topic-empty", |scene| scene.publish("", &[]));
    table.packet("publish/topic-past-the-end", 0x30, b"\0\x09t/x");
    table.packet("publish/topic-one-past-the-end", 0x30, b"\0\x04t/x");
    table.packet("publish/half-a-topic-length", 0x30, b"\0");
    table.packet("publish/topic-65535-announced", 0x30, b"\xff\xfft/x");
    for (name, topic) in TOPICS {
        for qos in [0, 1] {
            table.bytes(format!("publish/topic-{name}-at-qos-{qos}"), move |scene| {
                let id: &[u8] = if qos > 0 { &[0, 9] } else { &[] };
                let length = (topic.len() as u16).to_be_bytes();
                packet(0x30 | qos << 1, &[&length[..], topic, id, scene.no_properties(), b"hostile"].concat())
            });
        }
    }
    table.bytes("publish/topic-of-the-service", |scene| scene.publish("$SYS/tokenInvalidNotice", &[]));
    table.bytes("publish/payload-empty", |scene| publish_at(scene.level, "t/x", 1, 11, false, &[], b""));
}

fn acknowledgements(table: &mut Table) {
    for (name, kind) in ACKS {
        let first = kind << 4 | if kind == 6 { 2 } else { 0 };
        table.packet(format!("{name}/id-0"), first, &[0, 0]);
        table.bytes(format!("{name}/trailing-bytes"), move |scene| {
            let more: &[u8] = if scene.level == 5 { &[0, 0, 1, 2, 3] } else { &[1, 2, 3] };
            packet(first, &[&scene.id.to_be_bytes()[..], more].concat())
        });
    }
    for (name, codes) in [
        ("no-codes", vec![]),
        ("two-codes", vec![1, 1]),
        ("20-codes", vec![1; 20]),
        ("more-than-asked-for", vec![2]),
        ("refused", vec![0x80]),
        ("code-3", vec![3]),
        ("code-7f", vec![0x7f]),
        ("code-ff", vec![0xff]),
    ] {
        table.bytes(format!("suback/{name}"), move |scene| suback_at(scene.level, scene.id, &codes));
    }
    table.bytes("suback/id-0", |scene| suback_at(scene.level, 0, &[1]));
    table.packet("suback/half-an-id", 0x90, &[0]);
    table.bytes("unsuback/id-0", |scene| scene.ack(Kind::UnsubAck, 0));
    table.bytes("unsuback/trailing-bytes", |scene| {
        let more: &[u8] = if scene.level == 5 { &[0, 0, 0, 0, 0] } else { &[1, 2] };
        packet(0xb0, &[&scene.id.to_be_bytes()[..], more].concat())
    });
    table.packet("pingresp/with-body", 0xd0, &[0]);
    table.packet("pingresp/with-long-body", 0xd0, &[0; 200]);
}
