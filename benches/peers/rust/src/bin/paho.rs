//! The crate paho-mqtt, which wraps Paho C.

use std::time::Duration;

use aliyun_mqtt_peers::{Args, Clock, TOPIC};
use paho_mqtt::{AsyncClient, ConnectOptionsBuilder, CreateOptionsBuilder, Message};

fn main() {
    let args = Args::parse();
    assert_eq!(args.role, "publish", "no other role");
    let create = CreateOptionsBuilder::new()
        .server_uri(format!("tcp://127.0.0.1:{}", args.port()))
        .client_id("GID_bench@@@client")
        .persistence(None)
        .max_buffered_messages(1000)
        .finalize();
    let client = AsyncClient::new(create).expect("a client");
    let connect = ConnectOptionsBuilder::new()
        .clean_session(true)
        .max_inflight(1000)
        .keep_alive_interval(Duration::from_secs(60))
        .finalize();
    client.connect(connect).wait().expect("connected");
    let (qos, count, payload) = (i32::from(args.qos()), args.count(), args.payload());
    let window = args.maybe("window").unwrap_or(100);
    let mut tokens = std::collections::VecDeque::new();
    let clock = Clock::start();
    for number in 1..=count {
        let qos = if number == count { qos.max(1) } else { qos };
        tokens.push_back(client.publish(Message::new(TOPIC, payload.clone(), qos)));
        // The program keeps the window: beyond `max_inflight`, messages would wait for the library's timer.
        if tokens.len() == window {
            tokens.pop_front().expect("one").wait().expect("sent");
        }
    }
    for token in tokens {
        token.wait().expect("acknowledged");
    }
    clock.stop(count, 0);
    client.disconnect(None).wait().expect("disconnected");
}
