//! A panic in the program's logger is not the end of its tokens. One test a process: it is the logger.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aliyun_mqtt::Event;
use support::tokens::{Issuer, token_config};
use support::{connect, emulator, eventually};

static PANICKED: AtomicBool = AtomicBool::new(false);

struct PanicsOnce;

impl log::Log for PanicsOnce {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let ours = record.args().to_string().contains("could not be renewed");
        if ours && !PANICKED.swap(true, Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("a bug in the logger"));
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_in_the_renewer_is_either_survived_or_told() {
    log::set_logger(&PanicsOnce).expect("the only logger");
    log::set_max_level(log::LevelFilter::Warn);
    let emulator = Arc::new(emulator());
    let issuer = Issuer::new(&emulator, Duration::from_secs(3600));
    let client = connect(token_config(&emulator, &issuer));
    let events = client.events();
    issuer.fail(Some("closed"));
    emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    eventually("the logger panicked", || PANICKED.load(Ordering::SeqCst));
    issuer.fail(None);
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        if let Some(Event::TokenRenewed { .. }) = events.recv_timeout(Duration::from_millis(100)) {
            return;
        }
        if client.try_recv().is_err() {
            return;
        }
    }
    panic!("asked {} times; no renewal, no event, and the client does not say that it is dead", issuer.asked());
}
