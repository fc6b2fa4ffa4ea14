//! Commands of the user that this program runs: what they inherit, and how they and their children are ended.

use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::interrupt;

/// The environment variables that hold secrets, which children do not inherit.
static WITHHELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// True if children inherit those variables as well.
static PASS_SECRETS: AtomicBool = AtomicBool::new(false);

/// The process groups to end together with this program.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A child process that is ended when this value is dropped or a signal ends this program.
pub(crate) struct Ended(Child);

impl Ended {
    pub(crate) fn new(child: Child) -> Self {
        running(|groups| groups.push(child.id()));
        // Children have process groups of their own, so that a signal to this program does not reach them.
        interrupt::before_the_end(end_all);
        Ended(child)
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Ends the child and everything it has started.
    pub(crate) fn end(&mut self) {
        end(self.0.id(), true);
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let id = self.0.id();
        running(|groups| groups.retain(|group| *group != id));
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            self.end();
        }
    }
}

/// Ends all children, because this program ends.
fn end_all() {
    running(|groups| groups.iter().for_each(|group| end(*group, true)));
}

fn running<T>(act: impl FnOnce(&mut Vec<u32>) -> T) -> T {
    act(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Lets children inherit the variables that hold secrets.
pub(crate) fn pass_secrets() {
    PASS_SECRETS.store(true, Ordering::Relaxed);
}

/// Adds variables that hold secrets.
pub(crate) fn withhold(names: impl IntoIterator<Item = String>) {
    WITHHELD.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
}

/// Returns the command that runs a line in the system's shell. It has a process group of its own, so that it can be
/// ended with everything it has started, and so that Ctrl-C lets it finish.
pub(crate) fn shell(line: &str) -> Command {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("/bin/sh", "-c") };
    let mut command = Command::new(shell);
    command.arg(option).arg(line);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    withhold_secrets(&mut command);
    command
}

/// Removes the variables that hold secrets from the environment of a child, unless the user passes them on.
pub(crate) fn withhold_secrets(command: &mut Command) {
    if PASS_SECRETS.load(Ordering::Relaxed) {
        return;
    }
    for name in WITHHELD.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        command.env_remove(name);
    }
}

/// Ends a process group: with SIGKILL if `surely`, otherwise with SIGTERM.
#[cfg(unix)]
pub(crate) fn end(pid: u32, surely: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = if surely { Signal::KILL } else { Signal::TERM };
    if let Some(group) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(not(unix))]
pub(crate) fn end(_pid: u32, _surely: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_does_not_inherit_a_variable_that_was_named() {
        withhold(["SOME_VARIABLE".to_string()]);
        let removed = shell("true").get_envs().any(|(name, value)| name == "SOME_VARIABLE" && value.is_none());
        assert!(removed);
    }
}
