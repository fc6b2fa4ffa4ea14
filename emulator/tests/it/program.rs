//! The program `aliyun-mqtt-emulator`, and the environment it prints.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use aliyun_mqtt_emulator::{Emulator, Error, Transport};
use serde_json::json;

use crate::support::http::Control;

/// The variables that a shell has after it has evaluated the program's output, in this order, after the way to log in.
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
fn the_callers_way_to_log_in_stays() {
    for (mode, first) in [("token", "export ALIYUN_MQTT_ENDPOINT="), ("", "export ALIYUN_MQTT_AUTH=signature")] {
        let output = command(&[]).env("ALIYUN_MQTT_AUTH", mode).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success() && output.stdout.starts_with(first.as_bytes()), "{output:?}");
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

/// All that a settings file can have, with the control API to read it back.
const SETTINGS: &str = r#"
instance_id = "post-cn-file"
group_ids = ["GID_file", "GID_other"]
parent_topics = ["file"]
ordered_topics = ["orders"]
forbid = ["file/forbidden"]
time_scale = 20
strict = true
tls_names = ["mqtt.example"]
acknowledge_violations = true
token_notice_lead = 60
retransmit_after = 2.5
inflight = 10
queue = 1000

[ports]
tcp = 0

[log]
entries = 500
bytes = 1000000

[limits]
rate = 7
api_rates = false

[control]
port = 0
token = "chosen-in-the-file"

[[access_keys]]
id = "file-key"
secret = "not-a-secret"

[[sts_keys]]
id = "STS.file"
secret = "not-a-secret"
security_token = "not-a-token"

[[tokens]]
token = "token-of-the-file"
permission = "RW"
resources = ["file/#"]
lifetime = 3600

[[device_credentials]]
client_id = "GID_file@@@device"
access_key_id = "DC.file"
access_key_secret = "DC.not-a-secret"

[[custom_identities]]
username = "user"
secret = "not-a-secret"
sign_mode = "ORIGIN"

[[custom_identities]]
username = "bound"
secret = "not-a-secret"
type = "CLIENT"
client_id = "one"
sign_mode = "SIGNED"
"#;

#[test]
fn a_file_has_all_settings_and_options_take_precedence() {
    let folder = Folder::new("settings");
    let (file, env_file) = (folder.0.join("settings.toml"), folder.0.join("emulator.env"));
    std::fs::write(&file, SETTINGS).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let arguments = [
        "--config",
        file.to_str().unwrap(),
        "--env-file",
        env_file.to_str().unwrap(),
        "--env-format=plain",
        "--group-id=GID_option",
        "--limit=rate=9",
        "--forbid=file/option",
    ];
    let mut program = Program::start(&arguments);
    // Once it is ready, the file is there.
    let messages = program.until_ready();
    if cfg!(unix) {
        assert!(messages.contains("settings.toml holds a secret and others may read it"), "{messages}");
    }
    let variables = std::fs::read_to_string(&env_file).unwrap();
    let value = |name: &str| {
        let line = variables.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {name}: {variables}")).to_owned()
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&env_file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(value("ALIYUN_MQTT_INSTANCE_ID"), "post-cn-file");
    assert_eq!(value("ALIBABA_CLOUD_ACCESS_KEY_ID"), "file-key");
    let url = value("ALIYUN_MQTT_EMULATOR_CONTROL_URL");
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/control").unwrap().parse().unwrap();
    let control = Control { address, token: value("ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN") };
    assert_eq!(control.token, "chosen-in-the-file");
    let settings = control.get("/control/settings");
    for (name, expected) in [
        ("group_ids", json!(["GID_option"])),
        ("parent_topics", json!(["file", "orders"])),
        ("ordered_topics", json!(["orders"])),
        ("access_key_ids", json!(["file-key"])),
        ("sts_key_ids", json!(["STS.file"])),
        ("custom_identities", json!(["bound", "user"])),
        ("device_client_ids", json!(["GID_file@@@device"])),
        ("acknowledge_violations", json!(true)),
        ("token_time_scale", json!(0.05)),
        ("token_notice_lead", json!(3.0)),
        ("retransmit_after", json!(2.5)),
    ] {
        assert_eq!(settings[name], expected, "{name}");
    }
    assert_eq!(settings["faults"]["forbidden"], json!(["file/forbidden", "file/option"]));
    let limits = &settings["limits"];
    let of = ["topic_length", "wildcards", "rate", "api_rates"].map(|name| limits[name].clone());
    assert_eq!(of, [json!(64), json!(100), json!(9), json!(false)]);
    assert_eq!((&settings["log"]["entries"], &settings["log"]["bytes"]), (&json!(500), &json!(1_000_000)));
    assert_eq!(control.get("/control/tokens")["tokens"][0]["resources"], json!(["file/#"]));
    program.end();
}

#[test]
fn limits_and_bounds_can_be_options_alone() {
    let token = "options-alone-token";
    let folder = Folder::new("options");
    let file = folder.0.join("settings.toml");
    std::fs::write(&file, format!("control.token = '{token}'")).unwrap();
    let mut program = Program::start(&[
        "--config",
        file.to_str().unwrap(),
        "--strict",
        "--limit=wildcards=off",
        "--log-entries=7",
        "--log-bytes=1000",
        "--control-port=0",
        "--env-format=plain",
    ]);
    program.until_ready();
    let mut lines = BufReader::new(program.child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| {
        let url = line.strip_prefix("ALIYUN_MQTT_EMULATOR_CONTROL_URL=http://")?;
        url.strip_suffix("/control")?.parse().ok()
    });
    let settings = Control { address: address.unwrap(), token: token.into() }.get("/control/settings");
    let limits = ["topic_length", "wildcards", "rate", "api_rates"].map(|name| settings["limits"][name].clone());
    assert_eq!(limits, [json!(64), json!(null), json!(20), json!(true)]);
    assert_eq!((&settings["log"]["entries"], &settings["log"]["bytes"]), (&json!(7), &json!(1000)));
    program.end();
}

#[test]
fn what_others_can_reach_is_said() {
    let mut program = Program::start(&["--listen", "0.0.0.0", "--control-port", "0", "--control-listen", "0.0.0.0"]);
    let messages = program.until_ready();
    assert!(messages.contains("others can use this emulator: it listens on 0.0.0.0"), "{messages}");
    assert!(messages.contains("its control API listens on 0.0.0.0"), "{messages}");
    let values = program.environment();
    assert!(values[0].starts_with("mqtt://127.0.0.1:"), "{values:?}");
    program.end();
    // On loopback nothing is said.
    let mut program = Program::start(&["--listen", "127.0.0.1"]);
    assert_eq!(program.until_ready(), "");
    program.end();
}

#[test]
fn a_file_that_cannot_be_meant_is_refused_without_showing_a_secret() {
    let folder = Folder::new("refused");
    let file = folder.0.join("settings.toml");
    for (text, named) in [
        ("group_id = 'GID_x'", "unknown field `group_id`"),
        ("\n[[access_keys]]\nid = 'x'\nsecret = 31337", "line 4: expected a text in quotes"),
        ("[[tokens]]\ntoken = '31337'\npermission = 'X'\nresources = ['a']", "R, W or RW"),
        ("client_ca = 'missing.pem'", "missing.pem"),
    ] {
        std::fs::write(&file, text).unwrap();
        let Output { status, stderr, .. } = command(&["--config", file.to_str().unwrap()]).output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(!status.success() && stderr.contains(named) && !stderr.contains("31337"), "{text}: {stderr}");
    }
    let Output { status, stderr, .. } = command(&["--config", "/nowhere/settings.toml"]).output().unwrap();
    assert!(!status.success() && String::from_utf8_lossy(&stderr).contains("/nowhere/settings.toml"));
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
    command.args(arguments).env_remove("ALIYUN_MQTT_AUTH");
    command
}

/// The running program.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut command = command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        Program { child, stdin }
    }

    /// Returns what it prints to stderr before the line `ready`.
    fn until_ready(&mut self) -> String {
        let mut messages = String::new();
        for line in BufReader::new(self.child.stderr.take().unwrap()).lines().map(Result::unwrap) {
            if line == "ready" {
                return messages;
            }
            messages += &(line + "\n");
        }
        panic!("it ended: {messages}");
    }

    /// Returns the values of [`NAMES`], as a shell evaluates the output.
    fn environment(&mut self) -> Vec<String> {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let text: Vec<_> = lines.take(1 + NAMES.len()).map(Result::unwrap).collect();
        assert_eq!(text[0], "export ALIYUN_MQTT_AUTH=signature");
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
