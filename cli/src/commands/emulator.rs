//! `emulator`: runs a local emulator of the service: in the foreground, in the background, or around one command.

mod command;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aliyun_mqtt_emulator::{Builder, Emulator, Error as EmulatorError, Transport};
use clap::Args;
use serde_json::{Map, Value};

use crate::child;
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::output::Out;
use crate::report;
use crate::settings::{GlobalArgs, Key, some_settings};
use crate::threads;
use crate::values::{seconds, transport};

/// The timeout for starting an emulator in the background.
const START: Duration = Duration::from_secs(30);

/// The line after the settings, once the emulator listens. A comment to a shell.
const READY: &str = "# listening";

/// The variable with the process id of an emulator in the background.
const PID: &str = "ALIYUN_MQTT_EMULATOR_PID";

/// The beginning of the line on stderr with the link to the page, before the settings.
const PAGE: &str = "page: ";

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt emulator -- python3 tests.py     runs one command with it, and ends with that command
  aliyun-mqtt emulator --watch                 runs in this terminal until Ctrl-C
  aliyun-mqtt emulator --web                   the same, with a page to watch it in the browser
  eval \"$(aliyun-mqtt emulator --env)\"         starts one in the background for this shell
  aliyun-mqtt pub -t \"$ALIYUN_MQTT_TOPIC/hello\" -m Hello
  kill \"$ALIYUN_MQTT_EMULATOR_PID\"             ends it

Prints the settings as variables that programs built on aliyun-mqtt read; the values work for other MQTT clients, too. \
The documentation of the package aliyun-mqtt-emulator lists what the emulator leaves out and where it had to choose.

With a COMMAND, sets the variables for that command instead of printing them. The command does not inherit other \
secrets, unless --pass-secrets is given. The emulator then writes to stderr only, and passes SIGINT and SIGTERM on to \
the command. The exit code is that of the command, 128 plus the number of the signal that killed it, 127 if it was not \
found, or 126 if it could not be run.";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, args(some_settings(&[Key::InstanceId, Key::GroupId, Key::Topic])))]
pub(crate) struct EmulatorArgs {
    /// Start the emulator in the background, print its variables for `eval`, and return (Unix)
    #[arg(long)]
    env: bool,
    /// Print the settings as one JSON object
    #[arg(long, conflicts_with = "env")]
    json: bool,
    /// Print to stderr what clients do
    #[arg(long, conflicts_with = "env")]
    watch: bool,
    /// End after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Transport of the printed endpoint: tcp, tls, ws or wss; tls and wss need --write-ca
    #[arg(long, value_name = "NAME", default_value = "tcp", value_parser = transport())]
    transport: Transport,
    /// Write the certificate of the emulator's CA to this file, in PEM form
    #[arg(long, value_name = "PATH")]
    write_ca: Option<PathBuf>,
    /// Refuse this topic filter as the service does if a permission is missing; may be repeated
    #[arg(long, value_name = "FILTER")]
    forbid: Vec<String>,
    /// Let tokens age this many times faster, at least 1; with 20, a minute takes 3 s
    #[arg(long, value_name = "FACTOR", hide_short_help = true)]
    time_scale: Option<f64>,
    /// Keep at most COUNT log entries, which --watch and the API's traces show [default: 1000000]
    #[arg(long, value_name = "COUNT", hide_short_help = true)]
    log_entries: Option<NonZero<usize>>,
    /// Keep at most this many bytes of log entries, including payloads [default: 134217728]
    #[arg(long, value_name = "BYTES", hide_short_help = true)]
    log_bytes: Option<NonZero<usize>>,
    /// Serve the control API on this port of 127.0.0.1, for tests in any language; 0 chooses a free one
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// Serve a page for the browser, on the port of the control API, and print the link to it on stderr
    #[arg(long)]
    web: bool,
    #[command(flatten)]
    ports: Ports,
    /// Run this command with the emulator's environment, and end with it and its exit code
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["env", "json", "duration"])]
    command: Vec<OsString>,
}

/// Ports on 127.0.0.1; 0 chooses a free one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ports on 127.0.0.1 [default: 0, a free one]")]
struct Ports {
    /// Port of mqtt://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Port of mqtts://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    tls_port: u16,
    /// Port of ws://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    ws_port: u16,
    /// Port of wss://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    wss_port: u16,
    /// Port of the API over http://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    api_port: u16,
    /// Port of the API over https://
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    api_tls_port: u16,
}

pub(crate) fn run(args: &EmulatorArgs, global: &GlobalArgs) -> Result<Exit> {
    let builder = builder(args, global)?;
    if args.env {
        return behind_the_shell(args.web);
    }
    if !args.command.is_empty() {
        return around_command(args, builder);
    }
    let interrupt = Interrupt::listen()?;
    interrupt.begin();
    let emulator = builder.start().map_err(failed)?;
    let environment = emulator.environment(args.transport, args.write_ca.as_deref()).map_err(failed)?;
    show_page(&emulator);
    let mut out = Out::new();
    if args.json {
        let object: Map<String, Value> = environment
            .variables()
            .iter()
            .map(|(name, value)| ((*name).to_string(), Value::from(value.as_str())))
            .collect();
        out.json(&Value::Object(object))?;
    } else {
        out.text(&environment.to_string())?;
        out.line(READY)?;
    }
    let (end, ended) = mpsc::channel();
    interrupt.on(move || {
        // Fails only if the program ends anyway.
        let _ = end.send(());
    });
    thread::scope(|scope| -> Result<()> {
        let (stop, stopped) = mpsc::channel::<()>();
        if args.watch {
            let emulator = &emulator;
            threads::scoped(scope, "watch", move || watch(emulator, &stopped))?;
        }
        match args.duration {
            Some(duration) => drop(ended.recv_timeout(duration)),
            None => drop(ended.recv()),
        }
        drop(stop);
        Ok(())
    })?;
    emulator.stop().map_err(failed)?;
    // Ctrl-C is the regular way to end.
    Ok(Exit::Ok)
}

/// Runs the command, and ends this program with its exit code, which can be any number.
fn around_command(args: &EmulatorArgs, builder: Builder) -> Result<Exit> {
    let emulator = builder.start().map_err(failed)?;
    let environment = emulator.environment(args.transport, args.write_ca.as_deref()).map_err(failed)?;
    show_page(&emulator);
    let code = thread::scope(|scope| {
        let (stop, stopped) = mpsc::channel::<()>();
        if args.watch {
            let emulator = &emulator;
            threads::scoped(scope, "watch", move || watch(emulator, &stopped))?;
        }
        let code = command::run(&args.command, &environment);
        drop(stop);
        code
    })?;
    emulator.stop().map_err(failed)?;
    std::process::exit(code)
}

fn builder(args: &EmulatorArgs, global: &GlobalArgs) -> Result<Builder> {
    let ports = &args.ports;
    let mut builder = Emulator::builder()
        .tcp_port(ports.port)
        .tls_port(ports.tls_port)
        .ws_port(ports.ws_port)
        .wss_port(ports.wss_port)
        .api_port(ports.api_port)
        .api_tls_port(ports.api_tls_port);
    if args.transport.is_tls() && args.write_ca.is_none() {
        return Err(Failure::usage(format!(
            "--transport {} needs --write-ca, since clients could not verify the certificate otherwise",
            args.transport
        )));
    }
    if let Some(scale) = args.time_scale {
        if !(scale.is_finite() && scale >= 1.0) {
            let hint = "with 20, a token applied for with 60 s expires after 3 s";
            return Err(
                Failure::usage("--time-scale must be at least 1: the factor by which tokens age faster").hint(hint)
            );
        }
        builder = builder.token_time_scale(scale.recip());
    }
    if let Some(entries) = args.log_entries {
        builder = builder.log_capacity(entries.get());
    }
    if let Some(bytes) = args.log_bytes {
        builder = builder.log_bytes(bytes.get());
    }
    if let Some(port) = args.control_port {
        builder = builder.control_port(port);
    }
    if args.web {
        builder = builder.page();
    }
    for filter in &args.forbid {
        builder = builder.forbid(filter);
    }
    // Flags only: the environment describes another service, or this emulator.
    for (key, value) in global.settings.given() {
        let value = value.to_string_lossy();
        global.settings.used().mark(key);
        builder = match key {
            Key::InstanceId => builder.instance_id(value.as_ref()),
            Key::GroupId => builder.group_id(value.as_ref()),
            Key::Topic => builder.parent_topic(value.as_ref()),
            other => {
                let flag = other.row().flag;
                return Err(Failure::usage(format!("{flag} has no meaning for the emulator")));
            }
        };
    }
    Ok(builder)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: EmulatorError) -> Failure {
    let exit = match error {
        EmulatorError::Invalid(_) => Exit::Usage,
        _ => Exit::Failure,
    };
    Failure::new(exit, format!("emulator: {error}"))
}

/// Prints the link to the page, if it is served.
fn show_page(emulator: &Emulator) {
    if let Some(url) = emulator.page_url() {
        report::note(format!("{PAGE}{url}"));
    }
}

/// Prints what the emulator sees, until `stopped` is disconnected.
fn watch(emulator: &Emulator, stopped: &mpsc::Receiver<()>) {
    let mut next = 0;
    loop {
        let over = stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected);
        if !over {
            // The timeout lets the loop notice its end.
            emulator.wait_for_log_since(next, Duration::from_millis(200), |_| true);
        }
        // At the end once more, for what the last client did.
        for entry in emulator.log_since(next) {
            next = entry.sequence + 1;
            report::note(&entry);
        }
        if over {
            return;
        }
    }
}

/// Starts this program once more, in the background, and prints its settings.
fn behind_the_shell(has_page: bool) -> Result<Exit> {
    if !cfg!(unix) {
        return Err(Failure::usage("--env needs Unix").hint("run the emulator in another terminal, without --env"));
    }
    let program = std::env::current_exe().map_err(|error| Failure::io("cannot find this program", &error))?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--env");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // It outlives this program and needs none of its secrets.
    child::withhold_secrets(&mut command);
    // In a group of its own, so that Ctrl-C in the shell does not end it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| Failure::io("cannot start the emulator", &error))?;
    let told = settings_of(&mut child, has_page).and_then(|text| {
        let Some(text) = text else { return Ok(false) };
        let mut out = Out::new();
        out.text(&text)?;
        out.line(&format!("export {PID}={}", child.id()))?;
        Ok(true)
    });
    match told {
        Ok(true) => Ok(Exit::Ok),
        // It has said why.
        Ok(false) => {
            let code = child.wait().ok().and_then(|status| status.code());
            std::process::exit(code.unwrap_or(Exit::Failure as i32))
        }
        // The user could not end an emulator without knowing its process id.
        Err(failure) => {
            // Fails if it has just ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            Err(failure)
        }
    }
}

/// Reads the settings that the started emulator prints; `None` if it has ended instead. Its messages are passed on, and
/// the link to its page, if it has one.
fn settings_of(child: &mut Child, has_page: bool) -> Result<Option<String>> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (Some(stdout), Some(mut stderr)) = (stdout, stderr) else {
        return Err(Failure::new(Exit::Failure, "the emulator has no pipes"));
    };
    let (to, lines) = mpsc::channel();
    threads::needed("lines", move || {
        BufReader::new(stdout).lines().map_while(std::io::Result::ok).try_for_each(|line| to.send(line))
    })?;
    let mut text = String::new();
    let end = std::time::Instant::now() + START;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
            Ok(line) if line == READY => {
                if has_page {
                    // It was written before, so this does not wait.
                    let mut lines = BufReader::new(stderr).lines().map_while(std::io::Result::ok);
                    lines.find(|line| line.starts_with(PAGE)).into_iter().for_each(report::note);
                }
                return Ok(Some(text));
            }
            Ok(line) => text.extend([line.as_str(), "\n"]),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let message = format!("the emulator did not start within {} s", START.as_secs());
                return Err(Failure::new(Exit::Timeout, message));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                // A closed stderr is not a reason to fail.
                let _ = std::io::copy(&mut stderr, &mut std::io::stderr());
                return Ok(None);
            }
        }
    }
}
