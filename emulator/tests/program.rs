//! The program `aliyun-mqtt-emulator`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn it_prints_the_environment_and_ends_with_its_input() {
    let ca_file = std::env::temp_dir().join(format!("aliyun-mqtt-emulator-{}.pem", std::process::id()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt-emulator"))
        .arg("--ca-file")
        .arg(&ca_file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut value = |name: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(&format!("export {name}=")).unwrap_or_else(|| panic!("{name} in {line}")).to_owned()
    };
    let endpoint = value("ALIYUN_MQTT_ENDPOINT");
    assert_eq!(value("ALIYUN_MQTT_INSTANCE_ID"), "post-cn-emulator");
    assert_eq!(value("ALIYUN_MQTT_GROUP_ID"), "GID_emulator");
    assert_eq!(value("ALIYUN_MQTT_TOPIC"), "emulator");
    let api_endpoint = value("ALIYUN_MQTT_API_ENDPOINT");
    assert_eq!(value("ALIBABA_CLOUD_ACCESS_KEY_ID"), "emulator-access-key-id");
    assert_eq!(value("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "emulator-access-key-secret");
    assert!(value("ALIYUN_MQTT_TOKEN").starts_with("'RW|"));
    value("ALIYUN_MQTT_CA_FILE");
    assert!(std::fs::read_to_string(&ca_file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    std::fs::remove_file(&ca_file).unwrap();
    std::net::TcpStream::connect(endpoint.strip_prefix("mqtt://").unwrap()).unwrap();
    std::net::TcpStream::connect(api_endpoint.strip_prefix("http://").unwrap()).unwrap();
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}

#[test]
fn it_refuses_what_it_does_not_know() {
    let output = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt-emulator")).arg("--nonsense").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--nonsense"));
}
