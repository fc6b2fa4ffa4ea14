//! The commands that use the service API: `token`, `session`, `credential`, `group`, `trace`, `send`.

mod failures;
mod manage;
mod messages;
mod token;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aliyun_mqtt::{Client, Config, Credentials, QoS};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

use crate::support;
use crate::support::{Folder, LONG, Output, emulator, run, run_with_input, topic, with};

/// The program with all settings, including the region, which traces need.
fn settings(emulator: &Emulator) -> Command {
    let mut command = with(emulator);
    command.env("ALIYUN_MQTT_REGION_ID", "cn-hangzhou");
    command
}

fn call(emulator: &Emulator, arguments: &[&str]) -> Output {
    run(settings(emulator), arguments)
}

fn json(output: &Output) -> Vec<Value> {
    output.lines().into_iter().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn client(emulator: &Emulator, device: &str, credentials: Credentials) -> aliyun_mqtt::Result<Client> {
    let config = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id(emulator.instance_id())
        .group_id(emulator.group_id())
        .device_id(device)
        .credentials(credentials);
    Client::connect(config.build()?)
}

fn signature(emulator: &Emulator) -> Credentials {
    Credentials::signature(emulator.access_key_id(), emulator.access_key_secret())
}

/// Returns how many times the API was called with this action, whatever the result.
fn calls(emulator: &Emulator, wanted: &str) -> usize {
    let is = |what: &What| match what {
        What::ApiCalled { action } | What::ApiRefused { action, .. } => action == wanted,
        _ => false,
    };
    emulator.log().iter().filter(|entry| is(&entry.what)).count()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
