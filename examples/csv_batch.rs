//! Sends the rows of a CSV file, one message for each, and lists the rows that failed.
//!
//! Usage: `csv_batch [FILE]`. The first column is the topic below the parent topic, the rest of the row is the payload.
//! The exit code is 0 if the service has acknowledged every row, and 1 otherwise.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use aliyun_mqtt::{Client, ConfigBuilder, Outgoing, QoS};

const SAMPLE: &str = "meter/0001,20.5,kWh\nmeter/0002,7.25,kWh\nmeter/0003,11,kWh\n";

/// Returns the number of rows that failed.
fn run() -> Result<usize, Box<dyn Error>> {
    // Without ALIYUN_MQTT_ENDPOINT, an emulator serves this program. Your own program does not need this line.
    aliyun_mqtt_emulator::ensure_server()?;
    let rows: Box<dyn BufRead> = match std::env::args_os().nth(1) {
        Some(file) => Box::new(BufReader::new(File::open(file)?)),
        None => Box::new(SAMPLE.as_bytes()),
    };
    let client = Client::connect(ConfigBuilder::from_env().build()?)?;
    println!("connected to {} as {}", client.config().endpoint(), client.config().client_id());

    let parent = std::env::var("ALIYUN_MQTT_TOPIC")?;
    let mut unreadable = None;
    let readable = rows.lines().map_while(|row| row.map_err(|error| unreadable = Some(error)).ok());
    let messages = readable.map(|row| {
        let (topic, payload) = row.split_once(',').unwrap_or((&row, ""));
        Outgoing::new(format!("{parent}/{topic}"), QoS::AtLeastOnce, payload)
    });
    // One result for each row, in order, while later rows are under way: the file may be of any length.
    let (mut sent, mut failed) = (0, 0);
    for (number, result) in (1..).zip(client.publish_each(messages)) {
        match result {
            Ok(_) => sent += 1,
            Err(error) => {
                failed += 1;
                eprintln!("row {number}: {error}");
            }
        }
    }
    println!("{sent} rows acknowledged, {failed} failed");
    client.disconnect()?;
    unreadable.map_or(Ok(failed), |error| Err(error.into()))
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
