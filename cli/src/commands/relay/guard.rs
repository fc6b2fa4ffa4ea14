//! Who may call: no web page, and over a loopback address only who has the token.

use std::net::SocketAddr;

use hyper::header;
use hyper::http::request::Parts;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::problem::{Problem, Reason};

/// Checks the calls that come over one socket.
#[derive(Debug)]
pub(super) enum Guard {
    /// The permissions of the socket's file have decided already.
    Unix,
    Tcp {
        address: SocketAddr,
        token: Token,
    },
}

/// The bearer token.
#[derive(Clone)]
pub(super) struct Token(Zeroizing<String>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    pub(super) fn new(token: Zeroizing<String>) -> Self {
        Token(token)
    }
}

impl Guard {
    /// Fails unless the call may be answered.
    pub(super) fn check(&self, parts: &Parts) -> Result<(), Problem> {
        if parts.headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(Reason::Foreign, "a request with an Origin comes from a web page"));
        }
        // RFC 9112, section 3.2: two of them are an attempt to be understood in two ways.
        if parts.headers.get_all(header::HOST).iter().nth(1).is_some() {
            return Err(Problem::new(Reason::Invalid, "there is more than one Host"));
        }
        let Guard::Tcp { address, token } = self else { return Ok(()) };
        check_host(parts, *address)?;
        if parts.uri.path() == "/healthz" {
            return Ok(());
        }
        let given = parts.headers.get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let given = given.and_then(|value| match value.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => Some(token.trim_ascii()),
            _ => None,
        });
        match given {
            Some(given) if bool::from(given.ct_eq(token.0.as_bytes())) => Ok(()),
            Some(_) => Err(Problem::new(Reason::Unauthorized, "the bearer token is wrong")),
            None => {
                let problem = Problem::new(Reason::Unauthorized, "there is no bearer token");
                Err(problem.hint("send the header `Authorization: Bearer TOKEN`; the token is in --bearer-token-file"))
            }
        }
    }
}

/// A web page can reach a loopback address by a name of its own: then Host has that name.
fn check_host(parts: &Parts, address: SocketAddr) -> Result<(), Problem> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = address.port();
    let ip = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    for name in ["localhost", &ip] {
        let bare = port == 80 && name.eq_ignore_ascii_case(host);
        if bare || format!("{name}:{port}").eq_ignore_ascii_case(host) {
            return Ok(());
        }
    }
    Err(Problem::new(Reason::Foreign, format!("Host must be {address} or localhost:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    #[test]
    fn the_port_80_may_be_left_out_of_the_host() {
        for (address, host, expected) in [
            ("[::1]:80", "[::1]", true),
            ("[::1]:80", "[::1]:80", true),
            ("[::1]:80", "::1", false),
            ("[::1]:81", "[::1]", false),
            ("127.0.0.1:80", "127.0.0.1", true),
            ("127.0.0.1:80", "LOCALHOST", true),
            ("127.0.0.1:81", "localhost", false),
            ("127.0.0.1:81", "Localhost:81", true),
        ] {
            let (parts, ()) = Request::builder().header("host", host).body(()).unwrap().into_parts();
            assert_eq!(check_host(&parts, address.parse().unwrap()).is_ok(), expected, "{address} {host}");
        }
    }
}
