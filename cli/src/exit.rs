//! How a command ends: the exit codes, and what went wrong.

use std::io;
use std::process::ExitCode;

use aliyun_mqtt::{Error, ErrorKind};

/// The exit codes, as in `--help` and the man page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All that was asked for is done; also when whoever read the output has gone.
    Ok = 0,
    /// A failure that is none of the others.
    Failure = 1,
    /// The command line, the configuration or the input is wrong; nothing was sent for it.
    Usage = 2,
    /// No connection could be made, or it was lost.
    Network = 3,
    /// The service refused the login, the token, or the API request.
    Refused = 4,
    /// Time ran out.
    Timeout = 5,
    /// The broker rejected a message or a subscription.
    Rejected = 6,
    /// Ctrl-C or SIGTERM.
    Interrupted = 130,
}

/// What `--help` says of them.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done; also when whoever read the output has gone
  1    any other failure
  2    wrong usage, configuration or input; nothing was sent for it
  3    no connection, or it was lost
  4    login, token or API request refused
  5    time ran out
  6    the broker rejected a message or a subscription
  130  interrupted (Ctrl-C, SIGTERM)";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed. Printed once, at the end of the program.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// What usually helps.
    pub(crate) hint: Option<String>,
    /// What is behind it, the nearest first.
    pub(crate) causes: Vec<String>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), hint: None, causes: Vec::new() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Something that could not be read or written; not the output, for which there is `From<io::Error>`.
    pub(crate) fn io(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Failure::new(Exit::Failure, format!("{what}: {error}"))
    }

    /// Whether the reader of the output has gone, which is no failure.
    pub(crate) fn is_silent(&self) -> bool {
        self.exit == Exit::Ok
    }
}

/// A failure to write the output: a closed pipe ends the program quietly.
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
        let (message, hint) = (in_flags(&message), error.hint().map(in_flags));
        let mut causes: Vec<String> = Vec::new();
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            let own = cause.downcast_ref::<Error>();
            let text = own.map_or_else(|| cause.to_string(), |own| own.message().to_string());
            // Most messages say their cause already.
            if !message.contains(&text) && !causes.iter().any(|known| known.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        Failure { exit: exit_of(error), message, hint, causes }
    }
}

/// What the library calls something, and what it is here.
const FLAGS: [(&str, &str); 20] = [
    ("ConfigBuilder::protocol(Protocol::V5)", "--protocol 5"),
    ("ConfigBuilder::protocol chooses 3.1.1", "--protocol 3.1.1 chooses it"),
    ("ConfigBuilder::clean_session(false)", "--clean-session false"),
    ("client_certificate_files", "--client-cert-file and --client-key-file"),
    ("ConfigBuilder::device_id", "--device-id"),
    ("ConfigBuilder::response_topic", "--response-topic"),
    ("RequestOptions::envelope", "--envelope"),
    ("Limits::payload_len (ALIYUN_MQTT_MAX_PAYLOAD), which raises Limits::packet_len with it,", "--max-payload"),
    ("Limits::payload_len", "--max-payload"),
    ("Limits::packet_len", "the limit"),
    (" (Limits::strict_names lifts the rule)", ""),
    (", or raise Limits::filters if your instance allows more", ""),
    ("Limits::topic_len", "the limit"),
    (
        "Client::upload_token replaces a token before it ends, and Credentials::token_provider does it by itself",
        "--token-file is read again at each connect, and without a token the program applies for one and renews it",
    ),
    ("ca_file or ca_pem", "--ca-file"),
    ("ca_file", "--ca-file"),
    ("set device_id", "use --device-id"),
    ("set protocol to 5", "use --protocol 5"),
    ("set clean_session to false", "use --clean-session false"),
    ("call --", "use --"),
];

/// What the library says, in the words of the command line.
pub(crate) fn in_flags(text: &str) -> String {
    FLAGS.iter().fold(text.to_string(), |text, (library, here)| text.replace(library, here))
}

/// The exit code for an error of the library.
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
        // The server said "later": it is no word about this login.
        ErrorKind::Refused if error.is_retryable() => Exit::Network,
        ErrorKind::Refused | ErrorKind::TokenInvalid | ErrorKind::Api => Exit::Refused,
        ErrorKind::Rejected | ErrorKind::SuspectedRefusal => Exit::Rejected,
        // As what was behind it: a token that could not be applied for, say.
        ErrorKind::Credentials => match own_cause(error) {
            Some(cause) => exit_of(cause),
            None if error.is_timeout() => Exit::Timeout,
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
    fn an_error_of_the_library_names_flags_and_not_its_calls() {
        let builder = || {
            aliyun_mqtt::Config::builder().endpoint("mqtt://localhost").instance_id("post-cn-x").group_id("GID_demo")
        };
        let builder = || builder().credentials(aliyun_mqtt::Credentials::signature("id", "not-a-secret"));
        let failure = Failure::from(builder().clean_session(false).build().unwrap_err());
        assert_eq!(failure.hint.as_deref(), Some("set device_id"), "{failure:?}");
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
