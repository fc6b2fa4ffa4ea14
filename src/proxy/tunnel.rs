//! A tunnel through a proxy by blocking calls, to find out where a connection hangs.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::config::authority::bracketed;
use crate::config::proxy::Proxy;
use crate::detached::Timed;

/// The maximum length of an answer's head.
const HEAD_MAX: usize = 8 * 1024;

/// The maximum number of headers in it.
const HEADERS_MAX: usize = 128;

/// Asks the proxy at the other end of `stream` for a connection to this host (without brackets) and port, and returns
/// the status of its answer. `None`: there was no valid answer before the deadline. Nothing behind the answer is read.
pub(crate) fn ask(stream: &mut impl Timed, proxy: &Proxy, host: &str, port: u16, deadline: Instant) -> Option<u16> {
    let left = || Some(deadline.saturating_duration_since(Instant::now())).filter(|left| *left > Duration::ZERO);
    let target = format!("{}:{port}", bracketed(host));
    let auth = proxy.basic_auth().map(|(user, password)| {
        let auth = Zeroizing::new(format!("{user}:{password}"));
        Zeroizing::new(STANDARD.encode(auth.as_bytes()))
    });
    // At full capacity from the start, so that growing leaves no copy behind.
    let len = 2 * target.len() + auth.as_ref().map_or(0, |auth| auth.len()) + 128;
    let mut request = Zeroizing::new(String::with_capacity(len));
    for part in ["CONNECT ", &target, " HTTP/1.1\r\nHost: ", &target, "\r\n"] {
        request.push_str(part);
    }
    if let Some(auth) = &auth {
        for part in ["Proxy-Authorization: Basic ", auth, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    stream.limit(left()?).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.limit(left()?).ok()?;
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
        if head.len() > HEAD_MAX {
            return None;
        }
    }
    status(&head)
}

/// Parses the status of `HTTP/1.1 200 Connection established` and the like.
fn status(head: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(head).ok()?;
    response.code
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn statuses() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 407 x\r\nA: b\r\n\r\n", Some(407)),
            ("HTTP/1.1 403\r\n\r\n", Some(403)),
            ("HTTP/2 200\r\n\r\n", None),
            ("SSH-2.0-x 200\r\n\r\n", None),
            ("HTTP/1.1 2\r\n\r\n", None),
            ("\r\n\r\n", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head}");
        }
    }

    /// Returns the request that a proxy with this answer receives, and the result.
    fn asked(url: &str, host: &str, answer: &'static [u8]) -> (String, Option<u16>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        other.write_all(answer).unwrap();
        other.shutdown(std::net::Shutdown::Write).unwrap();
        let proxy = Proxy::read(url).unwrap();
        let status = ask(&mut stream, &proxy, host, 8883, Instant::now() + Duration::from_secs(60));
        drop(stream);
        let mut request = String::new();
        let _ = other.read_to_string(&mut request);
        (request, status)
    }

    #[test]
    fn the_request_names_the_target_and_the_user() {
        let (request, status) = asked("http://Aladdin:open%20sesame@x:1", "::1", b"HTTP/1.1 200 OK\r\n\r\nrest");
        assert_eq!(status, Some(200));
        // The vector of RFC 7617, section 2.
        let expected = "CONNECT [::1]:8883 HTTP/1.1\r\nHost: [::1]:8883\r\n\
                        Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(request, expected);
        let (request, _) = asked("x:1", "h", b"");
        assert_eq!(request, "CONNECT h:8883 HTTP/1.1\r\nHost: h:8883\r\n\r\n");
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        static ENDLESS: [u8; HEAD_MAX * 2] = [b'x'; HEAD_MAX * 2];
        assert_eq!(asked("x:1", "h", &ENDLESS).1, None);
        assert_eq!(asked("x:1", "h", b"HTTP/1.1 200 OK\r\n").1, None);
    }
}
