//! The source of an API's AccessKey.

use std::time::Instant;

use super::access_key::AccessKey;
use crate::credentials::AccessKeyChain;
use crate::error::{Error, Result};

/// Where the key of an API comes from.
#[derive(Debug, Clone)]
pub(super) enum KeySource {
    Given(AccessKey),
    Chain(AccessKeyChain),
}

impl KeySource {
    /// Returns the key for a call that ends at the deadline.
    pub(super) fn key(&self, deadline: Instant) -> Result<AccessKey> {
        match self {
            KeySource::Given(key) => Ok(key.clone()),
            KeySource::Chain(chain) => chain.find_before(deadline).map(|found| found.key().clone()),
        }
    }

    /// Returns the id of the key, if it is given.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            KeySource::Given(key) => Some(&key.id),
            KeySource::Chain(_) => None,
        }
    }

    /// Returns the chain, if the key comes from one.
    pub(super) fn chain(&self) -> Option<&AccessKeyChain> {
        match self {
            KeySource::Given(_) => None,
            KeySource::Chain(chain) => Some(chain),
        }
    }

    /// Notes that the service refused a call signed with this key. Returns true if a chain has it replaced.
    pub(super) fn refused(&self, key: &AccessKey, error: &Error) -> bool {
        let (Some(chain), Some(code)) = (self.chain(), error.api().and_then(|fault| fault.code())) else {
            return false;
        };
        match code {
            _ if code.starts_with("InvalidSecurityToken") || code.starts_with("InvalidAccessKeyId") => {
                chain.refused(key)
            }
            // The secret in a file may have been corrected.
            "SignatureDoesNotMatch" => chain.doubted(),
            _ => false,
        }
    }

    pub(super) fn same(&self, other: &KeySource) -> bool {
        match (self, other) {
            (KeySource::Given(key), KeySource::Given(other)) => key == other,
            (KeySource::Chain(chain), KeySource::Chain(other)) => chain.same(other),
            _ => false,
        }
    }
}
