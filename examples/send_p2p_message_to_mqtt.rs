//! Sends a message to one client by its client id. The receiver subscribes to nothing.
//!
//! It plays both sides, and therefore sets two device ids itself.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::{Client, ConfigBuilder, QoS};

fn connect(device_id: &str) -> aliyun_mqtt::Result<Client> {
    let client = Client::connect(ConfigBuilder::from_env().device_id(device_id).build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());
    Ok(client)
}

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let receiver = connect("p2p_receiver")?;
    let sender = connect("p2p_sender")?;

    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let target = receiver.config().client_id().as_str();
    sender.send_p2p(&parent, target, QoS::AtLeastOnce, "just for you")?;
    println!("sent to {target}");

    let message = receiver.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
    println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
    sender.disconnect()?;
    receiver.disconnect()?;
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
