//! Promise 12: secrets stay secret. One test a process: it listens to the log.

mod support;

use std::sync::Mutex;

use aliyun_mqtt::{Client, Credentials, QoS};
use support::{config, connect, connected, emulator, topic};

static LOG: Mutex<String> = Mutex::new(String::new());

struct Everything;

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        use std::fmt::Write;
        let _ = writeln!(LOG.lock().expect("a lock"), "{} {}: {}", record.level(), record.target(), record.args());
    }

    fn flush(&self) {}
}

#[test]
fn no_secret_in_logs_debug_or_errors() {
    log::set_logger(&Everything).expect("the only logger");
    log::set_max_level(log::LevelFilter::Trace);
    let emulator = emulator();
    let secret = emulator.access_key_secret().to_string();
    let client = connect(config(&emulator).endpoint(emulator.tls_endpoint()).ca_pem(emulator.ca_pem()));
    let events = client.events();
    client.publish(&topic(&emulator, "x"), QoS::AtLeastOnce, "hidden payload").expect("published");
    emulator.kick(client.config().client_id().as_str());
    connected(&events);
    let wrong = Credentials::signature(emulator.access_key_id(), "wrong-secret");
    let bad = config(&emulator).credentials(wrong).build().expect("a good configuration");
    let mut shown = format!("{client:?} {:?} {bad:?}", client.config());
    let login = client.config().credentials().login(client.config().client_id(), emulator.instance_id());
    let login = login.expect("a login");
    shown += &format!("{login:?}");
    let refused = Client::connect(bad).expect_err("refused");
    shown += &format!("{refused} {refused:?}");
    client.disconnect().expect("all delivered");
    let log = LOG.lock().expect("a lock").clone();
    assert!(log.contains("connected to"), "the log was heard: {log}");
    for hidden in [secret.as_str(), "wrong-secret", login.password.as_str()] {
        assert!(!shown.contains(hidden) && !log.contains(hidden), "a secret was shown");
    }
    let ours: Vec<_> = log.lines().filter(|line| line.contains(" aliyun_mqtt")).collect();
    assert!(!ours.join("\n").contains("hidden payload"));
}
