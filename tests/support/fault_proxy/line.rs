//! One connection through the proxy: a reader and a writer for each direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::packets::Packets;
use super::{Shared, Way};

/// How often a line looks whether something has changed, while it waits.
const LOOK: Duration = Duration::from_millis(2);

/// Chunks under way in one direction, at most.
const UNDER_WAY: usize = 64;

pub(super) struct Line {
    ends: Vec<TcpStream>,
    closed: AtomicBool,
}

impl Line {
    pub(super) fn new(ends: Vec<TcpStream>) -> Line {
        Line { ends, closed: AtomicBool::new(false) }
    }

    /// Returns whether it stood.
    pub(super) fn close(&self) -> bool {
        let stood = !self.closed.swap(true, Ordering::SeqCst);
        for end in &self.ends {
            let _ = end.shutdown(Shutdown::Both);
        }
        stood
    }

    pub(super) fn stands(&self) -> bool {
        !self.closed.load(Ordering::SeqCst)
    }
}

/// Bytes, and when they arrive.
type Chunk = (Instant, Vec<u8>);

/// Connects the two; `None` when the system has no descriptor left.
pub(super) fn start(shared: &Arc<Shared>, client: TcpStream, broker: TcpStream) -> Option<Arc<Line>> {
    let copy = |end: &TcpStream| end.try_clone().ok();
    let line = Arc::new(Line::new(vec![copy(&client)?, copy(&broker)?]));
    for (way, from, to) in [(Way::Up, copy(&client)?, copy(&broker)?), (Way::Down, broker, client)] {
        let (sender, receiver) = sync_channel(UNDER_WAY);
        let faults = Arc::downgrade(shared);
        thread::spawn(move || read(&faults, from, &sender));
        let packets = if shared.plain { Packets::default() } else { Packets::unseen() };
        let mut writer = Writer { shared: Arc::clone(shared), line: Arc::clone(&line), way, to, packets };
        thread::spawn(move || {
            let _ = writer.run(&receiver);
            writer.line.close();
        });
    }
    Some(line)
}

fn read(shared: &Weak<Shared>, mut from: TcpStream, to: &SyncSender<Chunk>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let Some(shared) = shared.upgrade() else { return };
        let due = Instant::now() + shared.faults().delay;
        drop(shared);
        if to.send((due, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

struct Writer {
    shared: Arc<Shared>,
    line: Arc<Line>,
    way: Way,
    to: TcpStream,
    packets: Packets,
}

impl Writer {
    /// Ends when the other side has, or when the line is cut.
    fn run(&mut self, chunks: &Receiver<Chunk>) -> io::Result<()> {
        let mut held = Vec::new();
        // The packet that is being passed on, or held, is not at its end.
        let (mut within, mut holding) = (false, false);
        loop {
            let chunk = if held.is_empty() {
                chunks.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                chunks.recv_timeout(LOOK)
            };
            if !held.is_empty() && !self.shared.faults().hold && (holding || !within) {
                self.pass(&std::mem::take(&mut held))?;
                holding = false;
            }
            let (due, bytes) = match chunk {
                Ok(chunk) => chunk,
                Err(RecvTimeoutError::Timeout) if self.line.stands() => continue,
                Err(_) => return Ok(()),
            };
            self.wait_until(due)?;
            let (passing, cut) = self.shared.claim(self.way, bytes.len());
            let mut rest = &bytes[..passing];
            if self.way == Way::Up {
                self.pass(rest)?;
                rest = &[];
            }
            // Runs of packets that pass are written at once.
            let mut run = Vec::new();
            while let Some(part) = self.packets.next(rest) {
                if let Some(kind) = part.begins {
                    let hold = self.shared.faults().hold;
                    if !hold {
                        // Acknowledgements keep their order.
                        run.append(&mut held);
                    }
                    holding = hold && matches!(kind, 4 | 5 | 7 | 9);
                }
                within = !part.ends;
                let (this, next) = rest.split_at(part.length);
                if holding {
                    held.extend_from_slice(this);
                } else {
                    run.extend_from_slice(this);
                }
                rest = next;
            }
            self.pass(&run)?;
            if cut {
                self.shared.cut();
                return Ok(());
            }
        }
    }

    fn pass(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let faults = *self.shared.faults();
            let size = match faults.rate {
                _ if faults.split => 1,
                Some(rate) => usize::try_from(rate / 100).unwrap_or(usize::MAX).max(1),
                None => rest.len(),
            };
            let (piece, next) = rest.split_at(size.min(rest.len()));
            (&self.to).write_all(piece)?;
            self.shared.passed.fetch_add(piece.len() as u64, Ordering::SeqCst);
            rest = next;
            if let Some(rate) = faults.rate {
                let time = Duration::from_secs_f64(piece.len() as f64 / rate as f64);
                self.wait_until(Instant::now() + time)?;
            }
        }
        Ok(())
    }

    /// Waits, but not for a line that is cut.
    fn wait_until(&self, until: Instant) -> io::Result<()> {
        loop {
            if !self.line.stands() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left.min(LOOK));
        }
    }
}
