//! The quick start of the documentation: its binary shows what the library with its default features adds to a program.

use std::time::Duration;

use aliyun_mqtt::{Client, Config, Credentials, QoS};

fn main() -> aliyun_mqtt::Result<()> {
    let config = Config::builder()
        .endpoint("post-cn-xxxx.mqtt.aliyuncs.com")
        .instance_id("post-cn-xxxx")
        .group_id("GID_demo")
        .credentials(Credentials::signature("access key id", "access key secret"))
        .build()?;
    let client = Client::connect(config)?;
    client.subscribe("demo/#", QoS::AtLeastOnce)?;
    client.publish("demo/hello", QoS::AtLeastOnce, "Hello")?;
    if let Some(message) = client.recv_timeout(Duration::from_secs(5))? {
        println!("{}", message.payload_str().unwrap_or("not text"));
    }
    client.send_p2p("demo", "GID_demo@@@0002", QoS::AtLeastOnce, "psst")?;
    client.disconnect()
}
