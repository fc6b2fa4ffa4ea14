//! Sends messages in ordered mode: the service keeps the messages of this connection in one sequence.
//!
//! On the real service the parent topic must be of the ordered type, and the sequence is seen by a RocketMQ consumer of
//! that topic; among MQTT receivers the service promises no strict order.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::{Client, ConfigBuilder, QoS};

const COUNT: usize = 5;

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    // Each connect enables ordered mode before anything else is sent.
    let client = Client::connect(ConfigBuilder::from_env().ordered(true).build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    let topic = format!("{}/order", std::env::var("ALIYUN_MQTT_TOPIC")?);
    client.subscribe(&topic, QoS::AtLeastOnce)?;
    for number in 1..=COUNT {
        client.publish(&topic, QoS::AtLeastOnce, format!("step {number}"))?;
        println!("published step {number}");
    }
    for message in client.messages().idle(Duration::from_secs(10)).take(COUNT) {
        let message = message?;
        println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
    }
    client.disconnect()?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
