//! HTTP proxies: the address of one, and the secrets that may stand in it.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::config::endpoint::{is_loopback, split_port};

mod environment;
mod setting;

pub(crate) use setting::Setting;

/// The port of a URL that names none.
const PORT: u16 = 80;

/// The longest user name or password.
const LOGIN_LEN: usize = 1024;

/// An HTTP proxy that connections go through, by its method CONNECT.
///
/// Neither `Display` (`http://host:port`) nor `Debug` shows its password, which is wiped from memory when the last clone is
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    login: Option<Login>,
}

/// What a proxy asks for by "Basic" (RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    user: String,
    password: Arc<Zeroizing<String>>,
}

impl Proxy {
    /// The host name or address; an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user name, if the proxy is given one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    #[cfg(any(feature = "proxy", feature = "openapi"))]
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        self.login.as_ref().map(|login| (login.user.as_str(), login.password.as_str()))
    }

    /// The host as it stands in a URL: an IPv6 address in brackets.
    pub(crate) fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// The same proxy with another login.
    fn with_login(self, login: Login) -> Self {
        Proxy { login: Some(login), ..self }
    }

    /// Reads `http://[user[:password]@]host[:port][/]`, also without its scheme. The error is the broken rule; it never
    /// shows what stands before a '@', nor what may be a login that lacks it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            Some((scheme, rest)) => {
                check_scheme(scheme)?;
                rest
            }
            None => text,
        };
        // The last one: many write a '@' in a password as it is.
        let (info, place) = match rest.rsplit_once('@') {
            Some((info, place)) => (Some(info), place),
            None => (None, rest),
        };
        let authority = place.strip_suffix('/').unwrap_or(place);
        if authority.is_empty() {
            return Err("the proxy has no host".to_string());
        }
        if authority.contains(['/', '?', '#']) {
            return Err("the proxy's URL has a path or a query; write http://host:port".to_string());
        }
        let (host, port) = split_port(authority).map_err(|rule| match info {
            Some(_) => rule,
            None => "what stands in the proxy's URL is no host:port; write http://host:port or \
                     http://user:password@host:port, with an IPv6 address in brackets"
                .to_string(),
        })?;
        let login = info.map(read_login).transpose()?;
        Ok(Proxy { host, port: port.unwrap_or(PORT), login })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.bracketed_host(), self.port)
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

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Login {
    /// The error is the broken rule.
    fn checked(user: String, password: Zeroizing<String>) -> Result<Self, String> {
        if user.is_empty() {
            return Err("the proxy's user name is empty".to_string());
        }
        // RFC 7617, section 2.
        if user.contains(':') {
            return Err("the proxy's user name contains ':', which such a login cannot say".to_string());
        }
        for (what, text) in [("user name", &user), ("password", &*password)] {
            if text.len() > LOGIN_LEN {
                return Err(format!("the proxy's {what} has {} bytes; at most {LOGIN_LEN}", text.len()));
            }
            if text.chars().any(char::is_control) {
                return Err(format!("the proxy's {what} contains a control character"));
            }
        }
        Ok(Login { user, password: Arc::new(password) })
    }
}

/// What an endpoint is called in messages: with the proxy on the way there.
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
        // It is not shown: it may be a part of a login.
        _ => Err("the proxy's URL has an unknown scheme; write http://host:port".to_string()),
    }
}

fn read_login(info: &str) -> Result<Login, String> {
    // Else what was meant for a path would be taken for a password.
    if let Some(bad) = info.chars().find(|c| matches!(c, '/' | '?' | '#')) {
        let code = u32::from(bad);
        return Err(format!("what stands before '@' in the proxy's URL contains {bad:?}; write it as %{code:02X}"));
    }
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    Login::checked(decode(user)?.to_string(), decode(password)?)
}

/// Resolves `%XX` (RFC 3986, section 2.1).
fn decode(text: &str) -> Result<Zeroizing<String>, String> {
    let bad =
        || "the proxy's user name or password has a '%' that begins no %XX of UTF-8; write '%' as %25".to_string();
    // As long as it may get, so that no copy is left behind in growing.
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
