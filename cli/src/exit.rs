//! How a command ends: its exit code, and the reason of a failure.

use std::io;
use std::process::ExitCode;

use aliyun_mqtt::{Error, ErrorKind};

use crate::advice;
use crate::lang::Phrase;
use crate::settings::Key;

/// The exit codes, as in `--help` and the man page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Success, also if the reader of the output has exited.
    Ok = 0,
    /// Any other failure.
    Failure = 1,
    /// The command line, the configuration or the input is invalid; nothing was sent.
    Usage = 2,
    /// There was no connection, or it was lost.
    Network = 3,
    /// The service refused the login, the token, or the API request.
    Refused = 4,
    /// A timeout.
    Timeout = 5,
    /// The server rejected a message or a subscription.
    Rejected = 6,
    /// Ctrl-C or SIGTERM.
    Interrupted = 130,
}

/// The exit codes as `--help` lists them.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    success; also if the reader of the output has exited
  1    any other failure
  2    invalid usage, configuration or input; nothing was sent
  3    no connection, or the connection was lost
  4    login, token or API request refused
  5    timeout
  6    a message or subscription was rejected by the server
  130  interrupted (Ctrl-C, SIGTERM)";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The reason of a failed command, printed once at the end of the program.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) hint: Option<Phrase>,
    /// The causes, the nearest one first.
    pub(crate) causes: Vec<String>,
    /// The settings that are not given, if that is the reason.
    pub(crate) missing: Vec<String>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), hint: None, causes: Vec::new(), missing: Vec::new() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: Phrase) -> Self {
        self.hint = Some(hint);
        self
    }

    /// A failed read or write, except of the output, for which there is `From<io::Error>`.
    pub(crate) fn io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Failure::new(Exit::Failure, format!("{what}: {error}"))
    }

    /// Returns true if the reader of the output has exited, which is not reported as a failure.
    pub(crate) fn is_silent(&self) -> bool {
        self.exit == Exit::Ok
    }
}

/// A failed write of the output. A closed pipe ends the program silently.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Exit::Ok, ""),
            _ => Failure::io("cannot write the output", &error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let message = match error.stage() {
            Some(stage) => format!("{} (stage: {stage})", error.message()),
            None => error.message().to_string(),
        };
        let missing: Vec<String> = error.missing_setting().map(str::to_string).into_iter().collect();
        let key = error.missing_setting().and_then(Key::named).filter(|_| error.hint_key() == Some("set"));
        let hint = key.map(|key| Key::ways(&[key])).or_else(|| Phrase::of_library(error));
        let mut causes: Vec<String> = Vec::new();
        let (message, hint) = advice::adapted(error, message, hint);
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            let own = cause.downcast_ref::<Error>();
            let text = own.map_or_else(|| cause.to_string(), |own| own.message().to_string());
            // Most messages include their cause already.
            if !message.contains(&text) && !causes.iter().any(|known| known.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        Failure { exit: exit_of(error), message, hint, causes, missing }
    }
}

/// Returns the exit code for an error of the library.
pub(crate) fn exit_of(error: &Error) -> Exit {
    match error.kind() {
        ErrorKind::Config | ErrorKind::Invalid => Exit::Usage,
        ErrorKind::Timeout(_) => Exit::Timeout,
        ErrorKind::Resolve
        | ErrorKind::Connect
        | ErrorKind::Proxy
        | ErrorKind::Tls
        | ErrorKind::Protocol
        | ErrorKind::ConnectionLost => Exit::Network,
        // The server is unavailable, which says nothing about this login.
        ErrorKind::Refused if error.is_retryable() => Exit::Network,
        ErrorKind::Refused | ErrorKind::TokenInvalid | ErrorKind::Api => Exit::Refused,
        ErrorKind::Rejected | ErrorKind::SuspectedRefusal => Exit::Rejected,
        // The code of the cause, such as a failed application for a token.
        ErrorKind::Credentials => match own_cause(error) {
            // The service of a key is unavailable, which says nothing about this login.
            Some(cause) if cause.kind() == ErrorKind::Api && cause.is_retryable() => Exit::Network,
            Some(cause) => match exit_of(cause) {
                Exit::Failure if error.missing_setting().is_some() => Exit::Usage,
                exit => exit,
            },
            None if error.is_timeout() => Exit::Timeout,
            None if error.missing_setting().is_some() => Exit::Usage,
            None => Exit::Failure,
        },
        _ => Exit::Failure,
    }
}

fn own_cause(error: &Error) -> Option<&Error> {
    std::error::Error::source(error)?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        let codes = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::Network,
            Exit::Refused,
            Exit::Timeout,
            Exit::Rejected,
            Exit::Interrupted,
        ];
        for exit in codes {
            let number = format!("\n  {} ", exit as u8);
            assert!(TABLE.contains(&number), "{exit:?}");
        }
        assert_eq!(TABLE.lines().count(), codes.len() + 1);
    }

    #[test]
    fn a_closed_pipe_is_silent_and_a_full_disk_is_not() {
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_silent());
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert!(!full.is_silent() && full.exit == Exit::Failure);
    }

    #[test]
    fn an_error_of_the_library_keeps_its_hint_apart() {
        let error = aliyun_mqtt::Config::builder().endpoint("host name").build().unwrap_err();
        let failure = Failure::from(&error);
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.message.contains("hint:"), "{failure:?}");
    }

    #[test]
    fn an_error_of_the_library_names_settings_and_not_its_calls() {
        let builder = || {
            aliyun_mqtt::Config::builder().endpoint("mqtt://localhost").instance_id("post-cn-x").group_id("GID_demo")
        };
        let builder = || builder().credentials(aliyun_mqtt::Credentials::signature("id", "not-a-secret"));
        let failure = Failure::from(builder().clean_session(false).build().unwrap_err());
        assert_eq!(failure.missing, ["device_id"]);
        let hint = failure.hint.as_ref().map(Phrase::english).unwrap_or_default();
        assert!(hint.starts_with("use --device-id, set ALIYUN_MQTT_DEVICE_ID, or write device_id in"), "{failure:?}");
        let config = builder().build().unwrap();
        const QOS: aliyun_mqtt::QoS = aliyun_mqtt::QoS::AtLeastOnce;
        for outgoing in [
            aliyun_mqtt::Outgoing::new("demo/温度", QOS, "x"),
            aliyun_mqtt::Outgoing::new("demo/x", QOS, vec![0; 70_000]),
            aliyun_mqtt::Outgoing::new(format!("demo/{}", "x".repeat(200)), QOS, "x"),
            aliyun_mqtt::Outgoing::new("demo/x", QOS, "x").user_property("k", "v"),
        ] {
            let failure = Failure::from(config.check(&outgoing).unwrap_err());
            assert!(!format!("{failure:?}").contains("::"), "{failure:?}");
        }
    }
}
