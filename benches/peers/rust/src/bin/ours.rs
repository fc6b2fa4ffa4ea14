//! The library.

use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, Credentials, Outgoing, Protocol, QoS};
use aliyun_mqtt_peers::{Args, Clock, TOPIC, age, hold, paced, ready, stamped};

const LONG: Duration = Duration::from_secs(600);

fn main() {
    let args = Args::parse();
    match args.role.as_str() {
        "publish" => publish(&args),
        "roundtrip" => round_trip(&args),
        "receive" => receive(&args),
        "latency" => latency(&args),
        "oneshot" => one_shot(&args),
        "clients" => hold(args.count(), |_| connect(&args)),
        role => panic!("no role {role}"),
    }
}

fn connect(args: &Args) -> Client {
    let endpoint = match args.ca() {
        None => format!("mqtt://127.0.0.1:{}", args.port()),
        Some(_) => format!("mqtts://localhost:{}", args.port()),
    };
    let mut builder = Config::builder()
        .endpoint(endpoint)
        .instance_id("post-cn-bench")
        .group_id("GID_bench")
        .credentials(Credentials::signature("access-key-id", "access-key-secret"))
        .timeout(LONG);
    if let Some(window) = args.maybe("window") {
        builder = builder.window(window);
    }
    if args.is_v5() {
        builder = builder.protocol(Protocol::V5);
    }
    if let Some(ca) = args.ca() {
        builder = builder.ca_file(ca);
    }
    Client::connect(builder.build().expect("a configuration")).expect("connected")
}

fn qos(args: &Args) -> QoS {
    QoS::try_from(args.qos()).expect("0, 1 or 2")
}

/// All at once; ends when the server has all of them. At QoS 0 the last one is sent at QoS 1, to know that.
fn publish(args: &Args) {
    let (client, qos, count, payload) = (connect(args), qos(args), args.count(), args.payload());
    let clock = Clock::start();
    for _ in 1..count {
        client.enqueue(Outgoing::new(TOPIC, qos, &payload)).expect("accepted");
    }
    client.enqueue(Outgoing::new(TOPIC, qos.max(QoS::AtLeastOnce), &payload)).expect("accepted");
    client.flush(LONG).expect("acknowledged");
    clock.stop(count, 0);
    client.disconnect().expect("all delivered");
}

/// One after another. `rest=MS`: after a pause in which the client's threads go to sleep.
fn round_trip(args: &Args) {
    let (client, qos, payload) = (connect(args), qos(args), args.payload());
    let rest = Duration::from_millis(args.maybe("rest").unwrap_or(0));
    let clock = Clock::start();
    let times = (0..args.count()).map(|_| {
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
        let started = Instant::now();
        client.publish(TOPIC, qos, &payload).expect("acknowledged");
        started.elapsed()
    });
    clock.stop_with_times(times.collect());
    client.disconnect().expect("all delivered");
}

/// From the first message to the last.
fn receive(args: &Args) {
    let client = connect(args);
    client.subscribe(TOPIC, qos(args)).expect("subscribed");
    ready();
    client.recv_timeout(LONG).expect("alive").expect("a message");
    let clock = Clock::start();
    let mut received = 1;
    while received < args.count() && client.recv_timeout(Duration::from_secs(3)).expect("alive").is_some() {
        received += 1;
    }
    clock.stop(received, args.count() - received);
    client.disconnect().expect("nothing to deliver");
}

/// From one client to another, at a steady pace.
fn latency(args: &Args) {
    let (sender, receiver, since) = (connect(args), connect(args), Instant::now());
    receiver.subscribe(TOPIC, qos(args)).expect("subscribed");
    let count = args.count();
    let clock = Clock::start();
    let times = std::thread::scope(|scope| {
        let taking = scope.spawn(|| {
            let messages = receiver.messages().take(count);
            messages.map(|message| age(since, message.expect("alive").payload())).collect::<Vec<_>>()
        });
        paced(count, args.pause(), || {
            let message = Outgoing::new(TOPIC, qos(args), stamped(since, args.payload()));
            sender.enqueue(message).expect("accepted");
        });
        taking.join().expect("no panic")
    });
    clock.stop_with_times(times);
}

/// Connect, publish, disconnect, all anew.
fn one_shot(args: &Args) {
    let (qos, payload, clock) = (qos(args), args.payload(), Clock::start());
    let times = (0..args.count()).map(|_| {
        let started = Instant::now();
        let client = connect(args);
        client.publish(TOPIC, qos, &payload).expect("acknowledged");
        client.disconnect().expect("all delivered");
        started.elapsed()
    });
    clock.stop_with_times(times.collect());
}
