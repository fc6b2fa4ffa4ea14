//! A TCP proxy that can cut, refuse, and swallow.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The proxy; its threads end with it.
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    lines: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    /// New connections are closed at once.
    refuse: AtomicBool,
    /// What the broker says is thrown away.
    swallow: AtomicBool,
    stopped: AtomicBool,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target,
            lines: Mutex::default(),
            connections: AtomicUsize::new(0),
            refuse: AtomicBool::new(false),
            swallow: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(client) = client {
                    accepting.join(client);
                }
            }
        });
        Proxy { addr, shared }
    }

    pub fn endpoint(&self) -> String {
        format!("mqtt://{}", self.addr)
    }

    /// Cuts every connection that stands.
    pub fn cut(&self) {
        for line in self.shared.lines.lock().expect("lines").drain(..) {
            let _ = line.shutdown(Shutdown::Both);
        }
    }

    /// Whether new connections are closed at once.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refuse.store(refuse, Ordering::SeqCst);
    }

    /// Whether what the broker says is thrown away.
    pub fn swallow(&self, swallow: bool) {
        self.shared.swallow.store(swallow, Ordering::SeqCst);
    }

    /// How many connections were made so far, refused ones included.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(self.addr);
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        if self.refuse.load(Ordering::SeqCst) {
            return;
        }
        let Ok(broker) = TcpStream::connect(self.target) else { return };
        let _ = (client.set_nodelay(true), broker.set_nodelay(true));
        let (Ok(client_too), Ok(broker_too)) = (client.try_clone(), broker.try_clone()) else { return };
        if let (Ok(one), Ok(other)) = (client.try_clone(), broker.try_clone()) {
            self.lines.lock().expect("lines").extend([one, other]);
        }
        let shared = Arc::clone(self);
        thread::spawn(move || pump(client, broker, || false));
        thread::spawn(move || pump(broker_too, client_too, || shared.swallow.load(Ordering::SeqCst)));
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, swallow: impl Fn() -> bool) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !swallow() && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
