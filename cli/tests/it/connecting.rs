//! The ends of a command before it is connected: a signal, or a proxy that refuses.

use std::net::TcpListener;

use crate::support::library::http_proxy::{Answer, HttpProxy};
use crate::support::{Running, emulator, run, with};

#[test]
fn a_signal_ends_the_wait_for_a_first_connection_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let emulator = emulator();
    for arguments in [
        &["pub", "-t", "demo/x", "-m", "x"][..],
        &["pub", "-t", "demo/x", "-l"],
        &["sub", "-t", "demo/x"],
        &["p2p", "send", "GID_x@@@y", "-m", "x"],
        &["p2p", "listen", "--device-id", "one"],
        &["rr", "-t", "demo/x", "-m", "x"],
        &["rr", "reply", "-t", "demo/x", "--echo"],
        &["bench", "publish", "-t", "demo/x"],
        &["bench", "subscribe", "-t", "demo/x"],
    ] {
        for signal in ["INT", "TERM"] {
            let mut command = with(&emulator);
            command.env("ALIYUN_MQTT_ENDPOINT", format!("mqtt://{}", silent.local_addr().expect("an address")));
            // Nothing else could end it within the timeout of the test.
            command.args(arguments).args(["--timeout", "3600"]);
            let running = Running::start(command);
            let _line = silent.accept().expect("a connection");
            running.signal(signal);
            running.wait().expect(130);
        }
    }
}

#[test]
fn a_proxy_that_makes_no_connection_is_none_as_any_other() {
    let (emulator, proxy) = (emulator(), HttpProxy::start());
    proxy.answer(Answer::Refuse(403));
    let output = run(with(&emulator), ["pub", "-t", "demo/x", "-m", "x", "--proxy", &proxy.url()]).expect(3);
    assert!(output.stderr.contains("HTTP 403"), "{output:?}");
}
