//! The error type: what failed, in which stage, the fate of the message, and what to do.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

mod code;
mod fault;
mod hint;
mod kind;

pub use code::Code;
pub(crate) use code::RESOURCE;
pub use fault::ApiFault;
pub(crate) use hint::Hint;
pub use kind::{ErrorKind, Fate, Stage};

use crate::printable::Line;

/// The error of every call of this library.
///
/// An error tells what failed and why ([`message`](Error::message)), in which stage ([`stage`](Error::stage)) and,
/// where the service's usual cause is known, what to do ([`hint`](Error::hint)). `Display` shows each of the three
/// once. [`kind`](Error::kind) is for programs, and [`source`](std::error::Error::source) keeps the underlying cause.
/// No error contains a secret.
///
/// The message is one line of at most 4 KiB, and so is the hint, whatever text came from a server, proxy, publisher or
/// provider: see [`printable`](crate::printable()). A cause from outside this library formats itself.
///
/// Cloning is cheap: all calls that report why a client has ended share one reason.
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
    /// The message without stage and hint, which `Display` adds.
    message: Line,
    fate: Option<Fate>,
    /// The stage, unless the kind implies it.
    stage: Option<Stage>,
    code: Option<Code>,
    api: Option<ApiFault>,
    /// The missing setting.
    missing: Option<Box<str>>,
    hint: Option<Advice>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// The approximate size of the causes in memory.
    causes: usize,
}

/// A hint of the catalogue, with its parameters filled in.
#[derive(Clone)]
struct Advice {
    key: &'static str,
    text: Line,
}

impl Error {
    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns what failed and why, without the stage and the hint. `Display` shows all three.
    #[must_use]
    pub fn message(&self) -> &str {
        self.inner.message.as_str()
    }

    /// Returns the fate of the message or request that this error is about; `None` if it is about neither.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        self.inner.fate
    }

    /// Returns the code from the service or a proxy, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.inner.code
    }

    /// Returns the failure reported by the service's API, for this call or in the cause: present in an error of the
    /// kind [`Api`](ErrorKind::Api), or of the kind [`Credentials`](ErrorKind::Credentials) when applying for a token
    /// failed.
    #[must_use]
    pub fn api(&self) -> Option<&ApiFault> {
        self.inner.api.as_ref().or_else(|| self.own_source()?.api())
    }

    /// Returns the usual cause in this service and its cure, if known for this error or its reason. It names settings
    /// by the builder's methods.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.advice().map(|advice| advice.text.as_str())
    }

    /// Returns the key of the [`hint`](Error::hint), for translations, such as `nothing-listens`.
    ///
    /// A key never changes its meaning and does not depend on the numbers and names within the text.
    #[must_use]
    pub fn hint_key(&self) -> Option<&'static str> {
        self.advice().map(|advice| advice.key)
    }

    /// Returns the name of the missing setting, such as `instance_id`; `None` if something else is wrong.
    ///
    /// The name is that of the builder's method or, where it differs, that of the environment variable without its
    /// prefix, in lower case: `region_id` for `ALIYUN_MQTT_REGION_ID`.
    #[must_use]
    pub fn missing_setting(&self) -> Option<&str> {
        self.inner.missing.as_deref()
    }

    /// Returns the stage in which this error, or the reason at the end of its message, occurred; `None` if stages have
    /// no meaning for it.
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
            _ => self.inner.stage.or_else(|| self.own_source()?.stage()),
        }
    }

    /// Returns true if a deadline passed, here or in the cause.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        if matches!(self.inner.kind, ErrorKind::Timeout(_)) {
            return true;
        }
        let mut cause = self.source();
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

    /// Returns true if the same call may succeed later without any change to the program or its settings.
    ///
    /// A message whose [`fate`](Error::fate) is unknown may be duplicated by a retry.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.inner.kind {
            ErrorKind::Timeout(_)
            | ErrorKind::Resolve
            | ErrorKind::Connect
            | ErrorKind::ConnectionLost
            | ErrorKind::Full => true,
            ErrorKind::Refused | ErrorKind::Proxy => self.inner.code.is_some_and(Code::is_temporary),
            ErrorKind::Api => {
                self.inner.api.as_ref().is_some_and(|fault| fault.is_throttled() || fault.is_server_failure())
            }
            // Like the provider's error, if it is one of this library; nothing is known of others.
            ErrorKind::Credentials => self.own_source().is_some_and(Error::is_retryable),
            _ => false,
        }
    }
}

impl Error {
    /// Creates an error. `message` has neither the stage, which `Display` adds, nor the text of another [`Error`],
    /// which [`with_reason`](Error::with_reason) adds.
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

    /// The error of every call on a client that its program has closed.
    pub(crate) fn closed() -> Self {
        Error::new(ErrorKind::Closed, "the client was closed by this program")
    }

    /// For the bindings to other languages, which have objects of their own.
    #[doc(hidden)]
    #[must_use]
    pub fn of_binding(kind: ErrorKind, message: &str) -> Self {
        Error::new(kind, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal, message)
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

    /// Puts `prefix` in front of the message.
    pub(crate) fn with_prefix(self, prefix: &str) -> Self {
        self.edit(|inner| inner.message = Line::new(format!("{prefix}{}", inner.message)))
    }

    #[cfg(feature = "openapi")]
    pub(crate) fn with_suffix(self, suffix: &str) -> Self {
        self.edit(|inner| inner.message = Line::new(format!("{}{suffix}", inner.message)))
    }

    #[cfg(feature = "openapi")]
    pub(crate) fn with_api(self, fault: ApiFault) -> Self {
        self.edit(|inner| inner.api = Some(fault))
    }

    /// Sets the name of the missing setting.
    pub(crate) fn with_missing(self, setting: impl Into<Box<str>>) -> Self {
        self.edit(|inner| inner.missing = Some(setting.into()))
    }

    /// Sets the hint; `None` keeps the present one.
    pub(crate) fn with_hint(self, hint: impl Into<Option<Hint>>) -> Self {
        match hint.into() {
            Some(hint) => {
                let advice = Advice { key: hint.key(), text: Line::new(hint.text().into_owned()) };
                self.edit(|inner| inner.hint = Some(advice))
            }
            None => self,
        }
    }

    /// Appends the message of the reason, which becomes the source. The reason's hint and stage are found through the
    /// source, so each is shown once.
    pub(crate) fn with_reason(self, reason: Error) -> Self {
        self.edit(|inner| inner.message = Line::new(format!("{}: {}", inner.message, reason.inner.message)))
            .with_source(reason)
    }

    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        // Measured here, where the cause was made: formatting a cause from outside runs code of the program.
        let causes = held_by(&source);
        self.edit(|inner| {
            inner.source = Some(Arc::new(source));
            inner.causes = causes;
        })
    }

    /// Returns the approximate size in memory, with all causes.
    pub(crate) fn held(&self) -> usize {
        let inner = &self.inner;
        let hint = inner.hint.as_ref().map_or(0, |advice| advice.text.held());
        let missing = inner.missing.as_ref().map_or(0, |missing| missing.len());
        size_of::<Inner>() + inner.message.held() + missing + hint + inner.causes
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    fn advice(&self) -> Option<&Advice> {
        self.inner.hint.as_ref().or_else(|| self.own_source()?.advice())
    }

    fn own_source(&self) -> Option<&Error> {
        self.source()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        if let Some(stage) = self.stage() {
            write!(f, " (stage: {stage})")?;
        }
        match self.hint() {
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
        if let Some(advice) = &self.inner.hint {
            out.field("hint", &advice.text);
        }
        if let Some(source) = &self.inner.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Returns the approximate size of an error in memory, with its causes.
fn held_by(error: &(dyn StdError + 'static)) -> usize {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.held();
    }
    size_of::<Inner>() + error.to_string().len() + error.source().map_or(0, held_by)
}

#[cfg(test)]
mod tests;
