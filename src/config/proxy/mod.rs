//! HTTP proxies: their addresses, and the secrets in them.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::authority::{Authority, bracketed, is_loopback, split_user_info};

mod environment;
mod setting;

pub(crate) use setting::Setting;

/// The port of a URL without one.
const PORT: u16 = 80;

/// The maximum length of a user name or password, in bytes.
const AUTH_LEN: usize = 1024;

/// An HTTP proxy that connections go through, by its method CONNECT.
///
/// Neither `Display` (`http://host:port`) nor `Debug` shows the password, which is wiped from memory when the last
/// clone is dropped.
///
/// The manual has more about [certificates and proxies](crate::manual::tls_and_proxy).
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    auth: Option<BasicAuth>,
}

/// User name and password for the scheme "Basic" (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BasicAuth {
    user: String,
    password: Arc<Zeroizing<String>>,
}

// Written out, because not each version of `Zeroizing` hides its value.
impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Returns the host name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the user name, if there is one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.auth.as_ref().map(|auth| auth.user.as_str())
    }

    /// Returns true if the proxy is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Returns user name and password.
    #[cfg_attr(not(any(feature = "proxy", feature = "openapi")), expect(dead_code, reason = "no connection is made"))]
    pub(crate) fn basic_auth(&self) -> Option<(&str, &str)> {
        self.auth.as_ref().map(|auth| (auth.user.as_str(), auth.password.as_str()))
    }

    /// Returns the same proxy with another user name and password.
    fn with_auth(self, auth: BasicAuth) -> Self {
        Proxy { auth: Some(auth), ..self }
    }

    /// Parses `http://[user[:password]@]host[:port][/]`, with or without the scheme. The error is the broken rule; it
    /// never shows what is in front of an `@`, nor what may be a user name and password without one.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) => {
                check_scheme(scheme)?;
                rest
            }
            None => text,
        };
        let (info, place) = split_user_info(rest);
        let authority = place.strip_suffix('/').unwrap_or(place);
        if authority.is_empty() {
            return Err("the proxy has no host".to_string());
        }
        if authority.contains(['/', '?', '#']) {
            return Err("the proxy's URL has a path or a query; write http://host:port".to_string());
        }
        let Authority { host, port } = Authority::parse(authority).map_err(|rule| match info {
            Some(_) => rule,
            None => {
                "the proxy's URL has no valid host:port; write http://host:port or http://user:password@host:port, \
                     with an IPv6 address in brackets"
                    .to_string()
            }
        })?;
        let auth = info.map(BasicAuth::read).transpose()?;
        Ok(Proxy { host, port: port.unwrap_or(PORT), auth })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Proxy");
        out.field("url", &self.to_string());
        if let Some(user) = self.user() {
            out.field("user", &user);
        }
        out.finish_non_exhaustive()
    }
}

impl BasicAuth {
    /// Parses the user info of a URL. The error is the broken rule.
    fn read(info: &str) -> Result<Self, String> {
        // Otherwise the beginning of a path would be taken for a password.
        if let Some(bad) = info.chars().find(|c| matches!(c, '/' | '?' | '#')) {
            let code = u32::from(bad);
            return Err(format!(
                "the user info in front of '@' in the proxy's URL contains {bad:?}; write it as %{code:02X}"
            ));
        }
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        BasicAuth::checked(decode(user)?.to_string(), decode(password)?)
    }

    /// The error is the broken rule.
    fn checked(user: String, password: Zeroizing<String>) -> Result<Self, String> {
        if user.is_empty() {
            return Err("the proxy's user name is empty".to_string());
        }
        // RFC 7617, section 2.
        if user.contains(':') {
            return Err("the proxy's user name contains ':', which separates it from the password".to_string());
        }
        for (what, text) in [("user name", &user), ("password", &*password)] {
            if text.len() > AUTH_LEN {
                return Err(format!("the proxy's {what} has {} bytes; at most {AUTH_LEN}", text.len()));
            }
            if text.chars().any(char::is_control) {
                return Err(format!("the proxy's {what} contains a control character"));
            }
        }
        Ok(BasicAuth { user, password: Arc::new(password) })
    }
}

/// Returns the name of a target in messages: with the proxy on the way to it.
pub(crate) fn route(target: impl fmt::Display, proxy: Option<&Proxy>) -> String {
    match proxy {
        Some(proxy) => format!("{target} through the proxy {proxy}"),
        None => target.to_string(),
    }
}

fn check_scheme(scheme: &str) -> Result<(), String> {
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" => Ok(()),
        "https" | "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => Err(format!(
            "{scheme}:// proxies are not supported; write http://host:port. TLS to the server runs inside the tunnel"
        )),
        // It is not shown: it may be part of a user name.
        _ => Err("the proxy's URL has an unknown scheme; write http://host:port".to_string()),
    }
}

/// Decodes `%XX` (RFC 3986, section 2.1).
fn decode(text: &str) -> Result<Zeroizing<String>, String> {
    let bad = || {
        "the proxy's user name or password has a '%' that is not part of %XX, or is not UTF-8; write '%' as %25"
            .to_string()
    };
    // At full capacity from the start, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(bad()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| bad())?);
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| bad())?;
    Ok(Zeroizing::new(text.to_string()))
}

#[cfg(test)]
mod tests;
