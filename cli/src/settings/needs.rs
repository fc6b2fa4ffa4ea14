//! The settings that are missing, so that a command can report them before it fails.

use super::{Auth, Key, Settings};
use crate::exit::Result;

impl Settings {
    /// Returns the settings missing for a login.
    pub(crate) fn missing_to_log_in(&self) -> Result<Vec<Key>> {
        let auth = self.auth()?;
        let mut needed = vec![Key::Endpoint];
        if !self.needs_no_instance()? {
            needed.push(Key::InstanceId);
        }
        if !self.has(Key::ClientId) {
            needed.push(Key::GroupId);
            if auth == Auth::Device || self.text(Key::CleanSession) == Some("false") {
                needed.push(Key::DeviceId);
            }
        }
        match auth {
            // Without any part of a key, it comes from the chain.
            Auth::Signature if self.has_key() => needed.extend([Key::AccessKeyId, Key::AccessKeySecret]),
            Auth::Signature | Auth::Chain => {}
            Auth::Token if self.has(Key::Token) => needed.push(Key::AccessKeyId),
            // The token will be applied for.
            Auth::Token => {
                needed.push(Key::Topic);
                needed.extend(self.missing_for_the_api());
            }
            Auth::Device => needed.extend([Key::DeviceAccessKeyId, Key::DeviceAccessKeySecret]),
            Auth::CustomPlain | Auth::CustomSigned => needed.extend([Key::User, Key::Password]),
        }
        Ok(self.lacking(needed))
    }

    /// Returns the settings missing for the service API.
    pub(crate) fn missing_for_the_api(&self) -> Vec<Key> {
        let mut needed = vec![Key::InstanceId];
        if !self.uses_chain() {
            needed.extend([Key::AccessKeyId, Key::AccessKeySecret]);
        }
        if !self.has(Key::ApiEndpoint) {
            needed.push(Key::RegionId);
        }
        self.lacking(needed)
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.values.contains_key(&key)
    }

    fn lacking(&self, mut needed: Vec<Key>) -> Vec<Key> {
        needed.retain(|key| !self.has(*key));
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}
