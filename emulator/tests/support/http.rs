//! A minimal HTTP client of raw sockets, for the control API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use aliyun_mqtt_emulator::Emulator;
use serde_json::Value;

use super::LONG;

/// The control API of an emulator, with its token.
#[derive(Debug, Clone)]
pub struct Control {
    pub address: SocketAddr,
    pub token: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Value,
}

impl Control {
    /// Starts an emulator with this API.
    pub fn start() -> (Emulator, Self) {
        let emulator = Emulator::builder().control_port(0).start().unwrap();
        let control = Self::of(&emulator);
        (emulator, control)
    }

    pub fn of(emulator: &Emulator) -> Self {
        let url = emulator.control_url().unwrap();
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/control").unwrap().parse().unwrap();
        Self { address, token: emulator.control_token().unwrap().to_owned() }
    }

    /// Sends a request with these header lines, and returns the stream of the response.
    pub fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    }

    /// The header lines of a caller who may call.
    pub fn headers(&self) -> String {
        let (address, token) = (self.address, &self.token);
        format!("Host: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n")
    }

    pub fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut text = String::new();
        self.open(method, path, headers, body).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or_default() }
    }

    pub fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.raw(method, path, &self.headers(), body)
    }

    /// Calls what must succeed.
    pub fn get(&self, path: &str) -> Value {
        self.call("GET", path, "").fine()
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, &body.to_string()).fine()
    }

    /// Opens a stream of events and reads its head, so that it has begun when this returns.
    pub fn events(&self, query: &str) -> Events {
        let stream = self.open("GET", &format!("/control/events{query}"), &self.headers(), "");
        let mut lines = BufReader::new(stream);
        let mut head = String::new();
        while !head.contains("data: {\"log\":") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        Events(lines)
    }
}

impl Answer {
    pub fn fine(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Expects a problem with this status, and returns its detail.
    pub fn refused(self, status: u16) -> String {
        assert_eq!((self.status, &self.body["status"]), (status, &status.into()), "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

/// A stream of events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// Returns the name and the data of the next event.
    pub fn next(&mut self) -> (String, Value) {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
            if let Some(text) = line.strip_prefix("event: ") {
                name = text.trim_end().to_owned();
            } else if let Some(text) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(text).unwrap());
            }
        }
    }
}
