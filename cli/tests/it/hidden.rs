//! Secrets: the ways to give them, and that none is ever printed.

use std::process::Command;

use crate::support;
#[cfg(target_os = "linux")]
use crate::support::terminal::on_terminal;
use crate::support::{Folder, Output, program, run, run_with_input, topic, with};
use aliyun_mqtt_emulator::{Emulator, SignMode};
use serde_json::Value;

/// The secret to look for in all output.
const MARKER: &str = "MARKER-not-a-secret";

const SECRETS: [&str; 5] = [
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "ALIYUN_MQTT_TOKEN",
    "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET",
    "ALIYUN_MQTT_PASSWORD",
];

#[track_caller]
fn assert_clean(output: &Output) {
    let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr);
    assert!(!shown.contains(MARKER), "a secret is shown:\n{shown}");
}

fn marked(mut command: Command) -> Command {
    for variable in SECRETS {
        command.env(variable, MARKER);
    }
    command
}

/// Returns all commands without subcommands, as listed by the help.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(path) = open.pop() {
        let help = help(&path, "--help");
        let lines = help.lines().into_iter().skip_while(|line| *line != "Commands:").skip(1);
        let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            // The continuation of a longer text is indented further.
            let rest = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
            rest.split(' ').next()
        });
        let below: Vec<&str> = names.filter(|name| *name != "help").collect();
        if below.is_empty() {
            found.push(path);
        } else {
            open.extend(below.into_iter().map(|name| [path.as_slice(), &[name.to_string()]].concat()));
        }
    }
    found.sort();
    found
}

/// Sets all secrets.
fn help(path: &[String], flag: &str) -> Output {
    let mut command = marked(program());
    command.args(path);
    let output = run(command, [flag]).expect(0);
    assert_clean(&output);
    output
}

#[test]
fn no_help_shows_a_secret() {
    let commands = commands();
    for expected in ["pub", "sub", "token apply", "credential refresh", "trace subscribe", "config init"] {
        assert!(commands.iter().any(|path| path.join(" ") == expected), "{expected} in {commands:?}");
    }
    for path in commands {
        help(&path, "-h");
    }
}

/// These are all variables that hold secrets, and the settings are shown without them.
#[test]
fn show_masks_every_secret() {
    let output = run(marked(program()), ["config", "show", "--json"]).expect(0);
    assert_clean(&output);
    let shown: Value = serde_json::from_str(output.text()).unwrap();
    let masked = shown.as_object().unwrap().values().filter(|value| value["value"] == "********").count();
    assert_eq!(masked, SECRETS.len());
    assert_clean(&run(marked(program()), ["config", "show"]).expect(0));
}

/// Starts an emulator whose secret is the marker.
fn guarded() -> Emulator {
    let builder = Emulator::builder().access_key("emulator-access-key-id", MARKER);
    builder.custom_identity("camera", MARKER, SignMode::Signed).start().expect("the emulator starts")
}

/// Returns arguments with which a command succeeds, or `None` if it has tests of its own or runs until it is stopped.
/// Every command is listed, so that a new one cannot be forgotten.
fn arguments(emulator: &Emulator, path: &str) -> Option<Vec<String>> {
    let (a, all) = (topic(emulator, "a"), topic(emulator, "#"));
    let (id, group) = (format!("{}@@@1", emulator.group_id()), emulator.group_id());
    let arguments: &[&str] = match path {
        "pub" => &["-t", &a, "-m", "hello"],
        "sub" => &["-t", &all, "-C", "1", "-W", "1"],
        "rr" => &["-t", &a, "-m", "hello"],
        "rr reply" => &["-t", &a, "--echo", "-W", "0.1"],
        "p2p send" | "p2p request" => &[&id, "-m", "hello"],
        "p2p listen" => &["-i", &id, "-W", "0.1"],
        "p2p reply" => &["-i", &id, "--echo", "-W", "0.1"],
        "send" => &["-t", &a, "-m", "hello"],
        "token query" | "token revoke" => &["--token-file", "-"],
        "session" | "trace device" | "trace messages" => &[&id],
        "trace publish" | "trace subscribe" => &["0123456789ABCDEF"],
        "credential register" | "credential get" | "credential refresh" | "credential unregister" => &[&id],
        "group create" => &["GID_other"],
        "group delete" => &["GID_unknown"],
        "credential list" => &["-g", group],
        "sign" => &["-i", &id],
        "bench publish" | "bench subscribe" => &["-t", &a, "-C", "2"],
        "bench connect" => &["-C", "1"],
        "completions" => &["bash"],
        "token apply" | "group list" | "config path" | "config profiles" | "config show" | "man" => &[],
        "doctor" => &["-v"],
        "config init" => &["--config", "/dev/null/no-folder"],
        // It prints the secrets of an emulator, which are invented.
        "emulator" => return None,
        // It runs until it is stopped; its tests look for secrets, too.
        "relay" => return None,
        // These have subcommands.
        "bench" | "config" | "credential" | "group" | "p2p" | "token" | "trace" => return None,
        other => panic!("how is {other:?} called?"),
    };
    Some(arguments.iter().map(|text| (*text).to_string()).collect())
}

#[test]
fn no_command_shows_a_secret_at_any_log_level() {
    let emulator = guarded();
    let mut done = 0;
    for path in commands() {
        let Some(arguments) = arguments(&emulator, &path.join(" ")) else { continue };
        for secret in [MARKER, "MARKER-not-a-secret-and-wrong"] {
            let mut command = with(&emulator);
            for variable in SECRETS {
                command.env(variable, secret);
            }
            command.env("ALIYUN_MQTT_REGION_ID", "cn-hangzhou").env_remove("ALIBABA_CLOUD_SECURITY_TOKEN");
            command.args(&path).args(&arguments);
            let output = run_with_input(command, ["--log", "trace", "--timeout", "3"], secret);
            assert!(output.code.is_some(), "{path:?} was killed: {output:?}");
            assert_clean(&output);
            done += usize::from(secret == MARKER && output.code == Some(0));
        }
    }
    assert!(done >= 15, "only {done} commands did what they are for");
}

#[test]
fn no_login_shows_a_secret_in_any_mode() {
    let emulator = guarded();
    for auth in ["signature", "token", "device", "custom-plain", "custom-signed"] {
        let marked = |command| {
            let mut command = marked(command);
            if auth == "signature" {
                // A temporary key cannot sign.
                command.env_remove("ALIBABA_CLOUD_SECURITY_TOKEN");
            }
            command
        };
        let mut command = marked(with(&emulator));
        command.env("ALIYUN_MQTT_TOKEN", format!("RW|{MARKER}")).env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", "DC.1");
        command.env("ALIYUN_MQTT_USER", "camera");
        let arguments = ["sign", "--auth", auth, "-i", "GID_emulator@@@1", "--log", "trace"];
        assert_clean(&run(command, arguments).expect(0));
        for client in ["mosquitto", "mqttx", "paho"] {
            let mut command = marked(with(&emulator));
            command.env("ALIYUN_MQTT_TOKEN", format!("RW|{MARKER}")).env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", "DC.1");
            command.env("ALIYUN_MQTT_USER", "camera");
            assert_clean(&run(command, [&arguments[..], &["--for", client]].concat()).expect(0));
        }
    }
}

/// Uses the values of the page "Signature", whose password is known, with a secret given in another way.
fn signed_with(prepare: impl FnOnce(&mut Command)) {
    let output = sign_with(prepare).expect(0);
    assert!(output.text().ends_with("password\tvI009IZJZVGRwBwZvnbwjfuXxVM=\n"), "{output:?}");
}

fn sign_with(prepare: impl FnOnce(&mut Command)) -> Output {
    let mut command = program();
    command.args([
        "sign",
        "--reveal",
        "-i",
        "GID_Test@@@0001",
        "--instance-id",
        "mqtt-xxxxx",
        "--access-key-id",
        "YYYYY",
    ]);
    prepare(&mut command);
    run(command, [""; 0])
}

#[test]
fn a_secret_comes_from_the_configuration_file_in_four_ways() {
    let folder = Folder::new();
    folder.write("secret", "XXXXX\n");
    for line in [
        "access_key_secret = 'XXXXX'",
        "access_key_secret_file = 'secret'",
        "access_key_secret_env = 'MINE'",
        "access_key_secret_command = 'echo XXXXX'",
    ] {
        let file = folder.write("config.toml", line);
        signed_with(|command| {
            command.arg("--config").arg(&file).env("MINE", "XXXXX");
        });
    }
    for (line, word) in [
        ("access_key_secret_file = 'elsewhere'", "elsewhere"),
        ("access_key_secret_env = 'NOT_SET'", "NOT_SET"),
        ("access_key_secret_command = 'echo XXXXX; echo why >&2; exit 7'", "exit status: 7"),
    ] {
        let file = folder.write("config.toml", line);
        let failed = sign_with(|command| {
            command.arg("--config").arg(&file);
        });
        assert!(failed.code.is_some_and(|code| code != 0) && failed.stderr.contains(word), "{failed:?}");
        assert!(failed.stderr.contains("the AccessKey secret") && !failed.stderr.contains("XXXXX"), "{failed:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_a_secret_that_others_can_read_is_warned_about() {
    let folder = Folder::new();
    let file = folder.write("config.toml", "access_key_secret = 'XXXXX'");
    let warned = || {
        let output = sign_with(|command| {
            command.arg("--config").arg(&file);
        });
        output.expect(0).stderr.contains("holds a secret, and others than its owner may")
    };
    for (mode, expected) in [(0o644, true), (0o640, true), (0o600, false)] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(warned(), expected, "{mode:o}");
    }
}

#[test]
fn a_secret_comes_from_a_file_from_stdin_or_from_an_open_file() {
    let folder = Folder::new();
    let file = folder.write("secret", "XXXXX\r\n");
    let flag = "--access-key-secret-file";
    signed_with(|command| {
        // A flag overrides the environment.
        command.arg(flag).arg(&file).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "other");
    });
    let arguments =
        ["sign", "--reveal", "-i", "GID_Test@@@0001", "--instance-id", "x", "--access-key-id", "y", flag, "-"];
    let output = run_with_input(program(), arguments, "XXXXX\n").expect(0);
    assert!(output.text().contains("vI009IZJZVGRwBwZvnbwjfuXxVM="), "{output:?}");
    #[cfg(unix)]
    {
        let mut shell = program_in_shell(&format!("exec \"$0\" \"$@\" {flag} fd:3 3<\"$FILE\""));
        shell.env("FILE", &file);
        let arguments = &arguments[..arguments.len() - 2];
        let output = run(shell, arguments).expect(0);
        assert!(output.text().contains("vI009IZJZVGRwBwZvnbwjfuXxVM="), "{output:?}");
    }
    for (place, word) in [("fd:x", "number"), ("fd:77", "/dev/fd/77")] {
        let failed = sign_with(|command| {
            command.args([flag, place]);
        });
        assert!(failed.expect(2).stderr.contains(word));
    }
    let empty = run_with_input(program(), arguments, "\n").expect(2);
    assert!(empty.stderr.contains("empty"), "{empty:?}");
}

/// Returns a shell that runs this text, in which `$0` is the program and `$@` are its arguments.
#[cfg(unix)]
fn program_in_shell(text: &str) -> Command {
    let program = program();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(text).arg(program.get_program()).env_clear();
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    shell
}

#[cfg(target_os = "linux")]
#[test]
fn a_secret_is_asked_for_on_a_terminal() {
    let arguments = "$PROGRAM sign --reveal -i GID_Test@@@0001 --instance-id mqtt-xxxxx --access-key-id YYYYY";
    let mut running = on_terminal(&program(), arguments);
    running.wait_for("AccessKey secret: ");
    running.type_in("XXXXX\n");
    let output = running.wait().expect(0);
    assert!(output.text().contains("vI009IZJZVGRwBwZvnbwjfuXxVM="), "{output:?}");

    // There is also a password to check, and nothing is entered.
    let mut known = program();
    known.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "XXXXX");
    for (entered, code, word) in
        [("vI009IZJZVGRwBwZvnbwjfuXxVM=\n", 0, "match"), ("\n", 2, "no password to check was entered")]
    {
        let arguments = "$PROGRAM sign --check -i GID_Test@@@0001 --instance-id mqtt-xxxxx --access-key-id YYYYY";
        let mut running = on_terminal(&known, arguments);
        running.wait_for("password to check: ");
        running.type_in(entered);
        let output = running.wait().expect(code);
        assert!(output.text().contains(word), "{output:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_had_back_is_asked_for_on_a_terminal() {
    let emulator = support::emulator();
    let groups = || run(with(&emulator), ["group", "list"]).expect(0).lines().len();
    run(with(&emulator), ["group", "create", "GID_second"]).expect(0);
    for (answer, code, left) in [("n\n", 1, 2), ("\n", 1, 2), ("y\n", 0, 1)] {
        let mut running = on_terminal(&with(&emulator), "$PROGRAM group delete GID_second");
        running.wait_for("Delete GID_second?");
        running.type_in(answer);
        let output = running.wait().expect(code);
        assert_eq!(output.text().contains("nothing was done"), code == 1, "{output:?}");
        assert_eq!(groups(), left);
    }
    run(with(&emulator), ["group", "create", "GID_second"]).expect(0);
    on_terminal(&with(&emulator), "$PROGRAM group delete GID_second --yes").wait().expect(0);
    assert_eq!(groups(), 1);
}
