//! The scripted server: a small good broker, which at one place plays one kind of hostile output, and is good again.
//!
//! It acknowledges what comes, grants every filter, and answers pings. Besides, some topics make it do something:
//! [`ECHO`], [`FLOOD`] and [`CUT`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aliyun_mqtt_emulator::Transport;

use super::Scenario;
use super::kind::{Layer, Scene, Step, Then, play};
use super::link::Link;
use super::place::Place;
use crate::support::broker::{Kind, Packet, connack_at, publish_at, suback_at};
use crate::support::random::Random;

/// A message to it comes back, at QoS 1.
pub const ECHO: &str = "t/echo";

/// A message to it is followed by [`FLOOD_OF`] others to the client.
pub const FLOOD: &str = "t/flood";

/// A message to it ends the connection without an acknowledgement, once.
pub const CUT: &str = "t/cut";

pub const FLOOD_OF: u16 = 200;

pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    scenario: Scenario,
    tls: Arc<rustls::ServerConfig>,
    over: Arc<AtomicBool>,
    /// What the client says it takes.
    limit: usize,
    /// How often the act is still to be played.
    left: Mutex<usize>,
    /// How often it has been.
    played: Mutex<usize>,
    changed: Condvar,
    /// The connection was cut on purpose: the next is the one that resumes the session.
    cut: AtomicBool,
    random: Mutex<Random>,
}

impl Server {
    pub fn start(scenario: Scenario, tls: &Arc<rustls::ServerConfig>, limit: usize) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            tls: Arc::clone(tls),
            over: Arc::default(),
            limit,
            left: Mutex::new(scenario.times()),
            played: Mutex::default(),
            changed: Condvar::new(),
            cut: AtomicBool::new(false),
            random: Mutex::new(Random::new(scenario.seed)),
            scenario,
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if theirs.over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&theirs);
                threads.push(std::thread::spawn(move || {
                    // An end of the connection, whoever makes it, is no fault of this side.
                    let _ = shared.serve(stream);
                }));
            }
            for thread in threads {
                let _ = thread.join();
            }
        });
        Server { addr, shared, thread: Some(thread) }
    }

    /// Where the client is to go. The certificate is for `localhost`.
    pub fn endpoint(&self) -> String {
        let port = self.addr.port();
        match self.shared.scenario.transport {
            Transport::Tcp => format!("mqtt://127.0.0.1:{port}"),
            Transport::Tls => format!("mqtts://localhost:{port}"),
            Transport::Ws => format!("ws://127.0.0.1:{port}/mqtt"),
            Transport::Wss => format!("wss://localhost:{port}/mqtt"),
        }
    }

    /// The act has begun, or has been.
    pub fn begun(&self) -> bool {
        *lock(&self.shared.left) < self.shared.scenario.times()
    }

    /// Waits until the act has been played for the first time.
    pub fn wait_played(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut played = lock(&self.shared.played);
        while *played == 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            played = self.shared.changed.wait_timeout(played, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn serve(&self, tcp: TcpStream) -> io::Result<()> {
        let mut link = Link::bare(tcp, &self.over)?;
        let layer = self.scenario.kind().layer;
        if layer == Layer::Hello && self.is_due_in_handshake() {
            return self.instead_of_handshake(link, "");
        }
        let transport = self.scenario.transport;
        if matches!(transport, Transport::Tls | Transport::Wss) {
            link = link.tls(&self.tls);
        }
        if matches!(transport, Transport::Ws | Transport::Wss) {
            let Some(accept) = link.read_upgrade() else { return Ok(()) };
            if layer == Layer::Upgrade && self.is_due_in_handshake() {
                return self.instead_of_handshake(link, &accept);
            }
            link.agree(&accept)?;
        }
        self.talk(link)
    }

    /// The transport's own handshake of this connection is where the act belongs.
    fn is_due_in_handshake(&self) -> bool {
        let here = match self.scenario.place {
            Place::InsteadOfConnAck => true,
            Place::OnResumedSession => self.cut.load(Ordering::SeqCst),
            _ => false,
        };
        here && self.take_act()
    }

    fn instead_of_handshake(&self, link: Link, accept: &str) -> io::Result<()> {
        let steps = self.steps(0, 4, accept);
        let result = play(link, &steps);
        self.note_played();
        if let Ok(Then::GoesOn(mut link)) = result {
            link.ignore();
        }
        Ok(())
    }

    /// A connection that speaks MQTT.
    fn talk(&self, mut link: Link) -> io::Result<()> {
        let Some(connect) = link.read().filter(|packet| packet.kind() == Kind::Connect) else { return Ok(()) };
        let resumes = self.cut.load(Ordering::SeqCst) && connect.body()[7] & 2 == 0;
        let place = self.scenario.place;
        let connack = connack_at(link.level, resumes, 0);
        let (here, instead) = match place {
            Place::InsteadOfConnAck => (true, true),
            Place::WithConnAck => (true, false),
            Place::OnResumedSession => (self.cut.load(Ordering::SeqCst), self.scenario.seed & 4 == 0),
            _ => (false, false),
        };
        let act = here && self.take_act();
        if !(act && instead) {
            link.hold(&connack);
        }
        if act {
            let Some(gone_on) = self.act(link, 0)? else { return Ok(()) };
            link = gone_on;
        }
        link.write(&[])?;
        while let Some(packet) = link.read() {
            if packet.kind() == Kind::Publish && packet.topic() == CUT && !self.cut.swap(true, Ordering::SeqCst) {
                link.close();
                return Ok(());
            }
            if self.is_due(&packet) && self.take_act() {
                let id = match &packet {
                    Packet::Publish(message) => message.id,
                    Packet::PubRel(id) | Packet::Subscribe { id, .. } | Packet::Unsubscribe { id, .. } => *id,
                    _ => 0,
                };
                if place == Place::WithinFlood {
                    self.flood(&mut link, 0)?;
                }
                let Some(gone_on) = self.act(link, id)? else { return Ok(()) };
                link = gone_on;
            }
            if packet.kind() == Kind::Disconnect {
                link.close();
                return Ok(());
            }
            self.answer(&mut link, &packet)?;
        }
        Ok(())
    }

    /// Whether this packet is what the act comes in place of, or before.
    fn is_due(&self, packet: &Packet) -> bool {
        match self.scenario.place {
            Place::InsteadOfConnAck | Place::WithConnAck | Place::OnResumedSession => false,
            Place::BeforeSubAck => packet.kind() == Kind::Subscribe,
            Place::BeforePubAck => packet.kind() == Kind::Publish && packet.qos() == 1,
            Place::BeforePubComp => packet.kind() == Kind::PubRel,
            Place::BeforePingResp => packet.kind() == Kind::PingReq,
            Place::WithinFlood => packet.kind() == Kind::Publish && packet.topic() == FLOOD,
            Place::AtGoodbye if self.scenario.seed % 2 == 0 => packet.kind() == Kind::Disconnect,
            Place::AtGoodbye => packet.kind() == Kind::Publish && packet.topic() == BYE,
        }
    }

    fn take_act(&self) -> bool {
        let mut left = lock(&self.left);
        let due = *left > 0;
        *left -= usize::from(due);
        due
    }

    fn note_played(&self) {
        *lock(&self.played) += 1;
        self.changed.notify_all();
    }

    fn steps(&self, id: u16, level: u8, accept: &str) -> Vec<Step> {
        let mut random = lock(&self.random).fork();
        let mut scene = Scene { level, id: id.max(1), limit: self.limit, accept, random: &mut random };
        self.scenario.kind().steps(&mut scene)
    }

    /// Plays the act; `None` when it was the end of the connection.
    fn act(&self, link: Link, id: u16) -> io::Result<Option<Link>> {
        let mut steps = self.steps(id, link.level, "");
        // In one segment with the answer that follows, or in one of its own.
        let held = match steps.pop() {
            Some(Step::Mqtt(bytes)) if self.scenario.seed & 2 == 0 => bytes,
            last => {
                steps.extend(last);
                Vec::new()
            }
        };
        let result = play(link, &steps).map(|then| match then {
            Then::GoesOn(mut link) => {
                link.hold(&held);
                Then::GoesOn(link)
            }
            Then::Over => Then::Over,
        });
        self.note_played();
        Ok(match result? {
            Then::GoesOn(link) => Some(link),
            Then::Over => None,
        })
    }

    fn flood(&self, link: &mut Link, half: u16) -> io::Result<()> {
        let mut bytes = Vec::new();
        for number in 0..FLOOD_OF / 2 {
            let id = 1_000 + half * FLOOD_OF + number;
            bytes.extend(publish_at(link.level, "t/flooded", (number % 2) as u8, id, false, &[], b"one of many"));
        }
        link.write(&bytes)
    }

    /// What a good broker answers, and what the topics above mean.
    fn answer(&self, link: &mut Link, packet: &Packet) -> io::Result<()> {
        let level = link.level;
        match packet {
            Packet::Publish(message) => {
                match message.qos {
                    0 => {}
                    1 => link.write(&Packet::PubAck(message.id).encode(level))?,
                    _ => link.write(&Packet::PubRec(message.id).encode(level))?,
                }
                match message.topic.as_str() {
                    ECHO => {
                        let id = 30_000 + message.id;
                        link.write(&publish_at(level, ECHO, 1, id, false, &[], &message.payload))
                    }
                    FLOOD => self.flood(link, 1),
                    _ => Ok(()),
                }
            }
            Packet::PubRel(id) => link.write(&Packet::PubComp(*id).encode(level)),
            Packet::Subscribe { id, filters, .. } => link.write(&suback_at(level, *id, &vec![1; filters.len()])),
            Packet::Unsubscribe { id, .. } => link.write(&Packet::UnsubAck(*id).encode(level)),
            Packet::PingReq => link.write(&Packet::PingResp.encode(level)),
            _ => Ok(()),
        }
    }
}

/// The last message before a goodbye.
pub const BYE: &str = "t/bye";
