//! The function of a program that provides credentials.

use std::fmt;

use super::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::printable::excerpt;

/// The error of a provider.
pub(super) type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// A function that provides credentials.
pub(crate) type Provider = dyn Fn() -> Result<Credentials, ProviderError> + Send + Sync;

/// Calls a provider, and checks what it returns. It runs the user's code: call it on a detached thread.
pub(crate) fn ask(provider: &Provider) -> Result<Credentials> {
    let failed = |message: String| Error::new(ErrorKind::Credentials, message);
    let credentials = provider().map_err(|error| {
        let shown = |what: &str, error: &str| failed(format!("{what} (stage: credentials): {error}"));
        match error.downcast_ref::<Error>() {
            Some(own) => shown("no credentials are available", &own.to_string()).with_source(own.clone()),
            None => {
                let shown = shown("the credentials provider failed", &excerpt(&error.to_string()));
                shown.with_source(Cause(error))
            }
        }
    })?;
    if credentials.as_provider().is_some() {
        return Err(failed("the credentials provider returned another provider (stage: credentials)".to_string())
            .with_hint("it must return the credentials themselves"));
    }
    credentials.check().map_err(|error| {
        failed(format!("the credentials provider returned invalid credentials (stage: credentials): {error}"))
            .with_source(error)
    })?;
    Ok(credentials)
}

/// A provider's error as a link of the chain of causes; a boxed error cannot be one itself.
#[derive(Debug)]
struct Cause(ProviderError);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the provider's own error")
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}
