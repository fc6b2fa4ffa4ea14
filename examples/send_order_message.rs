//! Sends messages in ordered mode: the service keeps the messages of this connection in one sequence.
//!
//! On the real service the parent topic must be of the ordered type, and the sequence is seen by a RocketMQ consumer of
//! that topic; among MQTT receivers the service promises no strict order.

mod support;

use aliyun_mqtt::QoS;

const COUNT: usize = 5;

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        // Each connect switches the order flag on before anything else is sent.
        let client = support::connect(service.config()?.ordered(true).build()?)?;
        let topic = format!("{}/order", service.parent_topic()?);
        client.subscribe(&topic, QoS::AtLeastOnce)?;
        for number in 1..=COUNT {
            client.publish(&topic, QoS::AtLeastOnce, format!("step {number}"))?;
            println!("published step {number}");
        }
        for _ in 0..COUNT {
            support::receive(&client)?;
        }
        client.disconnect()?;
        Ok(())
    })
}
