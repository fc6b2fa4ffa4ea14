//! The service's HTTPS API: tokens, device credentials, groups, online status, traces, and messages without MQTT.
//!
//! It is meant for your own servers: anybody with the AccessKey can do everything that it permits.
//!
//! ```no_run
//! use aliyun_mqtt::openapi::{Api, TokenRequest};
//! use aliyun_mqtt::{Credentials, TokenKind};
//! use std::time::{Duration, Instant};
//!
//! # fn main() -> aliyun_mqtt::Result<()> {
//! let api = Api::builder()
//!     .region("cn-hangzhou")
//!     .instance_id("post-cn-xxxx")
//!     .access_key("access key id", "access key secret")
//!     .build()?;
//! let request = TokenRequest::new(TokenKind::ReadWrite, ["demo/#"]).lifetime(Duration::from_secs(3600));
//! let token = api.apply_token(&request)?;
//! // A device logs in with these credentials.
//! let credentials = Credentials::tokens(api.access_key_id(), [(token.kind(), token.secret())]);
//! # Ok(()) }
//! ```
//!
//! # Calls
//!
//! A call blocks until the service has responded, at most for [`ApiBuilder::timeout`], which includes up to four
//! attempts and the pauses between them. It starts no thread, except a short one for each lookup of the host name, and
//! one to find out where a connection hangs; a lookup that hangs in the system's resolver is left behind and ends by
//! itself. Connections are kept for 10 s and shared by all clones. Redirects are not followed, and a
//! [proxy](crate::Network::proxy) is used only if one is set.
//!
//! | failure | another attempt |
//! |---|---|
//! | name not resolved, not connected; a proxy that could not connect (HTTP 502 and the like) | yes |
//! | too many calls ([`ApiFault::is_throttled`](crate::ApiFault::is_throttled)) | yes |
//! | HTTP 5xx, connection lost after the request was sent | if the call may be repeated |
//! | any other response, TLS failed, a proxy that refuses | no |
//!
//! A pause that the service asks for is observed, or named in the error at once if it is longer than the time left
//! (header `x-acs-retry-after`, assumed to be seconds, or `Retry-After`, seconds or a date).
//!
//! These may not be repeated: [`send_message`](Api::send_message), creating and deleting groups, refreshing and
//! unregistering a device's credential, and a [`Call`] of your own without [`repeatable`](Call::repeatable).
//! [`Error::fate`](crate::Error::fate) is the outcome of a failed call: [`NotSent`](crate::Fate::NotSent),
//! [`Refused`](crate::Fate::Refused), or [`Unknown`](crate::Fate::Unknown) if the service may have executed it.
//!
//! Each successful call counts as one message in the bill of the instance (help page of `ApplyToken`).
//!
//! # Log levels
//!
//! This module logs at `debug`: operation, attempt, HTTP status, request id and duration; never parameters or
//! responses. `ureq`, which makes the connections, logs on its own target; at the level `trace`, **its records show
//! whole requests**, including the messages, tokens and device keys in parameters, and the security tokens of temporary
//! keys. Keep the target `ureq` below `trace`.
//!
//! # Secrets
//!
//! Keys and tokens are never part of `Debug`, of an error or of this library's log, and its own copies are wiped from
//! memory. The HTTP library's copies of a request, and the JSON of a response, are not.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::config::network::Network;
use crate::config::proxy::Proxy;
use crate::credentials::AccessKeyChain;
use crate::error::{Error, Result};
use crate::limits::Limits;

pub(crate) mod access_key;
mod address;
mod builder;
mod call;
mod device;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod group;
mod http;
mod json;
mod key_source;
mod message;
mod response;
mod retry;
mod signature;
pub(crate) mod site;
mod stamp;
mod token;
mod trace;

use access_key::AccessKey;
pub use builder::ApiBuilder;
pub use call::Call;
pub use device::{ClientIds, DeviceCredential};
pub use group::Group;
use key_source::KeySource;
pub use signature::Signing;
pub use token::TokenRequest;
pub use trace::{TraceEntry, TracePage, TraceRequest};

/// The API of one instance, with the AccessKey to use.
///
/// Cloning is cheap, and clones share their connections; every call may be made from any thread. `Debug` hides secrets.
/// After a fork, its use in the child is an error: [`Forked`](crate::ErrorKind::Forked).
///
/// # Errors
/// All calls fail with these kinds; each call documents what it checks before anything is sent.
/// * [`Api`](crate::ErrorKind::Api): the service responded with an error; [`Error::api`](crate::Error::api) has its
///   code.
/// * [`Resolve`](crate::ErrorKind::Resolve), [`Connect`](crate::ErrorKind::Connect),
///   [`Proxy`](crate::ErrorKind::Proxy), [`Tls`](crate::ErrorKind::Tls),
///   [`ConnectionLost`](crate::ErrorKind::ConnectionLost), or [`Timeout`](crate::ErrorKind::Timeout) with the stage.
/// * [`Protocol`](crate::ErrorKind::Protocol): the response is not one of the API, or lacks a field.
/// * [`Forked`](crate::ErrorKind::Forked).
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
    timeout: Duration,
}

#[derive(Clone)]
struct Inner {
    http: http::HttpClient,
    key: KeySource,
    instance_id: String,
    region: Option<String>,
    signing: Signing,
    backoff: (Duration, Duration),
    limits: Limits,
    network: Network,
    /// The process it was made in.
    process: u32,
}

impl Api {
    /// Starts from the defaults.
    pub fn builder() -> ApiBuilder {
        ApiBuilder::default()
    }

    /// Reads the settings from environment variables; an empty variable counts as not set.
    ///
    /// `ALIYUN_MQTT_INSTANCE_ID` is required, and `ALIYUN_MQTT_REGION_ID` (such as `cn-hangzhou`) unless
    /// `ALIYUN_MQTT_API_ENDPOINT` has a URL. The AccessKey is that of `ALIBABA_CLOUD_ACCESS_KEY_ID` and
    /// `ALIBABA_CLOUD_ACCESS_KEY_SECRET`, with `ALIBABA_CLOUD_SECURITY_TOKEN` for a temporary one; without both, it
    /// comes from an [`AccessKeyChain`]. `ALIYUN_MQTT_CA_FILE`, `ALIYUN_MQTT_PROXY` and `ALIYUN_MQTT_TIMEOUT` are those
    /// of [`Config::from_env`](crate::Config::from_env).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a variable is missing or breaks a rule. The error names it, and never
    /// shows a secret.
    pub fn from_env() -> Result<Self> {
        ApiBuilder::from_env().build()
    }

    /// Returns the same API with another timeout: up to 1 h, longer ones count as 1 h. It may be shorter than the
    /// minimum of the builder.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Api { inner: Arc::clone(&self.inner), timeout: timeout.min(Duration::from_secs(3600)) }
    }

    /// Returns the instance id.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.inner.instance_id
    }

    /// Returns the id of the AccessKey. Tokens are bound to it: a login with a token needs it. It is empty with an
    /// [`access_key_chain`](ApiBuilder::access_key_chain), whose key changes:
    /// [`AccessKeyChain::find`](crate::AccessKeyChain::find) returns the current one.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        self.inner.key.id().unwrap_or_default()
    }

    /// Returns the chain that the AccessKey comes from, if it comes from one.
    #[must_use]
    pub fn key_chain(&self) -> Option<&AccessKeyChain> {
        self.inner.key.chain()
    }

    /// Returns the key, if it is given and a permanent one.
    pub(crate) fn permanent_key(&self) -> Option<&AccessKey> {
        match &self.inner.key {
            KeySource::Given(key) if key.security_token.is_none() => Some(key),
            _ => None,
        }
    }

    /// Returns the key to use now.
    pub(crate) fn key(&self) -> Result<AccessKey> {
        self.inner.key.key(Instant::now() + self.timeout)
    }

    /// Notes that the service refused a call signed with this key. Returns true if there may be another key now.
    pub(crate) fn refused(&self, key: &AccessKey, error: &Error) -> bool {
        self.inner.key.refused(key, error)
    }

    /// Returns the same API with this key.
    pub(crate) fn with_key(&self, key: &AccessKey) -> Self {
        let inner = Inner { key: KeySource::Given(key.clone()), ..Inner::clone(&self.inner) };
        Api { inner: Arc::new(inner), timeout: self.timeout }
    }

    /// Returns the URL of the API.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.inner.http.address().to_string()
    }

    /// Returns the HTTP proxy on the way to the API, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.inner.http.proxy()
    }

    /// Returns the region: as set, or as in the service's own host name.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.inner.region.as_deref()
    }

    /// Returns the timeout of a call with all its attempts.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns true if both were built from the same settings, secrets included.
    pub(crate) fn same_settings(&self, other: &Api) -> bool {
        let (one, two) = (&*self.inner, &*other.inner);
        one.key.same(&two.key)
            && one.http.address() == two.http.address()
            && one.http.proxy() == two.http.proxy()
            && (&one.instance_id, &one.region) == (&two.instance_id, &two.region)
            && (one.signing, one.backoff, &one.limits) == (two.signing, two.backoff, &two.limits)
            && one.network.same(&two.network)
            && self.timeout == other.timeout
            && one.process == two.process
    }

    /// Makes any call, and returns the service's JSON object as it is, of the crate `serde_json` 1.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the operation or a parameter has an invalid name, or the call is too
    /// long for a URL (65,534 bytes). Otherwise as documented at [`Api`].
    pub fn call(&self, call: &Call) -> Result<Map<String, Value>> {
        self.run(|_| call.clone())
    }

    /// Creates a call with the id of the instance.
    fn of_instance(&self, action: &str) -> Call {
        Call::new(action).parameter("InstanceId", self.instance_id())
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("endpoint", &self.endpoint())
            .field("proxy", &self.proxy())
            .field("instance_id", &self.inner.instance_id)
            .field("access_key", &self.inner.key)
            .field("signing", &self.inner.signing)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
