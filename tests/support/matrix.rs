//! The conditions that the tests are run under: a version of MQTT and a transport, by the environment. The same tests
//! pass over each.
//!
//! A test about bytes on a plain connection (scripted brokers, HTTP servers, the fault proxy's own tests) is over TCP
//! always.

use std::net::SocketAddr;

use aliyun_mqtt::{AuthMode, ConfigBuilder, Credentials, Protocol};
use aliyun_mqtt_emulator::Emulator;
pub use aliyun_mqtt_emulator::Transport;

use super::LONG;
use super::folder::Folder;

/// The version that clients speak here, by `ALIYUN_MQTT_TEST_PROTOCOL`: `3.1.1` (default) or `5`.
pub fn protocol() -> Protocol {
    match std::env::var("ALIYUN_MQTT_TEST_PROTOCOL").as_deref() {
        Ok("5") => Protocol::V5,
        Ok("3.1.1" | "") | Err(_) => Protocol::V311,
        Ok(other) => panic!("ALIYUN_MQTT_TEST_PROTOCOL is {other:?}; it must be 3.1.1 or 5"),
    }
}

/// What clients reach the emulator and mosquitto over, by `ALIYUN_MQTT_TEST_TRANSPORT`: `tcp` (default), `tls`, `ws` or
/// `wss`.
pub fn transport() -> Transport {
    let named = std::env::var("ALIYUN_MQTT_TEST_TRANSPORT").unwrap_or_default();
    let transport = if named.is_empty() { Ok(Transport::Tcp) } else { named.parse() };
    let transport = transport.unwrap_or_else(|error| panic!("ALIYUN_MQTT_TEST_TRANSPORT: {error}"));
    let websocket = matches!(transport, Transport::Ws | Transport::Wss);
    assert!(cfg!(feature = "websocket") || !websocket, "{transport} needs the tests to be built with `websocket`");
    assert!(cfg!(feature = "tls") || !transport.is_tls(), "{transport} needs the tests to be built with `tls`");
    transport
}

/// The configuration, with this CA (PEM) where [`transport`] is one with TLS.
pub fn trusting(config: ConfigBuilder, ca: &str) -> ConfigBuilder {
    #[cfg(feature = "tls")]
    if transport().is_tls() {
        return config.ca_pem(ca);
    }
    let _ = ca;
    config
}

/// Where the emulator takes [`transport`].
pub fn addr(emulator: &Emulator) -> SocketAddr {
    match transport() {
        Transport::Tcp => emulator.tcp_addr(),
        Transport::Tls => emulator.tls_addr(),
        Transport::Ws => emulator.ws_addr(),
        Transport::Wss => emulator.wss_addr(),
    }
}

/// The endpoint of who takes [`transport`] there, on 127.0.0.1. Certificates are good for `localhost`.
pub fn endpoint(addr: SocketAddr) -> String {
    let port = addr.port();
    match transport() {
        Transport::Tcp => format!("mqtt://127.0.0.1:{port}"),
        Transport::Tls => format!("mqtts://localhost:{port}"),
        Transport::Ws => format!("ws://127.0.0.1:{port}/mqtt"),
        Transport::Wss => format!("wss://localhost:{port}/mqtt"),
    }
}

/// The variables with which another process reaches the emulator: see [`config_from_env`]. The CA is in the folder.
pub fn environment(emulator: &Emulator, folder: &Folder) -> Vec<(String, String)> {
    let environment =
        emulator.environment(transport(), Some(&folder.path().join("ca.pem"))).expect("the CA is written");
    environment.variables().iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

/// A configuration from such variables, in that process.
pub fn config_from_env() -> ConfigBuilder {
    let credentials = Credentials::from_env(AuthMode::Signature).expect("a key");
    ConfigBuilder::from_env().protocol(protocol()).credentials(credentials).timeout(LONG)
}
