//! The control of an emulator by a test: kick, stop, restart, push, drop.

use std::time::{Duration, Instant};

use crate::support::{self, LONG, Raw, seen};
use aliyun_mqtt_emulator::{DisconnectReason, Emulator, Error, What};

#[test]
fn a_kicked_client_is_cut_and_its_kept_session_stays() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@kicked";
    assert!(!emulator.kick(id));
    let mut raw = Raw::login_as(&emulator, id, false);
    raw.subscribed(&[("emulator/a", 1)]);
    assert!(emulator.is_online(id));
    assert!(emulator.kick(id));
    assert!(!emulator.is_online(id) && !emulator.kick(id));
    raw.ended();
    seen(&emulator, id, |what| *what == What::Kicked);
    seen(&emulator, id, |what| matches!(what, What::Disconnected { reason: DisconnectReason::Kicked }));
    let mut raw = Raw::tcp(&emulator);
    let back = raw.connect(id, &support::username(&emulator), &support::password(&emulator, id), false);
    assert_eq!(back, (0, true));
    emulator.publish_as_service("emulator/a", 1, "still there").unwrap();
    assert_eq!(raw.message().payload, b"still there");
}

#[test]
fn a_second_login_with_the_same_id_ends_the_first() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@twin";
    let mut first = Raw::login(&emulator, id);
    let mut second = Raw::login(&emulator, id);
    first.ended();
    seen(&emulator, id, |what| matches!(what, What::Disconnected { reason: DisconnectReason::ClientIdConflict }));
    assert!(emulator.is_online(id));
    second.quiet();
}

#[test]
fn stop_and_restart_keep_ports_accounts_and_log_but_no_session() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@1";
    let credential = emulator.register_device(id);
    let mut raw = Raw::login_as(&emulator, id, false);
    let mut idle = std::net::TcpStream::connect(emulator.tcp_addr()).unwrap();
    let mut idle_api = std::net::TcpStream::connect(emulator.api_addr()).unwrap();
    let addresses = all_addresses(&emulator);
    let position = emulator.log_position();
    assert!(position > 0);

    let before = Instant::now();
    emulator.stop().unwrap();
    println!("stop: {:?}", before.elapsed());
    emulator.stop().unwrap();
    raw.ended();
    assert!(matches!(std::io::Read::read(&mut idle, &mut [0]), Ok(0) | Err(_)));
    assert!(matches!(std::io::Read::read(&mut idle_api, &mut [0]), Ok(0) | Err(_)));
    for address in addresses {
        assert!(std::net::TcpStream::connect(address).is_err());
        #[cfg(target_os = "linux")]
        assert!(tokio::net::TcpSocket::new_v4().unwrap().bind(address).is_err(), "still the emulator's");
    }
    assert!(matches!(emulator.publish_as_service("emulator/a", 1, "x"), Err(Error::Stopped)));
    assert!(emulator.sessions().is_empty() && !emulator.is_online(id));
    seen(&emulator, id, |what| matches!(what, What::Disconnected { reason: DisconnectReason::Stopped }));

    let before = Instant::now();
    emulator.restart().unwrap();
    println!("restart: {:?}", before.elapsed());
    assert_eq!(addresses, all_addresses(&emulator));
    for address in addresses {
        std::net::TcpStream::connect(address).unwrap();
    }
    let mut raw = Raw::tcp(&emulator);
    let user = format!("DeviceCredential|{}|{}", credential.access_key_id, emulator.instance_id());
    let back = raw.connect(id, &user, &support::sign(id, &credential.access_key_secret), false);
    assert_eq!(back, (0, false));
    let log = emulator.log();
    assert!(log.iter().zip(0..).all(|(entry, number)| entry.sequence == number), "no gap in the log");
    let late: Vec<_> = emulator.log_since(position).into_iter().map(|entry| entry.what).collect();
    assert!(late.contains(&What::Stopped) && late.contains(&What::Started));
    emulator.restart().unwrap();
    raw.ended();
}

fn all_addresses(emulator: &Emulator) -> [std::net::SocketAddr; 6] {
    [
        emulator.tcp_addr(),
        emulator.tls_addr(),
        emulator.ws_addr(),
        emulator.wss_addr(),
        emulator.api_addr(),
        emulator.api_tls_addr(),
    ]
}

#[test]
fn a_notice_is_pushed_to_one_client() {
    let emulator = Emulator::start().unwrap();
    let (a, b) = ("GID_emulator@@@a", "GID_emulator@@@b");
    let (mut at_a, mut at_b) = (Raw::login(&emulator, a), Raw::login(&emulator, b));
    assert!(emulator.push_notice(a, "$SYS/tokenExpireNotice", r#"{"expireTime":1,"type":"RW"}"#));
    assert!(!emulator.push_notice("GID_emulator@@@c", "$SYS/tokenExpireNotice", ""));
    let notice = at_a.message();
    assert_eq!((notice.topic.as_str(), notice.qos), ("$SYS/tokenExpireNotice", 0));
    assert_eq!(notice.payload, br#"{"expireTime":1,"type":"RW"}"#);
    seen(&emulator, a, |what| matches!(what, What::NoticePushed { .. }));
    at_b.quiet();
}

#[test]
fn the_service_publishes_to_subscribers_and_to_one_client() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@a";
    let mut raw = Raw::login(&emulator, id);
    raw.subscribed(&[("emulator/+", 2)]);
    for qos in 0..=2 {
        emulator.publish_as_service("emulator/x", qos, vec![qos]).unwrap();
        let message = raw.message();
        assert_eq!((message.topic.as_str(), message.qos, message.payload), ("emulator/x", qos, vec![qos]));
    }
    let topic = format!("emulator/p2p/{id}");
    emulator.publish_as_service(&topic, 1, "psst").unwrap();
    assert_eq!(raw.message().topic, topic);
    for (topic, qos) in [("elsewhere/x", 1), ("emulator/x", 3), ("emulator/#", 1)] {
        assert!(matches!(emulator.publish_as_service(topic, qos, ""), Err(Error::Invalid(_))), "{topic}");
    }
}

#[test]
fn a_silent_client_is_cut_after_its_keep_alive() {
    let emulator = Emulator::start().unwrap();
    let id = "GID_emulator@@@silent";
    let mut raw = Raw::tcp(&emulator);
    let mut body = support::text("MQTT");
    body.extend([4, 0xC2, 0, 1]);
    for field in [id, &support::username(&emulator), &support::password(&emulator, id)] {
        body.extend(support::text(field));
    }
    raw.send(0x10, &body);
    assert_eq!(raw.packet(), Some((0x20, vec![0, 0])));
    raw.ended();
    seen(&emulator, id, |what| matches!(what, What::Disconnected { reason: DisconnectReason::NoHeartbeat }));
}

#[test]
fn many_side_by_side_start_in_milliseconds() {
    let before = Instant::now();
    let first = Emulator::start().unwrap();
    println!("first start: {:?}", before.elapsed());
    let before = Instant::now();
    let more: Vec<_> = (0..8).map(|_| Emulator::start().unwrap()).collect();
    println!("eight more: {:?}", before.elapsed());
    assert!(before.elapsed() < Duration::from_secs(8));
    let id = "GID_emulator@@@1";
    let mut clients: Vec<_> = more.iter().chain([&first]).map(|emulator| Raw::login(emulator, id)).collect();
    more[0].stop().unwrap();
    clients[0].ended();
    for client in &mut clients[1..] {
        client.quiet();
    }
}

#[test]
fn unusable_settings_are_refused() {
    for builder in [
        Emulator::builder().group_id("Test"),
        Emulator::builder().parent_topic(""),
        Emulator::builder().access_key("", "secret"),
        Emulator::builder().sts_key("STS.id", "secret", ""),
        Emulator::builder().token_time_scale(0.0),
        Emulator::builder().token_time_scale(1.5),
        Emulator::builder().token_time_scale(f64::NAN),
    ] {
        assert!(matches!(builder.start(), Err(Error::Invalid(_))));
    }
    let running = Emulator::start().unwrap();
    let taken = Emulator::builder().tcp_port(running.tcp_addr().port()).start();
    assert!(matches!(taken, Err(Error::Io { .. })));
    let taken = Emulator::builder().api_tls_port(running.api_tls_addr().port()).start();
    assert!(matches!(taken, Err(Error::Io { .. })));
}

#[test]
fn a_flood_gets_through_without_a_drop() {
    const COUNT: u32 = 20_000;
    // On a busy machine, sending takes longer than the default.
    let emulator = Emulator::builder().retransmit_after(Duration::from_secs(3600)).start().unwrap();
    let mut receiver = Raw::login(&emulator, "GID_emulator@@@receiver");
    receiver.subscribed(&[("emulator/flood", 1)]);
    let before = Instant::now();
    for number in 0..COUNT {
        emulator.publish_as_service("emulator/flood", 1, number.to_be_bytes()).unwrap();
    }
    for number in 0..COUNT {
        assert_eq!(receiver.message().payload, number.to_be_bytes());
    }
    println!("{COUNT} messages: {:?}", before.elapsed());
    assert!(!emulator.log().iter().any(|entry| matches!(entry.what, What::Dropped { .. })));
}

#[test]
fn waiting_for_the_log_ends_in_time() {
    let emulator = Emulator::start().unwrap();
    let before = Instant::now();
    assert!(emulator.wait_for_log(Duration::from_millis(50), |entry| entry.what == What::Kicked).is_none());
    assert!(before.elapsed() >= Duration::from_millis(50) && before.elapsed() < LONG);
    assert!(emulator.wait_for_log(Duration::ZERO, |entry| entry.what == What::Started).is_some());
}

#[test]
fn any_thread_may_use_it_also_one_of_a_runtime() {
    fn shared<T: Send + Sync>(_: &T) {}
    let emulator = Emulator::start().unwrap();
    shared(&emulator);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        emulator.publish_as_service("emulator/a", 1, "x").unwrap();
        assert!(emulator.sessions().is_empty());
        emulator.restart().unwrap();
        drop(emulator);
    });
}
