//! Good packets at the wrong time, twice, or for something else.

use super::kind::{Step, Table};
use crate::support::broker::{Kind, publish_at, suback_at};

const ACKS: [(&str, Kind); 5] = [
    ("puback", Kind::PubAck),
    ("pubrec", Kind::PubRec),
    ("pubrel", Kind::PubRel),
    ("pubcomp", Kind::PubComp),
    ("unsuback", Kind::UnsubAck),
];

pub fn add(table: &mut Table) {
    for (name, kind) in ACKS {
        // Whichever of them is due: the wrong one at most places, and once more where it is the right one.
        table.bytes(format!("{name}/for-what-is-open"), move |scene| scene.ack(kind, scene.id));
        table.bytes(format!("{name}/twice"), move |scene| scene.ack(kind, scene.id).repeat(2));
        for id in [77, 1_024, 1_025, 65_535] {
            table.bytes(format!("{name}/unasked-{id}"), move |scene| scene.ack(kind, id));
        }
        table.bytes(format!("{name}/for-each-id"), move |scene| {
            (1..=2_000).flat_map(|id| scene.ack(kind, id)).collect()
        });
    }
    table.bytes("suback/for-what-is-open", |scene| suback_at(scene.level, scene.id, &[1]));
    table.bytes("suback/twice", |scene| suback_at(scene.level, scene.id, &[1]).repeat(2));
    table.bytes("suback/unasked", |scene| suback_at(scene.level, 77, &[1]));
    table.bytes("suback/1000-times", |scene| suback_at(scene.level, scene.id, &[1]).repeat(1_000));
    table.bytes("all-acknowledgements", |scene| ACKS.iter().flat_map(|(_, kind)| scene.ack(*kind, scene.id)).collect());
    table.fixed("pingresp/unasked", &[0xd0, 0]);
    table.fixed("pingresp/1000-times", &[0xd0, 0].repeat(1_000));
    table.bytes("publish/unasked", |scene| scene.publish("nobody/asked", &[]));
    for qos in [1, 2] {
        table.bytes(format!("publish/id-used-twice-at-qos-{qos}"), move |scene| {
            let publish = |payload| publish_at(scene.level, "t/x", qos, 21, false, &[], payload);
            [publish(b"one"), publish(b"two")].concat()
        });
        table.bytes(format!("publish/repeated-100-times-at-qos-{qos}"), move |scene| {
            let publish = |dup| publish_at(scene.level, "t/x", qos, 22, dup, &[], b"same");
            [publish(false), publish(true).repeat(100)].concat()
        });
        table.bytes(format!("publish/dup-at-once-at-qos-{qos}"), move |scene| {
            publish_at(scene.level, "t/x", qos, 23, true, &[], b"first, says the server, was lost")
        });
    }
    table.bytes("publish/id-of-qos-1-then-2", |scene| {
        [1, 2].map(|qos| publish_at(scene.level, "t/x", qos, 24, false, &[], b"x")).concat()
    });
    table.bytes("publish/id-of-qos-2-then-1", |scene| {
        [2, 1].map(|qos| publish_at(scene.level, "t/x", qos, 25, false, &[], b"x")).concat()
    });
    table.heavy(|table| {
        table.bytes("publish/all-ids-at-qos-1", |scene| {
            (1..=u16::MAX).flat_map(|id| publish_at(scene.level, "t", 1, id, false, &[], b"")).collect()
        });
    });
    table.bytes("pubrel/before-pubrec", |scene| {
        [publish_at(scene.level, "t/x", 2, 26, false, &[], b"x"), scene.ack(Kind::PubRel, 26)].concat()
    });
    table.bytes("pubrel/before-publish", |scene| {
        [scene.ack(Kind::PubRel, 27), publish_at(scene.level, "t/x", 2, 27, false, &[], b"x")].concat()
    });
    table.bytes("pubrel/three-times", |scene| {
        [publish_at(scene.level, "t/x", 2, 28, false, &[], b"x"), scene.ack(Kind::PubRel, 28).repeat(3)].concat()
    });
    table.bytes("pubcomp/then-pubrec", |scene| {
        [scene.ack(Kind::PubComp, scene.id), scene.ack(Kind::PubRec, scene.id)].concat()
    });
    table.bytes("pubrec/100-times", |scene| scene.ack(Kind::PubRec, scene.id).repeat(100));
    table.steps("puback/then-close", |scene| vec![Step::Mqtt(scene.ack(Kind::PubAck, scene.id)), Step::Close]);
    table.steps("pubrec/then-close", |scene| vec![Step::Mqtt(scene.ack(Kind::PubRec, scene.id)), Step::Close]);
    table.steps("publish/then-reset", |scene| vec![Step::Mqtt(scene.publish("t/x", &[])), Step::Reset]);
}
