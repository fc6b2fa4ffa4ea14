//! Logs in with a token, and sends one message to itself.
//!
//! The token is taken from `ALIYUN_MQTT_TOKEN`; its resources must cover the parent topic (`{topic}/#`). If it is not set,
//! the program applies for one with the account's key, and the library renews it. A program on a device must not hold
//! that key: see the example `token_server`.

mod support;

use aliyun_mqtt::{AuthMode, QoS};

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let client = support::connect(service.config_for(AuthMode::Token)?.build()?)?;
        support::round_trip(&client, &format!("{}/token", service.parent_topic()?), QoS::AtLeastOnce)
    })
}
