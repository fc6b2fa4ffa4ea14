//! Subscribes, publishes ten messages, and receives them.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::{Client, ConfigBuilder, Outgoing, QoS};

const COUNT: usize = 10;
const PATIENCE: Duration = Duration::from_secs(10);

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let client = Client::connect(ConfigBuilder::from_env().build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    // One filter for all topics below it; a client may have 30 filters.
    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let granted = client.subscribe(format!("{parent}/message/#"), QoS::AtLeastOnce)?;
    println!("subscribed, granted {granted}");

    for number in 0..COUNT {
        // Returns without waiting for the acknowledgement; `flush` waits for all of them.
        let topic = format!("{parent}/message/{number}");
        client.enqueue(Outgoing::new(topic, QoS::AtLeastOnce, format!("message {number}")))?;
    }
    client.flush(PATIENCE)?;
    println!("published {COUNT} messages, all acknowledged");

    for _ in 0..COUNT {
        let message = client.recv_timeout(PATIENCE)?.ok_or("no message came within 10 seconds")?;
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
