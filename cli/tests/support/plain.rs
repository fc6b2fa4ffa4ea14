//! The fault proxy and the scripted broker of the library's tests use MQTT 3.1.1 on plain TCP here. Other versions and
//! transports are tested with the commands concerned.

use std::net::SocketAddr;

use aliyun_mqtt::Protocol;
pub use aliyun_mqtt_emulator::Transport;

pub fn protocol() -> Protocol {
    Protocol::V311
}

pub fn transport() -> Transport {
    Transport::Tcp
}

pub fn endpoint(addr: SocketAddr) -> String {
    format!("mqtt://{addr}")
}
