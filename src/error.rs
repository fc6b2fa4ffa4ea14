//! The one error type.

use std::fmt;
use std::sync::Arc;

mod code;
mod fault;

pub use code::Code;
pub(crate) use code::RESOURCE;
pub use fault::ApiFault;

use crate::printable::Line;

/// What can go wrong, for every call of this library.
///
/// An error says what was tried, why it failed and, where the service's usual cause is known, what to do
/// ([`hint`](Error::hint)). [`kind`](Error::kind) is for programs, `Display` for people, and
/// [`source`](std::error::Error::source) keeps the underlying cause. It never contains a secret.
///
/// `Display` is one line of at most 4 KiB with its hint another 4 KiB, whatever a server, proxy, publisher or provider has
/// said: see [`printable`](crate::printable()). A cause that is not of this library shows itself in its own way.
///
/// Cloning is cheap: the reason a client is dead is shared by every call that reports it.
///
/// ```
/// # fn show(error: aliyun_mqtt::Error) {
/// use aliyun_mqtt::Fate;
/// match error.fate() {
///     Some(Fate::NotSent) => println!("never left this machine: safe to send again"),
///     Some(Fate::Unknown) => println!("may have arrived: sending again may duplicate it"),
///     Some(Fate::Refused) => println!("the service does not want it"),
///     _ => println!("not about a message: {error}"),
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Error {
    // Boxed behind one pointer, so that `Result<(), Error>` stays one word.
    inner: Arc<Inner>,
}

/// Shorthand for a result with this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Line,
    fate: Option<Fate>,
    /// Where the kind does not tell it.
    stage: Option<Stage>,
    code: Option<Code>,
    api: Option<ApiFault>,
    /// The setting that is not given.
    missing: Option<Box<str>>,
    hint: Option<Line>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// What the causes take in memory, about.
    causes: usize,
}

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A configuration value is missing or makes no sense; nothing was tried.
    Config,
    /// An argument breaks a rule of MQTT or of the service (topic, filter, payload, client id); nothing was sent.
    Invalid,
    /// The credentials could not be had: a provider failed, panicked or took too long.
    Credentials,
    /// A deadline passed; the [`Stage`] says what was being waited for.
    Timeout(Stage),
    /// The host name could not be resolved.
    Resolve,
    /// No TCP connection could be made.
    Connect,
    /// The HTTP proxy refused to make the connection ([`Error::code`] is its status), or what answered in its place is no
    /// proxy.
    Proxy,
    /// The TLS handshake failed: an untrusted or expired certificate, a wrong name, or no TLS on that port.
    Tls,
    /// CONNECT was answered with a refusal; [`Error::code`] is the CONNACK code.
    Refused,
    /// What answered does not speak MQTT, or breaks its rules. Of the API: it does not speak HTTP, or its answer is not
    /// the JSON that it should be.
    Protocol,
    /// The connection was lost or closed by the other side.
    ConnectionLost,
    /// The broker answered this very operation with a refusal: SUBACK 0x80, any refusing code of MQTT 5, or a
    /// `$SYS/tokenInvalidNotice` that can only be about it; [`Error::code`] tells the code.
    Rejected,
    /// The connection dropped each time this operation was sent, at last with nothing else under way: the service
    /// cuts the connection of a client that publishes or subscribes without permission
    /// (alibabacloud.com/help/doc-detail/151304.htm). Also of messages that were not sent, since their topic is refused as a
    /// whole after two such messages; see [`Event::TopicRefused`](crate::Event::TopicRefused).
    SuspectedRefusal,
    /// The service said that the client's token is not good (`$SYS/tokenInvalidNotice`), and there is nobody to ask for
    /// another; [`Error::code`] is its code.
    TokenInvalid,
    /// The API answered with an error; [`Error::api`] has its code and request id.
    Api,
    /// There is no room: the outbox is at its bound, or the publish rate leaves no slot now.
    Full,
    /// The spool's file cannot be used: it is locked by another client, damaged, not a spool, or the disk fails or is full.
    /// A message this is about was not accepted.
    Spool,
    /// The client was disconnected or dropped by this program.
    Closed,
    /// Some messages accepted earlier were not delivered (from `flush` and `disconnect`).
    Undelivered {
        /// How many.
        count: usize,
    },
    /// The client (or `openapi::Api`) was made in another process, before a `fork`.
    Forked,
    /// A fault in this library, or in what it is built on. Please report it.
    Internal,
}

/// What a time-out was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// The answer of a credentials provider.
    Credentials,
    /// The address of the host name.
    Resolve,
    /// The TCP connection.
    Connect,
    /// The HTTP proxy's answer.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The answer to CONNECT.
    ConnAck,
    /// Room: in the outbox, in the window of unacknowledged messages, or in the publish rate.
    Window,
    /// The broker's acknowledgement of an operation that was sent.
    Ack,
    /// The reply to a request that the broker has.
    Reply,
    /// The disk, to store a message.
    Spool,
    /// The answer of the service's API: the request was on its way.
    Api,
}

impl Stage {
    /// The word used in messages: `resolve`, `connect`, `proxy`, `tls`, `connack`, `window`, `ack`, `reply`, `spool`,
    /// `credentials`, `api`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Credentials => "credentials",
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::Proxy => "proxy",
            Stage::Tls => "tls",
            Stage::ConnAck => "connack",
            Stage::Window => "window",
            Stage::Ack => "ack",
            Stage::Reply => "reply",
            Stage::Spool => "spool",
            Stage::Api => "api",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a message that was not acknowledged, or of a request that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// It was never written to a connection: sending it again cannot duplicate it.
    NotSent,
    /// It was written but not acknowledged: it may have been delivered.
    Unknown,
    /// The service refused it, or is strongly suspected to.
    Refused,
    /// The broker has it (QoS 0: it was written), but no reply came: of [`Client::request`](crate::Client::request) only.
    Delivered,
    /// This run has not delivered it, but it stays in the spool, and the next run sends it: do not send it again yourself.
    /// It may have been delivered without having been acknowledged.
    Spooled,
}

impl Error {
    /// About what it takes in memory, with the errors it was caused by.
    pub(crate) fn held(&self) -> usize {
        let inner = &self.inner;
        let texts = inner.message.held() + inner.hint.as_ref().map_or(0, Line::held);
        size_of::<Inner>() + texts + inner.missing.as_ref().map_or(0, |missing| missing.len()) + inner.causes
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            inner: Arc::new(Inner {
                kind,
                message: Line::new(message.into()),
                fate: None,
                stage: None,
                code: None,
                api: None,
                missing: None,
                hint: None,
                source: None,
                causes: 0,
            }),
        }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Invalid, message).with_fate(Fate::NotSent)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal, message)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    pub(crate) fn with_fate(self, fate: Fate) -> Self {
        self.edit(|inner| inner.fate = Some(fate))
    }

    pub(crate) fn with_stage(self, stage: Stage) -> Self {
        self.edit(|inner| inner.stage = Some(stage))
    }

    pub(crate) fn with_code(self, code: Code) -> Self {
        self.edit(|inner| inner.code = Some(code))
    }

    /// Puts something in front of the message.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        self.edit(|inner| inner.message = Line::new(format!("{prefix}{}", inner.message)))
    }

    #[cfg(feature = "openapi")]
    pub(crate) fn with_api(self, fault: ApiFault) -> Self {
        self.edit(|inner| inner.api = Some(fault))
    }

    /// Names the setting that is not given.
    pub(crate) fn with_missing(self, setting: impl Into<Box<str>>) -> Self {
        self.edit(|inner| inner.missing = Some(setting.into()))
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        self.edit(|inner| inner.hint = Some(Line::new(hint.into())))
    }

    pub(crate) fn with_source(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        // Here, where the cause was made: a cause of the program's shows itself by code of the program's.
        let causes = held_by(&source);
        self.edit(|inner| {
            inner.source = Some(Arc::new(source));
            inner.causes = causes;
        })
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What became of the message or request this error is about; `None` when it is about neither.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        self.inner.fate
    }

    /// The code the service gave, with its meaning.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.inner.code
    }

    /// What the service's API answered, to this call or in the cause: in an error of the kind [`Api`](ErrorKind::Api), or
    /// of the kind [`Credentials`](ErrorKind::Credentials) when a token was applied for.
    #[must_use]
    pub fn api(&self) -> Option<&ApiFault> {
        self.inner.api.as_ref().or_else(|| self.own_source()?.api())
    }

    fn own_source(&self) -> Option<&Error> {
        std::error::Error::source(self)?.downcast_ref()
    }

    /// The usual cause in this service and its cure, where one is known. Also part of `Display`.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_ref().map(Line::as_str)
    }

    /// The name of the setting that is not given, such as `instance_id`; `None` if something else is wrong.
    ///
    /// The name is that of the builder's method or, where it differs, that of the environment variable without its
    /// prefix, in lower case: `region_id` for `ALIYUN_MQTT_REGION_ID`.
    #[must_use]
    pub fn missing_setting(&self) -> Option<&str> {
        self.inner.missing.as_deref()
    }

    /// The stage it failed in, or timed out in; `None` where stages have no meaning.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self.inner.kind {
            ErrorKind::Timeout(stage) => Some(stage),
            ErrorKind::Credentials => Some(Stage::Credentials),
            ErrorKind::Spool => Some(Stage::Spool),
            ErrorKind::Resolve => Some(Stage::Resolve),
            ErrorKind::Connect => Some(Stage::Connect),
            ErrorKind::Proxy => Some(Stage::Proxy),
            ErrorKind::Tls => Some(Stage::Tls),
            ErrorKind::Refused => Some(Stage::ConnAck),
            ErrorKind::Api => Some(Stage::Api),
            _ => self.inner.stage,
        }
    }

    /// Whether a deadline passed, here or in the cause.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        if matches!(self.inner.kind, ErrorKind::Timeout(_)) {
            return true;
        }
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<Error>() {
                return error.is_timeout();
            }
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return error.kind() == std::io::ErrorKind::TimedOut;
            }
            cause = error.source();
        }
        false
    }

    /// Whether the same call may succeed later without any change to the program or its settings.
    ///
    /// For a message whose [`fate`](Error::fate) is unknown this says nothing about duplicates.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.inner.kind {
            ErrorKind::Timeout(_)
            | ErrorKind::Resolve
            | ErrorKind::Connect
            | ErrorKind::ConnectionLost
            | ErrorKind::Full => true,
            ErrorKind::Refused | ErrorKind::Proxy => self.inner.code.is_some_and(Code::passes),
            ErrorKind::Api => {
                self.inner.api.as_ref().is_some_and(|fault| fault.is_throttled() || fault.is_server_failure())
            }
            // As what the provider failed with; of a foreign error nothing is known.
            ErrorKind::Credentials => self.own_source().is_some_and(Error::is_retryable),
            _ => false,
        }
    }
}

/// About what an error takes in memory, with its causes.
fn held_by(error: &(dyn std::error::Error + 'static)) -> usize {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.held();
    }
    size_of::<Inner>() + error.to_string().len() + error.source().map_or(0, held_by)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.message.as_str())?;
        match &self.inner.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.inner.kind).field("message", &self.inner.message);
        if let Some(fate) = &self.inner.fate {
            out.field("fate", fate);
        }
        if let Some(code) = &self.inner.code {
            out.field("code", code);
        }
        if let Some(fault) = &self.inner.api {
            out.field("api", fault);
        }
        if let Some(hint) = &self.inner.hint {
            out.field("hint", hint);
        }
        if let Some(source) = &self.inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn stays_small() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn says_message_and_hint_and_keeps_the_cause() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error =
            Error::new(ErrorKind::Connect, "cannot connect to host:1883").with_hint("is it up?").with_source(io);
        assert_eq!(error.to_string(), "cannot connect to host:1883 (hint: is it up?)");
        assert!(error.source().is_some());
        assert!(error.is_retryable() && !error.is_timeout());
    }

    #[test]
    fn is_one_line_that_commands_no_terminal_and_has_an_end() {
        let hostile = format!("a\nb\u{1b}[2J\u{202e}{}", "x".repeat(100_000));
        let error = Error::new(ErrorKind::Protocol, hostile.clone()).with_hint(hostile.clone()).with_prefix("p\r: ");
        let shown = error.to_string();
        let escaped = r"a\nb\u{1b}[2J\u{202e}xxx";
        assert!(shown.starts_with(&format!(r"p\r: {escaped}")) && shown.ends_with("x...)"), "{shown}");
        assert_eq!(crate::printable(&shown), shown, "nothing is left to be escaped");
        assert!(shown.contains(&format!("(hint: {escaped}")) && shown.len() < 9_000, "{}", shown.len());
        let outer = Error::new(ErrorKind::ConnectionLost, shown);
        assert!(outer.to_string().starts_with(&format!(r"p\r: {escaped}")), "escaped once: {outer}");
    }

    #[test]
    fn a_time_out_is_found_in_the_cause_too() {
        let inner = Error::new(ErrorKind::Timeout(Stage::Tls), "no TLS");
        let outer = Error::new(ErrorKind::ConnectionLost, "offline").with_source(inner);
        assert!(outer.is_timeout());
        let io = std::io::Error::from(std::io::ErrorKind::TimedOut);
        assert!(Error::new(ErrorKind::Connect, "x").with_source(io).is_timeout());
    }

    #[test]
    fn a_proxy_that_could_not_is_worth_another_connect_one_that_would_not_is_none() {
        let refused = |status| Error::new(ErrorKind::Proxy, "no").with_code(Code::Proxy(status)).is_retryable();
        assert!([408, 429, 500, 502, 503, 504].into_iter().all(refused));
        assert!(![400, 403, 405, 407, 501, 302].into_iter().any(refused));
    }

    #[test]
    fn only_an_unavailable_server_is_worth_another_connect() {
        for (code, retry) in [(1, false), (2, false), (3, true), (4, false), (5, false)] {
            let error = Error::new(ErrorKind::Refused, "no").with_code(Code::ConnAck(code));
            assert_eq!(error.is_retryable(), retry, "{code}");
        }
    }
}
