//! Sends a message to one client by its client id. The receiver subscribes to nothing.
//!
//! It plays both sides, and therefore sets two device ids itself.

mod support;

use aliyun_mqtt::QoS;

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let receiver = support::connect(service.config()?.device_id("p2p_receiver").build()?)?;
        let sender = support::connect(service.config()?.device_id("p2p_sender").build()?)?;

        let target = receiver.config().client_id().as_str();
        sender.send_p2p(&service.parent_topic()?, target, QoS::AtLeastOnce, "just for you")?;
        println!("sent to {target}");
        support::receive(&receiver)?;

        sender.disconnect()?;
        receiver.disconnect()?;
        Ok(())
    })
}
