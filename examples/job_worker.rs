//! A worker that loses no job: a kept session, an acknowledgement by hand after the work, and a clean end on Ctrl-C.
//!
//! Jobs that come while the worker is away wait in its session. A job that it received and did not acknowledge comes
//! again. For a start it sends itself some jobs, and ends as Ctrl-C would end it when they are done.

use std::error::Error;
use std::process::ExitCode;

use aliyun_mqtt::{AckMode, Client, ConfigBuilder, QoS};

const JOBS: usize = 5;

fn run() -> Result<(), Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    // A kept session belongs to a client id, so the device id must be the same at each start.
    let config = ConfigBuilder::from_env().device_id("worker_1").clean_session(false).ack_mode(AckMode::Manual);
    let client = Client::connect(config.build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    let jobs = format!("{}/jobs", std::env::var("ALIYUN_MQTT_TOPIC")?);
    client.subscribe(&jobs, QoS::AtLeastOnce)?;
    for number in 1..=JOBS {
        client.publish(&jobs, QoS::AtLeastOnce, format!("job {number}"))?;
    }

    // Ends `messages` after the job in hand.
    let closer = client.closer();
    ctrlc::set_handler(move || closer.close())?;

    let mut worked = 0;
    for message in client.messages() {
        let message = message?;
        println!("received on {}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
        // The work is done here. If the process dies before `ack`, the job comes again.
        message.ack()?;
        worked += 1;
        if worked == JOBS {
            client.closer().close();
        }
    }
    println!("{worked} jobs done and acknowledged");
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
