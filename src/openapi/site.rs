//! HTTP to the services that hand out keys: STS, the metadata service, and a URI of the user's.

use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::access_key::AccessKey;
use super::address::Address;
use super::http::HttpClient;
use super::signature::{self, Signed, Unsigned};
use super::stamp::{iso_8601, nonce};
use crate::config::environment;
use crate::config::network::Network;
use crate::error::{Error, ErrorKind, Result};
use crate::tls::Trust;

/// The version of STS.
const STS_VERSION: &str = "2015-04-01";

/// A service that hands out keys.
pub(crate) struct Site {
    http: HttpClient,
    /// Path and query of a file.
    file: String,
}

/// The answer of a service. The body may hold secrets.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Site {
    /// Returns an STS endpoint: `https://host`, or `http://` for this machine only.
    pub(crate) fn sts(name: &str, url: &str, network: &Network, timeout: Duration) -> Result<Self> {
        let address = Address::read(url).map_err(|rule| fault(name, &rule))?;
        Site::new(address, "/".to_string(), Some(network), timeout)
    }

    /// Returns a service that is reached without a proxy, by plain `http://`, which is usual for this host.
    pub(crate) fn direct(name: &str, url: &str, usual: &str, timeout: Duration) -> Result<Self> {
        let (address, file) = Address::of_file(url).map_err(|rule| fault(name, &rule))?;
        if address.is_tls() {
            return Err(fault(name, "the URL must begin with http://"));
        }
        if address.host() != usual {
            warn_of_plain(name, &address);
        }
        Site::new(address, file, None, timeout)
    }

    /// Returns the server of a file. Only `https://` goes by a proxy.
    pub(crate) fn of_file(name: &str, url: &str, network: &Network, timeout: Duration) -> Result<Self> {
        let (address, file) = Address::of_file(url).map_err(|rule| fault(name, &rule))?;
        warn_of_plain(name, &address);
        let network = Some(network).filter(|_| address.is_tls());
        Site::new(address, file, network, timeout)
    }

    fn new(address: Address, file: String, network: Option<&Network>, timeout: Duration) -> Result<Self> {
        let (trust, proxy) = match network {
            Some(network) => {
                let trust = if address.is_tls() { Some(Trust::of(network, timeout)?) } else { None };
                (trust, network.proxy.checked(address.host(), address.port())?)
            }
            None => (None, None),
        };
        Ok(Site { http: HttpClient::new(address, trust.as_ref(), proxy)?, file })
    }

    /// Returns the path and query of the URL.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Requests a file. No redirect is followed.
    pub(crate) fn request(
        &self,
        method: &'static str,
        file: &str,
        headers: &[(&'static str, &str)],
        limit: Duration,
    ) -> Result<Answer> {
        let mut signed = signature::unsigned(&[], &[]);
        signed.headers.extend(headers.iter().map(|(name, value)| (*name, Zeroizing::new((*value).to_string()))));
        self.exchange(method, file, signed, limit)
    }

    /// Calls STS, signed with this key if there is one. Secrets are in the body, never in the URL.
    pub(crate) fn call(
        &self,
        action: &'static str,
        form: &[(&str, &str)],
        key: Option<&AccessKey>,
        limit: Duration,
    ) -> Result<Answer> {
        let (nonce, time) = (nonce(), iso_8601(SystemTime::now())?);
        let signed = match key {
            Some(key) => {
                let host = self.http.address().authority();
                let unsigned =
                    Unsigned { method: "POST", host: &host, action, query: &[], form, nonce: &nonce, time: &time };
                signature::sign_rpc(&unsigned, key, STS_VERSION)?
            }
            None => {
                let query = [
                    ("Action", action),
                    ("Format", "JSON"),
                    ("SignatureNonce", &nonce),
                    ("Timestamp", &time),
                    ("Version", STS_VERSION),
                ];
                signature::unsigned(&query, form)
            }
        };
        let target = Zeroizing::new(format!("/?{}", *signed.query));
        self.exchange("POST", &target, signed, limit)
    }

    fn exchange(&self, method: &'static str, target: &str, signed: Signed, limit: Duration) -> Result<Answer> {
        let response = self.http.exchange_at(method, target, signed, limit)?;
        Ok(Answer { status: response.status, body: response.body })
    }
}

/// The error of an invalid URL. It is of the kind `Config` where the setting is one of this library only.
fn fault(name: &str, rule: &str) -> Error {
    let kind = if environment::is_own(name) { ErrorKind::Config } else { ErrorKind::Credentials };
    Error::new(kind, format!("{name}: {rule}"))
}

fn warn_of_plain(name: &str, address: &Address) {
    if !address.is_tls() && !address.is_loopback() {
        log::warn!("{name}: the connection to {address} is not encrypted: anybody on the network path can read it");
    }
}
