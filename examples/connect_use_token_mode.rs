//! Logs in with a token, as a program does that must not hold an account's secret, and sends one message to itself.
//!
//! The token is taken from `ALIYUN_MQTT_TOKEN`; its resources must cover the parent topic (`{topic}/#`).

mod support;

use aliyun_mqtt::{AuthMode, QoS};

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let client = support::connect(service.config_for(AuthMode::Token)?.build()?)?;
        support::round_trip(&client, &format!("{}/token", service.parent_topic()?), QoS::AtLeastOnce)
    })
}
