//! How connections reach the service: proxy, CA certificates and client certificate, the same for MQTT and the API.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::environment::{self, Variables};
use super::proxy;
use crate::error::{Error, Result};

/// How connections reach the service: the HTTP proxy, the trusted CA certificates, and the client's certificate.
///
/// One value serves both builders: [`ConfigBuilder::network`](crate::ConfigBuilder::network) and
/// `openapi::ApiBuilder::network`. Their individual setters have the same names and change the same value. It can be
/// built without the cargo features `proxy` and `tls`; using a proxy or TLS for MQTT needs them, and the builder's
/// `build` says so. `Debug` hides secrets.
///
/// Certificates are always verified: there is no switch that turns verification off.
///
/// The manual has more about [certificates and proxies](crate::manual::tls_and_proxy).
///
/// ```
/// use aliyun_mqtt::{Config, Network};
///
/// let network = Network::new().proxy("http://proxy.example:3128").ca_file("/etc/ssl/company-ca.pem");
/// let builder = Config::builder().network(network.clone());
/// ```
#[derive(Debug, Clone)]
#[must_use = "pass it to ConfigBuilder::network"]
pub struct Network {
    pub(crate) proxy: proxy::Setting,
    pub(crate) ca: Vec<Pem>,
    pub(crate) system_roots: bool,
    pub(crate) client_certificate: Option<CertificatePair>,
}

/// A certificate chain and its key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CertificatePair {
    pub(crate) certificate: Pem,
    pub(crate) key: Pem,
}

/// PEM text, in memory or in a file. It may hold a key, so `Debug` shows at most the name of the file.
#[derive(Clone, PartialEq)]
pub(crate) enum Pem {
    File(PathBuf),
    Bytes(Arc<Zeroizing<Vec<u8>>>),
}

impl Default for Network {
    fn default() -> Self {
        Network::new()
    }
}

impl Network {
    /// Creates the default: no proxy, the system's CA certificates, no client certificate.
    pub fn new() -> Self {
        Network { proxy: proxy::Setting::default(), ca: Vec::new(), system_roots: true, client_certificate: None }
    }

    /// Sets the HTTP proxy that every connection goes through: `http://host:port`; the default port is 80. By default
    /// there is none, even if the environment names one. MQTT needs the cargo feature `proxy`.
    ///
    /// The proxy is asked for a tunnel (`CONNECT`) and looks up the name of the endpoint; TLS and WebSocket run inside
    /// the tunnel. Many proxies allow port 443 only. `http://user:password@host:port` sets user name and password, in
    /// which special characters of URLs are written as `%XX`. Proxies that are themselves reached over TLS (`https://`)
    /// and SOCKS are not supported. For MQTT, an IPv6 address as the endpoint works with plain `mqtt://` only.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy.set(url.into());
        self
    }

    /// Sets user name and password for the proxy, in place of those in its URL. Needs a proxy.
    ///
    /// They are sent with the scheme "Basic" (RFC 7617), the only supported one: anybody who can listen between this
    /// machine and the proxy can read them. Up to 1,024 bytes each, without `:` in the user name.
    pub fn proxy_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.proxy.set_auth(user.into(), password.into());
        self
    }

    /// Uses the proxy that the environment names, if any, in place of [`proxy`](Network::proxy). The variables are read
    /// now.
    ///
    /// The first of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY` that is not empty applies, to plain
    /// endpoints as well. No proxy is used for this machine (`localhost` and loopback addresses), nor for the entries
    /// of the first of `no_proxy` and `NO_PROXY` that is not empty, separated by commas: `*` for everything,
    /// `example.com` or `.example.com` for that name and those below it, `10.0.0.1`, `10.0.0.0/8` or an IPv6 address or
    /// network for an endpoint given as an address; each but a network may end in `:port`. Names are not looked up for
    /// this. An entry that can never match is a warning in the log.
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy.set_environment(&Variables::of_process());
        self
    }

    /// Adds the CA certificates of this PEM file to the trusted ones. Can be called more than once.
    ///
    /// `build` reads the file, up to 16 MiB; a pipe or a device must deliver within the timeout. A byte order mark is
    /// skipped. A certificate in it that cannot be parsed is an error.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca.push(Pem::File(path.into()));
        self
    }

    /// Adds these CA certificates in PEM form to the trusted ones. Can be called more than once.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca.push(Pem::bytes(pem));
        self
    }

    /// Sets whether the system's CA certificates are trusted. Default `true`; with `false`, only the given ones are.
    ///
    /// They are read once per process, from the system's bundle, or from its directory where there is no bundle: for
    /// MQTT when the given ones do not verify a server's chain, for the API when it is built. The variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name another place. If the system has none, Mozilla's are used.
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.system_roots = trust;
        self
    }

    /// Sets the client's certificate chain and its key, as PEM files, for instances with mutual TLS (Enterprise
    /// Platinum). The files are read like those of [`ca_file`](Network::ca_file). The API does not use them.
    pub fn client_certificate_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let (certificate, key) = (Pem::File(certificate.into()), Pem::File(key.into()));
        self.client_certificate = Some(CertificatePair { certificate, key });
        self
    }

    /// Sets the client's certificate chain and its key, both in PEM form. The API does not use them.
    pub fn client_certificate_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        let (certificate, key) = (Pem::bytes(certificate), Pem::bytes(key));
        self.client_certificate = Some(CertificatePair { certificate, key });
        self
    }

    /// Returns true if both have the same settings, secrets included.
    pub(crate) fn same(&self, other: &Network) -> bool {
        self.proxy == other.proxy
            && self.ca == other.ca
            && self.system_roots == other.system_roots
            && self.client_certificate == other.client_certificate
    }

    /// Reads the settings from the variables.
    pub(crate) fn from_variables(variables: &Variables) -> Result<Self> {
        const PAIR: [&str; 2] = [environment::CLIENT_CERT_FILE, environment::CLIENT_KEY_FILE];
        let mut network = Network::new();
        network.proxy.fill(variables)?;
        if let Some(path) = variables.path(environment::CA_FILE) {
            network = network.ca_file(path);
        }
        let alone = |set, missing| {
            Error::config(format!("{set} is set, but {missing} is not; they belong together"))
                .with_missing(environment::setting(missing))
        };
        match PAIR.map(|name| variables.path(name)) {
            [Some(certificate), Some(key)] => Ok(network.client_certificate_files(certificate, key)),
            [Some(_), None] => Err(alone(PAIR[0], PAIR[1])),
            [None, Some(_)] => Err(alone(PAIR[1], PAIR[0])),
            [None, None] => Ok(network),
        }
    }
}

impl Pem {
    pub(crate) fn bytes(pem: impl Into<Vec<u8>>) -> Self {
        Pem::Bytes(Arc::new(Zeroizing::new(pem.into())))
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => write!(f, "the file {path:?}"),
            Pem::Bytes(_) => f.write_str("the given PEM text"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
