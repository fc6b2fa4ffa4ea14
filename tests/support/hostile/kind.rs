//! What a kind of hostile output is: its name, where it can be played, and its steps.

use std::io;
use std::time::Duration;

use aliyun_mqtt_emulator::Transport;

use super::link::Link;
use super::place::Place;
use crate::support::broker::{self, packet, publish_at};
use crate::support::random::Random;

/// One thing that the server does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Packets, or what is meant to look so.
    Mqtt(Vec<u8>),
    /// The same, so many times; in pieces, so that not all is held.
    Flood(Vec<u8>, usize),
    /// Packets, byte by byte.
    Drip(Vec<u8>),
    /// Bytes within TLS, but beneath WebSocket, so many times.
    Inside(Vec<u8>, usize),
    /// Bytes on the socket itself.
    Beneath(Vec<u8>),
    Wait(Duration),
    /// Nothing more is said until the client goes.
    Silence,
    HalfClose,
    Close,
    Reset,
}

/// Of which layer an output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Packets, and what comes in their place: over each transport.
    Mqtt,
    /// WebSocket frames: over `ws` and `wss`.
    WebSocket,
    /// The answer to the request for a WebSocket: instead of it.
    Upgrade,
    /// TLS records: over `tls` and `wss`.
    Tls,
    /// The answer to a TLS ClientHello: instead of it.
    Hello,
}

/// What is known where it is played.
pub struct Scene<'a> {
    /// The protocol level: 4 or 5.
    pub level: u8,
    /// The packet id of what the client waits for; 1 where it waits for nothing that has one.
    pub id: u16,
    /// The largest packet that the client says it takes.
    pub limit: usize,
    /// What answers the client's key, of WebSocket.
    pub accept: &'a str,
    pub random: &'a mut Random,
}

impl Scene<'_> {
    /// A PUBLISH at QoS 0, with properties in MQTT 5.
    pub fn publish(&self, topic: &str, properties: &[u8]) -> Vec<u8> {
        publish_at(self.level, topic, 0, 0, false, properties, b"hostile")
    }

    pub fn ack(&self, kind: broker::Kind, id: u16) -> Vec<u8> {
        kind.of(id).encode(self.level)
    }

    /// The end of a body that has properties in MQTT 5: none.
    pub fn no_properties(&self) -> &'static [u8] {
        if self.level == 5 { &[0] } else { &[] }
    }
}

type Script = Box<dyn Fn(&mut Scene<'_>) -> Vec<Step> + Send + Sync>;

pub struct Kind {
    pub name: String,
    /// The protocol level, where it is of one only.
    pub level: Option<u8>,
    pub layer: Layer,
    /// Takes much memory: nothing else is played beside it.
    pub heavy: bool,
    /// Keeps the client waiting: for the rest of something, until its keep-alive notices, or until it has read it all.
    pub waits: bool,
    script: Script,
}

impl Kind {
    pub fn steps(&self, scene: &mut Scene<'_>) -> Vec<Step> {
        (self.script)(scene)
    }

    /// Whether it can be played so.
    pub fn fits(&self, level: u8, transport: Transport, place: Place) -> bool {
        let websocket = matches!(transport, Transport::Ws | Transport::Wss);
        let tls = matches!(transport, Transport::Tls | Transport::Wss);
        // Instead of the transport's own handshake: of the first connection, and of the one that resumes the session.
        let handshake = matches!(place, Place::InsteadOfConnAck | Place::OnResumedSession);
        let carried = match self.layer {
            Layer::Mqtt => true,
            Layer::WebSocket => websocket,
            Layer::Upgrade => websocket && handshake,
            Layer::Tls => tls,
            Layer::Hello => tls && handshake,
        };
        carried && self.level.is_none_or(|only| only == level)
    }
}

/// The kinds, as they are written down.
pub struct Table {
    pub kinds: Vec<Kind>,
    /// Of those that are added.
    level: Option<u8>,
    layer: Layer,
    heavy: bool,
    waits: bool,
}

impl Table {
    pub fn new() -> Table {
        Table { kinds: Vec::new(), level: None, layer: Layer::Mqtt, heavy: false, waits: false }
    }

    /// What is added in it is of this protocol level only.
    pub fn only(&mut self, level: u8, add: impl FnOnce(&mut Table)) {
        self.level = Some(level);
        add(self);
        self.level = None;
    }

    /// What is added in it is of this layer.
    pub fn of(&mut self, layer: Layer, add: impl FnOnce(&mut Table)) {
        self.layer = layer;
        add(self);
        self.layer = Layer::Mqtt;
    }

    /// What is added in it takes much memory.
    pub fn heavy(&mut self, add: impl FnOnce(&mut Table)) {
        self.heavy = true;
        add(self);
        self.heavy = false;
    }

    /// What is added in it keeps the client waiting.
    pub fn waits(&mut self, add: impl FnOnce(&mut Table)) {
        self.waits = true;
        add(self);
        self.waits = false;
    }

    /// A kind with steps of its own.
    pub fn steps(
        &mut self,
        name: impl Into<String>,
        script: impl Fn(&mut Scene<'_>) -> Vec<Step> + Send + Sync + 'static,
    ) {
        let name = match self.level {
            Some(4) => format!("v3/{}", name.into()),
            Some(level) => format!("v{level}/{}", name.into()),
            None => name.into(),
        };
        let Table { level, layer, heavy, waits, .. } = *self;
        self.kinds.push(Kind { name, level, layer, heavy, waits, script: Box::new(script) });
    }

    /// A kind that is bytes, which depend on where it is played.
    pub fn bytes(
        &mut self,
        name: impl Into<String>,
        bytes: impl Fn(&mut Scene<'_>) -> Vec<u8> + Send + Sync + 'static,
    ) {
        self.steps(name, move |scene| vec![Step::Mqtt(bytes(scene))]);
    }

    /// A kind that is the same bytes everywhere.
    pub fn fixed(&mut self, name: impl Into<String>, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.bytes(name, move |_| bytes.clone());
    }

    /// A kind that is one packet, the same everywhere.
    pub fn packet(&mut self, name: impl Into<String>, first: u8, body: &[u8]) {
        self.fixed(name, &packet(first, body));
    }
}

/// How the connection goes on.
pub enum Then {
    GoesOn(Link),
    Over,
}

/// Plays the steps; an error means that the client has gone, which is its right.
pub fn play(mut link: Link, steps: &[Step]) -> io::Result<Then> {
    for step in steps {
        // What was held goes out before what is no packet.
        match step {
            Step::Mqtt(bytes) => link.write(bytes)?,
            Step::Drip(bytes) => {
                link.write(&[])?;
                for byte in bytes {
                    link.write(&[*byte])?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Step::Flood(bytes, times) => {
                link.write(&[])?;
                pieces(bytes, *times, |piece| link.write(piece))?;
            }
            Step::Inside(bytes, times) => {
                link.write(&[])?;
                pieces(bytes, *times, |piece| link.write_inside(piece))?;
            }
            Step::Beneath(bytes) => {
                link.write(&[])?;
                link.write_beneath(bytes)?;
            }
            Step::Wait(time) => {
                link.write(&[])?;
                std::thread::sleep(*time);
            }
            Step::Silence => {
                link.write(&[])?;
                link.ignore();
                return Ok(Then::Over);
            }
            Step::HalfClose => {
                link.write(&[])?;
                link.half_close();
                link.ignore();
                return Ok(Then::Over);
            }
            Step::Close => {
                link.write(&[])?;
                link.close();
                return Ok(Then::Over);
            }
            Step::Reset => {
                link.write(&[])?;
                link.reset();
                return Ok(Then::Over);
            }
        }
    }
    Ok(Then::GoesOn(link))
}

/// Writes the bytes so many times, some 16 KB at a time.
fn pieces(bytes: &[u8], times: usize, mut write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let at_once = (16_384 / bytes.len().max(1)).clamp(1, times.max(1));
    let piece = bytes.repeat(at_once);
    for done in (0..times).step_by(at_once) {
        write(&piece[..bytes.len() * at_once.min(times - done)])?;
    }
    Ok(())
}
