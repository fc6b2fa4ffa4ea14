//! `emulator -- COMMAND...`: runs one command with the emulator's environment, and returns its exit code.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, ExitStatus};

use aliyun_mqtt_emulator::Environment;

use crate::child;
use crate::exit::{Exit, Failure, Result};
use crate::report;

/// The exit codes of `env`, `timeout` and shells for a command that could not be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// Runs the command to its end and returns the exit code for it: its own, or 128 plus the number of the signal that
/// killed it.
///
/// The command stays in the process group of this program, so it can read from the terminal.
pub(super) fn run(words: &[OsString], environment: &Environment) -> Result<i32> {
    let Some((program, arguments)) = words.split_first() else { return Ok(Exit::Ok as i32) };
    let mut command = Command::new(program);
    command.args(arguments);
    // The user's own; the emulator's accounts take their place.
    child::withhold_secrets(&mut command);
    command.envs(environment.variables().iter().map(|(name, value)| (name, value)));
    // Before the command starts, so that no signal ends this program alone.
    let signals = Signals::listen()?;
    match command.spawn() {
        Ok(child) => signals.wait(child).map(code).map_err(|error| Failure::io("cannot wait for the command", &error)),
        Err(error) => {
            let failure = Failure::io(format!("cannot run {}", program.display()), &error);
            report::failure(&failure);
            Ok(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE })
        }
    }
}

#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(Exit::Failure as i32)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(Exit::Failure as i32)
}

#[cfg(unix)]
use self::unix::Signals;

#[cfg(unix)]
mod unix {
    use rustix::process::{Pid, Signal, kill_process};
    use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

    use super::{Child, ExitStatus, Failure, Result, io};
    use crate::interrupt;

    /// The signals to pass on to the command, and SIGCHLD, which announces its end.
    pub(super) struct Signals(signal_hook::iterator::Signals);

    impl Signals {
        pub(super) fn listen() -> Result<Self> {
            // Under `nohup` SIGHUP stays ignored, also in the command.
            let hangup = (!interrupt::hangup_is_ignored()).then_some(SIGHUP);
            let all = [SIGCHLD, SIGINT, SIGTERM].into_iter().chain(hangup);
            let signals = signal_hook::iterator::Signals::new(all);
            signals.map(Signals).map_err(|error| Failure::io("cannot listen for signals", &error))
        }

        /// Waits for the end of the command. One thread does both, so that no signal goes to a process id that is no
        /// longer the command's.
        pub(super) fn wait(mut self, mut child: Child) -> io::Result<ExitStatus> {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            for number in self.0.forever() {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
                let signal = match number {
                    SIGINT if terminal_has_sent_it() => None,
                    SIGINT => Some(Signal::INT),
                    SIGTERM => Some(Signal::TERM),
                    SIGHUP => Some(Signal::HUP),
                    _ => None,
                };
                if let Some((pid, signal)) = pid.zip(signal) {
                    // Fails if the command runs as another user.
                    let _ = kill_process(pid, signal);
                }
            }
            child.wait()
        }
    }

    /// Returns true if this program is in the foreground of its terminal. Then Ctrl-C there reaches the command as
    /// well, and many programs end at once when they get it a second time.
    fn terminal_has_sent_it() -> bool {
        let foreground = std::fs::File::open("/dev/tty").and_then(|tty| Ok(rustix::termios::tcgetpgrp(tty)?));
        foreground.is_ok_and(|group| group == rustix::process::getpgrp())
    }
}

/// On other systems the console sends Ctrl-C to both programs.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self> {
        let heard = ctrlc::set_handler(|| {});
        heard
            .map(|()| Signals)
            .map_err(|error| Failure::new(Exit::Failure, format!("cannot listen for Ctrl-C: {error}")))
    }

    fn wait(self, mut child: Child) -> io::Result<ExitStatus> {
        child.wait()
    }
}
