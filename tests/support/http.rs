//! A tiny HTTP server that follows a script: one answer for each request, in order, and a record of what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::certificate;

/// What is done with one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// These bytes, then the connection is closed.
    Bytes(Vec<u8>),
    /// A whole answer; the connection is kept for the next request.
    Kept(Vec<u8>),
    /// No answer; the connection stays open until the server is dropped.
    Silence,
    /// The connection is closed before anything is read.
    Close,
}

/// An answer with this status and body.
pub fn answer(status: u16, body: &str) -> Step {
    answer_with(status, "", body)
}

/// As [`answer`], with more header lines, each with its line end.
pub fn answer_with(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Bytes(
        format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}")
            .into_bytes(),
    )
}

/// As [`answer`], and the connection is kept.
pub fn kept(status: u16, body: &str) -> Step {
    Step::Kept(format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub query: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The number of its connection.
    pub connection: usize,
}

impl Request {
    /// The operation, whichever way it is signed.
    pub fn action(&self) -> &str {
        self.query.get("Action").or_else(|| self.headers.get("x-acs-action")).expect("an operation")
    }

    pub fn nonce(&self) -> &str {
        let header = || self.headers.get("x-acs-signature-nonce");
        self.query.get("SignatureNonce").or_else(header).expect("a nonce")
    }
}

/// The server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    tls: bool,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    steps: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<Request>>,
    /// What was left without an answer.
    silent: Mutex<Vec<TcpStream>>,
    leaving: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Listens on a port of this machine.
    pub fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        Server::run(steps, None)
    }

    /// As [`start`](Server::start), with TLS: a certificate for `localhost` and `api.test`. The second value is its CA,
    /// PEM.
    pub fn start_tls(steps: impl IntoIterator<Item = Step>) -> (Self, String) {
        let (config, pem) = certificate::for_names(&["localhost", "api.test"]);
        (Server::run(steps, Some(config)), pem)
    }

    fn run(steps: impl IntoIterator<Item = Step>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            steps: Mutex::new(steps.into_iter().collect()),
            requests: Mutex::default(),
            silent: Mutex::default(),
            leaving: AtomicBool::new(false),
        });
        let (is_tls, theirs) = (tls.is_some(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if theirs.leaving.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (tls, shared) = (tls.clone(), Arc::clone(&theirs));
                // A connection may outlive its client's interest; nobody waits for its thread.
                std::thread::spawn(move || shared.serve(stream, tls, number));
            }
        });
        Server { address, tls: is_tls, shared, thread: Some(thread) }
    }

    /// The URL; with `localhost`, which the certificate is for.
    pub fn url(&self) -> String {
        format!("{}://localhost:{}", if self.tls { "https" } else { "http" }, self.address.port())
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many answers are left in the script.
    pub fn left(&self) -> usize {
        lock(&self.shared.steps).len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.leaving.store(true, Ordering::SeqCst);
        lock(&self.shared.silent).clear();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Faults of a connection are the client's to report.
    fn serve(&self, stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, number: usize) {
        if matches!(lock(&self.steps).front(), Some(Step::Close)) {
            lock(&self.steps).pop_front();
            return;
        }
        let Ok(raw) = stream.try_clone() else { return };
        match tls {
            None => self.talk(stream, &raw, number),
            Some(config) => {
                let connection = rustls::ServerConnection::new(config).expect("a TLS server");
                self.talk(rustls::StreamOwned::new(connection, stream), &raw, number);
            }
        }
    }

    fn talk(&self, mut stream: impl Read + Write, raw: &TcpStream, number: usize) {
        while let Some(request) = read_request(&mut stream, number) {
            lock(&self.requests).push(request);
            let step = lock(&self.steps).pop_front();
            match step {
                Some(Step::Kept(bytes)) => {
                    if stream.write_all(&bytes).and_then(|()| stream.flush()).is_err() {
                        return;
                    }
                }
                Some(Step::Bytes(bytes)) => {
                    let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
                    return;
                }
                Some(Step::Silence) => {
                    lock(&self.silent).extend(raw.try_clone());
                    return;
                }
                Some(Step::Close) => return,
                None => {
                    let _ = stream.write_all(b"HTTP/1.1 418 Script at its end\r\nContent-Length: 0\r\n\r\n");
                    return;
                }
            }
        }
    }
}

fn read_request(stream: &mut impl Read, connection: usize) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_string(), first.next()?.to_string());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let query = fields(target.split_once('?').map_or("", |(_, query)| query));
    let form = fields(&String::from_utf8(body).ok()?);
    Some(Request { method, query, form, headers, connection })
}

fn fields(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("text")
}
