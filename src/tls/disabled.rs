//! Replaces `tls/` in a build without the cargo feature `tls`: there is no TLS configuration.

use std::time::Duration;

use crate::config::network::Network;
use crate::error::{Error, Result};

/// Has no value.
#[derive(Debug, Clone)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn new(_host: &str, _network: &Network, _timeout: Duration) -> Result<Self> {
        Err(Error::config("TLS is not supported by this build; enable the cargo feature `tls`"))
    }
}
