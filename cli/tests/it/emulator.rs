//! `emulator`, as a child process.

use std::collections::HashMap;
use std::process::{Command, Stdio};

use crate::support;
#[cfg(target_os = "linux")]
use crate::support::terminal::on_terminal;
use crate::support::{Folder, Running, heed_signals, program, run};

/// The settings a running emulator prints.
fn settings(running: &mut Running) -> HashMap<String, String> {
    let mut settings = HashMap::new();
    loop {
        let line = running.line();
        if line == "# listening" {
            return settings;
        }
        let (name, value) = line.strip_prefix("export ").and_then(|line| line.split_once('=')).expect("an assignment");
        settings.insert(name.to_string(), value.trim_matches('\'').to_string());
    }
}

fn start(arguments: &[&str]) -> Running {
    let mut command = program();
    command.arg("emulator").args(arguments);
    Running::start(command)
}

#[test]
fn programs_with_its_settings_talk_to_it_until_it_is_interrupted() {
    let folder = Folder::new();
    let ca = folder.path("ca.pem").display().to_string();
    for transport in ["tcp", "tls", "ws", "wss"] {
        let mut emulator = start(&["--transport", transport, "--write-ca", &ca]);
        let settings = settings(&mut emulator);
        let mut command = program();
        command.envs(&settings);
        let measured = run(command, ["bench", "connect", "-C", "2", "--json"]).expect(0);
        let json: serde_json::Value = serde_json::from_str(measured.text()).unwrap();
        assert_eq!((&json["count"], &json["failed"]), (&2.into(), &0.into()), "{transport}");
        emulator.signal("INT");
        emulator.wait().expect(0);
    }
}

#[test]
fn it_tells_what_clients_do() {
    let mut command = program();
    command.args(["emulator", "--watch", "--for", "600"]);
    let mut emulator = Running::start(command);
    let settings = settings(&mut emulator);
    let mut command = program();
    command.envs(&settings).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret");
    run(command, ["bench", "connect", "-C", "1"]).expect(4);
    emulator.signal("TERM");
    let output = emulator.wait().expect(0);
    assert!(output.stderr.contains("login refused with CONNACK 4"), "{}", output.stderr);
    assert!(!output.stderr.contains("not-the-secret"));
}

#[test]
fn flags_name_its_instance_and_other_flags_are_refused() {
    let mut emulator = start(&["--instance-id", "post-cn-mine", "-g", "GID_mine", "--parent-topic", "mine", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&emulator.line()).unwrap();
    assert_eq!(json["ALIYUN_MQTT_INSTANCE_ID"], "post-cn-mine");
    assert_eq!(json["ALIYUN_MQTT_GROUP_ID"], "GID_mine");
    assert_eq!(json["ALIYUN_MQTT_TOPIC"], "mine");
    emulator.signal("INT");
    emulator.wait().expect(0);
    for arguments in
        [&["emulator", "-e", "host"][..], &["emulator", "--transport", "tls"], &["emulator", "--transport", "x"]]
    {
        run(program(), arguments).expect(2);
    }
}

#[test]
fn its_settings_can_come_from_a_file_and_a_line_says_when_it_is_ready() {
    let folder = Folder::new();
    let (file, variables) = (folder.path("emulator.toml"), folder.path("emulator.env"));
    std::fs::write(&file, "instance_id = 'post-cn-file'\nparent_topics = ['file']\n").unwrap();
    let (file, variables) = (file.display().to_string(), variables.display().to_string());
    let mut emulator = start(&["--config", &file, "--parent-topic", "flag", "--env-file", &variables]);
    let settings = settings(&mut emulator);
    assert_eq!(
        (settings["ALIYUN_MQTT_INSTANCE_ID"].as_str(), settings["ALIYUN_MQTT_TOPIC"].as_str()),
        ("post-cn-file", "flag")
    );
    assert!(std::fs::read_to_string(&variables).unwrap().contains("export ALIYUN_MQTT_TOPIC=flag\n"));
    emulator.signal("INT");
    let output = emulator.wait().expect(0);
    assert!(output.stderr.lines().any(|line| line == "ready"), "{}", output.stderr);
    std::fs::write(folder.path("emulator.toml"), "instance = 'x'\n").unwrap();
    let refused = run(program(), ["emulator", "--config", &file]).expect(2);
    assert!(refused.stderr.contains("unknown field `instance`"), "{}", refused.stderr);
}

#[cfg(unix)]
#[test]
fn one_behind_the_shell_prints_what_powershell_reads() {
    let output = run(program(), ["emulator", "--env=powershell", "--control-port", "0"]).expect(0);
    let value = |name: &str| {
        let prefix = format!("$env:{name} = '");
        let line = output.lines().into_iter().find_map(|line| line.strip_prefix(&prefix)?.strip_suffix('\''));
        line.unwrap_or_else(|| panic!("no {name}: {}", output.text())).to_string()
    };
    let pid = value("ALIYUN_MQTT_EMULATOR_PID");
    assert!(value("ALIYUN_MQTT_TOKEN").starts_with("RW|") && !value("ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN").is_empty());
    let killed = Command::new("kill").arg(&pid).status().unwrap();
    assert!(killed.success());
}

/// The variables name only the last one.
#[cfg(unix)]
#[test]
fn a_second_one_behind_the_shell_names_the_first() {
    let pid = |output: &support::Output| {
        let line = output.lines().into_iter().find_map(|line| line.strip_prefix("export ALIYUN_MQTT_EMULATOR_PID="));
        line.expect("its process").to_string()
    };
    let kill = |pid: &str| assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let first = run(program(), ["emulator", "--env"]).expect(0);
    assert_eq!(first.stderr, "");
    let first = pid(&first);
    let mut command = program();
    command.env("ALIYUN_MQTT_EMULATOR_PID", &first);
    let second = run(command, ["emulator", "--env"]).expect(0);
    let warning = format!("warning: the emulator that this shell had before goes on: `kill {first}` ends it\n");
    assert_eq!(second.stderr, warning);
    kill(&pid(&second));
    kill(&first);
    // A process that is no emulator.
    let mut command = program();
    command.env("ALIYUN_MQTT_EMULATOR_PID", std::process::id().to_string());
    let third = run(command, ["emulator", "--env"]).expect(0);
    assert_eq!(third.stderr, "");
    kill(&pid(&third));
}

#[test]
fn it_ends_by_itself() {
    start(&["--for", "0.01"]).wait().expect(0);
}

#[test]
fn the_command_is_not_among_the_ports() {
    let help = run(program(), ["emulator", "--help"]).expect(0);
    let lines = help.lines();
    let section = |title: &str| -> Vec<&str> {
        let begin = lines.iter().position(|line| line.starts_with(title)).expect(title) + 1;
        let section = lines[begin..].iter().take_while(|line| line.is_empty() || line.starts_with(' '));
        section.map(|line| line.trim()).collect()
    };
    assert!(section("Arguments:").iter().any(|line| line.starts_with("[COMMAND]")), "{help:?}");
    let ports = section("Ports");
    assert!(ports.iter().any(|line| line.starts_with("--api-tls-port")), "{ports:?}");
    assert!(!ports.iter().any(|line| line.contains("COMMAND")), "{ports:?}");
}

/// As the help says, line by line.
#[cfg(unix)]
#[test]
fn a_shell_starts_it_and_goes_on() {
    for arguments in [&["emulator", "--help"][..], &["--help"], &["-h"]] {
        let help = run(program(), arguments).expect(0);
        let lines = help.lines();
        let title = lines.iter().position(|line| *line == "First message, without an account:").expect("an example");
        let examples = lines[title + 1..title + 5].join("\n");
        let folder = Folder::new();
        let script = format!(
            "set -e; cd '{folder}'; aliyun-mqtt() {{ '{program}' \"$@\"; }}
             {examples}
             while kill -0 \"$ALIYUN_MQTT_EMULATOR_PID\" 2>/dev/null; do sleep 0.01; done; echo gone
             grep -c ALIYUN_MQTT_ENDPOINT emulator.env",
            folder = folder.path("").display(),
            program = env!("CARGO_BIN_EXE_aliyun-mqtt")
        );
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = Running::start(shell).wait().expect(0);
        assert_eq!(output.lines(), ["Hello", "gone", "1"], "{output:?}");
        assert_eq!(output.stderr, "", "{output:?}");
    }
    // Not even that there is a token besides the AccessKey.
}

#[cfg(unix)]
#[test]
fn a_failed_start_behind_the_shell_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(program(), ["emulator", "--env", "--port", &port]).expect(1);
    assert!(output.stdout.is_empty() && output.stderr.contains(&port), "{output:?}");
    assert_eq!(output.stderr.matches("error:").count(), 1, "{output:?}");
    // The end of one behind the shell is that of one in the terminal.
    let refused = run(program(), ["emulator", "--env", "--group-id", "x y"]);
    let direct = run(program(), ["emulator", "--group-id", "x y", "--for", "1"]);
    assert_eq!((refused.code, &refused.stderr), (Some(2), &direct.stderr), "{refused:?}");
}

/// An emulator that nobody was told of must not go on: it could never be ended.
#[cfg(target_os = "linux")]
#[test]
fn one_behind_the_shell_that_cannot_be_told_of_is_ended() {
    use std::io::Read as _;
    // It has this end of the pipe as long as it runs; should it go on, it ends some time after the test has failed.
    let (mut alive, held) = std::io::pipe().unwrap();
    let mut command = program();
    command.args(["emulator", "--env", "--for", "600"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 9<&0 </dev/null; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().stdin(held).stdout(std::fs::File::create("/dev/full").unwrap()).stderr(Stdio::piped());
    let output = Running::start(shell).wait().expect(1);
    assert!(output.stderr.contains("cannot write the output"), "{output:?}");
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(alive.read(&mut [0]).unwrap()));
    assert_eq!(ended.recv_timeout(support::LONG), Ok(0), "it goes on");
}

/// Traces need a region, even where the API's URL is given: each form of the settings has one.
#[test]
fn traces_can_be_asked_for_with_each_form_of_its_settings() {
    let ask = |command: &mut Command| {
        command.args(["trace", "device", "GID_emulator@@@nobody", "--json"]);
    };
    let mut emulator = start(&[]);
    let settings = settings(&mut emulator);
    let mut command = program();
    ask(command.envs(&settings));
    run(command, [""; 0]).expect(0);
    emulator.signal("INT");
    emulator.wait().expect(0);

    let mut emulator = start(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&emulator.line()).unwrap();
    let mut command = program();
    ask(command.envs(json.as_object().unwrap().iter().map(|(name, value)| (name, value.as_str().unwrap()))));
    run(command, [""; 0]).expect(0);
    emulator.signal("INT");
    emulator.wait().expect(0);
}

#[cfg(unix)]
#[test]
fn traces_can_be_asked_for_behind_the_shell() {
    let script = format!(
        "set -e; eval \"$('{program}' emulator --env)\"; '{program}' trace device GID_emulator@@@nobody --json \
         || {{ kill \"$ALIYUN_MQTT_EMULATOR_PID\"; exit 1; }}; kill \"$ALIYUN_MQTT_EMULATOR_PID\"",
        program = env!("CARGO_BIN_EXE_aliyun-mqtt")
    );
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::start(shell).wait().expect(0);
}

/// The factor is how many times faster the tokens age.
#[test]
fn its_tokens_age_as_many_times_faster_as_it_is_told() {
    // A token of a minute lives 1 ms, or as long as ever.
    for (arguments, code) in [(&["--time-scale", "60000"][..], 1), (&["--time-scale", "1"], 0), (&[], 0)] {
        let mut emulator = start(arguments);
        let settings = settings(&mut emulator);
        let with = || {
            let mut command = program();
            command.envs(&settings).env_remove("ALIYUN_MQTT_TOKEN");
            command
        };
        let token = run(with(), ["token", "apply", "--lifetime", "60s"]).expect(0);
        // It has ended by the time that another program can ask.
        let mut query = with();
        query.env("ALIYUN_MQTT_TOKEN", token.text().trim());
        run(query, ["token", "query"]).expect(code);
        emulator.signal("INT");
        emulator.wait().expect(0);
    }
    for wrong in ["0", "0.5", "-1", "nan", "inf", "fast"] {
        let output = run(program(), ["emulator", &format!("--time-scale={wrong}")]).expect(2);
        assert!(output.stderr.contains("time-scale"), "{output:?}");
    }
}

/// The log of large messages is bounded, and the bounds can be set.
#[cfg(target_os = "linux")]
#[test]
fn its_memory_is_bounded() {
    // Each 64 KB, which makes 94 MiB in all.
    const MESSAGES: &str = "1500";
    let mut emulator = start(&["--log-bytes", "2000000"]);
    let settings = settings(&mut emulator);
    let mut command = program();
    command.envs(&settings);
    let topic = format!("{}/large", settings["ALIYUN_MQTT_TOPIC"]);
    run(command, ["bench", "publish", "-t", &topic, "-C", MESSAGES, "--size", "65536"]).expect(0);
    let status = std::fs::read_to_string(format!("/proc/{}/status", emulator.child.id())).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = held.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    emulator.signal("INT");
    emulator.wait().expect(0);
    assert!(kilobytes < 70_000, "{kilobytes} kB");
    for wrong in [["--log-bytes", "0"], ["--log-bytes", "64M"], ["--log-entries", "0"]] {
        run(program(), ["emulator", wrong[0], wrong[1]]).expect(2);
    }
}

/// It outlives the shell's command, and has no use for the secrets of another service.
#[cfg(target_os = "linux")]
#[test]
fn one_behind_the_shell_holds_no_secret_of_its_starter() {
    let mut command = program();
    command
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "MARKER-not-a-secret")
        .env("ALIYUN_MQTT_TOKEN", "MARKER-not-a-token");
    let output = run(command, ["emulator", "--env", "--for", "600"]).expect(0);
    let pid = output.lines().iter().find_map(|line| line.strip_prefix("export ALIYUN_MQTT_EMULATOR_PID=")).unwrap();
    let environment = std::fs::read(format!("/proc/{pid}/environ"));
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let environment = String::from_utf8_lossy(&environment.unwrap()).into_owned();
    assert!(environment.contains("HOME=") && !environment.contains("MARKER"), "{environment}");
}

/// Returns what the page behind the link on stderr says without its token, and checks the link.
#[cfg(unix)]
fn page_of(stderr: &str) -> String {
    use std::io::{Read as _, Write as _};
    let link = stderr.lines().find_map(|line| line.strip_prefix("page: http://")).expect("a link");
    let (address, token) = link.split_once("/#").expect("a fragment");
    assert!(token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{stderr}");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(support::LONG)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(!response.contains(token));
    response
}

/// The link is on stderr in each way of running, and the page is there.
#[cfg(unix)]
#[test]
fn the_link_to_the_page_is_on_stderr() {
    let output = run(program(), ["emulator", "--env", "--web", "--for", "600"]).expect(0);
    let pid = output.lines().iter().find_map(|line| line.strip_prefix("export ALIYUN_MQTT_EMULATOR_PID=")).unwrap();
    let page = std::panic::catch_unwind(|| page_of(&output.stderr));
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    assert!(page.unwrap().contains("page.js"));
    assert!(!output.text().contains("page:"), "{}", output.text());
    // The command asks for the page itself, as the emulator ends with it.
    let output = run(around(&["--web"], "echo \"$ALIYUN_MQTT_EMULATOR_CONTROL_URL\""), [""; 0]).expect(0);
    let url = output.text().trim().strip_suffix("/control").expect("a URL");
    assert!(output.stderr.contains(&format!("page: {url}/#")), "{}", output.stderr);
    let mut emulator = start(&["--web"]);
    settings(&mut emulator);
    emulator.signal("TERM");
    assert!(emulator.wait().expect(0).stderr.contains("page: http://127.0.0.1:"));
}

/// The program with a command behind `--`.
#[cfg(unix)]
fn around(arguments: &[&str], script: &str) -> Command {
    let mut command = program();
    command.arg("emulator").args(arguments).args(["--", "/bin/sh", "-c", script, env!("CARGO_BIN_EXE_aliyun-mqtt")]);
    command
}

#[cfg(unix)]
#[test]
fn a_command_runs_with_its_environment_and_stdout_is_the_commands_own() {
    let script = "\"$0\" pub -t \"$ALIYUN_MQTT_TOPIC/hello\" -m Hello && \"$0\" group list --json && cat";
    let folder = Folder::new();
    let ca = folder.path("ca.pem").display().to_string();
    for arguments in [&["--watch"][..], &["--transport", "tls", "--write-ca", &ca]] {
        let command = around(arguments, script);
        let output = support::run_with_input(command, [""; 0], "from stdin").expect(0);
        assert!(output.text().contains("GID_emulator") && output.text().ends_with("from stdin"), "{output:?}");
        assert!(!output.text().contains("export"), "{output:?}");
        let watched = arguments.contains(&"--watch");
        assert_eq!(output.stderr.contains("/hello"), watched, "{output:?}");
        assert!(watched || output.stderr.is_empty(), "{output:?}");
    }
}

/// The command ends right behind it.
#[cfg(unix)]
#[test]
fn what_a_client_did_last_is_printed_too() {
    let script = "exec \"$0\" pub -t \"$ALIYUN_MQTT_TOPIC/last\" -m x";
    let output = run(around(&["--watch"], script), [""; 0]).expect(0);
    assert!(output.stderr.contains("/last"), "{output:?}");
}

#[cfg(unix)]
#[test]
fn a_commands_end_is_the_programs_end() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
    {
        let output = run(around(&[], script), [""; 0]).expect(code);
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    }
    for (command, code) in [("no-such-program-here", 127), ("/", 126)] {
        let output = run(program(), ["emulator", "--", command]).expect(code);
        assert!(output.stderr.contains(command), "{output:?}");
    }
    for flag in [&["--env"][..], &["--json"], &["--for", "1"]] {
        run(around(flag, "echo started"), [""; 0]).expect(2);
    }
}

/// Sent to the emulator alone, in a group of its own that no terminal has in its foreground.
#[cfg(unix)]
#[test]
fn signals_reach_the_command_and_the_emulator_ends_after_it() {
    use std::os::unix::process::CommandExt as _;
    for (signal, code) in [("TERM", 9), ("INT", 9), ("HUP", 9)] {
        let script = format!("trap 'echo \"caught $ALIYUN_MQTT_ENDPOINT\"; exit 9' {signal}; echo ready; read -r line");
        let mut command = around(&[], &script);
        command.process_group(0).stdin(Stdio::piped());
        // A shell cannot catch what it was started to ignore.
        heed_signals(&mut command);
        let mut running = Running::start(command);
        assert_eq!(running.line(), "ready");
        running.signal(signal);
        let caught = running.line();
        let address = caught.strip_prefix("caught mqtt://").expect("it is told of the signal").to_string();
        running.wait().expect(code);
        assert!(std::net::TcpStream::connect(address).is_err(), "the emulator is still there after {signal}");
    }
    // Nothing is caught, so that it kills the command.
    let mut command = around(&[], "echo ready; read -r line");
    command.process_group(0).stdin(Stdio::piped());
    heed_signals(&mut command);
    let mut running = Running::start(command);
    assert_eq!(running.line(), "ready");
    running.signal("INT");
    running.wait().expect(130);
}

/// A terminal sends Ctrl-C to the command itself. This command has left the terminal's session, so that it would notice
/// if the program sent it once more; SIGTERM, which the program passes on later, ends it.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_on_a_terminal_is_left_to_the_terminal() {
    let folder = Folder::new();
    let traps = "trap 'echo caught' INT; trap 'echo end; exit 3' TERM";
    let file = folder.write("sh", format!("{traps}; echo \"emulator $PPID.\"; while read -r line; do :; done"));
    let line = format!("exec $PROGRAM emulator -- setsid sh '{}'", file.display());
    let mut running = on_terminal(&program(), &line);
    let told = running.line();
    let pid = told.trim().strip_prefix("emulator ").and_then(|rest| rest.strip_suffix('.')).expect("a process id");
    running.type_in("\u{3}");
    running.wait_for("^C");
    assert!(Command::new("kill").args(["-TERM", pid]).status().unwrap().success());
    let output = running.wait().expect(3);
    assert!(output.text().contains("end") && !output.text().contains("caught"), "{output:?}");
}

#[cfg(unix)]
#[test]
fn a_command_gets_the_emulators_accounts_and_no_others() {
    let mut command = around(&[], "env");
    for secret in
        ["ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN", "ALIYUN_MQTT_TOKEN", "ALIYUN_MQTT_PASSWORD"]
    {
        command.env(secret, "MARKER-not-a-secret");
    }
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "MARKER-id").env("MINE", "inherited");
    let output = run(command, [""; 0]).expect(0);
    let text = output.text();
    assert!(!text.contains("MARKER"), "{text}");
    for line in ["MINE=inherited", "ALIBABA_CLOUD_ACCESS_KEY_ID=emulator-", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=emulator-"]
    {
        assert!(text.contains(line), "{line} is missing: {text}");
    }
}
