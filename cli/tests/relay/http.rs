//! A client of HTTP/1.1 for the tests: plain enough to send what no library would.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::LONG;

/// A socket of either kind.
pub trait Stream: std::io::Read + Write + Send {
    fn twin(&self) -> Box<dyn Stream>;
}

impl Stream for UnixStream {
    fn twin(&self) -> Box<dyn Stream> {
        Box::new(self.try_clone().expect("a second handle"))
    }
}

impl Stream for TcpStream {
    fn twin(&self) -> Box<dyn Stream> {
        Box::new(self.try_clone().expect("a second handle"))
    }
}

/// A connection that is kept alive.
pub struct Http {
    write: Box<dyn Stream>,
    read: BufReader<Box<dyn Stream>>,
    host: String,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Http {
    pub fn unix(path: &Path) -> std::io::Result<Http> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_write_timeout(Some(LONG))?;
        Ok(Http::over(Box::new(stream), "relay"))
    }

    /// On a stream that the test writes to by itself.
    pub fn on(stream: UnixStream) -> Http {
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        Http::over(Box::new(stream), "relay")
    }

    pub fn tcp(address: &str) -> Http {
        let stream = TcpStream::connect(address).expect("the relay listens");
        stream.set_read_timeout(Some(LONG)).expect("a timeout");
        stream.set_write_timeout(Some(LONG)).expect("a timeout");
        Http::over(Box::new(stream), address)
    }

    fn over(stream: Box<dyn Stream>, host: &str) -> Http {
        let read = BufReader::new(stream.twin());
        Http { write: stream, read, host: host.to_string() }
    }

    /// Sends a request with a body of this length.
    pub fn send(&mut self, method: &str, uri: &str, headers: &[&str], body: &[u8]) -> std::io::Result<()> {
        let mut text = format!("{method} {uri} HTTP/1.1\r\n");
        if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
            text.push_str(&format!("Host: {}\r\n", self.host));
        }
        for header in headers {
            text.push_str(&format!("{header}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        self.raw(&[text.as_bytes(), body].concat())
    }

    pub fn raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.write.write_all(bytes)?;
        self.write.flush()
    }

    /// Reads a response to its end.
    pub fn receive(&mut self) -> std::io::Result<Response> {
        let head = self.head()?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut body = Vec::new();
        if let Some(length) = header(&head, "content-length") {
            body = vec![0; length.parse().expect("a length")];
            self.read.read_exact(&mut body)?;
        } else if header(&head, "transfer-encoding").is_some() {
            while let Some(part) = self.chunk()? {
                body.extend(part);
            }
        }
        Ok(Response { status, head, body })
    }

    /// Reads the head of a response.
    pub fn head(&mut self) -> std::io::Result<String> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.read.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                return Ok(head);
            }
            head.push_str(&line);
        }
    }

    /// Reads the next part of a chunked body; `None` at its end.
    pub fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        self.read.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(|_| std::io::ErrorKind::UnexpectedEof)?;
        let mut part = vec![0; length + 2];
        self.read.read_exact(&mut part)?;
        part.truncate(length);
        Ok((length > 0).then_some(part))
    }

    pub fn try_call(&mut self, method: &str, uri: &str, headers: &[&str], body: &[u8]) -> std::io::Result<Response> {
        self.send(method, uri, headers, body)?;
        self.receive()
    }

    #[track_caller]
    pub fn call(&mut self, method: &str, uri: &str, headers: &[&str], body: &[u8]) -> Response {
        self.try_call(method, uri, headers, body).expect("an answer")
    }

    #[track_caller]
    pub fn get(&mut self, uri: &str) -> Response {
        self.call("GET", uri, &[], b"")
    }

    #[track_caller]
    pub fn post(&mut self, uri: &str, body: &str) -> Response {
        self.call("POST", uri, &[], body.as_bytes())
    }

    #[track_caller]
    pub fn delete(&mut self, uri: &str) -> Response {
        self.call("DELETE", uri, &[], b"")
    }

    /// Returns the two directions, to write and read at the same time.
    pub fn split(self) -> (Box<dyn Stream>, Http) {
        let write = self.write.twin();
        (write, self)
    }

    /// Returns true if the other side closes the connection within the deadline of tests.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.read.read(&mut [0; 1]), Ok(0) | Err(_))
    }
}

impl Response {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Checks a problem: its status, kind and fate.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str, fate: Option<&str>) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let object = self.json();
        let seen = (self.status, object["kind"].as_str(), object["fate"].as_str());
        assert_eq!(seen, (status, Some(kind), fate), "{object}");
        assert_eq!(object["status"], status);
        assert!(object["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{object}");
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let found =
        head.lines().filter_map(|line| line.split_once(':')).find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

/// Waits until this holds.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + LONG;
    while !holds() {
        assert!(std::time::Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
