//! Subscribes, publishes ten messages, and receives them.

mod support;

use std::time::Duration;

use aliyun_mqtt::QoS;

const COUNT: usize = 10;

fn main() -> std::process::ExitCode {
    support::run(|| {
        let service = support::Service::find()?;
        let client = support::connect(service.config()?.build()?)?;
        let parent = service.parent_topic()?;

        // One filter for everything below; a client may have 30 filters.
        let granted = client.subscribe(&format!("{parent}/message/#"), QoS::AtLeastOnce)?;
        println!("subscribed, granted {granted}");

        for number in 0..COUNT {
            // Returns at once; the acknowledgements are awaited together below.
            let topic = format!("{parent}/message/{number}");
            client.publish_nowait(&topic, QoS::AtLeastOnce, format!("message {number}"))?;
        }
        client.flush(Duration::from_secs(10))?;
        println!("published {COUNT} messages, all acknowledged");

        for _ in 0..COUNT {
            support::receive(&client)?;
        }
        client.disconnect()?;
        Ok(())
    })
}
