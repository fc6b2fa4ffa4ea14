//! The function of a program that provides credentials.

use std::fmt;

use super::Credentials;
use crate::error::{Error, ErrorKind, Hint, Result};
use crate::printable::excerpt;

/// The error of a provider.
pub(super) type ProviderError = Box<dyn std::error::Error + Send + Sync>;

/// A function that provides credentials.
pub(crate) type Provider = dyn Fn() -> Result<Credentials, ProviderError> + Send + Sync;

/// Calls a provider, and checks what it returns. It runs the user's code: call it on a detached thread.
pub(crate) fn ask(provider: &Provider) -> Result<Credentials> {
    let failed = |message: String| Error::new(ErrorKind::Credentials, message);
    let credentials = provider().map_err(|error| match error.downcast_ref::<Error>() {
        Some(own) => failed("no credentials are available".to_string()).with_reason(own.clone()),
        None => {
            let reason = excerpt(&error.to_string());
            failed(format!("the credentials provider failed: {reason}")).with_source(Cause(error))
        }
    })?;
    if credentials.as_provider().is_some() {
        return Err(
            failed("the credentials provider returned another provider".to_string()).with_hint(Hint::NoNestedProvider)
        );
    }
    credentials.check().map_err(|error| {
        failed("the credentials provider returned invalid credentials".to_string()).with_reason(error)
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
