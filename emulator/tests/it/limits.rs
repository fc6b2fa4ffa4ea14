//! The limits of the service that are off unless they are asked for, device certificates, and custom identities.

use std::io::{Read as _, Write as _};

use aliyun_mqtt_emulator::{DisconnectReason, Emulator, Error, Limits, LoginMode, SignMode, What};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SerialNumber};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::support::{self, Raw, api, plain, seen};

const ID: &str = "GID_emulator@@@a";

fn limited(change: impl FnOnce(&mut Limits)) -> Emulator {
    let mut limits = Limits::default();
    change(&mut limits);
    Emulator::builder().limits(limits).start().unwrap()
}

#[test]
fn a_client_that_publishes_too_fast_is_cut() {
    let emulator = limited(|limits| limits.rate = Limits::strict().rate);
    let mut raw = Raw::login(&emulator, ID);
    for _ in 0..100_000 {
        raw.publish("emulator/a", 0, 0, b"x");
        if !emulator.is_online(ID) {
            break;
        }
    }
    let violation = seen(&emulator, ID, |what| matches!(what, What::Violation { .. }));
    assert!(violation.what.to_string().contains("more messages in a second"), "{violation}");
    seen(&emulator, ID, |what| matches!(what, What::Disconnected { reason: DisconnectReason::Violation }));
    let log = emulator.log();
    let passed: Vec<_> = log.iter().filter(|entry| matches!(entry.what, What::Published { .. })).collect();
    // 20 at once, and then what the time has brought; half a message for the time between the clocks.
    let elapsed = violation.time.duration_since(passed[0].time).unwrap().as_secs_f64();
    let passed = passed.len() as f64;
    assert!(passed >= 20.0 && passed <= 20.5 + elapsed * 20.0, "{passed} in {elapsed} s");
}

#[test]
fn wildcards_beyond_the_quota_of_a_first_level_receive_nothing() {
    let mut limits = Limits::default();
    limits.wildcards = 2;
    let builder = Emulator::builder().limits(limits).parent_topic("emulator").parent_topic("other");
    let emulator = builder.start().unwrap();
    let (mut a, mut b) = (Raw::login(&emulator, ID), Raw::login(&emulator, "GID_emulator@@@b"));
    // Those of another first level, and filters without wildcards, do not count.
    a.subscribed(&[("other/#", 0), ("emulator/1/+", 0), ("emulator/x", 0)]);
    b.subscribed(&[("emulator/1/#", 0), ("emulator/2/#", 0)]);
    seen(&emulator, "GID_emulator@@@b", |what| *what == What::FilterIgnored { filter: "emulator/2/#".into() });
    emulator.publish_as_service("emulator/2/a", 0, "beyond").unwrap();
    emulator.publish_as_service("emulator/1/a", 0, "within").unwrap();
    assert_eq!(a.message().payload, b"within");
    assert_eq!(b.message().payload, b"within");
    // A filter without wildcards is not affected.
    b.subscribed(&[("emulator/y", 0)]);
    emulator.publish_as_service("emulator/y", 0, "plain").unwrap();
    assert_eq!(b.message().payload, b"plain");
}

#[test]
fn strict_turns_the_documented_limits_on() {
    let strict = Limits::strict();
    assert_eq!((strict.topic_length, strict.wildcards, strict.rate, strict.parent_topics), (64, 100, Some(20), 25));
    let builder = (0..26).fold(Emulator::builder().limits(Limits::strict()), |builder, number| {
        builder.parent_topic(format!("topic{number}"))
    });
    assert!(matches!(builder.start(), Err(Error::Invalid(why)) if why.contains("26")));
    let emulator = Emulator::builder().limits(Limits::strict()).start().unwrap();
    let throttled = (0..200)
        .map(|_| api::ask(&emulator, "RevokeToken", &[("Token", "x")]))
        .find(|answer| answer.status == 429)
        .expect("more than 5 calls a second");
    throttled.refused(429, "Throttling.User");
}

#[test]
fn only_topics_for_ordered_messages_have_them() {
    let emulator = Emulator::builder().parent_topic("normal").ordered_topic("orders").start().unwrap();
    let mut raw = Raw::login(&emulator, ID);
    raw.publish("$SYS/enableOrderMsg", 1, 1, br#"{"order":"true"}"#);
    raw.publish("orders/a", 1, 2, b"x");
    raw.publish("normal/a", 1, 3, b"x");
    for (id, expected) in [(2, true), (3, false)] {
        let fits = |what: &What| matches!(what, What::Published { packet_id: Some(seen), .. } if *seen == id);
        let What::Published { ordered, .. } = seen(&emulator, ID, fits).what else { unreachable!() };
        assert_eq!(ordered, expected);
    }
}

#[test]
fn a_custom_identity_of_one_client_id() {
    let emulator = Emulator::builder()
        .custom_client_identity("name", "one", "secret-one", SignMode::Origin)
        .custom_client_identity("name", "two", "secret-two", SignMode::Signed)
        .start()
        .unwrap();
    let code = |id: &str, password: &str| Raw::tcp(&emulator).connect(id, "name", password, true).0;
    assert_eq!(code("one", "secret-one"), 0);
    assert_eq!(code("two", &support::sign("two", "secret-two")), 0);
    assert_eq!(code("three", "secret-one"), 5);
}

#[test]
fn tokens_and_device_credentials_exist_from_the_start() {
    let hour = std::time::Duration::from_secs(3600);
    let token = |builder: aliyun_mqtt_emulator::Builder, text: &str| {
        builder.token(text, aliyun_mqtt_emulator::Permission::ReadWrite, ["emulator/#"], hour)
    };
    let builder = Emulator::builder().device_credential(ID, "DC.id", "DC.not-a-secret");
    let emulator = token(builder, "a-token").start().unwrap();
    let user = |mode: &str, key: &str| format!("{mode}|{key}|{}", emulator.instance_id());
    let code = |user: &str, password: &str| Raw::tcp(&emulator).connect(ID, user, password, true).0;
    assert_eq!(code(&user("DeviceCredential", "DC.id"), &support::sign(ID, "DC.not-a-secret")), 0);
    assert_eq!(code(&user("Token", emulator.access_key_id()), "RW|a-token"), 0);
    for bad in [token(token(Emulator::builder(), "twice"), "twice"), token(Emulator::builder(), "a|b")] {
        let Err(Error::Invalid(why)) = bad.start() else { panic!("started") };
        assert!(!why.contains("twice ") && !why.contains("a|b"), "{why}");
    }
}

/// A CA for devices, and what it issues.
struct Devices {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Devices {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "devices");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(ca, key), pem }
    }

    fn issue(&self, serial: u64) -> (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut device = CertificateParams::default();
        device.serial_number = Some(SerialNumber::from(serial));
        device.distinguished_name.push(DnType::CommonName, "a device");
        let certificate = device.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()))
    }
}

#[test]
fn a_device_certificate_logs_in_and_can_be_deactivated() {
    let devices = Devices::new();
    let emulator = Emulator::builder().client_ca(&devices.pem).start().unwrap();
    let (chain, key) = devices.issue(0xABCD);
    let over_tls =
        |certificate| Raw::over(support::tls_with(&emulator, "localhost", plain(emulator.tls_addr()), certificate));
    let own = || Some((chain.clone(), key.clone_key()));
    assert_eq!(over_tls(own()).connect_nameless(ID), Some(0));
    seen(&emulator, ID, |what| matches!(what, What::Connected { login: LoginMode::Certificate, .. }));
    let [registered] = &emulator.device_certificates()[..] else { panic!("not one") };
    assert_eq!((registered.serial_number.as_str(), registered.common_name.as_str()), ("abcd", "a device"));
    assert_eq!((registered.client_id.as_str(), registered.active), (ID, true));
    // The other ways to log in are there, too.
    let code = over_tls(own()).connect(ID, &support::username(&emulator), &support::password(&emulator, ID), true).0;
    assert_eq!(code, 0);
    assert_eq!(over_tls(own()).connect_nameless("GID_unknown@@@a"), Some(5));

    assert!(emulator.set_certificate_active("abcd", false) && !emulator.set_certificate_active("1234", false));
    assert_eq!(over_tls(own()).connect_nameless(ID), Some(5));
    assert!(emulator.set_certificate_active("abcd", true));
    assert_eq!(over_tls(own()).connect_nameless(ID), Some(0));

    // One that was registered before its first login, and not as active.
    emulator.register_certificate("dcba", false);
    let late = devices.issue(0xDCBA);
    let late = || Some((late.0.clone(), late.1.clone_key()));
    assert_eq!(over_tls(late()).connect_nameless(ID), Some(5));
    assert!(emulator.unregister_certificate("dcba"));
    assert_eq!(over_tls(late()).connect_nameless(ID), Some(0));

    // A refused login registers nothing.
    let (chain, key) = devices.issue(0xEEEE);
    assert_eq!(over_tls(Some((chain, key))).connect_nameless("GID_unknown@@@a"), Some(5));
    assert_eq!(emulator.device_certificates().len(), 2);

    // Neither none nor one of another CA gets in; over plain TCP, nobody without a user name.
    assert_eq!(over_tls(None).connect_nameless(ID), None);
    assert_eq!(over_tls(Some(Devices::new().issue(1))).connect_nameless(ID), None);
    assert_eq!(Raw::tcp(&emulator).connect_nameless(ID), Some(4));
    // Secure WebSocket wants no certificate.
    let upgrade = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut wss = support::tls(&emulator, "localhost", emulator.wss_addr());
    wss.write_all(upgrade.as_bytes()).unwrap();
    let mut answer = [0; 12];
    wss.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    for bad in ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(Emulator::builder().client_ca(bad).start(), Err(Error::Invalid(_))), "{bad}");
    }
}

#[test]
fn the_certificate_has_the_names_that_were_asked_for() {
    let emulator = Emulator::builder().tls_name("mqtt.example").tls_name("192.0.2.1").start().unwrap();
    for name in ["localhost", "127.0.0.1", "mqtt.example", "192.0.2.1"] {
        let mut raw = Raw::over(support::tls(&emulator, name, emulator.tls_addr()));
        let code = raw.connect(ID, &support::username(&emulator), &support::password(&emulator, ID), true).0;
        assert_eq!(code, 0, "{name}");
    }
}

/// Skipped where the machine has no IPv6.
#[test]
fn it_listens_on_the_address_that_was_asked_for() {
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        let emulator = Emulator::builder().address("::1".parse().unwrap()).start().unwrap();
        assert!(emulator.endpoint().starts_with("mqtt://[::1]:"));
        Raw::login(&emulator, ID).quiet();
    }
    let emulator = Emulator::builder().address("0.0.0.0".parse().unwrap()).start().unwrap();
    assert!(emulator.endpoint().starts_with("mqtt://127.0.0.1:"), "{}", emulator.endpoint());
    Raw::over(plain((std::net::Ipv4Addr::LOCALHOST, emulator.tcp_addr().port()).into())).ping();
}
