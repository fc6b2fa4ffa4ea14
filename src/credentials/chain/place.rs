//! Where and how long a place of the chain may look.

use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::fault::credentials;
use crate::config::environment::Variables;
use crate::config::network::Network;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::whole_file::{self, Unread};

/// The maximum length of a file with keys or with an OIDC token.
const MOST: u64 = 1024 * 1024;

/// The longest time for one request to STS or to a URI, as in Alibaba Cloud's SDKs.
const REQUEST: Duration = Duration::from_secs(10);

/// Where and how long to look.
pub(super) struct Place<'a> {
    pub(super) variables: &'a Variables,
    pub(super) network: &'a Network,
    pub(super) deadline: Instant,
}

impl Place<'_> {
    /// Reads a file as text; `None` if there is none.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Zeroizing<String>>> {
        use std::io::ErrorKind::{NotADirectory, NotFound};
        let cannot = |why: &dyn std::fmt::Display| credentials(format!("{} cannot be read: {why}", path.display()));
        match whole_file::read(path, MOST, self.left()?) {
            Ok(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Ok(Some(Zeroizing::new(text.to_string()))),
                Err(_) => Err(cannot(&"it is not valid UTF-8")),
            },
            Err(Unread::System(error)) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
            Err(why) => Err(cannot(&why)),
        }
    }

    /// Returns the time left for a request, or for reading a file.
    pub(super) fn left(&self) -> Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now()).min(REQUEST);
        if left.is_zero() {
            let message = "no time was left to ask for an AccessKey";
            return Err(Error::new(ErrorKind::Timeout(Stage::Credentials), message));
        }
        Ok(left)
    }
}
