//! What MQTT 5 added, done wrong: properties, reason codes, AUTH, and the server's DISCONNECT.

use super::kind::{Step, Table};
use super::malformed::TOPICS;
use crate::support::broker::{packet, publish_at, suback_at};

/// The properties of a PUBLISH, each with a good value.
const OF_PUBLISH: [(&str, &[u8]); 8] = [
    ("payload-format", &[0x01, 1]),
    ("message-expiry", &[0x02, 0, 0, 0, 60]),
    ("content-type", b"\x03\0\x01a"),
    ("response-topic", b"\x08\0\x01a"),
    ("correlation-data", b"\x09\0\x01a"),
    ("subscription-identifier", &[0x0b, 1]),
    ("topic-alias", &[0x23, 0, 1]),
    ("user-property", b"\x26\0\x01a\0\x01b"),
];

/// Those that no PUBLISH may have.
const FOREIGN: [(&str, &[u8]); 19] = [
    ("session-expiry", &[0x11, 0, 0, 0, 1]),
    ("assigned-id", b"\x12\0\x01a"),
    ("server-keep-alive", &[0x13, 0, 9]),
    ("authentication-method", b"\x15\0\x01a"),
    ("authentication-data", b"\x16\0\x01a"),
    ("request-problem-information", &[0x17, 1]),
    ("will-delay", &[0x18, 0, 0, 0, 1]),
    ("request-response-information", &[0x19, 1]),
    ("response-information", b"\x1a\0\x01a"),
    ("server-reference", b"\x1c\0\x01a"),
    ("reason-string", b"\x1f\0\x01a"),
    ("receive-maximum", &[0x21, 0, 9]),
    ("alias-maximum", &[0x22, 0, 9]),
    ("maximum-qos", &[0x24, 1]),
    ("retain-available", &[0x25, 1]),
    ("maximum-packet-size", &[0x27, 0, 1, 0, 0]),
    ("wildcards", &[0x28, 1]),
    ("identifiers", &[0x29, 1]),
    ("shared", &[0x2a, 1]),
];

/// Values that are none.
const WRONG: [(&str, &[u8]); 15] = [
    ("payload-format-2", &[0x01, 2]),
    ("payload-format-255", &[0x01, 255]),
    ("content-type-nul", b"\x03\0\x01\0"),
    ("content-type-not-utf8", b"\x03\0\x01\xff"),
    ("content-type-past-the-end", b"\x03\xff\xffa"),
    ("response-topic-empty", b"\x08\0\0"),
    ("response-topic-wildcard", b"\x08\0\x03a/#"),
    ("correlation-data-past-the-end", b"\x09\xff\xffa"),
    ("subscription-identifier-0", &[0x0b, 0]),
    ("subscription-identifier-5-bytes", &[0x0b, 0xff, 0xff, 0xff, 0xff, 1]),
    ("topic-alias-0", &[0x23, 0, 0]),
    ("topic-alias-65535", &[0x23, 0xff, 0xff]),
    ("user-property-without-value", b"\x26\0\x01a"),
    ("user-property-nul", b"\x26\0\x01\0\0\x01\0"),
    ("user-property-not-utf8", b"\x26\0\x01a\0\x01\xff"),
];

pub fn add(table: &mut Table) {
    table.only(5, |table| {
        publishes(table);
        acknowledgements(table);
        disconnects(table);
        auths(table);
    });
}

fn publishes(table: &mut Table) {
    // In place of the properties and their length.
    for (name, instead) in [
        ("length-missing", &[][..]),
        ("length-cut", &[0x80]),
        ("length-5-bytes", &[0x80, 0x80, 0x80, 0x80, 1]),
        ("length-past-the-end", &[0x40, 0x01, 1]),
        ("length-268435455", &[0xff, 0xff, 0xff, 0x7f]),
        ("length-one-too-many", &[3, 0x01, 1]),
        ("length-one-too-few", &[1, 0x01, 1]),
        ("length-not-minimal", &[0x82, 0x00, 0x01, 1]),
        ("id-00", &[2, 0x00, 0]),
        ("id-04", &[2, 0x04, 0]),
        ("id-7f", &[2, 0x7f, 0]),
        ("id-of-two-bytes", &[3, 0x81, 0x01, 1]),
        ("id-ff", &[1, 0xff]),
    ] {
        for qos in [0, 1] {
            let id: &[u8] = if qos > 0 { &[0, 9] } else { &[] };
            table.packet(
                format!("property/{name}-at-qos-{qos}"),
                0x30 | qos << 1,
                &[&b"\0\x03t/x"[..], id, instead].concat(),
            );
        }
    }
    for (name, property) in OF_PUBLISH {
        if !matches!(name, "user-property" | "subscription-identifier") {
            table.bytes(format!("property/{name}-twice"), move |scene| scene.publish("t/x", &property.repeat(2)));
        }
        table.bytes(format!("property/{name}-cut"), move |_| {
            let body = [&b"\0\x03t/x"[..], &[property.len() as u8 - 1], &property[..property.len() - 1]].concat();
            packet(0x30, &body)
        });
    }
    for (name, property) in FOREIGN {
        table.bytes(format!("property/{name}-in-publish"), move |scene| scene.publish("t/x", property));
    }
    for (name, property) in WRONG {
        table.bytes(format!("property/{name}"), move |scene| scene.publish("t/x", property));
    }
    for (name, topic) in TOPICS {
        table.bytes(format!("property/response-topic-{name}"), move |scene| {
            scene.publish("t/x", &[&[0x08, 0, topic.len() as u8][..], topic].concat())
        });
    }
    table.bytes("property/text-that-is-none", |scene| {
        publish_at(scene.level, "t/x", 0, 0, false, &[0x01, 1], b"\xff\xfe")
    });
    for (name, alias) in [("unknown", 7u16), ("0", 0), ("above-the-maximum", 65_535)] {
        for qos in [0, 1, 2] {
            table.bytes(format!("alias/{name}-without-topic-at-qos-{qos}"), move |scene| {
                let [high, low] = alias.to_be_bytes();
                publish_at(scene.level, "", qos, 9, false, &[0x23, high, low], b"hostile")
            });
        }
    }
    table.bytes("alias/set-and-used", |scene| {
        [scene.publish("t/x", &[0x23, 0, 3]), scene.publish("", &[0x23, 0, 3])].concat()
    });
}

fn acknowledgements(table: &mut Table) {
    for (name, kind) in [("puback", 4), ("pubrec", 5), ("pubrel", 6), ("pubcomp", 7)] {
        let first = kind << 4 | if kind == 6 { 2 } else { 0 };
        for (what, rest) in [
            ("code-01", &[0x01][..]),
            ("code-7f", &[0x7f]),
            ("code-ff", &[0xff, 0]),
            ("refused", &[0x92, 0]),
            ("properties-past-the-end", &[0, 20]),
            ("properties-length-cut", &[0, 0x80]),
            ("property-unknown", &[0, 2, 0x7f, 0]),
            ("property-of-publish", &[0, 2, 0x01, 1]),
            ("reason-string-twice", b"\0\x08\x1f\0\x01a\x1f\0\x01b"),
            ("reason-string-past-the-end", b"\0\x04\x1f\xff\xffa"),
            ("reason-string-escape", b"\x92\x06\x1f\0\x03\x1b[m"),
        ] {
            table.bytes(format!("{name}/{what}"), move |scene| {
                packet(first, &[&scene.id.to_be_bytes()[..], rest].concat())
            });
        }
    }
    for (name, first, code) in [("suback", 0x90, 1), ("unsuback", 0xb0, 0)] {
        for (what, properties) in [
            ("properties-missing", &[][..]),
            ("properties-past-the-end", &[20, 0]),
            ("properties-length-cut", &[0x80]),
            ("property-unknown", &[2, 0x7f, 0]),
            ("property-of-publish", &[2, 0x01, 1]),
            ("reason-string-twice", b"\x08\x1f\0\x01a\x1f\0\x01b"),
            ("reason-string-line-end", b"\x06\x1f\0\x03a\nb"),
        ] {
            table.bytes(format!("{name}/{what}"), move |scene| {
                packet(first, &[&scene.id.to_be_bytes()[..], properties, &[code]].concat())
            });
        }
    }
    for code in [0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2] {
        table.bytes(format!("suback/code-{code:02x}"), move |scene| suback_at(5, scene.id, &[code]));
    }
    for (name, codes) in [("code-01", &[1][..]), ("code-ff", &[0xff]), ("no-codes", &[]), ("20-codes", &[0x11; 20])] {
        table.bytes(format!("unsuback/{name}"), move |scene| {
            packet(0xb0, &[&scene.id.to_be_bytes()[..], &[0], codes].concat())
        });
    }
}

fn disconnects(table: &mut Table) {
    for code in [
        0x00, 0x01, 0x04, 0x7f, 0x80, 0x81, 0x82, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98,
        0x9c, 0x9d, 0x9f, 0xa2, 0xff,
    ] {
        table.packet(format!("disconnect/{code:02x}"), 0xe0, &[code, 0]);
    }
    for code in [0x00, 0x04, 0x82, 0x8b, 0x8d, 0x8e, 0xff] {
        table.packet(format!("disconnect/{code:02x}-short"), 0xe0, &[code]);
    }
    for (name, rest) in [
        ("properties-past-the-end", &[0x8b, 20][..]),
        ("properties-length-cut", &[0x8b, 0x80]),
        ("property-unknown", &[0x8b, 2, 0x7f, 0]),
        ("session-expiry", &[0x8b, 5, 0x11, 0, 0, 0, 1]),
        ("server-reference", b"\x9c\x04\x1c\0\x01a"),
        ("reason-string-twice", b"\x8b\x08\x1f\0\x01a\x1f\0\x01b"),
        ("reason-string-line-end", b"\x8b\x06\x1f\0\x03a\nb"),
        ("reason-string-not-utf8", b"\x8b\x04\x1f\0\x01\xff"),
        ("trailing-bytes", b"\x8b\0trailing"),
    ] {
        table.packet(format!("disconnect/{name}"), 0xe0, rest);
    }
    for (name, bytes) in [("empty", &[0xe0, 0][..]), ("8e-short", &[0xe0, 1, 0x8e]), ("8e", &[0xe0, 2, 0x8e, 0])] {
        table.steps(format!("disconnect/{name}-and-close"), move |_| vec![Step::Mqtt(bytes.to_vec()), Step::Close]);
    }
}

fn auths(table: &mut Table) {
    for (name, body) in [
        ("empty", &[][..]),
        ("success-short", &[0x00]),
        ("continue-short", &[0x18]),
        ("success", &[0x00, 0]),
        ("continue", &[0x18, 0]),
        ("again", &[0x19, 0]),
        ("continue-with-method", b"\x18\x08\x15\0\x01a\x16\0\x01b"),
        ("method-twice", b"\x18\x08\x15\0\x01a\x15\0\x01b"),
        ("data-alone", b"\x18\x04\x16\0\x01b"),
        ("code-ff", &[0xff, 0]),
        ("properties-past-the-end", &[0x18, 20]),
    ] {
        table.packet(format!("auth/{name}"), 0xf0, body);
    }
}
