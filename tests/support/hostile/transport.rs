//! What goes wrong beneath MQTT: in WebSocket and its request, in TLS and its handshake.

use super::kind::{Layer, Step, Table};
use super::link::{frame, upgrade_answer};
use crate::support::broker::connack_at;

pub fn add(table: &mut Table) {
    table.of(Layer::WebSocket, frames);
    table.of(Layer::Upgrade, upgrades);
    table.of(Layer::Tls, records);
    table.of(Layer::Hello, hellos);
}

fn inside(bytes: &[u8]) -> Vec<Step> {
    vec![Step::Inside(bytes.to_vec(), 1)]
}

fn frames(table: &mut Table) {
    let masked = [&[0x82, 0x82, 1, 2, 3, 4][..], &[0xd0 ^ 1, 2]].concat();
    let huge = |length: u64| [&[0x82, 127][..], &length.to_be_bytes()].concat();
    for (name, bytes) in [
        ("text", frame(0x81, b"text")),
        ("text-not-utf8", frame(0x81, b"\xff\xfe")),
        ("masked", masked),
        ("opcode-3", frame(0x83, b"?")),
        ("opcode-b", frame(0x8b, b"?")),
        ("rsv1", frame(0xc2, b"?")),
        ("rsv-all", frame(0xf2, b"?")),
        ("close-empty", frame(0x88, b"")),
        ("close-one-byte", frame(0x88, b"?")),
        ("close-1000", frame(0x88, b"\x03\xe8bye")),
        ("close-1006", frame(0x88, b"\x03\xee")),
        ("close-65535", frame(0x88, b"\xff\xff")),
        ("close-not-utf8", frame(0x88, b"\x03\xe8\xff")),
        ("close-twice", frame(0x88, b"\x03\xe8").repeat(2)),
        ("ping-empty", frame(0x89, b"")),
        ("ping-125", frame(0x89, &[b'?'; 125])),
        ("ping-126", frame(0x89, &[b'?'; 126])),
        ("ping-in-fragments", [frame(0x09, b"?"), frame(0x80, b"?")].concat()),
        ("pong-unasked", frame(0x8a, b"!")),
        ("empty-message", frame(0x82, b"")),
        ("continuation-of-nothing", frame(0x80, b"?")),
        ("message-within-a-message", [frame(0x02, b"\xd0"), frame(0x82, b"\0")].concat()),
        ("text-continued-as-binary", [frame(0x01, b"a"), frame(0x80, b"b")].concat()),
        ("length-of-64-bits-negative", huge(u64::MAX)),
        ("length-of-16-mib-and-one", huge((16 << 20) + 1)),
        ("length-not-minimal", vec![0x82, 126, 0, 2, 0xd0, 0]),
    ] {
        table.steps(format!("websocket/{name}"), move |_| inside(&bytes));
    }
    table.waits(|table| {
        for (name, bytes) in [
            ("header-cut", vec![0x82]),
            ("frame-cut", vec![0x82, 20, 0xd0]),
            // To WebSocket, a header that announces more.
            ("http-again", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ] {
            table.steps(format!("websocket/{name}"), move |_| inside(&bytes));
        }
    });
    table.steps("websocket/packet-in-frames-of-a-byte", |scene| {
        let publish = scene.publish("t/x", &[]);
        inside(&publish.iter().flat_map(|byte| frame(0x82, &[*byte])).collect::<Vec<_>>())
    });
    table.steps("websocket/packet-in-fragments-of-a-byte", |scene| {
        let publish = scene.publish("t/x", &[]);
        let last = publish.len() - 1;
        let fragment = |(at, byte): (usize, &u8)| {
            frame(if at == 0 { 0x02 } else { 0x00 } | if at == last { 0x80 } else { 0 }, &[*byte])
        };
        inside(&publish.iter().enumerate().flat_map(fragment).collect::<Vec<_>>())
    });
    table.waits(control_floods);
    table.heavy(|table| {
        table.steps("websocket/length-of-16-mib-announced", move |_| inside(&huge(16 << 20)));
        table.steps("websocket/20000-empty-fragments", |_| {
            vec![Step::Inside(frame(0x02, b""), 1), Step::Inside(frame(0x00, b""), 20_000)]
        });
        table.steps("websocket/fragments-of-20-mb", |_| {
            vec![Step::Inside(frame(0x02, b""), 1), Step::Inside(frame(0x00, &[0; 20_000]), 1_000)]
        });
    });
    table.steps("websocket/close-and-end", |_| vec![Step::Inside(frame(0x88, b"\x03\xe8"), 1), Step::Close]);
}

fn control_floods(table: &mut Table) {
    for (name, bytes, times) in [
        ("1000-pings", frame(0x89, b""), 1_000),
        ("20000-pings", frame(0x89, b""), 20_000),
        ("20000-pings-of-125", frame(0x89, &[b'?'; 125]), 20_000),
        ("20000-pongs", frame(0x8a, b""), 20_000),
        ("20000-empty-messages", frame(0x82, b""), 20_000),
    ] {
        // Each frame takes a piece of the stack.
        table.heavy(|table| {
            table.steps(format!("websocket/{name}"), move |_| vec![Step::Inside(bytes.clone(), times)]);
        });
    }
}

fn upgrades(table: &mut Table) {
    for (name, answer) in [
        ("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ("302", "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n"),
        ("200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        ("426", "HTTP/1.1 426 Upgrade Required\r\n\r\n"),
        ("101-bare", "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        ("0.9", "hi"),
        ("status-of-no-number", "HTTP/1.1 XXX Nope\r\n\r\n"),
        ("other-version", "HTTP/3.7 101 Switching Protocols\r\n\r\n"),
        ("nul-in-header", "HTTP/1.1 101 Switching Protocols\r\nUpgrade\0: websocket\r\n\r\n"),
        ("cut", "HTTP/1.1 101 Switching Proto"),
    ] {
        table.steps(format!("upgrade/{name}"), move |_| inside(answer.as_bytes()));
        table.steps(format!("upgrade/{name}-and-close"), move |_| {
            vec![Step::Inside(answer.as_bytes().to_vec(), 1), Step::Close]
        });
    }
    table.steps("upgrade/wrong-accept", |_| inside(upgrade_answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").as_bytes()));
    for (name, protocol) in [("no-protocol", ""), ("other-protocol", "Sec-WebSocket-Protocol: chat\r\n")] {
        table.steps(format!("upgrade/{name}"), move |scene| {
            let line = "Sec-WebSocket-Protocol: mqtt\r\n";
            inside(upgrade_answer(scene.accept).replace(line, protocol).as_bytes())
        });
    }
    table.steps("upgrade/extension-not-asked-for", |scene| {
        let answer = upgrade_answer(scene.accept);
        inside(answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n").as_bytes())
    });
    table.steps("upgrade/with-connack-unframed", |scene| {
        inside(&[upgrade_answer(scene.accept).as_bytes(), &connack_at(scene.level, false, 0)].concat())
    });
    table.steps("upgrade/with-frames-cut", |scene| {
        inside(&[upgrade_answer(scene.accept).as_bytes(), &[0x82, 4, 0x20, 2]].concat())
    });
    table.steps("upgrade/with-1000-pings", |scene| {
        inside(&[upgrade_answer(scene.accept).as_bytes(), &frame(0x89, b"").repeat(1_000)].concat())
    });
    table.heavy(|table| {
        table.steps("upgrade/with-5000-pings", |scene| {
            inside(&[upgrade_answer(scene.accept).as_bytes(), &frame(0x89, b"").repeat(5_000)].concat())
        });
    });
    table.steps("upgrade/header-of-1-mb", |_| {
        let start = b"HTTP/1.1 101 Switching Protocols\r\nX-Filler: ".to_vec();
        vec![Step::Inside(start, 1), Step::Inside(vec![b'x'; 1_000], 1_000)]
    });
    table.steps("upgrade/100000-header-lines", |_| {
        let start = b"HTTP/1.1 101 Switching Protocols\r\n".to_vec();
        vec![Step::Inside(start, 1), Step::Inside(b"X: y\r\n".to_vec(), 100_000)]
    });
    table.steps("upgrade/silence", |_| vec![Step::Silence]);
    table.steps("upgrade/close", |_| vec![Step::Close]);
    table.steps("upgrade/reset", |_| vec![Step::Reset]);
    table.steps("upgrade/half-close", |_| vec![Step::HalfClose]);
}

/// Records that no session made.
const RECORDS: [(&str, &[u8]); 8] = [
    ("fatal-alert", b"\x15\x03\x03\0\x02\x02\x28"),
    ("warning", b"\x15\x03\x03\0\x02\x01\x64"),
    ("data-of-no-key", b"\x17\x03\x03\0\x20xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("empty-data", b"\x17\x03\x03\0\0"),
    ("length-of-65535", b"\x17\x03\x03\xff\xff"),
    ("unknown-type", b"\x63\x03\x03\0\x01x"),
    ("change-cipher-spec", b"\x14\x03\x03\0\x01\x01"),
    ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
];

fn records(table: &mut Table) {
    for (name, record) in RECORDS {
        table.steps(format!("tls/{name}"), move |_| vec![Step::Beneath(record.to_vec())]);
    }
    table.steps("tls/1000-change-cipher-specs", |_| vec![Step::Beneath(RECORDS[6].1.repeat(1_000))]);
    table.steps("tls/1000-empty-records", |_| vec![Step::Beneath(RECORDS[3].1.repeat(1_000))]);
    table.steps("tls/record-cut", |_| vec![Step::Beneath(b"\x17\x03\x03\0\x20xxx".to_vec()), Step::Reset]);
    table.steps("tls/end-without-notice", |_| vec![Step::HalfClose]);
}

fn hellos(table: &mut Table) {
    for (name, record) in RECORDS {
        table.steps(format!("hello/{name}"), move |_| vec![Step::Beneath(record.to_vec())]);
    }
    table.steps("hello/server-hello-cut", |_| {
        vec![Step::Beneath(b"\x16\x03\x03\0\x7a\x02\0\0\x76\x03\x03xxxx".to_vec()), Step::Close]
    });
    table.steps("hello/server-hello-of-zeros", |_| {
        vec![Step::Beneath([&b"\x16\x03\x03\0\x30\x02\0\0\x2c\x03\x03"[..], &[0; 42]].concat())]
    });
    table.steps("hello/handshake-of-16-mb-announced", |_| {
        vec![Step::Beneath([&b"\x16\x03\x03\x40\0\x0b\xff\xff\xff"[..], &[0; 16_380]].concat())]
    });
    table.steps("hello/garbage", |scene| vec![Step::Beneath((0..1_000).map(|_| scene.random.next() as u8).collect())]);
    table.steps("hello/silence", |_| vec![Step::Silence]);
    table.steps("hello/close", |_| vec![Step::Close]);
    table.steps("hello/reset", |_| vec![Step::Reset]);
    table.steps("hello/half-close", |_| vec![Step::HalfClose]);
}
