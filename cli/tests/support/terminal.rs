//! The program on a terminal, which `script` of util-linux gives it.

use std::process::{Command, Stdio};

use super::{Running, heed_signals};

/// Starts a line of `/bin/sh` on a terminal, in the environment of this program, which the line calls `$PROGRAM`. Its
/// output arrives on stdout, and stdin is the keyboard.
pub fn on_terminal(program: &Command, line: &str) -> Running {
    let line = line.replace("$PROGRAM", "\"$PROGRAM\"");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    script.env_clear().env("PROGRAM", program.get_program()).env("SHELL", "/bin/sh").env("TERM", "dumb");
    script.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    heed_signals(&mut script);
    Running::start(script)
}
