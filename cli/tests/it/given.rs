//! Unusual settings: bytes that are not text, files of other systems, and settings without effect.

use std::ffi::OsStr;
use std::process::Command;

use crate::support;
use crate::support::{Folder, Running, emulator, program, published, run, topic, with};
use aliyun_mqtt_emulator::{LogEntry, What};

#[cfg(unix)]
const NO_TEXT: &[u8] = b"no-text-\xff";

#[cfg(unix)]
fn no_text() -> &'static OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(NO_TEXT)
}

/// Every variable is checked, whatever it is for.
#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_named() {
    let emulator = emulator();
    for variable in [
        "ALIYUN_MQTT_PROXY",
        "ALIYUN_MQTT_PROFILE",
        "ALIYUN_MQTT_DEVICE_ID",
        "ALIYUN_MQTT_PROTOCOL",
        "ALIYUN_MQTT_CLEAN_SESSION",
        "ALIYUN_MQTT_AUTH",
        "ALIYUN_MQTT_TOKEN",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
    ] {
        let mut command = with(&emulator);
        command.env(variable, no_text());
        let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x"]).expect(2);
        assert!(output.stderr.contains(variable) && output.stderr.contains("UTF-8"), "{output:?}");
    }
    // The variables of the SDKs, for commands that use them.
    for variable in ["https_proxy", "no_proxy"] {
        let mut command = with(&emulator);
        command.env("ALIYUN_MQTT_PROXY", "env").env(variable, no_text());
        let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x"]).expect(2);
        assert!(output.stderr.contains(variable) && output.stderr.contains("UTF-8"), "{output:?}");
    }
    assert!(published(&emulator).is_empty());
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_named_by_its_flag() {
    let tail = |flag: &str, value: &[u8]| {
        let mut argument = flag.as_bytes().to_vec();
        argument.extend(value);
        std::os::unix::ffi::OsStringExt::from_vec(argument)
    };
    let all: [(&str, Vec<std::ffi::OsString>); 4] = [
        ("--group-id", vec!["--group-id".into(), no_text().into()]),
        ("--group-id", vec![tail("--group-id=", NO_TEXT)]),
        ("-g", vec!["-g".into(), no_text().into()]),
        // The path is not at fault.
        ("--user", vec!["--ca-file".into(), no_text().into(), "--user".into(), no_text().into()]),
    ];
    for (flag, arguments) in all {
        let mut command = program();
        command.args(["group", "list"]);
        let output = run(command, arguments).expect(2);
        assert!(output.stderr.contains(&format!("{flag} ")) && output.stderr.contains("UTF-8"), "{flag}: {output:?}");
    }
}

/// Linux only: other systems do not allow such names.
#[cfg(target_os = "linux")]
#[test]
fn paths_are_taken_byte_for_byte() {
    let emulator = emulator();
    let folder = Folder::new();
    let odd = folder.as_path().join(no_text());
    std::fs::create_dir_all(odd.join("aliyun-mqtt")).unwrap();
    let (secret, ca) = (odd.join("secret"), odd.join("ca.pem"));
    std::fs::write(&secret, emulator.access_key_secret()).unwrap();
    std::fs::write(&ca, emulator.ca_pem()).unwrap();
    let config = format!(
        "endpoint = '{}'\ninstance_id = '{}'\ngroup_id = '{}'\naccess_key_id = '{}'\n\
         access_key_secret_file = '../secret'\n\
         ca_file = '../ca.pem'",
        emulator.tls_endpoint(),
        emulator.instance_id(),
        emulator.group_id(),
        emulator.access_key_id()
    );
    let file = odd.join("aliyun-mqtt/config.toml");
    std::fs::write(&file, config).unwrap();
    let all: [&dyn Fn(&mut Command); 5] = [
        &|command| {
            command.env("XDG_CONFIG_HOME", &odd);
        },
        &|command| {
            command.env("ALIYUN_MQTT_CONFIG", &file);
        },
        &|command| {
            command.arg("--config").arg(&file);
        },
        &|command| {
            command.env("ALIYUN_MQTT_CONFIG", &file).env("ALIYUN_MQTT_CA_FILE", &ca);
        },
        &|command| {
            command.arg("--config").arg(&file).arg("--ca-file").arg(&ca).arg("--access-key-secret-file").arg(&secret);
        },
    ];
    for set in all {
        let mut command = program();
        set(&mut command);
        run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x", "-q", "1"]).expect(0);
    }
    let home = odd.join(".config/aliyun-mqtt");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::copy(&file, home.join("config.toml")).unwrap();
    let mut command = program();
    command.env("HOME", &odd);
    let shown = run(command, ["config", "path"]).expect(0).stdout;
    assert!(shown.windows(NO_TEXT.len()).any(|window| window == NO_TEXT), "{shown:?}");
    let mut command = program();
    command.env("HOME", &odd);
    assert!(run(command, ["config", "show"]).expect(0).text().contains("group_id = "));
    assert_eq!(published(&emulator).len(), 5);
}

#[test]
fn what_has_no_effect_is_told() {
    let emulator = emulator();
    let warned = |variables: &[(&str, &str)], flags: &[&str], word: &str| {
        let mut command = with(&emulator);
        command.envs(variables.iter().copied()).args(["pub", "-t", &topic(&emulator, "a"), "-m", "x"]);
        let output = run(command, flags).expect(0);
        let warnings = output.stderr.lines().filter(|line| line.starts_with("warn")).collect::<Vec<_>>();
        if word.is_empty() {
            assert!(warnings.is_empty(), "{flags:?} {variables:?}: {warnings:?}");
        } else {
            assert!(warnings.len() == 1 && warnings[0].contains(word), "{word}: {warnings:?}");
        }
    };
    warned(&[], &[], "");
    warned(&[("ALIYUN_MQTT_ENDPIONT", "x")], &[], "ALIYUN_MQTT_ENDPIONT");
    warned(&[("ALIYUN_MQTT_TOKEN", "RW|x")], &[], "ALIYUN_MQTT_TOKEN) is not used");
    warned(&[("ALIYUN_MQTT_TOKEN", "RW|x")], &["--auth", "signature"], "");
    warned(&[("ALIYUN_MQTT_PASSWORD", "x")], &[], "--auth custom-plain or --auth custom-signed");
    warned(&[], &["--region-id", "cn-hangzhou"], "--region-id had no effect");
    warned(&[], &["--ca-file", "no/such/file"], "--ca-file had no effect");
    warned(&[("XDG_CONFIG_HOME", "relative")], &[], "XDG_CONFIG_HOME is ignored");
    let proxied =
        [("ALIYUN_MQTT_PROXY", "env"), ("https_proxy", "127.0.0.1:9"), ("no_proxy", "http://intranet/,a.example")];
    warned(&proxied, &[], "no_proxy: the entry \"http://intranet/\" can never match");
    let told = run(program(), ["completions", "bash", "--profile", "x"]).expect(0);
    assert!(told.stderr.contains("--profile had no effect"), "{told:?}");
}

#[test]
fn a_flag_given_twice_is_an_error_where_only_one_could_be_meant() {
    let emulator = emulator();
    let a = topic(&emulator, "a");
    for arguments in
        [&["-m", "x", "-m", "y"][..], &["-m", "x", "-t", "other/topic"], &["-m", "x", "-q", "1", "-q", "0"]]
    {
        let output = run(with(&emulator), [&["pub", "-t", &a], arguments].concat()).expect(2);
        assert!(output.stderr.contains("multiple times"), "{output:?}");
    }
    assert!(published(&emulator).is_empty());
    // No secret waits in vain for another one.
    for (arguments, word) in [
        (&["pub", "-t", &a, "-m", "x", "--repeat-delay", "1"][..], "--repeat"),
        (&["sub", "-t", &a, "--exec-timeout", "1"], "--exec"),
        (&["sub", "-t", &a, "-E", "-C", "1"], "--count"),
        (&["sub", "--no-subscribe", "-q", "1"], "--qos"),
    ] {
        assert!(run(with(&emulator), arguments).expect(2).stderr.contains(word), "{word}");
    }
    // The last value of a setting wins, so that an alias can be overridden, and a switch may be repeated.
    let twice =
        ["-e", "mqtt://127.0.0.1:9", "pub", "-t", &a, "-m", "x", "--quiet", "--quiet", "-e", &emulator.endpoint()];
    run(with(&emulator), twice).expect(0);
}

/// Files of every kind as editors of Windows write them.
#[test]
fn files_of_a_windows_editor_are_read() {
    const MARK: &str = "\u{feff}";
    let emulator = emulator();
    let folder = Folder::new();
    let secret = emulator.access_key_secret();
    let marked = folder.write("secret", format!("{MARK}{secret}\r\n"));
    let a = topic(&emulator, "a");
    let send = ["pub", "-t", &a, "-m", "x"];
    let mut command = with(&emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg("--access-key-secret-file").arg(&marked);
    run(command, send).expect(0);
    let mut command = with(&emulator);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", format!("{MARK}{secret}\r"));
    run(command, send).expect(0);
    let config = |text: String| {
        let mut command = with(&emulator);
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg("--config").arg(folder.write("config.toml", text));
        run(command, send)
    };
    config(format!("{MARK}access_key_secret = '{secret}'\r\ntimeout = 20\r\n")).expect(0);
    config(format!("{MARK}access_key_secret_file = 'secret'\r\n")).expect(0);
    #[cfg(unix)]
    config("access_key_secret_command = 'cat secret'".replace("secret'", &format!("{}'", marked.display()))).expect(0);
    let mut command = with(&emulator);
    let ca = folder.write("ca.pem", format!("{MARK}{}", emulator.ca_pem()).replace('\n', "\r\n"));
    command.env("ALIYUN_MQTT_ENDPOINT", emulator.tls_endpoint());
    command.arg("--ca-file").arg(ca);
    run(command, send).expect(0);
    let lines =
        folder.write("lines.jsonl", format!("{MARK}{{\"payload\":\"first\"}}\r\n{{\"payload\":\"second\"}}\r\n"));
    run(with(&emulator), ["pub", "-t", &a, "--jsonl", "-f", lines.to_str().unwrap()]).expect(0);
    let received = published(&emulator);
    assert_eq!(received.len(), if cfg!(unix) { 8 } else { 7 });
    assert_eq!(received[received.len() - 2].2, b"first");

    let wide: Vec<u8> = MARK.chars().chain(secret.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
    let wide = folder.write("wide", wide);
    for flags in [["--access-key-secret-file", "wide"], ["--config", "wide"], ["--ca-file", "wide"]] {
        let mut command = with(&emulator);
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg(flags[0]).arg(&wide);
        command.env("ALIYUN_MQTT_ENDPOINT", emulator.tls_endpoint());
        if flags[0] == "--ca-file" {
            command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
        }
        let output = run(command, send).expect(2);
        assert!(output.stderr.contains("UTF-16"), "{flags:?}: {output:?}");
    }
}

/// A pipe without a writer, and a file without an end.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_without_a_writer_costs_the_timeout_and_an_endless_file_nothing() {
    let emulator = emulator();
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    for flag in ["--access-key-secret-file", "--config", "--ca-file"] {
        // An endless file costs what reading its allowed part takes, on a busy machine, too.
        for (path, timeout, word) in [(pipe.as_path(), "1", "within 1 s"), ("/dev/zero".as_ref(), "60", "longer than")]
        {
            let mut command = with(&emulator);
            command.env("ALIYUN_MQTT_ENDPOINT", emulator.tls_endpoint());
            command.arg(flag).arg(path);
            let topic = topic(&emulator, "a");
            let output = run(command, ["pub", "-t", &topic, "-m", "x", "--timeout", timeout]).expect(2);
            assert!(output.stderr.contains(word), "{flag}: {output:?}");
        }
    }
}

/// A command that takes too long is ended together with its children.
#[cfg(target_os = "linux")]
#[test]
fn a_command_that_takes_too_long_takes_its_children_along() {
    let emulator = emulator();
    let folder = Folder::new();
    let pids = folder.path("pids");
    let line = format!("sleep 600 & echo $! > '{0}'; sleep 600 & echo $! >> '{0}'; wait", pids.display());
    let config = folder.write("config.toml", format!("access_key_secret_command = \"{line}\""));
    let mut command = with(&emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg("--config").arg(config);
    let output = run(command, ["pub", "-t", &topic(&emulator, "a"), "-m", "x", "--timeout", "2"]).expect(1);
    assert!(output.stderr.contains("did not end within 2 s"), "{output:?}");
    let pids = std::fs::read_to_string(pids).unwrap();
    let pids: Vec<&str> = pids.lines().collect();
    assert_eq!(pids.len(), 2);
    pids.into_iter().for_each(expect_gone);
}

#[cfg(unix)]
#[test]
fn no_child_inherits_a_secret_unless_it_is_asked_for() {
    const MARKER: &str = "MARKER-not-a-secret";
    let emulator = emulator();
    let folder = Folder::new();
    let config = "access_key_secret_env = 'OWN_SECRET'\n[profile.other]\ntoken_env = 'OTHER_SECRET'\n";
    let config = folder.write("config.toml", config);
    let receive = |flags: &[&str]| {
        let a = topic(&emulator, "a");
        let mut command = with(&emulator);
        for variable in ["ALIYUN_MQTT_TOKEN", "ALIYUN_MQTT_PASSWORD", "OTHER_SECRET"] {
            command.env(variable, MARKER);
        }
        command.env("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", MARKER).env("PLAIN", "plain");
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").env("OWN_SECRET", emulator.access_key_secret());
        command.env("ALIYUN_MQTT_AUTH", "signature").arg("--config").arg(&config).args(flags);
        command.args(["sub", "-t", &a, "-C", "1", "--exec", "env; cat"]);
        let before = emulator.log_position();
        let running = Running::start(command);
        let subscribed = |entry: &LogEntry| matches!(entry.what, What::Subscribed { .. });
        assert!(emulator.wait_for_log_since(before, support::LONG, subscribed).is_some(), "{:?}", emulator.log());
        run(with(&emulator), ["pub", "-t", &a, "-m", "x"]).expect(0);
        running.wait().expect(0)
    };
    let output = receive(&[]);
    let shown = output.text();
    assert!(shown.contains("PLAIN=plain") && shown.contains("MQTT_TOPIC="), "{shown}");
    assert!(!shown.contains(MARKER) && !shown.contains(emulator.access_key_secret()), "{shown}");
    let output = receive(&["--pass-secrets"]);
    assert_eq!(output.text().matches(MARKER).count(), 4, "{output:?}");
    // The commands that print secrets are children, too.
    let line = "env > '{}/environment'; echo not-a-secret".replace("{}", &folder.as_path().display().to_string());
    let config = folder.write("config.toml", format!("access_key_secret_command = \"{line}\""));
    let mut command = with(&emulator);
    command.env("ALIYUN_MQTT_TOKEN", MARKER).env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg("--config").arg(config);
    run(command, ["sign", "-i", "GID_demo@@@1"]).expect(0);
    assert!(!std::fs::read_to_string(folder.path("environment")).unwrap().contains(MARKER));
}

/// The command is in a process group of its own, which Ctrl-C at a terminal does not reach.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_program_leaves_no_command_behind() {
    let emulator = emulator();
    let folder = Folder::new();
    let pid = folder.path("pid");
    // Appears when it is complete.
    let line = format!("sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", pid.display());
    let config = folder.write("config.toml", format!("access_key_secret_command = \"{line}\""));
    let mut command = with(&emulator);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET").arg("--config").arg(config);
    command.args(["pub", "-t", &topic(&emulator, "a"), "-m", "x", "--timeout", "600"]);
    let running = Running::start(command);
    let end = std::time::Instant::now() + support::LONG;
    while !pid.exists() {
        assert!(std::time::Instant::now() < end, "the command does not run");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    running.signal("INT");
    running.wait().expect(130);
    expect_gone(std::fs::read_to_string(pid).unwrap().trim());
}

/// Waits until a process has ended; it may remain a zombie until it is waited for.
#[cfg(target_os = "linux")]
#[track_caller]
fn expect_gone(pid: &str) {
    let end = std::time::Instant::now() + support::LONG;
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(std::time::Instant::now() < end, "{pid} goes on");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
