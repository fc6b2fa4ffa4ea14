//! The chain of AccessKeys: the places where Alibaba Cloud's SDKs look for a key, in their order.
//!
//! Order, file formats and variables are those of Alibaba Cloud's package `alibabacloud_credentials` 1.0 for Python and
//! of `credentials-go`.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::config::environment::Variables;
use crate::config::network::Network;
use crate::error::{Error, ErrorKind, Fate, Hint, Result, Stage};
use crate::openapi::access_key::AccessKey;
use crate::sync::lock;

mod asked;
mod config_json;
mod credentials_ini;
mod fault;
mod fetched;
mod found;
mod ini;
mod key_json;
mod metadata;
mod place;
mod recipe;
mod role;
mod source;
#[cfg(test)]
mod tests;

use asked::Asked;
use fault::credentials;
pub use found::ChainKey;
use place::Place;
use source::Source;

/// The longest time for finding or renewing a key.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest time that a key is renewed before it ends, as in Alibaba Cloud's SDKs.
const MARGIN: Duration = Duration::from_secs(15 * 60);

/// How long a key from a file is used before the file is read again.
const FILE_AGE: Duration = Duration::from_secs(5 * 60);

/// The pause after a renewal that failed, while the key is still valid.
const RETRY: Duration = Duration::from_secs(30);

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
/// an error, so that nobody works as somebody else by mistake.
///
/// The place is kept once it has given a key. A temporary key is renewed there 15 minutes before it ends, or after
/// three quarters of a shorter life; while the old one is valid, a renewal that fails is a warning only. A file is read
/// again after 5 minutes.
///
/// The metadata service is asked for 1 s at most, without a proxy, with its own token (IMDSv2), and without one only if
/// it hands none out and `ALIBABA_CLOUD_IMDSV1_DISABLED` is not `true`. No redirect is followed. A search takes at most
/// 20 s.
///
/// Use it with [`ApiBuilder::access_key_chain`](crate::openapi::ApiBuilder::access_key_chain) and
/// [`Credentials::chain`](crate::Credentials::chain). Clones share the key. `Debug` shows no secret. After a fork, its
/// use in the child is an error: [`Forked`](crate::ErrorKind::Forked).
#[derive(Clone)]
pub struct AccessKeyChain(Arc<Inner>);

struct Inner {
    variables: Variables,
    network: Network,
    state: Mutex<State>,
    /// A search has ended.
    done: Condvar,
    /// The process it was made in.
    process: u32,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// A thread searches or renews.
    busy: bool,
}

/// The key in use.
struct Current {
    source: Source,
    key: ChainKey,
    /// When to ask for another.
    due: Option<SystemTime>,
}

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
        // An invalid proxy or CA file is reported by whatever else reads these variables.
        let network = Network::from_variables(variables).unwrap_or_default();
        AccessKeyChain::new(variables.clone(), network)
    }

    fn new(variables: Variables, network: Network) -> Self {
        let (state, done) = (Mutex::default(), Condvar::new());
        AccessKeyChain(Arc::new(Inner { variables, network, state, done, process: std::process::id() }))
    }

    /// Returns the same chain with this proxy and these CA certificates for STS and for a URI with `https://`, in place
    /// of those of the environment. It searches anew.
    #[must_use]
    pub fn network(&self, network: Network) -> Self {
        AccessKeyChain::new(self.0.variables.clone(), network)
    }

    /// Returns the key to use now: finds or renews it if necessary, which takes at most 20 s.
    ///
    /// # Errors
    /// [`Credentials`](crate::ErrorKind::Credentials): no place has a usable key; all of them are named, with the
    /// reason. [`Timeout`](crate::ErrorKind::Timeout): another thread still searches.
    /// [`Forked`](crate::ErrorKind::Forked).
    pub fn find(&self) -> Result<ChainKey> {
        self.find_before(Instant::now() + PATIENCE)
    }

    pub(crate) fn find_before(&self, deadline: Instant) -> Result<ChainKey> {
        self.find_at(deadline.min(Instant::now() + PATIENCE), SystemTime::now())
    }

    /// Has the key replaced at the next use, because a service refused it. Returns true if there may be another.
    pub(crate) fn refused(&self, key: &AccessKey) -> bool {
        if self.0.process != std::process::id() {
            return false;
        }
        let mut state = lock(&self.0.state);
        let current = state.current.as_mut().filter(|current| current.due.is_some() && current.key.key() == key);
        let Some(current) = current else { return false };
        current.key = current.key.clone().ended();
        current.due = Some(SystemTime::UNIX_EPOCH);
        true
    }

    /// Returns true if both look at the same places.
    pub(crate) fn same(&self, other: &AccessKeyChain) -> bool {
        self.0.variables == other.0.variables && self.0.network.same(&other.0.network)
    }

    fn find_at(&self, deadline: Instant, now: SystemTime) -> Result<ChainKey> {
        if self.0.process != std::process::id() {
            return Err(Error::new(ErrorKind::Forked, "this chain of keys was made in another process, before a fork")
                .with_hint(Hint::CreateInChild)
                .with_fate(Fate::NotSent));
        }
        let mut state = lock(&self.0.state);
        let source = loop {
            match &state.current {
                Some(current) if current.due.is_none_or(|due| now < due) => return Ok(current.key.clone()),
                current if !state.busy => break current.as_ref().map(|current| current.source),
                _ => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let message = "another thread is still looking for an AccessKey";
                return Err(Error::new(ErrorKind::Timeout(Stage::Credentials), message).with_fate(Fate::NotSent));
            }
            state = self.0.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.busy = true;
        drop(state);
        let _busy = Busy(&self.0);
        let place = Place { variables: &self.0.variables, network: &self.0.network, deadline };
        let answer = match source {
            Some(source) => renew(source, &place),
            None => search(&place),
        };
        let mut state = lock(&self.0.state);
        match answer.and_then(|(source, key)| live(source, key, now)) {
            Ok(current) => Ok(state.current.insert(current).key.clone()),
            Err(error) => match &mut state.current {
                Some(current) if current.key.is_valid(now) => {
                    log::warn!("the AccessKey of {} was not renewed: {error}", current.key.place());
                    current.due = Some(now + RETRY);
                    Ok(current.key.clone())
                }
                _ => Err(error),
            },
        }
    }
}

/// Ends the search of this thread when dropped, also after a panic.
struct Busy<'a>(&'a Inner);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).busy = false;
        self.0.done.notify_all();
    }
}

/// Asks the place that has given a key before.
fn renew(source: Source, place: &Place<'_>) -> Result<(Source, ChainKey)> {
    match source.ask(place) {
        Asked::Found(key) => Ok((source, key)),
        Asked::Broken(error) | Asked::Unusable(error) => Err(error),
        Asked::Absent(reason) => Err(Error::new(ErrorKind::Credentials, reason)),
    }
    .map_err(|error| credentials(format!("{} has no AccessKey any more", source.title())).with_reason(error))
}

/// Asks all places in their order.
fn search(place: &Place<'_>) -> Result<(Source, ChainKey)> {
    let (mut passed_over, mut reasons) = (Vec::new(), Vec::new());
    for source in Source::ALL {
        match source.ask(place) {
            Asked::Found(key) => return Ok((source, key.after(passed_over))),
            Asked::Unusable(error) => {
                let message = format!("the AccessKey of {} cannot be used", source.title());
                return Err(credentials(message).with_reason(error));
            }
            Asked::Broken(error) => {
                let reason = format!("{}: {error}", source.title());
                log::warn!("no AccessKey is taken from {reason}");
                reasons.push(reason.clone());
                passed_over.push(reason);
            }
            Asked::Absent(reason) => reasons.push(format!("{}: {reason}", source.title())),
        }
    }
    let message = format!("no AccessKey was found; {}", reasons.join("; "));
    Err(credentials(message).with_missing("access_key_id").with_hint(Hint::KeyChain))
}

/// Sets when a key is renewed.
fn live(source: Source, key: ChainKey, now: SystemTime) -> Result<Current> {
    let due = match key.expires() {
        None => source.is_file().then(|| now + FILE_AGE),
        Some(end) => match end.duration_since(now) {
            Ok(life) if !life.is_zero() => Some(end - MARGIN.min(life / 4)),
            _ => {
                let message = format!("the AccessKey of {} has ended already", key.place());
                return Err(credentials(message).with_hint(Hint::ApiClock));
            }
        },
    };
    Ok(Current { source, key, due })
}

impl fmt::Debug for AccessKeyChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccessKeyChain").field(&self.0.variables).finish()
    }
}
