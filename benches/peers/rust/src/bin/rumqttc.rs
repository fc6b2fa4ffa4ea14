//! rumqttc, as its documentation uses it: a thread of its own polls the connection.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use aliyun_mqtt_peers::{Args, Clock, TOPIC, age, hold, paced, ready, stamped};
use rumqttc::{Client, Connection, Event, Incoming, MqttOptions, Outgoing, Publish, QoS, TlsConfiguration, Transport};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// Room for requests between the threads.
const REQUESTS: usize = 1000;

fn main() {
    let args = Args::parse();
    match args.role.as_str() {
        "publish" if args.is_v5() => publish_v5(&args),
        "publish" => publish(&args),
        "roundtrip" => round_trip(&args),
        "receive" => receive(&args),
        "latency" => latency(&args),
        "oneshot" => one_shot(&args),
        "clients" => hold(args.count(), |number| Polled::start(open(&args, &format!("client{number}")))),
        role => panic!("no role {role}"),
    }
}

fn open(args: &Args, name: &str) -> (Client, Connection) {
    let host = if args.ca().is_some() { "localhost" } else { "127.0.0.1" };
    let mut options = MqttOptions::new(format!("GID_bench@@@{name}"), host, args.port());
    options
        .set_credentials("Signature|access-key-id|post-cn-bench", "password")
        .set_keep_alive(Duration::from_secs(60));
    options
        .set_inflight(args.maybe("window").unwrap_or(100))
        .set_manual_acks(args.text("mode") == Some("acknowledging"));
    options.set_max_packet_size(1 << 20, 1 << 20);
    if let Some(ca) = args.ca() {
        options.set_transport(Transport::tls_with_config(tls(ca)));
    }
    let (client, mut connection) = Client::new(options, REQUESTS);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    connection.eventloop.set_network_options(network);
    (client, connection)
}

fn tls(ca: &str) -> TlsConfiguration {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).expect("the CA's file") {
        roots.add(certificate.expect("PEM")).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    TlsConfiguration::Rustls(Arc::new(config))
}

fn qos(args: &Args) -> QoS {
    rumqttc::qos(args.qos()).expect("0, 1 or 2")
}

/// A connected client whose thread passes on what a program waits for.
struct Polled {
    client: Client,
    /// One for each message that is done.
    settled: Receiver<()>,
    messages: Receiver<Publish>,
}

impl Polled {
    fn start((client, mut connection): (Client, Connection)) -> Polled {
        let ((settle, settled), (message, messages), (connect, connected)) = (channel(), channel(), channel());
        std::thread::spawn(move || poll(&mut connection, &connect, &settle, &message));
        connected.recv().expect("connected");
        Polled { client, settled, messages }
    }
}

fn poll(connection: &mut Connection, connected: &Sender<()>, settled: &Sender<()>, messages: &Sender<Publish>) {
    for event in connection.iter() {
        let over = match event {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => connected.send(()).is_err(),
            Ok(Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_) | Incoming::SubAck(_))) => {
                settled.send(()).is_err()
            }
            Ok(Event::Incoming(Incoming::Publish(publish))) => messages.send(publish).is_err(),
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => false,
            Err(error) => panic!("{error}"),
        };
        if over {
            return;
        }
    }
}

/// The polling thread counts; the channel is used once, at the end.
fn publish(args: &Args) {
    let (client, mut connection) = open(args, "client");
    let ((connect, connected), (finish, finished)) = (channel(), channel());
    let wanted = if args.qos() == 0 { 1 } else { args.count() };
    std::thread::spawn(move || {
        let mut settled = 0;
        for event in connection.iter() {
            match event.expect("connected") {
                Event::Incoming(Incoming::ConnAck(_)) => connect.send(()).expect("alive"),
                Event::Incoming(Incoming::PubAck(_) | Incoming::PubComp(_)) => settled += 1,
                Event::Outgoing(Outgoing::Disconnect) => return,
                _ => continue,
            }
            if settled == wanted {
                finish.send(()).expect("alive");
                settled += 1;
            }
        }
    });
    connected.recv().expect("connected");
    let (qos, count, payload) = (qos(args), args.count(), args.payload());
    let clock = Clock::start();
    for _ in 1..count {
        client.publish(TOPIC, qos, false, payload.clone()).expect("accepted");
    }
    client.publish(TOPIC, if args.qos() == 0 { QoS::AtLeastOnce } else { qos }, false, payload).expect("accepted");
    finished.recv().expect("acknowledged");
    clock.stop(count, 0);
}

fn publish_v5(args: &Args) {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::{Client, Event, Incoming, MqttOptions};
    let mut options = MqttOptions::new("GID_bench@@@client", "127.0.0.1", args.port());
    options.set_outgoing_inflight_upper_limit(args.maybe("window").unwrap_or(100));
    options.set_keep_alive(Duration::from_secs(60));
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let (client, mut connection) = Client::new(options, REQUESTS);
    let ((connect, connected), (finish, finished)) = (channel(), channel());
    let wanted = args.count();
    assert_eq!(args.qos(), 1, "over MQTT 5 only QoS 1 is measured");
    std::thread::spawn(move || {
        let mut settled = 0;
        for event in connection.iter() {
            match event.expect("connected") {
                Event::Incoming(Incoming::ConnAck(_)) => connect.send(()).expect("alive"),
                Event::Incoming(Incoming::PubAck(_)) => settled += 1,
                _ => continue,
            }
            if settled == wanted {
                return finish.send(()).expect("alive");
            }
        }
    });
    connected.recv().expect("connected");
    let (count, payload) = (args.count(), args.payload());
    let clock = Clock::start();
    for _ in 0..count {
        client.publish(TOPIC, QoS::AtLeastOnce, false, payload.clone()).expect("accepted");
    }
    finished.recv().expect("acknowledged");
    clock.stop(count, 0);
}

fn round_trip(args: &Args) {
    let (polled, qos, payload) = (Polled::start(open(args, "client")), qos(args), args.payload());
    let clock = Clock::start();
    let times = (0..args.count()).map(|_| {
        let started = Instant::now();
        polled.client.publish(TOPIC, qos, false, payload.clone()).expect("accepted");
        polled.settled.recv().expect("acknowledged");
        started.elapsed()
    });
    clock.stop_with_times(times.collect());
}

/// `mode=loop`: the polling thread itself takes the messages. `mode=channel`: it passes each on to another thread, and
/// rumqttc has acknowledged it before. `mode=acknowledging`: it passes each on, and the other thread acknowledges it.
fn receive(args: &Args) {
    let (count, acknowledging) = (args.count(), args.text("mode") == Some("acknowledging"));
    if args.text("mode") == Some("loop") {
        return receive_in_the_loop(args);
    }
    let polled = Polled::start(open(args, "client"));
    polled.client.subscribe(TOPIC, qos(args)).expect("accepted");
    polled.settled.recv().expect("subscribed");
    ready();
    let mut clock = None;
    for _ in 0..count {
        let message = polled.messages.recv().expect("a message");
        if acknowledging {
            polled.client.ack(&message).expect("accepted");
        }
        clock.get_or_insert_with(Clock::start);
    }
    clock.expect("a message").stop(count, 0);
}

fn receive_in_the_loop(args: &Args) {
    let (client, mut connection) = open(args, "client");
    client.subscribe(TOPIC, qos(args)).expect("accepted");
    let (mut clock, mut received) = (None, 0);
    for event in connection.iter() {
        match event.expect("connected") {
            Event::Incoming(Incoming::SubAck(_)) => ready(),
            Event::Incoming(Incoming::Publish(_)) => {
                let clock = clock.get_or_insert_with(Clock::start);
                received += 1;
                if received == args.count() {
                    return clock.stop(received, 0);
                }
            }
            _ => {}
        }
    }
}

fn latency(args: &Args) {
    let (sender, receiver) = (Polled::start(open(args, "sender")), Polled::start(open(args, "receiver")));
    receiver.client.subscribe(TOPIC, qos(args)).expect("accepted");
    receiver.settled.recv().expect("subscribed");
    let (count, since, clock) = (args.count(), Instant::now(), Clock::start());
    let (client, messages) = (&sender.client, receiver.messages);
    let times = std::thread::scope(|scope| {
        let taking =
            scope.spawn(move || messages.iter().take(count).map(|message| age(since, &message.payload)).collect());
        paced(count, args.pause(), || {
            client.publish(TOPIC, qos(args), false, stamped(since, args.payload())).expect("accepted");
        });
        taking.join().expect("no panic")
    });
    clock.stop_with_times(times);
}

/// On one thread: the loop ends when DISCONNECT is written.
fn one_shot(args: &Args) {
    let (qos, payload, clock) = (qos(args), args.payload(), Clock::start());
    let times = (0..args.count()).map(|_| {
        let started = Instant::now();
        let (client, mut connection) = open(args, "client");
        client.publish(TOPIC, qos, false, payload.clone()).expect("accepted");
        for event in connection.iter() {
            match event.expect("connected") {
                Event::Incoming(Incoming::PubAck(_)) => client.disconnect().expect("accepted"),
                Event::Outgoing(Outgoing::Disconnect) => break,
                _ => {}
            }
        }
        started.elapsed()
    });
    clock.stop_with_times(times.collect());
}
