//! Hostile servers: each kind of malformed, mis-sequenced, oversized or foreign output, at each place of a connection's
//! life, in both versions of MQTT and over each transport; and what has to hold of a client that meets it.
//!
//! * `kind` is what a kind is, and `malformed`, `connack`, `properties`, `sequence`, `size`, `foreign` and `transport`
//!   are the kinds; `place` is the places.
//! * `server` is the scripted server, on a `link`; `client` is the client of one scenario, and the checks.
//! * `lanes` runs scenarios in processes of their own, many at a time; `known` is what is known to fail.

#![allow(unreachable_pub, reason = "a part of `support`, for one test binary only")]

pub mod client;
mod connack;
mod foreign;
mod kind;
pub mod known;
pub mod lanes;
mod link;
mod malformed;
pub mod place;
mod properties;
mod sequence;
mod server;
mod size;
mod transport;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use aliyun_mqtt_emulator::Transport;

use kind::{Kind, Table};
use place::{PLACES, Place};

use super::support::random::Random;

/// All kinds, in the order in which they are written down.
fn kinds() -> &'static [Kind] {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let mut table = Table::new();
        malformed::add(&mut table);
        connack::add(&mut table);
        properties::add(&mut table);
        sequence::add(&mut table);
        size::add(&mut table);
        foreign::add(&mut table);
        transport::add(&mut table);
        table.kinds
    })
}

/// How many kinds there are, and whether each has a name of its own.
pub fn count_kinds() -> usize {
    let mut names = BTreeSet::new();
    for kind in kinds() {
        assert!(names.insert(&kind.name), "two kinds have the name {}", kind.name);
    }
    names.len()
}

/// One kind at one place, over one version and transport.
#[derive(Clone, Copy)]
pub struct Scenario {
    kind: usize,
    pub place: Place,
    /// The protocol level: 4 or 5.
    pub level: u8,
    pub transport: Transport,
    pub seed: u64,
}

impl Scenario {
    fn kind(&self) -> &'static Kind {
        &kinds()[self.kind]
    }

    pub fn kind_name(&self) -> &'static str {
        &self.kind().name
    }

    pub fn is_heavy(&self) -> bool {
        self.kind().heavy
    }

    /// A call may time out on a good connection.
    pub fn keeps_waiting(&self) -> bool {
        self.kind().waits || self.kind().heavy
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tls | Transport::Wss)
    }

    /// How often the act is played, on as many connections: mostly once.
    fn times(&self) -> usize {
        let again = matches!(
            self.place,
            Place::BeforeSubAck
                | Place::BeforePubAck
                | Place::BeforePubComp
                | Place::WithinFlood
                | Place::OnResumedSession
        );
        if again && self.seed % 8 == 0 { 3 } else { 1 }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { place, level, transport, seed, .. } = self;
        let version = if *level == 5 { "5" } else { "3.1.1" };
        write!(f, "{} {} {version} {transport} seed {seed}", self.kind_name(), place.name())
    }
}

impl Scenario {
    /// Whether it is meant by this word: its place, version or transport, or a part of its kind's name.
    pub fn answers_to(&self, word: &str) -> bool {
        match word {
            "3.1.1" => self.level == 4,
            "5" => self.level == 5,
            _ if PLACES.iter().any(|place| place.name() == word) => self.place.name() == word,
            _ => {
                word.parse().map_or_else(|_| self.kind_name().contains(word), |only: Transport| self.transport == only)
            }
        }
    }
}

/// All scenarios of these versions and transports, each with a seed of its own, which comes from this one.
pub fn scenarios(seed: u64, levels: &[u8], transports: &[Transport]) -> Vec<Scenario> {
    let mut all = Vec::new();
    for (kind, what) in kinds().iter().enumerate() {
        for (at, place) in PLACES.into_iter().enumerate() {
            for &level in levels {
                for &transport in transports {
                    if what.fits(level, transport, place) {
                        let name = [seed, kind as u64, at as u64, u64::from(level), transport as u64];
                        let seed = name.iter().fold(0, |seed, part| Random::new(seed ^ *part).next()) >> 32;
                        all.push(Scenario { kind, place, level, transport, seed });
                    }
                }
            }
        }
    }
    all
}
