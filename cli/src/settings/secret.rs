//! Where a secret is, and reading it from there. A flag never holds a secret itself.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::{Key, Source};
use crate::child::{self, Ended};
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::small_text;
use crate::stdio::Stream;
use crate::threads;

/// The timeout for reading a secret, unless one is set.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The interval of looking whether a command has ended after closing its output.
const GLANCE: Duration = Duration::from_millis(1);

/// Where a secret is.
#[derive(Clone)]
pub(crate) enum Secret {
    /// The secret itself, from the environment or the configuration file.
    Text(Zeroizing<String>),
    File(PathBuf),
    Stdin,
    /// An environment variable, named by the configuration file.
    Variable(String),
    /// The output of this shell command.
    Command(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("Text(..)"),
            Secret::File(path) => f.debug_tuple("File").field(path).finish(),
            Secret::Stdin => f.write_str("Stdin"),
            Secret::Variable(name) => f.debug_tuple("Variable").field(name).finish(),
            Secret::Command(_) => f.write_str("Command(..)"),
        }
    }
}

impl Secret {
    /// Parses a path, `-` for standard input, or `fd:N` for an open file. Paths are relative to `folder`.
    pub(crate) fn at(place: OsString, folder: &Path) -> Result<Self> {
        if place == "-" {
            return Ok(Secret::Stdin);
        }
        if let Some(number) = place.to_str().and_then(|place| place.strip_prefix("fd:")) {
            return match number.parse::<u32>() {
                Ok(number) if cfg!(unix) => Ok(Secret::File(PathBuf::from(format!("/dev/fd/{number}")))),
                _ => Err(Failure::usage(format!("{place:?} is not an open file: fd: takes a number, on Unix only"))),
            };
        }
        Ok(Secret::File(folder.join(place)))
    }

    /// Returns true if the secret can be read again, and may have changed by then.
    pub(crate) fn comes_again(&self) -> bool {
        match self {
            // Reading reports a missing file.
            Secret::File(path) => std::fs::metadata(path).is_ok_and(|data| data.is_file()),
            Secret::Command(_) => true,
            Secret::Text(_) | Secret::Stdin | Secret::Variable(_) => false,
        }
    }

    /// Reads the secret and removes byte order mark and line end. `key` and `source` are for messages.
    pub(crate) fn read(&self, key: Key, source: &Source, patience: Duration) -> Result<Zeroizing<String>> {
        self.get(key.row().what, source, patience)
    }

    /// Reads the secret like [`read`](Secret::read), with any name for messages.
    pub(crate) fn get(
        &self,
        what: &str,
        source: &dyn std::fmt::Display,
        patience: Duration,
    ) -> Result<Zeroizing<String>> {
        let text = match self {
            Secret::Text(text) => return Ok(text.clone()),
            Secret::Variable(name) => match std::env::var_os(name).map(OsString::into_string) {
                Some(Ok(text)) => Ok(Zeroizing::new(text)),
                Some(Err(_)) => Err("the environment variable is not valid UTF-8".to_string()),
                None => Err("the environment variable is not set".to_string()),
            },
            Secret::File(path) => small_text::file(path, small_text::SECRET, patience),
            Secret::Stdin => match Stream::Input.open() {
                Ok(()) => small_text::stdin(small_text::SECRET, patience),
                Err(error) => Err(error.to_string()),
            },
            Secret::Command(command) => run(command, patience),
        };
        match text.map(|text| Zeroizing::new(small_text::value(&text).to_string())) {
            Ok(text) if !text.is_empty() => Ok(text),
            Ok(_) => Err("it is empty".to_string()),
            Err(why) => Err(why),
        }
        .map_err(|why| {
            let exit = if matches!(self, Secret::Command(_)) { Exit::Failure } else { Exit::Usage };
            let failure = Failure::new(exit, format!("cannot get {what} ({source}{}): {why}", self.place()));
            match self {
                Secret::File(_) => failure.hint(phrase!("check the path and its permissions")),
                _ => failure,
            }
        })
    }

    fn place(&self) -> String {
        match self {
            Secret::File(path) => format!(", {}", path.display()),
            Secret::Variable(name) => format!(", {name}"),
            Secret::Text(_) | Secret::Stdin | Secret::Command(_) => String::new(),
        }
    }
}

/// Reads standard input to its end; `None` if it is a terminal, closed or empty.
pub(super) fn piped(patience: Duration) -> Result<Option<Zeroizing<String>>, String> {
    if std::io::stdin().is_terminal() || Stream::Input.open().is_err() {
        return Ok(None);
    }
    let text = small_text::stdin(small_text::SECRET, patience)?;
    Ok(Some(small_text::value(&text)).filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_string())))
}

/// Returns true if there is a terminal to prompt on. Unit tests ask nobody.
pub(super) fn can_prompt() -> bool {
    !cfg!(test) && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Prompts for a secret; `None` without a terminal.
pub(crate) fn prompt(what: &str) -> Option<Result<Zeroizing<String>>> {
    if !can_prompt() {
        return None;
    }
    let what = what.trim_start_matches("the ");
    Some(match rpassword::prompt_password(format!("{what}: ")) {
        Ok(text) => match small_text::value(&Zeroizing::new(text)) {
            "" => Err(Failure::usage(format!("no {what} was entered"))),
            text => Ok(Zeroizing::new(text.to_string())),
        },
        Err(error) => Err(Failure::io(format!("cannot ask for {what}"), &error)),
    })
}

/// Returns the output of a command, which inherits stderr. After the timeout it is ended with its children.
fn run(command: &str, limit: Duration) -> Result<Zeroizing<String>, String> {
    let start = Instant::now();
    let child = child::shell(command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Ended::new(child.map_err(|error| format!("the shell: {error}"))?);
    let stdout = child.child().stdout.take().ok_or("no pipe")?;
    let (done, output) = mpsc::sync_channel(1);
    let read = move || done.send(small_text::limited(stdout, small_text::SECRET).and_then(small_text::text));
    threads::start("secret", read).map_err(|error| format!("no thread could be started for the command: {error}"))?;
    // Errors of the output come first: too long an output may be what ended the command.
    let text = output.recv_timeout(limit.saturating_sub(start.elapsed())).ok().transpose()?;
    // It may have closed its output and continue to run.
    while text.is_some() && start.elapsed() < limit {
        match child.child().try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return text.ok_or_else(|| "no output".to_string()),
            Some(status) => return Err(format!("the command failed: {status}")),
            None => thread::sleep(GLANCE),
        }
    }
    child.end();
    Err(format!("the command did not end within {} s", limit.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Source = Source::Flag("--token-file");

    #[cfg(unix)]
    #[test]
    fn a_command_gives_what_it_prints_and_its_failure_is_told() {
        let read = |command: &str| Secret::Command(command.to_string()).read(Key::Token, &FROM, PATIENCE);
        assert_eq!(*read("printf 'not-a-secret\\n'").unwrap(), "not-a-secret");
        let failure = read("echo not-a-secret; exit 3").unwrap_err();
        assert!(failure.message.contains("the token") && failure.message.contains('3'), "{failure:?}");
        assert!(!failure.message.contains("not-a-secret"), "{failure:?}");
        assert!(read("true").unwrap_err().message.contains("empty"));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_command_prints_is_told_before_how_it_ends() {
        for (command, words) in [
            ("exec cat /dev/zero", "longer than 65536 bytes"),
            ("trap '' PIPE; while :; do printf %1024s x || sleep 600; done 2>&-", "longer than 65536 bytes"),
            ("printf 'a\\0b\\0'; exit 1", "UTF-16"),
        ] {
            let why = run(command, PATIENCE).unwrap_err();
            assert!(why.contains(words), "{command}: {why}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_does_not_end_is_ended_whether_its_output_is_open_or_not() {
        for command in ["exec sleep 600", "echo not-a-secret; exec >&- sleep 600"] {
            let why = run(command, Duration::from_millis(100)).unwrap_err();
            assert!(why.contains("did not end within 0.1 s"), "{command}: {why}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = Secret::at("no/such/file".into(), Path::new("base"))
            .unwrap()
            .read(Key::Token, &FROM, PATIENCE)
            .unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("no/such/file") && failure.message.contains("--token-file"), "{failure:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_files_and_commands_are_read_again() {
        let at = |place: &str| Secret::at(place.into(), Path::new("")).unwrap();
        assert!(at(&std::env::current_exe().unwrap().display().to_string()).comes_again());
        assert!(Secret::Command("true".to_string()).comes_again());
        // A pipe is empty the second time.
        let (pipe, _writer) = std::io::pipe().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&pipe);
        for once in [at("-"), at(&format!("fd:{number}")), at(&format!("/dev/fd/{number}")), at("no/such/file")] {
            assert!(!once.comes_again(), "{once:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::Text(Zeroizing::new("not-a-secret".to_string()));
        assert!(!format!("{secret:?}").contains("not-a-secret"));
        assert!(!format!("{:?}", Secret::Command("echo not-a-secret".to_string())).contains("not-a-secret"));
    }
}
