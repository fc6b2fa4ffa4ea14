//! The settings that are missing, so that a command can report all of them before it fails.

use super::secret::can_prompt;
use super::{Auth, Key, Kind, Settings};
use crate::exit::{Failure, Result};

impl Settings {
    /// Fails if settings are missing for a login, and names all of them, with these that the command needs besides.
    pub(crate) fn check_login(&self, also: &[Key]) -> Result<()> {
        let auth = self.login()?;
        let mut missing = self.missing_to_log_in()?;
        if missing == [Key::DeviceId] && auth != Auth::Device {
            // The library says what for.
            missing.clear();
        }
        missing.extend(also);
        let by_chain = self.logs_in_by_chain();
        // A temporary key applies for a token.
        if auth == Auth::Chain && self.search().is_ok_and(|key| key.is_temporary()) {
            missing.push(Key::Topic);
            missing.extend(self.missing_for_the_api());
        }
        self.check(missing, by_chain)
    }

    /// Fails if settings are missing for the service API, and names all of them, with these that the command needs
    /// besides.
    pub(crate) fn check_api(&self, also: &[Key]) -> Result<()> {
        let missing = self.missing_for_the_api().into_iter().chain(also.iter().copied()).collect();
        self.check(missing, self.uses_chain())
    }

    /// Fails if settings are missing for a login without a network, and names all of them.
    pub(super) fn check_offline(&self) -> Result<()> {
        let mut needed = Vec::new();
        if !self.has(Key::ClientId) {
            // A random device id would differ each time.
            needed.extend([Key::GroupId, Key::DeviceId]);
        }
        if !self.needs_no_instance()? {
            needed.push(Key::InstanceId);
        }
        match self.login()? {
            // Which is the failure, whatever else is missing.
            Auth::Chain if self.has(Key::Auth) => return Ok(()),
            Auth::Signature | Auth::Chain if self.uses_chain() => {
                if !self.lacking(needed.clone()).is_empty() {
                    needed.extend([Key::AccessKeyId, Key::AccessKeySecret]);
                }
            }
            auth => {
                let (id, secret) = auth.pair();
                needed.extend([id, secret]);
            }
        }
        self.check(needed, false)
    }

    fn check(&self, missing: Vec<Key>, by_chain: bool) -> Result<()> {
        let mut missing = self.lacking(missing);
        // Somebody at a terminal is asked for a secret.
        missing.retain(|key| key.row().kind != Kind::Secret || !can_prompt());
        if missing.is_empty() {
            return Ok(());
        }
        let mut causes = Vec::new();
        if by_chain
            && let Err(no_key) = self.search()
            && no_key.is_missing()
        {
            missing.extend([Key::AccessKeyId, Key::AccessKeySecret]);
            causes = no_key.causes();
        }
        Err(Failure { causes, ..self.missing_all(&self.lacking(missing)) })
    }

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

    /// Returns those of these settings that have no value, each once and in the order of the table.
    pub(crate) fn lacking(&self, mut needed: Vec<Key>) -> Vec<Key> {
        needed.retain(|key| !self.has(*key));
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}
