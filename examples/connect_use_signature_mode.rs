//! Logs in by signature (AccessKey id and secret), and sends one message to itself.

mod support;

use aliyun_mqtt::{AuthMode, QoS};

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let client = support::connect(service.config_for(AuthMode::Signature)?.build()?)?;
        support::round_trip(&client, &format!("{}/signature", service.parent_topic()?), QoS::AtLeastOnce)
    })
}
