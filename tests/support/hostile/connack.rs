//! CONNACKs that no server may send, and those that come at the wrong time.

use super::kind::{Step, Table};
use crate::support::broker::{connack_at, connack_with, packet};

pub fn add(table: &mut Table) {
    for flags in [0x02, 0x80, 0xfe] {
        table.bytes(format!("connack/flags-{flags:02x}"), move |scene| {
            packet(0x20, &[&[flags, 0][..], scene.no_properties()].concat())
        });
    }
    table.bytes("connack/once-more", |scene| connack_at(scene.level, false, 0));
    table.bytes("connack/session-present-though-clean", |scene| connack_at(scene.level, true, 0));
    table.bytes("connack/twice", |scene| connack_at(scene.level, false, 0).repeat(2));
    table.bytes("connack/1000-times", |scene| connack_at(scene.level, false, 0).repeat(1_000));
    table.bytes("connack/session-present-and-refused", |scene| connack_at(scene.level, true, 3));
    for code in [1, 2, 3, 4, 5] {
        table.bytes(format!("connack/refused-{code}"), move |scene| connack_at(scene.level, false, code));
    }
    table.bytes("connack/refused-and-closed", |scene| connack_at(scene.level, false, 3));
    table.steps("connack/refused-and-cut", |scene| vec![Step::Mqtt(connack_at(scene.level, false, 3)), Step::Close]);
    table.bytes("connack/of-the-other-version", |scene| connack_at(9 - scene.level, false, 0));
    table.bytes("connack/trailing-bytes", |scene| {
        packet(0x20, &[&[0, 0][..], scene.no_properties(), b"trailing"].concat())
    });
    table.only(4, |table| {
        for code in [6, 0x7f, 0x80, 0xff] {
            table.packet(format!("connack/code-{code:02x}"), 0x20, &[0, code]);
        }
    });
    table.only(5, |table| {
        for code in [1, 0x7f, 0x80, 0x81, 0x82, 0x89, 0x8a, 0x8c, 0x95, 0x97, 0x9c, 0x9d, 0x9f, 0xff] {
            table.packet(format!("connack/code-{code:02x}"), 0x20, &[0, code, 0]);
        }
        table.packet("connack/properties-missing", 0x20, &[0, 0]);
        table.packet("connack/properties-past-the-end", 0x20, &[0, 0, 20]);
        table.packet("connack/properties-length-cut", 0x20, &[0, 0, 0x80]);
        for (name, properties) in [
            ("receive-maximum-0", &[0x21, 0, 0][..]),
            ("receive-maximum-cut", &[0x21, 0]),
            ("maximum-qos-2", &[0x24, 2]),
            ("maximum-qos-255", &[0x24, 255]),
            ("retain-available-2", &[0x25, 2]),
            ("maximum-packet-size-0", &[0x27, 0, 0, 0, 0]),
            ("wildcards-2", &[0x28, 2]),
            ("identifiers-2", &[0x29, 2]),
            ("shared-2", &[0x2a, 2]),
            ("keep-alive-0", &[0x13, 0, 0]),
            ("assigned-id-empty", &[0x12, 0, 0]),
            ("assigned-id-nul", &[0x12, 0, 1, 0]),
            ("authentication-data-alone", &[0x16, 0, 1, 0]),
            ("authentication-not-asked-for", &[0x15, 0, 1, b'x']),
            ("response-information", &[0x1a, 0, 1, b'x']),
            ("server-reference", &[0x1c, 0, 1, b'x']),
            ("reason-string-nul", &[0x1f, 0, 3, b'a', 0, b'b']),
            ("reason-string-line-end", &[0x1f, 0, 3, b'a', b'\n', b'b']),
            ("reason-string-not-utf8", &[0x1f, 0, 1, 0xff]),
            ("receive-maximum-twice", &[0x21, 0, 9, 0x21, 0, 9]),
            ("reason-string-twice", &[0x1f, 0, 1, b'a', 0x1f, 0, 1, b'b']),
            ("session-expiry-twice", &[0x11, 0, 0, 0, 9, 0x11, 0, 0, 0, 9]),
            ("payload-format", &[0x01, 1]),
            ("subscription-identifier", &[0x0b, 1]),
            ("topic-alias", &[0x23, 0, 1]),
            ("property-00", &[0x00, 0]),
            ("property-7f", &[0x7f, 0]),
        ] {
            table.bytes(format!("connack/{name}"), move |_| connack_with(false, properties));
        }
    });
}
