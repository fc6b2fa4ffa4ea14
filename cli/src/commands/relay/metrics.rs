//! The relay's counters, as Prometheus reads them.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByFate {
    fate: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: u16,
}

pub(super) struct Metrics {
    registry: Registry,
    pub(super) published: Counter,
    acknowledged: Counter,
    failed: Family<ByFate, Counter>,
    pub(super) in_flight: Gauge,
    pub(super) spooled: Gauge,
    pub(super) connections: Counter,
    connected: Gauge,
    round_trip: Histogram,
    responses: Family<ByStatus, Counter>,
    pub(super) received: Counter,
    pub(super) stored: Gauge,
    pub(super) leased: Gauge,
    pub(super) expired_leases: Counter,
    pub(super) dead: Gauge,
    pub(super) dead_letters: Counter,
    pub(super) dropped_dead_letters: Counter,
    /// 1 while received messages wait for room.
    pub(super) blocked: Gauge,
    /// The number of idempotency keys on disk.
    pub(super) remembered: Gauge,
    pub(super) discarded: Counter,
    pub(super) waiting: Gauge,
    pub(super) open_connections: Gauge,
    /// Has its one series only if that is known.
    token_life: Family<[(&'static str, &'static str); 0], Gauge<f64, AtomicU64>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("aliyun_mqtt_relay");
        macro_rules! registered {
            ($name:literal, $help:literal, $metric:expr) => {{
                let metric = $metric;
                registry.register($name, $help, metric.clone());
                metric
            }};
        }
        // From 0.5 ms to 16 s, and beyond.
        let buckets = Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        registry.register_with_unit(
            "round_trip",
            "From the acceptance of a message to its fate",
            Unit::Seconds,
            buckets.clone(),
        );
        let token_life = Family::default();
        registry.register_with_unit(
            "token_life_left",
            "Until the first token expires; negative after that, and left out if that is not known",
            Unit::Seconds,
            token_life.clone(),
        );
        Metrics {
            published: registered!("published", "Messages given to the connection", Counter::default()),
            acknowledged: registered!("acknowledged", "Messages acknowledged by the server", Counter::default()),
            failed: registered!("failed", "Messages that failed, by their fate", Family::default()),
            in_flight: registered!("in_flight_messages", "Messages accepted and not settled", Gauge::default()),
            spooled: registered!("spooled_messages", "Of these, messages on disk", Gauge::default()),
            connections: registered!("connections", "Connections made to the server", Counter::default()),
            connected: registered!("connected", "1 while there is a connection to the server", Gauge::default()),
            round_trip: buckets,
            responses: registered!("http_responses", "HTTP responses, by their status", Family::default()),
            received: registered!("received", "Received messages that were stored", Counter::default()),
            stored: registered!("stored_messages", "Received messages that wait or are leased", Gauge::default()),
            leased: registered!("leased_messages", "Of these, leased messages", Gauge::default()),
            expired_leases: registered!("expired_leases", "Leases that ended without a DELETE", Counter::default()),
            dead: registered!("dead_letters_present", "Dead letters at this moment", Gauge::default()),
            dead_letters: registered!("dead_letters", "Messages that became dead letters", Counter::default()),
            dropped_dead_letters: registered!(
                "dropped_dead_letters",
                "Dead letters that were lost, as there were too many",
                Counter::default()
            ),
            blocked: registered!(
                "receiving_blocked",
                "1 while nothing is received, as the store is full of received messages",
                Gauge::default()
            ),
            remembered: registered!("remembered_keys", "Idempotency keys that are remembered", Gauge::default()),
            discarded: registered!(
                "discarded",
                "Received messages that were dropped, as the relay does not receive",
                Counter::default()
            ),
            waiting: registered!("waiting_calls", "HTTP calls that wait", Gauge::default()),
            open_connections: registered!("http_connections", "Open HTTP connections", Gauge::default()),
            token_life,
            registry,
        }
    }

    /// Counts the end of a message: `None` if it was acknowledged, else its fate.
    pub(super) fn settled(&self, failed: Option<&str>, time: Duration) {
        self.round_trip.observe(time.as_secs_f64());
        match failed {
            None => self.acknowledged.inc(),
            Some(fate) => self.failed.get_or_create(&ByFate { fate: fate.replace(' ', "_") }).inc(),
        };
    }

    pub(super) fn responded(&self, status: u16) {
        self.responses.get_or_create(&ByStatus { status }).inc();
    }

    pub(super) fn connected(&self, connected: bool) {
        self.connected.set(connected.into());
        if connected {
            self.connections.inc();
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connected.get() == 1
    }

    /// Returns everything in the text format. `token_end`: when the first token expires, if that is known.
    pub(super) fn text(&self, token_end: Option<SystemTime>) -> String {
        match token_end {
            None => self.token_life.clear(),
            Some(end) => {
                let left = end.duration_since(SystemTime::now()).map(|left| left.as_secs_f64());
                self.token_life.get_or_create(&[]).set(left.unwrap_or_else(|past| -past.duration().as_secs_f64()));
            }
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
