//! Faults of rmqtt, without the emulator. When a test fails here, a workaround can go.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::{LONG, Raw, plain, text};
use rmqtt::context::ServerContext;
use rmqtt::server::MqttServer;

/// Starts an unchanged broker of rmqtt, which runs until the sender is dropped.
fn rmqtt() -> (SocketAddr, tokio::sync::oneshot::Sender<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (ready, address) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let context = ServerContext::new().busy_check_enable(false).build().await;
            let listener = rmqtt::net::Builder::new()
                .name("upstream")
                .laddr((Ipv4Addr::LOCALHOST, 0).into())
                .allow_anonymous(true)
                .session_expiry_interval(Duration::from_secs(3600))
                .bind()
                .and_then(rmqtt::net::Listener::tcp)
                .unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(MqttServer::new(context).listener_by_id(listener, address.port()).build().run());
            ready.send(address).unwrap();
            let _ = stopped.await;
        });
    });
    (address.recv_timeout(LONG).unwrap(), stop)
}

/// Connects without a login; the session is kept.
fn connect(address: SocketAddr, client_id: &str) -> Raw {
    let mut stream = plain(address);
    let mut body = text("MQTT");
    body.extend([4, 0, 0, 60]);
    body.extend(text(client_id));
    stream.write_all(&[&[0x10, u8::try_from(body.len()).unwrap()][..], &body].concat()).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!((connack[0], connack[3]), (0x20, 0));
    Raw::over(stream)
}

/// When this fails, rmqtt keeps the order (MQTT-4.6.0-1), and `src/broker/handover.rs` may have become unnecessary.
#[test]
fn rmqtt_sends_the_unacknowledged_messages_of_a_resumed_session_last_first() {
    let (address, _stop) = rmqtt();
    let mut receiver = connect(address, "receiver");
    receiver.subscribed(&[("t", 1)]);
    let mut sender = connect(address, "sender");
    for number in 1..=3 {
        sender.publish("t", 1, number, &[u8::try_from(number).unwrap()]);
        assert_eq!(sender.packet(), Some((0x40, number.to_be_bytes().to_vec())));
    }
    let payloads =
        |receiver: &mut Raw| (0..3).map(|_| receiver.message_unacknowledged().payload[0]).collect::<Vec<_>>();
    assert_eq!(payloads(&mut receiver), [1, 2, 3]);
    drop(receiver);
    let mut receiver = connect(address, "receiver");
    assert_eq!(payloads(&mut receiver), [3, 2, 1]);
}

/// Connects by MQTT 5 without a login, with these properties.
fn connect5(address: SocketAddr, client_id: &str, properties: &[u8]) -> Raw {
    let mut raw = Raw::over_v5(plain(address));
    let mut body = text("MQTT");
    body.extend([5, 2, 0, 60, u8::try_from(properties.len()).unwrap()]);
    body.extend_from_slice(properties);
    body.extend(text(client_id));
    raw.send(0x10, &body);
    let (first, body) = raw.packet().expect("a CONNACK");
    assert_eq!((first, body[1]), (0x20, 0));
    raw
}

/// When this fails, rmqtt responds as MQTT 5 demands, and the responses of `src/front` may have become unnecessary.
#[test]
fn rmqtt_answers_success_for_what_is_not_there() {
    let (address, _stop) = rmqtt();
    let mut client = connect5(address, "client", &[]);
    // UNSUBSCRIBE of a filter that was never subscribed: 0x11.
    client.send(0xA2, &[&[0, 7, 0][..], &text("never")].concat());
    assert_eq!(client.packet(), Some((0xB0, vec![0, 7, 0, 0])));
    // A PUBREL and a PUBREC of ids that are not in use: 0x92.
    for (asked, answered) in [(0x62, 0x70), (0x50, 0x62)] {
        client.send(asked, &[0, 9]);
        let (first, body) = client.packet().expect("an answer");
        assert_eq!((first, body.get(2).copied().unwrap_or(0)), (answered, 0), "{body:x?}");
    }
}

/// When this fails, rmqtt leaves such a message out (MQTT-3.1.2-25), and `is_too_large` of `src/broker/hooks.rs` may
/// go.
#[test]
fn rmqtt_cuts_a_client_over_a_message_that_is_too_large_for_it() {
    let (address, _stop) = rmqtt();
    // A Maximum Packet Size of 50 bytes.
    let mut receiver = connect5(address, "receiver", &[0x27, 0, 0, 0, 50]);
    receiver.subscribed(&[("t", 1)]);
    let mut sender = connect(address, "sender");
    sender.publish("t", 0, 0, &[b'x'; 100]);
    while let Some((first, _)) = receiver.packet() {
        assert_eq!(first, 0xE0, "a DISCONNECT at the most");
    }
}
