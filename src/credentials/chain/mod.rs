//! The chain of AccessKeys: the places where Alibaba Cloud's SDKs look for a key, in their order.
//!
//! Order, file formats and variables are those of Alibaba Cloud's package `alibabacloud_credentials` 1.0 for Python and
//! of `credentials-go`.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::config::environment::Variables;
use crate::config::network::Network;
use crate::detached;
use crate::error::{Error, ErrorKind, Fate, Hint, Result};
use crate::openapi::access_key::AccessKey;
use crate::sync::lock;

mod asked;
mod clock;
mod config_json;
mod credentials_ini;
mod fault;
mod fetched;
mod found;
mod ini;
mod kept;
mod key_json;
mod metadata;
mod passed_over;
mod permissions;
mod place;
mod recipe;
mod role;
mod search;
mod source;
#[cfg(test)]
mod tests;
mod wiped;

use clock::Clock;
pub use found::ChainKey;
use kept::{Fit, Kept};
pub use passed_over::PassedOver;
use search::{Inner, PATIENCE, Searcher};

/// The part of the caller's time that a renewal may take while the old key can still be used.
const RENEWAL_SHARE: u32 = 3;

/// A chain of places that may have an AccessKey, so that nobody has to type one.
///
/// The first place that has a key is used. Their order, variables and files are those of Alibaba Cloud's own SDKs:
///
/// 1. The environment: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET`, and
///    `ALIBABA_CLOUD_SECURITY_TOKEN` for a temporary key.
/// 2. The OIDC role (RRSA): `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and
///    `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.
/// 3. `~/.aliyun/config.json`: the current profile, or `ALIBABA_CLOUD_PROFILE`, with the mode `AK`, `StsToken`,
///    `RamRoleArn`, `ChainableRamRoleArn`, `EcsRamRole` or `OIDC`; not with `ALIBABA_CLOUD_CLI_PROFILE_DISABLED`.
/// 4. `~/.alibabacloud/credentials.ini`, else `~/.alibabacloud/credentials`, or the file that
///    `ALIBABA_CLOUD_CREDENTIALS_FILE` names: the section `default`, or `ALIBABA_CLOUD_PROFILE`, with the type
///    `access_key`, `ram_role_arn`, `ecs_ram_role` or `oidc_role_arn`.
/// 5. The RAM role of the ECS instance, by its metadata service; not with `ALIBABA_CLOUD_ECS_METADATA_DISABLED`.
/// 6. A URI: `ALIBABA_CLOUD_CREDENTIALS_URI`.
///
/// A place that has something, but no usable key, is passed over with a warning in the log, as Alibaba Cloud's SDKs
/// pass over it; [`ChainKey::passed_over`] and the error of a search without success name it. A place from which those
/// SDKs would take a key that this library cannot use (mode `CloudSSO`, `OAuth` or `External`, type `rsa_key_pair`) is
/// an error, so that nobody works as somebody else by mistake. So is an invalid setting that those SDKs do not have,
/// such as the proxy or the CA file.
///
/// The place is kept once it has given a key, as in those SDKs, unless the network failed at a place before it: then
/// the next renewal asks all places again. A temporary key is renewed 15 minutes before it ends, or after three
/// quarters of a shorter life; while the old one is valid, a renewal that fails is a warning only. A file is read again
/// after 5 minutes, and once a service has refused its key.
///
/// Files are below `HOME`, or else `USERPROFILE`, or else, with [`from_env`](AccessKeyChain::from_env), below the home
/// directory that the system knows of the user. One that holds a secret and that others may read is a warning in the
/// log, once.
///
/// The metadata service is asked for 1 s at most, without a proxy, with its own token (IMDSv2), and without one only if
/// none has come within 0.4 s and `ALIBABA_CLOUD_IMDSV1_DISABLED` is not `true`. If nobody answers, or the instance has
/// no role, there is nothing to warn of. No redirect is followed. A search takes at most 20 s; a file is read for 10 s
/// and to 1 MiB at most.
///
/// Use it with [`ApiBuilder::access_key_chain`](crate::openapi::ApiBuilder::access_key_chain) and
/// [`Credentials::chain`](crate::Credentials::chain). Clones share the key. `Debug` shows no secret. After a fork, its
/// use in the child is an error: [`Forked`](crate::ErrorKind::Forked).
#[derive(Clone)]
pub struct AccessKeyChain(Arc<Inner>);

impl AccessKeyChain {
    /// Creates a chain that looks where the environment of this process says. The variables are read now, the files and
    /// services when a key is needed.
    #[must_use]
    pub fn from_env() -> Self {
        AccessKeyChain::from_variables(&Variables::of_process())
    }

    /// Like [`from_env`](AccessKeyChain::from_env), with variables from a function instead of those of the process;
    /// `HOME` is one of them.
    #[must_use]
    pub fn from_vars<V: Into<std::ffi::OsString>>(lookup: impl Fn(&str) -> Option<V>) -> Self {
        AccessKeyChain::from_variables(&Variables::from_lookup(|name| lookup(name).map(Into::into)))
    }

    pub(crate) fn from_variables(variables: &Variables) -> Self {
        AccessKeyChain::new(variables.clone(), Network::from_variables(variables))
    }

    fn new(variables: Variables, network: Result<Network>) -> Self {
        let network = network.and_then(|network| network.proxy.check().map(|()| network));
        let network = network.map_err(|error| error.with_fate(Fate::NotSent));
        let (state, clock) = (Mutex::default(), Clock::default());
        AccessKeyChain(Arc::new(Inner { variables, network, state, clock, process: std::process::id() }))
    }

    /// Returns the same chain with this proxy and these CA certificates for STS and for a URI with `https://`, in place
    /// of those of the environment. It searches anew.
    #[must_use]
    pub fn with_network(&self, network: Network) -> Self {
        AccessKeyChain::new(self.0.variables.clone(), Ok(network))
    }

    /// Returns the key to use now: finds or renews it if necessary, which takes at most 20 s.
    ///
    /// # Errors
    /// As [`find_within`](AccessKeyChain::find_within).
    pub fn find(&self) -> Result<ChainKey> {
        self.find_within(PATIENCE)
    }

    /// Returns the key to use now: finds or renews it if necessary, which takes at most this time, and at most 20 s. A
    /// search goes on by itself when the time is up, for whoever asks next.
    ///
    /// While the old key can be used, its renewal takes at most a third of the time; the key is then the old one.
    ///
    /// # Errors
    /// [`Credentials`](crate::ErrorKind::Credentials): no place has a usable key; all of them are named, with the
    /// reason. [`Timeout`](crate::ErrorKind::Timeout): a place has not answered in this time.
    /// [`Config`](crate::ErrorKind::Config): the proxy of the environment or of
    /// [`with_network`](AccessKeyChain::with_network) is invalid, or another setting of the network.
    /// [`Forked`](crate::ErrorKind::Forked).
    pub fn find_within(&self, time: Duration) -> Result<ChainKey> {
        if self.0.process != std::process::id() {
            return Err(Error::new(ErrorKind::Forked, "this chain of keys was made in another process, before a fork")
                .with_hint(Hint::CreateInChild)
                .with_fate(Fate::NotSent));
        }
        let network = self.0.network.as_ref().map_err(Error::clone)?;
        let (start, time) = (Instant::now(), time.min(PATIENCE));
        let mut state = lock(&self.0.state);
        let now = self.0.clock.now();
        let old = state.kept.as_ref().and_then(|kept| Some((kept.usable(now)?.clone(), kept.fit(now))));
        let patience = if old.is_some() { time / RENEWAL_SHARE } else { time };
        let search = match (old, state.search.clone()) {
            (Some((key, Fit::Good)), _) | (Some((key, _)), Some(_)) => return Ok(key),
            (None, Some(search)) => {
                drop(state);
                search
            }
            (_, None) => {
                let search = Arc::clone(state.search.insert(Arc::default()));
                let (inner, network) = (Arc::clone(&self.0), network.clone());
                let searcher = Searcher { inner, network, search: Arc::clone(&search) };
                let kept = state.kept.clone();
                drop(state);
                if let Err(error) = detached::start("aliyun-mqtt-keys", move || searcher.run(kept.as_ref())) {
                    return self.kept_or(error);
                }
                search
            }
        };
        match search.wait(start + patience) {
            Some(Ok(key)) => Ok(key),
            Some(Err(error)) => self.kept_or(error),
            None => self.kept_or(search.unfinished()),
        }
    }

    /// Returns the places that the last search of this chain, or of a clone, has asked, if it has found no key: first
    /// those with something that cannot be used, then those with nothing.
    #[must_use]
    pub fn without_key(&self) -> Vec<PassedOver> {
        if self.0.process != std::process::id() {
            return Vec::new();
        }
        lock(&self.0.state).without_key.clone()
    }

    /// Returns the key in use if it may be used, or else this error.
    fn kept_or(&self, error: Error) -> Result<ChainKey> {
        let state = lock(&self.0.state);
        let usable = state.kept.as_ref().and_then(|kept| kept.usable(self.0.clock.now()));
        usable.cloned().ok_or(error)
    }

    pub(crate) fn find_before(&self, deadline: Instant) -> Result<ChainKey> {
        self.find_within(deadline.saturating_duration_since(Instant::now()))
    }

    /// Has the key replaced at the next use, because a service refused it. Returns true if there may be another.
    pub(crate) fn refused(&self, key: &AccessKey) -> bool {
        self.with_current(|kept| kept.chain_key().key() == key, Kept::refuse)
    }

    /// Has the place of a permanent key asked again at the next use, because a service refused something for which this
    /// key may be the reason. Returns true if there may be another.
    pub(crate) fn doubted(&self) -> bool {
        self.with_current(|kept| !kept.chain_key().is_temporary(), Kept::doubt)
    }

    /// Changes the key in use if it is the one that is meant and its place may have another.
    fn with_current(&self, meant: impl Fn(&Kept) -> bool, change: impl Fn(&mut Kept)) -> bool {
        if self.0.process != std::process::id() {
            return false;
        }
        let mut state = lock(&self.0.state);
        let kept = state.kept.as_mut().filter(|kept| kept.may_change() && meant(kept));
        kept.map(change).is_some()
    }

    /// Returns true if both look at the same places.
    pub(crate) fn same(&self, other: &AccessKeyChain) -> bool {
        let same_network = match (&self.0.network, &other.0.network) {
            (Ok(network), Ok(other)) => network.same(other),
            // As for the faults of a proxy: not known to be the same.
            _ => false,
        };
        self.0.variables == other.0.variables && same_network
    }
}

impl fmt::Debug for AccessKeyChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessKeyChain").field(&self.0.variables).finish()
    }
}
