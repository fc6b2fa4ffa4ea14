//! Where and how long a place of the chain may look.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::fault::credentials;
use crate::config::environment::{self, Variables};
use crate::config::network::Network;
use crate::error::{Error, ErrorKind, Result, Stage};

/// The longest time for one request to STS or to a URI, as in Alibaba Cloud's SDKs.
const REQUEST: Duration = Duration::from_secs(10);

/// Where and how long to look.
pub(super) struct Place<'a> {
    pub(super) variables: &'a Variables,
    pub(super) network: &'a Network,
    pub(super) deadline: Instant,
}

impl Place<'_> {
    /// Returns a file below the home directory.
    pub(super) fn at_home(&self, path: &[&str]) -> Option<PathBuf> {
        let home = environment::HOMES.iter().find_map(|name| self.variables.path(name))?;
        Some(path.iter().fold(home, |path, part| path.join(part)))
    }

    /// Returns the time left for a request.
    pub(super) fn left(&self) -> Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now()).min(REQUEST);
        if left.is_zero() {
            let message = "no time was left to ask for an AccessKey";
            return Err(Error::new(ErrorKind::Timeout(Stage::Credentials), message));
        }
        Ok(left)
    }
}

/// Reads a file as text; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(credentials(format!("{} cannot be read: {error}", path.display()))),
    }
}
