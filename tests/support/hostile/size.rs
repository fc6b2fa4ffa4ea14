//! Too much, or too much announced.

use std::time::Duration;

use super::kind::{Scene, Step, Table};
use crate::support::broker::{Kind, packet, publish_at, suback_at};

/// The fixed header of a PUBLISH with this remaining length.
fn announced(length: usize) -> Vec<u8> {
    let mut header = vec![0x30];
    let mut left = length;
    loop {
        let more = left >= 128;
        header.push((left % 128) as u8 | u8::from(more) << 7);
        left /= 128;
        if !more {
            return header;
        }
    }
}

/// A whole PUBLISH with this remaining length, a piece at a time.
fn message(scene: &Scene<'_>, length: usize) -> Vec<Step> {
    let start = [&b"\0\x03t/x"[..], scene.no_properties()].concat();
    let rest = length - start.len();
    vec![
        Step::Mqtt([announced(length), start].concat()),
        Step::Flood(vec![b'x'; 1024], rest / 1024),
        Step::Mqtt(vec![b'x'; rest % 1024]),
    ]
}

pub fn add(table: &mut Table) {
    table.fixed("size/256-mb-announced", &announced(268_435_455));
    table.fixed("size/10-mb-announced", &announced(10_000_000));
    table.waits(|table| table.bytes("size/the-limit-announced", |scene| announced(scene.limit)));
    table.bytes("size/one-more-than-the-limit-announced", |scene| announced(scene.limit + 1));
    table.steps("size/256-mb-slowly", |_| {
        let mut steps = vec![Step::Mqtt([announced(268_435_455), b"\0\x03t/x".to_vec()].concat())];
        for _ in 0..20 {
            steps.extend([Step::Mqtt(vec![0; 1024]), Step::Wait(Duration::from_millis(20))]);
        }
        steps
    });
    table.steps("size/1000-bytes-slowly", |scene| {
        let Ok(message): Result<[Step; 3], _> = message(scene, 1_000).try_into() else { unreachable!() };
        message.into_iter().flat_map(|step| [step, Step::Wait(Duration::from_millis(200))]).collect()
    });
    table.steps("size/the-limit", |scene| message(scene, scene.limit - 8));
    table.steps("size/one-more-than-the-limit", |scene| message(scene, scene.limit + 1));
    table.steps("size/1-mib", |scene| message(scene, 1 << 20));
    table.heavy(|table| {
        table.steps("size/16-mib", |scene| message(scene, 16 << 20));
        table.steps("size/32-mib", |scene| message(scene, 32 << 20));
    });
    table.bytes("size/topic-of-65535", |scene| {
        let body = [&b"\xff\xff"[..], &[b'a'; 65_535], scene.no_properties(), b"x"].concat();
        packet(0x30, &body)
    });
    table.bytes("size/suback-with-60000-codes", |scene| suback_at(scene.level, scene.id, &[1; 60_000]));
    table.bytes("size/connack-of-60000-bytes", |_| packet(0x20, &[0; 60_000]));
    table.bytes("size/puback-of-60000-bytes", |scene| {
        packet(0x40, &[&scene.id.to_be_bytes()[..], &[0; 60_000]].concat())
    });
    table.fixed("size/pingresp-of-60000-bytes", &packet(0xd0, &[0; 60_000]));
    table.waits(floods);
    table.only(5, |table| {
        let user_properties = |count: usize| {
            let properties = b"\x26\0\x01a\0\x01b".repeat(count);
            let length = announced(properties.len())[1..].to_vec();
            packet(0x30, &[&b"\0\x03t/x"[..], &length, &properties, b"x"].concat())
        };
        table.heavy(|table| {
            table.bytes("flood/9000-user-properties", move |_| user_properties(9_000));
            table
                .steps("flood/9000-user-properties-200-times", move |_| vec![Step::Flood(user_properties(9_000), 200)]);
        });
        table.bytes("size/reason-string-of-60000-bytes", |scene| {
            let properties = [&b"\x1f\xea\x60"[..], &[b'a'; 60_000]].concat();
            let length = announced(properties.len())[1..].to_vec();
            packet(0x40, &[&scene.id.to_be_bytes()[..], &[0x87], &length, &properties].concat())
        });
        table.bytes("size/disconnect-of-60000-bytes", |_| {
            let properties = [&b"\x1f\xea\x60"[..], &[b'a'; 60_000]].concat();
            let length = announced(properties.len())[1..].to_vec();
            packet(0xe0, &[&[0x8b][..], &length, &properties].concat())
        });
    });
}

fn floods(table: &mut Table) {
    table.steps("flood/20000-tiny-messages", |scene| {
        vec![Step::Flood(publish_at(scene.level, "t", 0, 0, false, &[], b""), 20_000)]
    });
    table.heavy(|table| {
        table.steps("flood/200-large-messages", |scene| {
            vec![Step::Flood(publish_at(scene.level, "t", 0, 0, false, &[], &[b'x'; 60_000]), 200)]
        });
    });
    table.bytes("flood/2000-messages-at-qos-1", |scene| {
        (1..=2_000).flat_map(|id| publish_at(scene.level, "t", 1, id, false, &[], b"")).collect()
    });
    table.bytes("flood/2000-messages-at-qos-2", |scene| {
        (1..=2_000).flat_map(|id| publish_at(scene.level, "t", 2, id, false, &[], b"")).collect()
    });
    table.steps("flood/20000-pingresps", |_| vec![Step::Flood(vec![0xd0, 0], 20_000)]);
    table.steps("flood/pubacks", |scene| vec![Step::Flood(scene.ack(Kind::PubAck, 1), 20_000)]);
}
