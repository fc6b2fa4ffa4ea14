//! `--exec`: runs a shell command for each message.

use std::io::{self, Read as _, Write as _};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aliyun_mqtt::Message;
use clap::Args;
use serde_json::json;

use super::Sink;
use crate::child::{end, shell};
use crate::exit::{Exit, Failure, Result};
use crate::interrupt::Interrupt;
use crate::lang::phrase;
use crate::message::View;
use crate::time::rfc3339_exact;
use crate::values::seconds;
use crate::{report, threads};

/// The most output of a command that is used as a reply.
const MOST_OUTPUT: u64 = 16 * 1024 * 1024;
/// How long a command may take to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// The longest value in the environment; Linux accepts twice that.
const MOST_VALUE: usize = 64 * 1024;
/// The longest value if the system rejects the total size.
const LITTLE_VALUE: usize = 1024;
/// The variable that lists those whose value differs from the message's.
const INEXACT: &str = "MQTT_INEXACT";

pub(super) const PROCESSING: &str = "Processing";

/// The command to run for each message.
#[derive(Debug, Args)]
pub(crate) struct CommandArgs {
    /// Run this shell command for each message, with the payload on stdin and MQTT_TOPIC etc. in its environment
    #[arg(long, value_name = "COMMAND", help_heading = PROCESSING)]
    pub(crate) exec: Option<String>,
    /// Kill a command that runs longer than this, which counts as failed; 0: no limit
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60", requires = "exec",
        help_heading = PROCESSING)]
    pub(crate) exec_timeout: Duration,
}

/// A command that is run for one message after the other.
pub(crate) struct Command {
    line: String,
    timeout: Option<Duration>,
    /// The running process, to end it together with this program.
    running: Arc<Mutex<Option<u32>>>,
}

/// Where the output of a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// To our standard output.
    Inherited,
    /// To the caller.
    Captured,
}

impl Command {
    pub(crate) fn new(line: &str, timeout: Duration, interrupt: &Interrupt) -> Self {
        let running = Arc::new(Mutex::new(None));
        let at_exit = Arc::clone(&running);
        interrupt.at_exit(move || {
            if let Some(pid) = *lock(&at_exit) {
                end(pid, true);
            }
        });
        let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        Command { line: line.to_string(), timeout, running }
    }

    /// Runs the command to its end. Returns its output if it is captured, or why the command failed.
    ///
    /// The payload is its standard input. Nothing of the message is interpreted by the shell.
    pub(crate) fn run(&self, view: &View<'_>, payload: &[u8], output: Output) -> Result<Vec<u8>, String> {
        let deadline = self.timeout.and_then(super::deadline);
        let mut child = match self.start(&environment(view, payload, MOST_VALUE), output) {
            Err(error) if error.kind() == io::ErrorKind::ArgumentListTooLong => {
                self.start(&environment(view, payload, LITTLE_VALUE), output)
            }
            result => result,
        }
        .map_err(|error| format!("could not be started: {error}"))?;
        *lock(&self.running) = Some(child.id());
        let result = self.attend(&mut child, payload, deadline);
        *lock(&self.running) = None;
        result
    }

    fn start(&self, variables: &[Variable], output: Output) -> io::Result<Child> {
        let mut command = shell(&self.line);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::piped());
        if output == Output::Captured {
            command.stdout(Stdio::piped());
        }
        command.spawn()
    }

    /// Runs `work` on a thread; if none can be started, ends the command.
    fn beside(&self, child: &mut Child, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
        threads::start(name, work).map(drop).map_err(|error| {
            kill(child);
            format!("was ended because no thread could be started for it: {error}")
        })
    }

    fn attend(&self, child: &mut Child, payload: &[u8], deadline: Option<Instant>) -> Result<Vec<u8>, String> {
        // On threads that are not joined: a process that outlives the command may hold the other ends.
        if let Some(mut stdin) = child.stdin.take() {
            let payload = payload.to_vec();
            // The command need not read its input.
            self.beside(child, "exec-stdin", move || drop(stdin.write_all(&payload)))?;
        }
        let printed = match child.stdout.take() {
            Some(stdout) => {
                let (sender, receiver) = mpsc::channel();
                self.beside(child, "exec-stdout", move || {
                    let mut bytes = Vec::new();
                    let result = stdout.take(MOST_OUTPUT + 1).read_to_end(&mut bytes);
                    let _ = sender.send(result.map(|_| bytes));
                })?;
                Some(receiver)
            }
            None => None,
        };
        let too_long = || {
            let time = self.timeout.unwrap_or_default().as_secs_f64();
            format!("did not end within {time} s and was killed")
        };
        let Some(status) = wait(child, deadline)? else {
            kill(child);
            return Err(too_long());
        };
        if !status.success() {
            return Err(told(status));
        }
        let Some(printed) = printed else { return Ok(Vec::new()) };
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        match printed.recv_timeout(left) {
            Ok(Ok(bytes)) if bytes.len() as u64 > MOST_OUTPUT => Err(format!("printed more than {MOST_OUTPUT} bytes")),
            Ok(result) => result.map_err(|error| format!("its output could not be read: {error}")),
            // A process it has started still holds the output.
            Err(_) => {
                end(child.id(), true);
                Err(too_long())
            }
        }
    }
}

/// Runs the command for each message.
pub(crate) struct Exec {
    command: Command,
    keep_going: bool,
    failed: u64,
}

impl Exec {
    pub(crate) fn new(command: Command, keep_going: bool) -> Self {
        Exec { command, keep_going, failed: 0 }
    }
}

impl Sink for Exec {
    fn take(&mut self, _message: &Message, view: &View<'_>) -> Result<()> {
        let Err(why) = self.command.run(view, view.payload, Output::Inherited) else { return Ok(()) };
        let what = format!("the command {why}, for a message on topic {}", view.topic);
        if self.keep_going {
            self.failed += 1;
            report::warning(format!("{what}; the message is skipped"));
            return Ok(());
        }
        Err(Failure::new(Exit::Failure, what).hint(phrase!(
            "the message was not acknowledged: with --keep-session, QoS 1 and the same client id it is sent again; \
             --keep-going skips it"
        )))
    }

    fn writes(&self) -> bool {
        false
    }

    fn one_by_one(&self) -> bool {
        true
    }

    fn verdict(&self) -> Result<()> {
        match self.failed {
            0 => Ok(()),
            failed => Err(Failure::new(Exit::Failure, format!("the command failed for {failed} messages"))),
        }
    }
}

/// An environment variable of a command. `None` removes an inherited one.
type Variable = (&'static str, Option<String>);

/// Returns the environment of a command, with values of at most this many bytes.
///
/// The command can be started whatever the publisher has sent: a NUL becomes U+FFFD, a value that is too long is left
/// out, and [`INEXACT`] lists the variables concerned.
fn environment(view: &View<'_>, payload: &[u8], most: usize) -> Vec<Variable> {
    let flag = |flag: bool| Some(u8::from(flag).to_string());
    let pairs = Some(view.user_properties).filter(|pairs| !pairs.is_empty());
    let pairs = pairs.map(|pairs| pairs.iter().map(|(key, value)| json!([key, value])).collect::<serde_json::Value>());
    let mut variables = vec![
        ("MQTT_TOPIC", Some(view.topic.to_string())),
        ("MQTT_QOS", Some(view.qos.level().to_string())),
        ("MQTT_RETAIN", flag(view.retain)),
        ("MQTT_DUP", flag(view.dup)),
        ("MQTT_TIME", Some(rfc3339_exact(view.time))),
        ("MQTT_PAYLOAD_LEN", Some(payload.len().to_string())),
        ("MQTT_CONTENT_TYPE", view.content_type.map(str::to_string)),
        ("MQTT_RESPONSE_TOPIC", view.response_topic.map(str::to_string)),
        // JSON escapes a NUL itself.
        ("MQTT_USER_PROPERTIES", pairs.map(|pairs| pairs.to_string())),
    ];
    let mut inexact = Vec::new();
    for (name, value) in &mut variables {
        let Some(text) = value else { continue };
        if text.contains('\0') {
            *text = text.replace('\0', "\u{fffd}");
            inexact.push(*name);
        }
        if text.len() > most {
            *value = None;
            inexact.push(*name);
        }
    }
    inexact.dedup();
    variables.push((INEXACT, Some(inexact.join(" ")).filter(|names| !names.is_empty())));
    variables
}

/// Waits for the end; `None` if the deadline has passed.
fn wait(child: &mut Child, deadline: Option<Instant>) -> Result<Option<ExitStatus>, String> {
    let mut pause = Duration::from_micros(500);
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => return Ok(Some(status)),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
        let left = deadline.map_or(pause, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(None);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 3 / 2).min(Duration::from_millis(20));
    }
}

/// Ends the process group: first with SIGTERM, then with SIGKILL.
fn kill(child: &mut Child) {
    end(child.id(), false);
    if !matches!(wait(child, super::deadline(GRACE)), Ok(Some(_))) {
        let _ = child.kill();
    }
    end(child.id(), true);
    let _ = child.wait();
}

fn told(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        None => "failed".to_string(),
    }
}

fn lock(running: &Mutex<Option<u32>>) -> MutexGuard<'_, Option<u32>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{plain, sample_time};

    fn value<'a>(variables: &'a [Variable], name: &str) -> Option<&'a str> {
        variables.iter().find(|(known, _)| *known == name).expect("it is always said").1.as_deref()
    }

    #[test]
    fn what_no_environment_can_hold_has_another_form_or_is_left_out_and_is_named() {
        let time = sample_time();
        let pairs = [("k\0".to_string(), "v".to_string())];
        let view = View {
            content_type: Some("text/plain"),
            response_topic: Some("r/\0"),
            user_properties: &pairs,
            ..plain(&time, "ad\0min", b"\0")
        };
        let variables = environment(&view, b"\0", MOST_VALUE);
        assert_eq!(value(&variables, "MQTT_TOPIC"), Some("ad\u{fffd}min"), "never the name of another topic");
        assert_eq!(value(&variables, "MQTT_CONTENT_TYPE"), Some("text/plain"));
        assert_eq!(value(&variables, "MQTT_RESPONSE_TOPIC"), Some("r/\u{fffd}"));
        assert_eq!(value(&variables, "MQTT_USER_PROPERTIES"), Some(r#"[["k\u0000","v"]]"#), "exact");
        assert_eq!(value(&variables, INEXACT), Some("MQTT_TOPIC MQTT_RESPONSE_TOPIC"));
        assert_eq!(value(&environment(&plain(&time, "t", b""), b"", MOST_VALUE), INEXACT), None);
    }

    #[test]
    fn no_value_is_longer_than_allowed() {
        let time = sample_time();
        // Grows by its form.
        let (long, nuls) = ("x".repeat(65_535), "\0".repeat(65_535));
        let pairs = [(long.clone(), nuls.clone())];
        let view = View {
            content_type: Some(&nuls),
            response_topic: Some(&long),
            user_properties: &pairs,
            ..plain(&time, &long, b"")
        };
        for (most, inexact) in [
            (MOST_VALUE, "MQTT_CONTENT_TYPE MQTT_USER_PROPERTIES"),
            (LITTLE_VALUE, "MQTT_TOPIC MQTT_CONTENT_TYPE MQTT_RESPONSE_TOPIC MQTT_USER_PROPERTIES"),
        ] {
            let variables = environment(&view, b"", most);
            assert_eq!(value(&variables, INEXACT), Some(inexact));
            assert!(variables.iter().flat_map(|(_, value)| value).all(|value| value.len() <= most));
        }
    }
}
