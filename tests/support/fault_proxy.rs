//! A TCP proxy with faults to order: it cuts, loses, delays, splits, holds back, refuses, and stays silent.
//!
//! What stands is changed at once; what is ordered of "new" connections leaves those that stand alone. `schedule`
//! orders faults at random.

mod line;
mod packets;
pub mod schedule;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use line::Line;

use super::matrix::{self, Transport};

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the broker.
    Up = 0,
    /// From the broker to the client.
    Down = 1,
}

/// The proxy; its threads end with it.
///
/// What it passes on are bytes, of whatever transport. Only what it holds back needs packets: where it cannot see any,
/// because they are in TLS or WebSocket frames, it holds everything the broker says.
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    faults: Mutex<Faults>,
    lines: Mutex<Vec<Arc<Line>>>,
    connections: AtomicUsize,
    cuts: AtomicUsize,
    /// Bytes that went through, both ways.
    passed: AtomicU64,
    stopped: AtomicBool,
    /// MQTT packets can be seen.
    plain: bool,
}

/// What is wrong at the moment.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    refuse: bool,
    mute: bool,
    hold: bool,
    split: bool,
    delay: Duration,
    /// Bytes a second.
    rate: Option<u64>,
    swallow: [bool; 2],
    end: [Option<Ending>; 2],
}

/// So many bytes go through, the next are lost, then the line is cut.
#[derive(Debug, Clone, Copy)]
struct Ending {
    pass: usize,
    lose: usize,
}

impl Proxy {
    /// In front of a broker that takes the tests' transport there.
    pub fn start(target: SocketAddr) -> Proxy {
        Proxy::over(matrix::transport(), target)
    }

    /// In front of a broker that takes this transport.
    pub fn over(transport: Transport, target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            faults: Mutex::default(),
            lines: Mutex::default(),
            connections: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
            passed: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            plain: transport == Transport::Tcp,
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

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// For a client that is to go through it, over the tests' transport.
    pub fn endpoint(&self) -> String {
        matrix::endpoint(self.addr)
    }

    /// Cuts every connection that stands.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Lets so many more bytes of this direction through, loses the next, and then cuts: what was written last never
    /// arrives, and what arrives may end within a packet.
    pub fn cut_after(&self, way: Way, pass: usize, lose: usize) {
        if pass + lose == 0 {
            return self.cut();
        }
        self.shared.faults().end[way as usize] = Some(Ending { pass, lose });
    }

    /// Closes new connections at once, or no longer.
    pub fn refuse(&self, refuse: bool) {
        self.shared.faults().refuse = refuse;
    }

    /// Takes new connections without ever answering them, or no longer.
    pub fn mute(&self, mute: bool) {
        self.shared.faults().mute = mute;
    }

    /// Throws away what the broker says, or no longer.
    pub fn swallow(&self, swallow: bool) {
        self.swallow_way(Way::Down, swallow);
    }

    /// Throws away what goes in this direction, or no longer.
    pub fn swallow_way(&self, way: Way, swallow: bool) {
        self.shared.faults().swallow[way as usize] = swallow;
    }

    /// Keeps back the broker's PUBACK, PUBREC, PUBCOMP and SUBACK packets while others pass, or everything it says
    /// where packets cannot be seen. What is held follows, in its order, when this ends.
    pub fn hold_acks(&self, hold: bool) {
        self.shared.faults().hold = hold;
    }

    /// Keeps each byte under way for this long, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.faults().delay = delay;
    }

    /// Lets this many bytes pass in a second, in each direction.
    pub fn throttle(&self, rate: Option<u64>) {
        self.shared.faults().rate = rate;
    }

    /// Sends each byte in a segment of its own, or no longer.
    pub fn split(&self, split: bool) {
        self.shared.faults().split = split;
    }

    /// Ends all faults; connections that stand go on.
    pub fn calm(&self) {
        *self.shared.faults() = Faults::default();
    }

    /// Cuts every connection and ends all faults, in one step: no connection sees the one without the other.
    pub fn heal(&self) {
        let mut lines = self.shared.lines.lock().expect("lines");
        self.shared.close(&mut lines);
        self.calm();
    }

    /// Where connections go from now on.
    pub fn retarget(&self, target: SocketAddr) {
        *self.shared.target.lock().expect("a target") = target;
    }

    /// The number of connections made so far, refused ones included.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The number of connections cut.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::SeqCst)
    }

    /// The number of bytes that have gone through, both ways.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
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
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("faults")
    }

    fn cut(&self) {
        // Orders for the end of a connection end with it.
        self.faults().end = [None; 2];
        self.close(&mut self.lines.lock().expect("lines"));
    }

    fn close(&self, lines: &mut Vec<Arc<Line>>) {
        let closed = lines.drain(..).filter(|line| line.close()).count();
        self.cuts.fetch_add(closed, Ordering::SeqCst);
    }

    fn join(self: &Arc<Self>, client: TcpStream) {
        let mut lines = self.lines.lock().expect("lines");
        self.connections.fetch_add(1, Ordering::SeqCst);
        let Faults { refuse, mute, .. } = *self.faults();
        if refuse {
            return;
        }
        lines.retain(|line| line.stands());
        if mute {
            lines.push(Arc::new(Line::new(vec![client])));
            return;
        }
        let target = *self.target.lock().expect("a target");
        let Ok(broker) = TcpStream::connect(target) else { return };
        let _ = (client.set_nodelay(true), broker.set_nodelay(true));
        lines.extend(line::start(self, client, broker));
    }

    /// The number of these bytes that go through now; true if the line is cut then.
    fn claim(&self, way: Way, length: usize) -> (usize, bool) {
        let mut faults = self.faults();
        let swallowed = faults.swallow[way as usize];
        let Some(end) = &mut faults.end[way as usize] else { return (if swallowed { 0 } else { length }, false) };
        let pass = end.pass.min(length);
        end.pass -= pass;
        end.lose -= end.lose.min(length - pass);
        (if swallowed { 0 } else { pass }, end.pass + end.lose == 0)
    }
}
