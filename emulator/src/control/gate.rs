//! The gate of the control API: who may call at all. No web page of another origin and nobody without the token.

use std::net::SocketAddr;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, ORIGIN};

use super::problem::Problem;

/// The names of loopback, as a `Host` header writes them.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Decides by the headers of a request.
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    pub(super) token: String,
    /// Further names, with any port.
    pub(super) hosts: Vec<String>,
}

impl Gate {
    /// Checks `Host` and `Origin`: neither a page of another origin nor a foreign name that resolves to this machine
    /// may get an answer.
    pub(super) fn check_place(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = single(headers, HOST.as_str()).unwrap_or_default();
        if !self.knows(host) {
            let port = self.address.port();
            let detail = format!(
                "the Host header must be localhost:{port}, 127.0.0.1:{port}, [::1]:{port} or the address that this \
                 listens on; --control-host adds a name"
            );
            return Err(Problem::new(403, detail));
        }
        let has_origin = headers.contains_key(ORIGIN);
        let is_own =
            |origin: &str| origin.strip_prefix("http://").is_some_and(|authority| authority.eq_ignore_ascii_case(host));
        if has_origin && !single(headers, ORIGIN.as_str()).is_some_and(is_own) {
            return Err(Problem::new(403, "the Origin header names another origin"));
        }
        Ok(())
    }

    /// Checks the bearer token.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = single(headers, AUTHORIZATION.as_str()).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_start())
        });
        if given.is_some_and(|given| is_same(&self.token, given)) {
            Ok(())
        } else {
            Err(Problem::new(401, "the header Authorization: Bearer TOKEN is missing or has another token"))
        }
    }

    fn knows(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (host, None),
        };
        if self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return true;
        }
        let port = port.map_or(Ok(80), str::parse::<u16>);
        port == Ok(self.address.port())
            && (LOOPBACK.iter().any(|known| known.eq_ignore_ascii_case(name)) || self.is_own_address(name))
    }

    /// Returns true for the address that the listener is on, as the printed URL writes it.
    fn is_own_address(&self, name: &str) -> bool {
        let ip = self.address.ip();
        let text = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|_| ip.is_ipv6());
        !ip.is_unspecified() && text.unwrap_or(name).parse() == Ok(ip) && (ip.is_ipv4() || text.is_some())
    }
}

/// Returns a header that is there exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// Compares two texts without telling by the time it takes where they differ.
fn is_same(ours: &str, theirs: &str) -> bool {
    let difference = ours.bytes().zip(theirs.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    !ours.is_empty() && ours.len() == theirs.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn gate() -> Gate {
        Gate { address: ([127, 0, 0, 1], 8000).into(), token: "t0ken".into(), hosts: vec!["emulator".into()] }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn status(result: Result<(), Problem>) -> u16 {
        result.map_or_else(|problem| problem.status, |()| 200)
    }

    #[test]
    fn only_the_own_names_and_origins_pass() {
        for (pairs, expected) in [
            (&[("host", "localhost:8000")][..], 200),
            (&[("host", "LOCALHOST:8000")], 200),
            (&[("host", "127.0.0.1:8000")], 200),
            (&[("host", "[::1]:8000")], 200),
            (&[("host", "emulator:32768")], 200),
            (&[("host", "emulator")], 200),
            (&[("host", "localhost:8000"), ("origin", "http://localhost:8000")], 200),
            (&[], 403),
            (&[("host", "localhost")], 403),
            (&[("host", "localhost:8001")], 403),
            (&[("host", "evil.example:8000")], 403),
            (&[("host", "localhost.evil.example:8000")], 403),
            (&[("host", "[::1]")], 403),
            (&[("host", "localhost:8000"), ("host", "localhost:8000")], 403),
            (&[("host", "localhost:8000"), ("origin", "http://127.0.0.1:8000")], 403),
            (&[("host", "localhost:8000"), ("origin", "https://localhost:8000")], 403),
            (&[("host", "localhost:8000"), ("origin", "null")], 403),
            (&[("host", "localhost:8000"), ("origin", "http://evil.example")], 403),
        ] {
            assert_eq!(status(gate().check_place(&headers(pairs))), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_address_of_the_listener_itself_passes() {
        for (address, host, expected) in [
            ("127.0.0.2:8000", "127.0.0.2:8000", 200),
            ("127.0.0.2:8000", "127.0.0.2:8001", 403),
            ("127.0.0.2:8000", "127.0.0.3:8000", 403),
            ("192.0.2.1:8000", "192.0.2.1:8000", 200),
            ("[2001:db8::1]:8000", "[2001:db8::1]:8000", 200),
            ("[2001:db8::1]:8000", "[2001:DB8:0::1]:8000", 200),
            ("[2001:db8::1]:8000", "[2001:db8::2]:8000", 403),
            ("0.0.0.0:8000", "0.0.0.0:8000", 403),
            ("0.0.0.0:8000", "192.0.2.1:8000", 403),
            ("[::]:8000", "[::]:8000", 403),
        ] {
            let gate = Gate { address: address.parse().unwrap(), ..gate() };
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            assert_eq!(status(gate.check_place(&headers)), expected, "{address} {host}");
        }
    }

    #[test]
    fn only_the_token_passes() {
        for (pairs, expected) in [
            (&[("authorization", "Bearer t0ken")][..], 200),
            (&[("authorization", "bearer t0ken")], 200),
            (&[], 401),
            (&[("authorization", "t0ken")], 401),
            (&[("authorization", "Bearer ")], 401),
            (&[("authorization", "Bearer t0keN")], 401),
            (&[("authorization", "Bearer t0ken2")], 401),
            (&[("authorization", "Basic t0ken")], 401),
            (&[("authorization", "Bearer t0ken"), ("authorization", "Bearer t0ken")], 401),
        ] {
            assert_eq!(status(gate().check_token(&headers(pairs))), expected, "{pairs:?}");
        }
    }
}
