//! One connection, seen from a server, over each transport: MQTT packets in and out, and a way beneath each layer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use crate::support::broker::Packet;

/// How often a read looks up to see whether the scenario is over.
const LOOK: Duration = Duration::from_millis(500);

/// How long a peer may be silent, or take nothing, before its connection is given up.
const IDLE: Duration = Duration::from_secs(60);

enum Io {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
}

impl Io {
    fn tcp(&self) -> &TcpStream {
        match self {
            Io::Plain(stream) => stream,
            Io::Tls(stream) => &stream.sock,
        }
    }
}

pub struct Link {
    io: Io,
    /// Inside WebSocket messages.
    framed: bool,
    /// What was read and not taken: of the socket, and of the WebSocket messages in it.
    bytes: Vec<u8>,
    mqtt: Vec<u8>,
    /// Goes out together with what is written next.
    held: Vec<u8>,
    pub level: u8,
    over: Arc<AtomicBool>,
}

impl Link {
    /// The socket as it is.
    pub fn bare(tcp: TcpStream, over: &Arc<AtomicBool>) -> io::Result<Link> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(LOOK))?;
        tcp.set_write_timeout(Some(Duration::from_secs(5)))?;
        let (bytes, mqtt, held) = Default::default();
        Ok(Link { io: Io::Plain(tcp), framed: false, bytes, mqtt, held, level: 4, over: Arc::clone(over) })
    }

    /// Puts TLS on it. The handshake happens with the first read.
    pub fn tls(self, config: &Arc<rustls::ServerConfig>) -> Link {
        let Io::Plain(tcp) = self.io else { panic!("TLS within TLS") };
        let connection = rustls::ServerConnection::new(Arc::clone(config)).expect("a TLS server");
        Link { io: Io::Tls(Box::new(rustls::StreamOwned::new(connection, tcp))), ..self }
    }

    /// Reads the request for a WebSocket; gives what answers its key.
    pub fn read_upgrade(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().ok()?;
        };
        let head: Vec<u8> = self.bytes.drain(..end).collect();
        let head = String::from_utf8(head).ok()?;
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("Sec-WebSocket-Key").then_some(value.trim())
        })?;
        Some(BASE64_STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))))
    }

    /// Agrees to the WebSocket: from here on packets are in messages.
    pub fn agree(&mut self, accept: &str) -> io::Result<()> {
        self.write_inside(upgrade_answer(accept).as_bytes())?;
        self.framed = true;
        Ok(())
    }

    /// The next packet; `None` when the client has gone, or said what is none.
    pub fn read(&mut self) -> Option<Packet> {
        loop {
            if let Some((packet, length)) = self.whole_packet() {
                self.mqtt.drain(..length);
                return Some(packet);
            }
            self.fill().ok()?;
            if !self.framed {
                self.mqtt.append(&mut self.bytes);
            } else if !self.unframe() {
                return None;
            }
        }
    }

    fn whole_packet(&mut self) -> Option<(Packet, usize)> {
        let first = *self.mqtt.first()?;
        let (mut length, mut at) = (0, 1);
        loop {
            let byte = *self.mqtt.get(at)?;
            length |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = self.mqtt.get(at..at + length)?.to_vec();
        if first >> 4 == 1 {
            // Behind the protocol's name.
            self.level = body[6];
        }
        Some((Packet::decode(first, body, self.level), at + length))
    }

    /// Takes whole frames out of the bytes; `false` at a close.
    fn unframe(&mut self) -> bool {
        while let [first, second, rest @ ..] = &self.bytes[..] {
            let (length, head) = match (second & 0x7f, rest) {
                (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 4),
                (127, [a, b, c, d, e, f, g, h, ..]) => {
                    (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize, 10)
                }
                (126 | 127, _) => return true,
                (short, _) => (usize::from(short), 2),
            };
            let end = head + 4 + length;
            if self.bytes.len() < end {
                return true;
            }
            let (kind, mask) = (first & 0x0f, &self.bytes[head..head + 4]);
            if kind == 8 {
                return false;
            }
            if kind < 3 {
                let data = self.bytes[head + 4..end].iter().enumerate();
                self.mqtt.extend(data.map(|(at, byte)| byte ^ mask[at % 4]));
            }
            self.bytes.drain(..end);
        }
        true
    }

    /// Reads something; an error is the end.
    fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4096];
        let since = Instant::now();
        loop {
            let read = match &mut self.io {
                Io::Plain(stream) => stream.read(&mut chunk),
                Io::Tls(stream) => stream.read(&mut chunk),
            };
            match read {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.bytes.extend_from_slice(&chunk[..read]);
                    return Ok(());
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.is_over() || since.elapsed() > IDLE {
                        return Err(error);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Reads until the client has gone.
    pub fn ignore(&mut self) {
        while self.fill().is_ok() {
            self.bytes.clear();
        }
    }

    /// Keeps these packets for the next write, so that both are in one segment.
    pub fn hold(&mut self, mqtt: &[u8]) {
        self.held.extend_from_slice(mqtt);
    }

    /// Packets, or what is meant to look so.
    pub fn write(&mut self, mqtt: &[u8]) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(mqtt);
        match () {
            () if bytes.is_empty() => Ok(()),
            () if self.framed => self.write_inside(&frame(0x82, &bytes)),
            () => self.write_inside(&bytes),
        }
    }

    /// Bytes within TLS, but beneath WebSocket.
    pub fn write_inside(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.io {
            Io::Plain(stream) => stream.write_all(bytes),
            Io::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Bytes on the socket itself.
    pub fn write_beneath(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.tcp().write_all(bytes)
    }

    /// Ends the connection as a good server does.
    pub fn close(mut self) {
        let _ = self.write(&[]);
        if let Io::Tls(stream) = &mut self.io {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        self.half_close();
        // What the client still says is read, or the close would be a reset.
        self.ignore();
    }

    pub fn half_close(&self) {
        let _ = self.io.tcp().shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset. std cannot set this option yet.
    pub fn reset(self) {
        use std::os::fd::AsRawFd;
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: the pointer and the length are those of one structure.
        unsafe {
            let length = size_of::<libc::linger>() as libc::socklen_t;
            let socket = self.io.tcp().as_raw_fd();
            libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), length);
        }
    }
}

/// The answer that agrees to a WebSocket for MQTT.
pub fn upgrade_answer(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
}

/// An unmasked WebSocket frame.
pub fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match data.len() {
        short @ ..=125 => frame.push(short as u8),
        middle @ ..=0xffff => {
            frame.push(126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(data);
    frame
}
