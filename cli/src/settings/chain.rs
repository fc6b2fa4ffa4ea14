//! The AccessKey that nobody gave: that of the chain of places which Alibaba Cloud's SDKs ask.

use aliyun_mqtt::{AccessKeyChain, ChainKey};

use super::{Auth, Key, Settings};
use crate::exit::{Failure, Result};

impl Settings {
    /// Returns true if the AccessKey of this login, and of the API, comes from the chain.
    pub(crate) fn uses_chain(&self) -> bool {
        matches!(self.auth(), Ok(Auth::Chain)) || !self.has_key()
    }

    /// Returns true if the login itself needs the chain.
    pub(crate) fn logs_in_by_chain(&self) -> bool {
        let by_key = match self.auth() {
            Ok(Auth::Signature | Auth::Chain) => true,
            Ok(Auth::Token) => !self.has(Key::Token),
            _ => false,
        };
        by_key && self.uses_chain()
    }

    /// Returns true if an AccessKey is given, or a part of one.
    pub(super) fn has_key(&self) -> bool {
        self.has(Key::AccessKeyId) || self.has(Key::AccessKeySecret)
    }

    /// Returns the chain, which keeps what it has found.
    pub(crate) fn chain(&self) -> &AccessKeyChain {
        self.chain.get_or_init(|| AccessKeyChain::from_env().network(self.network(true)))
    }

    /// Returns the key of the chain, which is asked for it for the timeout of a secret at most.
    pub(crate) fn chain_key(&self) -> Result<ChainKey> {
        if let Some(failure) = self.no_key.get() {
            return Err(failure.clone());
        }
        self.chain().find_within(self.patience).map_err(|error| {
            let mut failure = Failure::from(&error);
            if error.missing_setting().is_some() {
                failure.hint = match (self.missing(Key::AccessKeyId).hint, failure.hint) {
                    (Some(ways), Some(hint)) => Some(ways.and(&hint)),
                    (ways, hint) => ways.or(hint),
                };
            }
            self.no_key.get_or_init(|| failure).clone()
        })
    }
}
