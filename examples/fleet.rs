//! Two hundred clients in one process, as a load test or a gateway of many devices has them.
//!
//! Each client has a thread of its own for its connection. Every client sends its neighbour a P2P message.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, ConfigBuilder, QoS};

const CLIENTS: usize = 200;

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let start = Instant::now();
    let mut fleet = Vec::with_capacity(CLIENTS);
    for number in 0..CLIENTS {
        // A device id of its own: of two connections with the same client id, the service closes one.
        let config = ConfigBuilder::from_env().device_id(format!("fleet_{number:03}")).build()?;
        fleet.push(Client::connect(config)?);
    }
    println!("connected to {}: {CLIENTS} clients in {:.1?}", fleet[0].config().endpoint(), start.elapsed());

    for (number, client) in fleet.iter().enumerate() {
        let neighbour = fleet[(number + 1) % CLIENTS].config().client_id().as_str();
        client.send_p2p(&parent, neighbour, QoS::AtLeastOnce, format!("from {number}"))?;
    }
    for (number, client) in fleet.iter().enumerate() {
        let message = client.recv_timeout(Duration::from_secs(10))?.ok_or("no message came within 10 seconds")?;
        if number == 0 {
            println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
        }
    }
    println!("every client has received its message");
    fleet.into_iter().try_for_each(|client| client.disconnect())?;
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
