//! `sign --for`: what it writes is taken by a shell and the other clients.

use std::process::{Command, Stdio};

use crate::support::{Folder, LONG, Output, Running, emulator, program, published, run, topic, with};
use aliyun_mqtt_emulator::{Emulator, What};
use serde_json::Value;

const MASKED: &str = "********";

/// Settings for the emulator with a client id of our own, and its CA for endpoints with TLS.
fn settings(emulator: &Emulator, endpoint: &str, folder: &Folder) -> Command {
    let ca = folder.write("ca's file.pem", emulator.ca_pem());
    let mut command = with(emulator);
    command
        .env("ALIYUN_MQTT_ENDPOINT", endpoint)
        .env("ALIYUN_MQTT_DEVICE_ID", "other-client")
        .env("ALIYUN_MQTT_CA_FILE", ca);
    command
}

fn written(command: Command, arguments: &[&str]) -> Output {
    run(command, [&["sign", "--for"], arguments].concat()).expect(0)
}

/// The commands that were written, by the name of the program.
fn line<'a>(output: &'a Output, name: &str) -> &'a str {
    let lines = output.lines();
    lines.into_iter().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {output:?}"))
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(script).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

fn is_installed(name: &str) -> bool {
    let found = Command::new(name).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

#[cfg(unix)]
#[test]
fn the_commands_of_mosquitto_connect_and_get_messages_through() {
    if !is_installed("mosquitto_pub") || !is_installed("mosquitto_sub") {
        return;
    }
    let (emulator, folder) = (emulator(), Folder::new());
    for (endpoint, arguments) in [
        (emulator.endpoint(), &["mosquitto", "--reveal"][..]),
        (emulator.tls_endpoint(), &["mosquitto", "--reveal", "--protocol", "5"]),
    ] {
        let output = written(settings(&emulator, &endpoint, &folder), arguments);
        let before = published(&emulator).len();
        run(shell(line(&output, "mosquitto_pub")), [""; 0]).expect(0);
        let hello = (topic(&emulator, "hello"), 1, b"Hello".to_vec());
        assert_eq!(published(&emulator)[before..], [hello], "{endpoint}");

        let start = emulator.log().last().map_or(0, |entry| entry.sequence + 1);
        let subscriber = Running::start(shell(&format!("exec {} -C 1", line(&output, "mosquitto_sub"))));
        let subscribed = |entry: &aliyun_mqtt_emulator::LogEntry| matches!(entry.what, What::Subscribed { .. });
        emulator.wait_for_log_since(start, LONG, subscribed).expect("it subscribes");
        run(with(&emulator), ["pub", "-t", &topic(&emulator, "a"), "-m", "to mosquitto"]).expect(0);
        assert_eq!(subscriber.wait().expect(0).text(), format!("{} to mosquitto\n", topic(&emulator, "a")));
    }
}

/// By a shell in whose place of the program stands a function that shows its arguments.
#[cfg(unix)]
#[test]
fn a_shell_takes_the_values_as_they_are() {
    const PASSWORD: &str = "it's \"$HOME\" `x` \\ *";
    let (emulator, folder) = (emulator(), Folder::new());
    let mut command = settings(&emulator, &emulator.tls_endpoint(), &folder);
    command
        .env("ALIYUN_MQTT_AUTH", "custom-plain")
        .env("ALIYUN_MQTT_USER", "ca mera")
        .env("ALIYUN_MQTT_PASSWORD", PASSWORD);
    let output = written(command, &["mosquitto", "--reveal", "--keep-alive", "30", "--clean-session", "false"]);
    let script = format!("mosquitto_sub() {{ printf '%s\\n' \"$@\"; }}; {}", line(&output, "mosquitto_sub"));
    let shown = run(shell(&script), [""; 0]).expect(0);
    let words = shown.lines();
    let after = |flag: &str| {
        let at = words.iter().position(|word| *word == flag).unwrap_or_else(|| panic!("no {flag}: {words:?}"));
        words[at + 1]
    };
    assert_eq!((after("-u"), after("-P"), after("-k")), ("ca mera", PASSWORD, "30"));
    assert_eq!(after("--cafile"), folder.path("ca's file.pem").to_str().unwrap());
    assert_eq!(after("-i"), format!("{}@@@other-client", emulator.group_id()));
    assert_eq!(after("-t"), topic(&emulator, "#"));
    assert!(words.contains(&"-c"), "{words:?}");
}

/// The fields that must not be empty in a connection that MQTTX (1.12) imports.
#[test]
fn mqttx_gets_a_list_with_one_connection() {
    let (emulator, folder) = (emulator(), Folder::new());
    let read = |endpoint: &str, arguments: &[&str]| -> Value {
        let output = written(settings(&emulator, endpoint, &folder), &[&["mqttx", "--reveal"], arguments].concat());
        let list: Value = serde_json::from_str(output.text()).expect("JSON");
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
        for field in ["id", "clientId", "name", "host", "port"] {
            assert!(
                list[0][field].is_number() || list[0][field].as_str().is_some_and(|text| !text.is_empty()),
                "{list}"
            );
        }
        list[0].clone()
    };
    let plain = read(&emulator.endpoint(), &[]);
    assert_eq!((&plain["protocol"], &plain["ssl"], &plain["certType"]), (&"mqtt".into(), &false.into(), &"".into()));
    assert_eq!((&plain["mqttVersion"], &plain["clean"]), (&"3.1.1".into(), &true.into()));
    assert_eq!(plain["clientIdWithTime"], false, "another client id has another password");
    let signed: Value = {
        let command = settings(&emulator, &emulator.endpoint(), &folder);
        serde_json::from_str(run(command, ["sign", "--reveal", "--json"]).expect(0).text()).unwrap()
    };
    for (here, there) in [("clientId", "client_id"), ("username", "username"), ("password", "password")] {
        assert_eq!(plain[here], signed[there]);
    }
    let again = read(&emulator.endpoint(), &[]);
    assert_eq!(plain["id"], again["id"], "imported again, it is the same connection");

    let secure = read(&emulator.wss_endpoint(), &["--protocol", "5"]);
    assert_eq!((&secure["protocol"], &secure["ssl"], &secure["path"]), (&"wss".into(), &true.into(), &"/mqtt".into()));
    assert_eq!((&secure["certType"], &secure["mqttVersion"]), (&"self".into(), &"5.0".into()));
    assert!(secure["ca"].as_str().is_some_and(|path| path.ends_with("ca's file.pem")), "{secure}");
    assert_ne!(secure["id"], plain["id"]);
}

#[test]
fn the_program_for_paho_is_python() {
    let (emulator, folder) = (emulator(), Folder::new());
    let kept = ["--protocol", "5", "--clean-session", "false", "--session-expiry", "60"];
    for (endpoint, more) in
        [(emulator.endpoint(), &[][..]), (emulator.tls_endpoint(), &[]), (emulator.wss_endpoint(), &kept)]
    {
        let output = written(settings(&emulator, &endpoint, &folder), &[&["paho", "--reveal"], more].concat());
        let text = output.text();
        assert!(text.contains("CallbackAPIVersion.VERSION2") && text.contains("username_pw_set"), "{text}");
        assert_eq!(text.contains("tls_set(ca_certs="), !endpoint.starts_with("mqtt:"), "{text}");
        assert_eq!(text.contains("SessionExpiryInterval = 60"), !more.is_empty(), "{text}");
        let program = folder.write("program.py", text);
        if is_installed("python3") {
            let mut python = Command::new("python3");
            python.args(["-m", "py_compile"]).arg(&program);
            python.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            run(python, [""; 0]).expect(0);
        }
    }
}

#[test]
fn the_password_stays_hidden_unless_it_is_asked_for() {
    let (emulator, folder) = (emulator(), Folder::new());
    let command = || settings(&emulator, &emulator.endpoint(), &folder);
    let signed: Value = serde_json::from_str(run(command(), ["sign", "--reveal", "--json"]).expect(0).text()).unwrap();
    let password = signed["password"].as_str().expect("a password");
    for client in ["mosquitto", "mqttx", "paho"] {
        let hidden = written(command(), &[client]);
        assert!(!hidden.text().contains(password) && hidden.text().contains(MASKED), "{hidden:?}");
        assert!(hidden.stderr.contains("--reveal"), "{hidden:?}");
        let shown = written(command(), &[client, "--reveal"]);
        assert!(shown.text().contains(password) && !shown.text().contains(MASKED), "{shown:?}");
        assert!(!shown.text().contains(emulator.access_key_secret()), "{shown:?}");
        assert!(shown.stderr.is_empty(), "{shown:?}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let (emulator, folder) = (emulator(), Folder::new());
    let refused = |command: Command, arguments: &[&str], word: &str| {
        let failed = run(command, [&["sign", "--for"], arguments].concat()).expect(2);
        assert!(failed.stderr.contains(word) && failed.stdout.is_empty(), "{arguments:?}: {failed:?}");
    };
    let command = || settings(&emulator, &emulator.endpoint(), &folder);
    refused(settings(&emulator, &emulator.ws_endpoint(), &folder), &["mosquitto"], "WebSocket");
    refused(command(), &["mosquitto", "--check"], "--check");
    refused(command(), &["mqttx", "--json"], "--json");
    refused(command(), &["hivemq"], "mosquitto");
    for (variable, word) in [("ALIYUN_MQTT_ENDPOINT", "--endpoint"), ("ALIYUN_MQTT_TOPIC", "--parent-topic")] {
        let mut command = command();
        command.env_remove(variable);
        refused(command, &["paho"], word);
    }
    run(program(), ["sign", "--for", "mqttx"]).expect(2);
}
