//! Logs in with a token, and sends one message to itself.
//!
//! The token is taken from `ALIYUN_MQTT_TOKEN`; its resources must cover the parent topic (`{topic}/#`). If it is not
//! set, the library applies for a token with the account's key and renews it. A program on a device must not hold that
//! key: see the example `token_server`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt::{AuthMode, Client, ConfigBuilder, Credentials, QoS};

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    // This login whatever ALIYUN_MQTT_AUTH says; `from_env` alone follows that variable.
    let credentials = Credentials::from_env(AuthMode::Token)?;
    let client = Client::connect(ConfigBuilder::from_env().credentials(credentials).build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    let topic = format!("{}/token", std::env::var("ALIYUN_MQTT_TOPIC")?);
    println!("subscribed to {topic}, granted {}", client.subscribe(&topic, QoS::AtLeastOnce)?);
    // Blocks until the service has acknowledged the message.
    client.publish(&topic, QoS::AtLeastOnce, "hello")?;
    println!("published to {topic}: the service has it");

    let message = client.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
    println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
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
