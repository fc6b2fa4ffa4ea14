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
    let named = [format!("localhost:{port}"), address.to_string()];
    let bare = port == 80 && ["localhost".to_string(), address.ip().to_string()].iter().any(|name| name == host);
    if bare || named.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Problem::new(Reason::Foreign, format!("Host must be {address} or localhost:{port}")))
}
