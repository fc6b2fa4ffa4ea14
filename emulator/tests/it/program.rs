//! The program `aliyun-mqtt-emulator`, and the environment it prints.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use aliyun_mqtt_emulator::{Emulator, Error, Transport};

/// The variables that a shell has after it has evaluated the program's output, in this order.
const NAMES: [&str; 10] = [
    "ALIYUN_MQTT_ENDPOINT",
    "ALIYUN_MQTT_INSTANCE_ID",
    "ALIYUN_MQTT_GROUP_ID",
    "ALIYUN_MQTT_TOPIC",
    "ALIYUN_MQTT_API_ENDPOINT",
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIYUN_MQTT_TOKEN",
    "ALIYUN_MQTT_CA_FILE",
    "ALIYUN_MQTT_REGION_ID",
];

#[test]
fn it_prints_the_environment_of_each_transport_and_ends_with_its_input() {
    for (transport, scheme, path, api_scheme) in [
        ("tcp", "mqtt://127.0.0.1:", "", "http://127.0.0.1:"),
        ("tls", "mqtts://localhost:", "", "https://localhost:"),
        ("ws", "ws://127.0.0.1:", "/mqtt", "http://127.0.0.1:"),
        ("wss", "wss://localhost:", "/mqtt", "https://localhost:"),
    ] {
        // The name of the folder has characters that are special to a shell.
        let folder = Folder::new(&format!("it's {transport} $HOME"));
        let ca_file = folder.0.join("ca.pem");
        let mut program = Program::start(&["--transport", transport, "--ca-file", ca_file.to_str().unwrap()]);
        let values = program.environment();
        assert_eq!(values[1..4], ["post-cn-emulator", "GID_emulator", "emulator"]);
        assert_eq!(values[5..7], ["emulator-access-key-id", "emulator-access-key-secret"]);
        assert!(values[7].starts_with("RW|"), "{}", values[7]);
        assert_eq!(Path::new(&values[8]), ca_file);
        assert_eq!(values[9], "cn-emulator");
        assert!(std::fs::read_to_string(&ca_file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        let port = |text: &str| text.parse::<u16>().unwrap_or_else(|_| panic!("{text} is a port"));
        let endpoint = values[0].strip_prefix(scheme).and_then(|rest| rest.strip_suffix(path));
        let api = values[4].strip_prefix(api_scheme);
        for end in [endpoint, api] {
            TcpStream::connect(("127.0.0.1", port(end.unwrap_or_else(|| panic!("{values:?}"))))).unwrap();
        }
        program.end();
    }
}

#[test]
fn it_refuses_what_it_does_not_know_or_no_client_could_use() {
    for (arguments, named) in [(&["--nonsense"][..], "--nonsense"), (&["--transport", "wss"], "--write-ca")] {
        let Output { status, stderr, .. } = command(arguments).output().unwrap();
        assert!(!status.success());
        assert!(String::from_utf8_lossy(&stderr).contains(named), "{arguments:?}");
    }
}

#[test]
fn the_library_gives_the_same_environment_and_hides_its_values_in_debug() {
    let emulator = Emulator::start().unwrap();
    let folder = Folder::new("library");
    let environment = emulator.environment(Transport::Wss, Some(&folder.0.join("ca.pem"))).unwrap();
    assert!(environment.variables().iter().map(|(name, _)| *name).eq(NAMES));
    assert_eq!(environment.get("ALIYUN_MQTT_ENDPOINT"), Some(emulator.wss_endpoint().as_str()));
    assert_eq!(environment.get("ALIYUN_MQTT_DEVICE_ID"), None);
    assert!(!format!("{environment:?}").contains(emulator.access_key_secret()));
    for transport in [Transport::Tls, Transport::Wss] {
        assert!(matches!(emulator.environment(transport, None), Err(Error::Invalid(_))));
    }
    let nowhere = emulator.environment(Transport::Tcp, Some(Path::new("/dev/null/ca.pem"))).unwrap_err();
    assert!(nowhere.to_string().contains("/dev/null/ca.pem"), "{nowhere}");
}

/// A folder that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("aliyun-mqtt-emulator-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aliyun-mqtt-emulator"));
    command.args(arguments);
    command
}

/// The running program.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        Program { child, stdin }
    }

    /// Returns the values of [`NAMES`], as a shell evaluates the output.
    fn environment(&mut self) -> Vec<String> {
        use std::io::{BufRead, BufReader};
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let text: Vec<_> = lines.take(NAMES.len()).map(Result::unwrap).collect();
        let show =
            format!("{}\nprintf '%s\\n' {}", text.join("\n"), NAMES.map(|name| format!("\"${name}\"")).join(" "));
        let shell = Command::new("sh").arg("-c").arg(show).env_clear().output().unwrap();
        assert!(shell.status.success(), "{text:?}");
        let values: Vec<_> = String::from_utf8(shell.stdout).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(values.len(), NAMES.len(), "{text:?}");
        values
    }

    fn end(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
