//! Sends the rows of a CSV file, one message for each, and lists the rows that failed.
//!
//! Usage: `csv_batch [FILE]`. The first column is the topic below the parent topic, the rest of the row is the payload. The
//! exit code is 0 if the service has acknowledged every row, and 1 otherwise.

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use aliyun_mqtt::{Client, ConfigBuilder, Outgoing, QoS};

const SAMPLE: &str = "meter/0001,20.5,kWh\nmeter/0002,7.25,kWh\nmeter/0003,11,kWh\n";

/// Returns the number of rows that failed.
fn run() -> Result<usize, Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let rows = match std::env::args_os().nth(1) {
        Some(file) => fs::read_to_string(file)?,
        None => SAMPLE.to_string(),
    };
    let client = Client::connect(ConfigBuilder::from_env().build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let messages = rows.lines().map(|row| {
        let (topic, payload) = row.split_once(',').unwrap_or((row, ""));
        Outgoing::new(format!("{parent}/{topic}"), QoS::AtLeastOnce, payload)
    });
    // One result for each row, in order, while later rows are under way: the file may be of any length.
    let mut failed = 0;
    for (number, result) in (1..).zip(client.publish_each(messages)) {
        if let Err(error) = result {
            failed += 1;
            eprintln!("row {number}: {error}");
        }
    }
    println!("{} rows acknowledged, {failed} failed", rows.lines().count() - failed);
    client.disconnect()?;
    Ok(failed)
}

fn main() -> ExitCode {
    match run() {
        Ok(0) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
