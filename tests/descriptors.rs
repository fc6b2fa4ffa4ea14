//! Promises 9 and 13: a process that is out of descriptors for a while gets an error that says so, and comes back. One
//! test a process: it uses them all up.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use aliyun_mqtt::{Client, ErrorKind, Event, Outgoing, QoS};
use support::broker::{Broker, Kind, Packet};
use support::process::{as_child, child, limit_descriptors};
use support::{error, event};

/// Whatever it is that finds no descriptor (the lookup, the runtime, the socket), the error says what is missing.
fn with_few_descriptors_left() {
    let broker = Broker::start();
    let endpoint = format!("mqtt://localhost:{}", broker.addr().port());
    let mut process =
        child(module_path!(), "in_a_child_with_few_descriptors", &endpoint).spawn().expect("this program again");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let status = scope.spawn(|| {
            let status = process.wait().expect("its end");
            ended.store(true, Ordering::SeqCst);
            // Wakes the broker, which waits for one more.
            let _ = TcpStream::connect(broker.addr());
            status
        });
        loop {
            let mut line = broker.accept_raw();
            match line.read() {
                Some(_) => {
                    line.write(&support::broker::connack(false));
                    line.serve_until(|_| false);
                }
                None if ended.load(Ordering::SeqCst) => break,
                None => {}
            }
        }
        assert!(status.join().expect("no panic").success());
    });
}

/// Not a test of its own: a process that has between no and a dozen descriptors left.
#[test]
fn in_a_child_with_few_descriptors() {
    let Some(endpoint) = as_child() else { return };
    limit_descriptors(64);
    let mut worked = Vec::new();
    for free in 0..16 {
        let mut files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        files.truncate(files.len() - free);
        let config = support::broker::config(([127, 0, 0, 1], 1).into()).endpoint(&endpoint).build().expect("good");
        match Client::connect(config) {
            Ok(client) => {
                client.publish("t", QoS::AtLeastOnce, "x").expect("acknowledged");
                client.disconnect().expect("all delivered");
                worked.push(free);
            }
            Err(error) => {
                let whole = format!("{error} {}", error.hint().unwrap_or_default());
                assert!(whole.contains("ulimit -n"), "{free} left: {whole}");
            }
        }
    }
    assert!(worked.contains(&15) && !worked.contains(&0), "{worked:?}");
}

#[test]
fn out_of_descriptors_for_a_while() {
    if as_child().is_some() {
        return;
    }
    with_few_descriptors_left();
    let broker = Broker::start();
    let (client, line) = broker.connect(broker.config());
    let events = client.events();
    let (normal, _) = limit_descriptors(64);
    let mut files = Vec::new();
    files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
    line.stream.shutdown(std::net::Shutdown::Both).expect("cut");
    event(&events, "an attempt that found none", |event| {
        // What the lost connection had freed is taken, too.
        files.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
        match event {
            Event::Disconnected { reason, .. } if reason.to_string().contains("ulimit -n") => Some(()),
            _ => None,
        }
    });
    let refused = error(Client::connect(broker.config().build().expect("a good configuration")));
    assert_eq!(refused.kind(), ErrorKind::Connect, "{refused}");
    drop(files);
    limit_descriptors(normal);
    let mut line = broker.accept(false);
    let delivery = client.enqueue(Outgoing::new("t", QoS::AtLeastOnce, "x")).expect("accepted");
    let id = line.expect(Kind::Publish).id();
    line.send(&Packet::PubAck(id));
    delivery.wait().expect("it came back");
}
