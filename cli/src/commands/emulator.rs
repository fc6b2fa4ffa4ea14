//! `emulator`: runs a local emulator of the service: in the foreground, in the background, or around one command.

mod command;

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use aliyun_mqtt_emulator::program::{Configured, Given, Options};
use aliyun_mqtt_emulator::{Builder, Emulator, Error as EmulatorError, Format};
use clap::Args;
use serde_json::{Map, Value};

use crate::child;
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::lang::{Text, phrase};
use crate::output::Out;
use crate::report;
use crate::settings::{EMULATOR_PID, GlobalArgs, Key, some_settings};
use crate::threads;
use crate::values::{env_format, seconds};

/// The timeout for starting an emulator in the background.
const START: Duration = Duration::from_secs(30);

/// The line after the settings, once the emulator listens. A comment to a shell.
const READY: &str = "# listening";

/// The next steps of a user at a terminal.
const HERE: Text = Text::of(
    "another terminal gets the variables with --env-file FILE here and `. ./FILE` there; Ctrl-C ends the emulator",
);

/// The beginning of the line on stderr with the link to the page, before the settings.
const PAGE: &str = "page: ";

/// A message in one terminal: each command has to be over before the next one needs its result.
pub(super) const FIRST_MESSAGE: &str = "\
First message, without an account:
  eval \"$(aliyun-mqtt emulator --env --env-file emulator.env)\"
  aliyun-mqtt sub -t \"$ALIYUN_MQTT_TOPIC/#\" -C 1 & sleep 1
  aliyun-mqtt pub -t \"$ALIYUN_MQTT_TOPIC/hello\" -m Hello
  wait $!; kill \"$ALIYUN_MQTT_EMULATOR_PID\"

Another terminal uses the same emulator after `. ./emulator.env`; a second eval would start a second one.";

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt emulator -- python3 tests.py     runs one command with it, and ends with that command
  aliyun-mqtt emulator --watch                 runs in this terminal until Ctrl-C
  aliyun-mqtt emulator --web                   the same, with a page to watch it in the browser

";

const NOTES: &str = "\
--config FILE names a settings file of the emulator (TOML), with accounts, tokens and limits; the \
chapter \"The emulator\" of the book lists its keys.

Prints the settings as variables that programs built on aliyun-mqtt read; the values work for other MQTT clients, too. \
The documentation of the package aliyun-mqtt-emulator lists what the emulator leaves out and where it had to choose.

With a COMMAND, sets the variables for that command instead of printing them. The command does not inherit other \
secrets, unless --pass-secrets is given. The emulator then writes to stderr only, and passes SIGINT and SIGTERM on to \
the command. The exit code is that of the command, 128 plus the number of the signal that killed it, 127 if it was not \
found, or 126 if it could not be run.";

#[derive(Debug, Args)]
#[command(
    after_long_help = format!("{EXAMPLES}{FIRST_MESSAGE}\n\n{NOTES}"),
    args(some_settings(&[Key::InstanceId, Key::GroupId, Key::Topic])),
)]
pub(crate) struct EmulatorArgs {
    /// Start the emulator in the background, print its variables for `eval` in this format, and return (Unix)
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, value_parser = env_format())]
    env: Option<Option<Format>>,
    /// Print the settings as one JSON object
    #[arg(long, conflicts_with = "env")]
    json: bool,
    /// Print to stderr what clients do
    #[arg(long, conflicts_with = "env")]
    watch: bool,
    /// End after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    duration: Option<Duration>,
    // Before the options, whose last ones have a heading that holds for all that follow.
    /// Run this command with the emulator's environment, and end with it and its exit code
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["env", "json", "duration"])]
    command: Vec<OsString>,
    #[command(flatten)]
    options: Options,
}

pub(crate) fn run(args: &EmulatorArgs, global: &GlobalArgs) -> Result<Exit> {
    let builder = builder(args, global)?;
    if let Some(format) = args.env {
        return behind_the_shell(format.unwrap_or(args.options.env_format), args.options.web);
    }
    if !args.command.is_empty() {
        return around_command(args, builder);
    }
    let interrupt = Interrupt::listen()?;
    interrupt.begin();
    let emulator = builder.start().map_err(failed)?;
    let environment = args.options.environment(&emulator).map_err(failed)?;
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
        out.text(&environment.text(args.options.env_format))?;
        out.line(READY)?;
    }
    report::note("ready");
    if !args.json && io::stderr().is_terminal() {
        report::note(HERE.shown());
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
    let environment = args.options.environment(&emulator).map_err(failed)?;
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

/// Returns the builder, and prints what the user should know.
fn builder(args: &EmulatorArgs, global: &GlobalArgs) -> Result<Builder> {
    let mut given = Given { config: global.config.clone(), ..Given::default() };
    // Flags only: the environment describes another service, or this emulator.
    for (key, value) in global.settings.given() {
        let value = value.to_string_lossy().into_owned();
        global.settings.used().mark(key);
        match key {
            Key::InstanceId => given.instance_id = Some(value),
            Key::GroupId => given.group_ids = vec![value],
            Key::Topic => given.parent_topics = vec![value],
            other => {
                let flag = other.row().flag;
                return Err(Failure::usage(format!("{flag} has no meaning for the emulator")));
            }
        }
    }
    let Configured { builder, warnings, .. } = args.options.configure(given).map_err(failed)?;
    warnings.iter().for_each(report::warning);
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
fn behind_the_shell(format: Format, has_page: bool) -> Result<Exit> {
    if !cfg!(unix) {
        return Err(
            Failure::usage("--env needs Unix").hint(phrase!("run the emulator in another terminal, without --env"))
        );
    }
    let earlier = std::env::var(EMULATOR_PID).ok().filter(|pid| is_emulator(pid));
    let program = std::env::current_exe().map_err(|error| Failure::io("cannot find this program", &error))?;
    let is_env = |argument: &OsString| argument == "--env" || argument.to_string_lossy().starts_with("--env=");
    let arguments = std::env::args_os().skip(1).filter(|argument| !is_env(argument));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(format!("--env-format={format}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
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
        let pid = child.id().to_string();
        out.line(&format.line(EMULATOR_PID, &pid))?;
        if let Some(earlier) = &earlier {
            report::warning(format!("the emulator that this shell had before goes on: `kill {earlier}` ends it"));
        }
        if io::stderr().is_terminal() {
            let endpoint = variable(&text, Key::Endpoint.row().variable);
            let parent = variable(&text, Key::Topic.row().variable);
            let started = phrase!(
                "an emulator runs at {endpoint}, parent topic {parent}; `kill {pid}` ends it",
                endpoint,
                parent,
                pid
            );
            report::note(started.shown());
        }
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

/// Returns true if the process is an emulator of this program; on systems that do not tell, if it lives.
#[cfg(unix)]
fn is_emulator(pid: &str) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let Some(process) = pid.parse().ok().and_then(Pid::from_raw) else { return false };
    let told = std::fs::read(format!("/proc/{pid}/cmdline"));
    let is_ours = |line: Vec<u8>| {
        let mut words = line.split(|byte| *byte == 0);
        let program = words.next().and_then(|word| word.rsplit(|byte| *byte == b'/').next());
        program.is_some_and(|name| name.starts_with(b"aliyun-mqtt")) && words.any(|word| word == b"emulator")
    };
    test_kill_process(process).is_ok() && told.map_or(!cfg!(target_os = "linux"), is_ours)
}

#[cfg(not(unix))]
fn is_emulator(_: &str) -> bool {
    false
}

/// Returns the value of a variable, whatever the shell.
fn variable<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.split_once(name)?.1.trim_start().strip_prefix('='));
    line.unwrap_or_default().trim().trim_matches(['\'', '"'])
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
        BufReader::new(stdout).lines().map_while(io::Result::ok).try_for_each(|line| to.send(line))
    })?;
    let mut text = String::new();
    let end = std::time::Instant::now() + START;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
            Ok(line) if line == READY => {
                if has_page {
                    // It was written before, so this does not wait.
                    let mut lines = BufReader::new(stderr).lines().map_while(io::Result::ok);
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
                let _ = io::copy(&mut stderr, &mut io::stderr());
                return Ok(None);
            }
        }
    }
}
