//! The server for examples and tests: clients log in with its variables, and the environment of the process decides.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use aliyun_mqtt_emulator::{Server, ensure_server};

use crate::support::{Raw, plain, sign};

/// Set for the child process of the last test.
const CHILD: &str = "EMULATOR_TEST_CHILD";

fn value(server: &Server, name: &str) -> String {
    let value = server.get(name).unwrap_or_else(|| panic!("{name} is given"));
    value.into_string().unwrap()
}

/// Logs in with the variables alone; returns the CONNACK code.
fn login(server: &Server, mode: &str, device_id: &str, password: impl Fn(&str) -> String) -> u8 {
    let address = value(server, "ALIYUN_MQTT_ENDPOINT").strip_prefix("mqtt://").unwrap().parse().unwrap();
    let client_id = format!("{}@@@{device_id}", value(server, "ALIYUN_MQTT_GROUP_ID"));
    let key = match mode {
        "DeviceCredential" => "ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID",
        _ => "ALIBABA_CLOUD_ACCESS_KEY_ID",
    };
    let username = format!("{mode}|{}|{}", value(server, key), value(server, "ALIYUN_MQTT_INSTANCE_ID"));
    Raw::over(plain(address)).connect(&client_id, &username, &password(&client_id), true).0
}

#[test]
fn a_client_logs_in_with_the_variables_of_a_started_emulator_until_it_is_dropped() {
    let server = Server::from_vars_or_emulator(|_| None).unwrap();
    let secret = value(&server, "ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    for device_id in ["first", "second"] {
        assert_eq!(login(&server, "Signature", device_id, |client_id| sign(client_id, &secret)), 0);
    }
    assert_eq!(login(&server, "Token", "third", |_| value(&server, "ALIYUN_MQTT_TOKEN")), 0);
    let mut connection = TcpStream::connect(server.emulator().unwrap().tcp_addr()).unwrap();
    drop(server);
    // Another test may have the port by now, but not this connection.
    assert!(connection.read(&mut [0]).is_ok_and(|read| read == 0) || connection.write_all(b"x").is_err());
}

#[test]
fn a_device_that_is_asked_for_has_a_credential() {
    let lookup = |name: &str| match name {
        "ALIYUN_MQTT_AUTH" => Some(OsString::from("device")),
        "ALIYUN_MQTT_DEVICE_ID" => Some("thermometer".into()),
        _ => None,
    };
    let server = Server::from_vars_or_emulator(lookup).unwrap();
    let secret = value(&server, "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET");
    assert_eq!(login(&server, "DeviceCredential", "thermometer", |client_id| sign(client_id, &secret)), 0);
    assert_eq!(login(&server, "DeviceCredential", "another", |client_id| sign(client_id, &secret)), 5);
}

#[test]
fn the_environment_of_the_process_decides() {
    for (endpoint, expected) in
        [("mqtt://named.example:1883", "the server at mqtt://named.example:1883"), ("", "an emulator")]
    {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server::shows_its_server_in_a_child_process", "--nocapture"])
            .env(CHILD, "1")
            .env("ALIYUN_MQTT_ENDPOINT", endpoint)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(&format!("using {expected}")), "{text}");
    }
}

/// Does nothing but in the process that the test above starts.
#[test]
fn shows_its_server_in_a_child_process() {
    if std::env::var_os(CHILD).is_some() {
        println!("using {}", Server::from_env_or_emulator().unwrap());
    }
}

#[test]
fn a_program_without_a_server_runs_again_with_an_emulator() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "server::runs_again_in_a_child_process", "--nocapture"])
        .env(CHILD, "1")
        .env("ALIYUN_MQTT_ENDPOINT", "")
        .env("ALIYUN_MQTT_PROXY", "http://proxy.example:1")
        .env("ALIYUN_MQTT_TIMEOUT", "17");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert!(text.contains("proxy None, timeout Some(\"17\"), reached true"), "{text}");

    let named = command.env("ALIYUN_MQTT_ENDPOINT", "mqtt://127.0.0.1:1").output().unwrap();
    let text = String::from_utf8_lossy(&named.stdout);
    assert!(text.contains("proxy Some(\"http://proxy.example:1\"), timeout Some(\"17\"), reached false"), "{text}");
}

/// Does nothing but in the process that the test above starts.
#[test]
fn runs_again_in_a_child_process() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    ensure_server().unwrap();
    let var = |name| std::env::var(name).ok();
    let address = var("ALIYUN_MQTT_ENDPOINT").unwrap();
    let reached = TcpStream::connect(address.strip_prefix("mqtt://").unwrap()).is_ok();
    println!("proxy {:?}, timeout {:?}, reached {reached}", var("ALIYUN_MQTT_PROXY"), var("ALIYUN_MQTT_TIMEOUT"));
    std::process::exit(7);
}
