//! A program of ordinary size: its binary shows what the library with its default features adds to one.

use std::time::Duration;

use aliyun_mqtt::{Client, Config, QoS};

fn main() -> aliyun_mqtt::Result<()> {
    let client = Client::connect(Config::from_env()?)?;
    client.subscribe("demo/#", QoS::AtLeastOnce)?;
    client.publish("demo/hello", QoS::AtLeastOnce, "Hello")?;
    if let Some(message) = client.recv_timeout(Duration::from_secs(5))? {
        println!("{}", message.payload_str().unwrap_or("not text"));
    }
    let api = aliyun_mqtt::openapi::Api::from_env()?;
    println!("{} groups at {}", api.list_groups()?.len(), api.endpoint());
    client.disconnect()
}
