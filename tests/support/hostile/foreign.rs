//! What is no MQTT at all, and what is nothing at all.

use std::time::Duration;

use super::kind::{Step, Table};
use crate::support::broker::connack_at;

/// What other servers say.
const GREETINGS: [(&str, &[u8]); 12] = [
    ("http-400", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    ("http-200", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
    ("http2-settings", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff"),
    ("tls-alert", b"\x15\x03\x01\0\x02\x02\x46"),
    ("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("smtp", b"220 mail.example.com ESMTP\r\n"),
    ("amqp", b"AMQP\0\0\x09\x01"),
    ("redis", b"-ERR unknown command\r\n"),
    ("mysql", b"J\0\0\0\x0a8.0.36\0\x09\0\0\0"),
    ("proxy-header", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"),
    ("socks", b"\x05\xff"),
    ("text", b"hello, world"),
];

pub fn add(table: &mut Table) {
    table.waits(greetings);
    for (name, greeting) in GREETINGS {
        table.steps(format!("foreign/{name}-and-close"), move |_| vec![Step::Mqtt(greeting.to_vec()), Step::Close]);
    }
    table.fixed("foreign/zeros", &[0; 1_000]);
    table.fixed("foreign/ones", &[0xff; 1_000]);
    table.steps("end/close", |_| vec![Step::Close]);
    table.steps("end/reset", |_| vec![Step::Reset]);
    table.steps("end/half-close", |_| vec![Step::HalfClose]);
    table.steps("end/close-within-a-packet", |scene| {
        vec![Step::Mqtt(scene.publish("t/x", &[])[..5].to_vec()), Step::Close]
    });
    table.steps("end/reset-within-a-packet", |scene| {
        vec![Step::Mqtt(scene.publish("t/x", &[])[..5].to_vec()), Step::Reset]
    });
    table.steps("end/half-close-within-a-packet", |scene| {
        vec![Step::Mqtt(scene.publish("t/x", &[])[..5].to_vec()), Step::HalfClose]
    });
    table.steps("drip/publish", |scene| vec![Step::Drip(scene.publish("t/x", &[]))]);
    table.steps("drip/connack", |scene| vec![Step::Drip(connack_at(scene.level, false, 0))]);
    table.steps("drip/garbage", |_| vec![Step::Drip(vec![0x30, 0xff, 0xff, 0xff, 0xff, 1])]);
    table.steps("drip/then-reset", |scene| {
        let publish = scene.publish("t/x", &[]);
        vec![Step::Drip(publish[..6].to_vec()), Step::Wait(Duration::from_millis(50)), Step::Reset]
    });
}

/// To MQTT, some of these are the beginning of a packet.
fn greetings(table: &mut Table) {
    for (name, greeting) in GREETINGS {
        table.fixed(format!("foreign/{name}"), greeting);
    }
    for length in [1, 16, 1_000, 64_000] {
        table.bytes(format!("foreign/random-{length}"), move |scene| {
            (0..length).map(|_| scene.random.next() as u8).collect()
        });
    }
    table.steps("end/silence", |_| vec![Step::Silence]);
    table.steps("drip/http", |_| vec![Step::Drip(GREETINGS[0].1.to_vec())]);
    table.steps("drip/zeros-in-a-large-packet", |_| vec![Step::Mqtt(vec![0x30, 0xff, 0x7f]), Step::Drip(vec![0; 500])]);
}
