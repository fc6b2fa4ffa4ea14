//! An HTTP proxy that makes tunnels (CONNECT), or refuses in whatever way a test orders, and records what it was asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What becomes of new requests.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A tunnel; 407 without the right login, 502 where the target cannot be reached.
    Tunnel,
    /// This status.
    Refuse(u16),
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// The end, without a word.
    Close,
    /// Nothing, and no end.
    Silence,
    /// These bytes again and again, for as long as they are taken.
    Endless(&'static [u8]),
    /// One letter after the other, and never the end of a line.
    Drip,
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// `host:port`.
    pub target: String,
    /// What the login says in clear text, `user:password`.
    pub login: Option<String>,
}

/// The proxy; it ends with its connections when it is dropped.
pub struct HttpProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    login: Mutex<Option<String>>,
    names: Mutex<HashMap<String, SocketAddr>>,
    asked: Mutex<Vec<Tunnel>>,
    streams: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

impl HttpProxy {
    pub fn start() -> HttpProxy {
        HttpProxy::at("127.0.0.1:0")
    }

    pub fn at(addr: &str) -> HttpProxy {
        let listener = TcpListener::bind(addr).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Tunnel),
            login: Mutex::default(),
            names: Mutex::default(),
            asked: Mutex::default(),
            streams: Mutex::default(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                accepting.keep(&stream);
                let serving = Arc::clone(&accepting);
                thread::spawn(move || serving.serve(stream));
            }
        });
        HttpProxy { addr, shared }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What becomes of requests from now on.
    pub fn answer(&self, answer: Answer) {
        *lock(&self.shared.answer) = answer;
    }

    /// Wants this login from now on.
    pub fn want_login(&self, user: &str, password: &str) {
        *lock(&self.shared.login) = Some(format!("{user}:{password}"));
    }

    /// Knows this `host:port`, which nobody else does.
    pub fn know(&self, target: &str, addr: SocketAddr) {
        lock(&self.shared.names).insert(target.to_string(), addr);
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Tunnel> {
        lock(&self.shared.asked).clone()
    }

    /// Only the targets of it.
    pub fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for stream in lock(&self.shared.streams).drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.addr);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn keep(&self, stream: &TcpStream) {
        lock(&self.streams).extend(stream.try_clone());
    }

    /// Faults of a connection are the client's to report.
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let answer = lock(&self.answer).clone();
        // All of it is read before the connection is closed, or that would be a reset.
        let Some(asked) = read_request(&mut stream) else { return };
        lock(&self.asked).push(asked.clone());
        let end = |mut stream: &TcpStream, bytes: &[u8]| {
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Both);
        };
        match answer {
            Answer::Tunnel => match self.open(&asked) {
                Ok(server) => {
                    self.keep(&server);
                    if stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").is_ok() {
                        splice(stream, server);
                    }
                }
                Err(status) => end(&stream, &head(status)),
            },
            Answer::Refuse(status) => end(&stream, &head(status)),
            Answer::Bytes(bytes) => end(&stream, &bytes),
            Answer::Close => end(&stream, b""),
            // It is kept until the cut.
            Answer::Silence => {}
            Answer::Endless(bytes) => while stream.write_all(bytes).is_ok() {},
            Answer::Drip => {
                while stream.write_all(b"x").is_ok() {
                    thread::park_timeout(Duration::from_millis(5));
                }
            }
        }
    }

    fn open(&self, asked: &Tunnel) -> Result<TcpStream, u16> {
        let wanted = lock(&self.login).clone();
        if wanted.is_some() && wanted != asked.login {
            return Err(407);
        }
        let known = lock(&self.names).get(&asked.target).copied();
        let server =
            known.map_or_else(|| TcpStream::connect(&asked.target), TcpStream::connect).map_err(|_| 502_u16)?;
        let _ = server.set_nodelay(true);
        Ok(server)
    }
}

fn head(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} Status\r\nProxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

fn read_request(stream: &mut TcpStream) -> Option<Tunnel> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.lines().next()?.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1")?.to_string();
    let value = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
    let login = value.map(|value| String::from_utf8(BASE64_STANDARD.decode(value).expect("base64")).expect("text"));
    Some(Tunnel { target, login })
}

/// Passes on what comes on either side, until both have ended.
fn splice(client: TcpStream, server: TcpStream) {
    let (Ok(up), Ok(down)) = (client.try_clone(), server.try_clone()) else { return };
    thread::spawn(move || copy(up, down));
    copy(server, client);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}
