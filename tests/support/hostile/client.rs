//! The client of one scenario: what it does there, and what has to hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aliyun_mqtt::{Client, Config, Delivery, Error, ErrorKind, Event, Events, Outgoing, Protocol, QoS};

use super::Scenario;
use super::place::Place;
use super::server::{BYE, CUT, ECHO, FLOOD, Server};
use crate::support::broker::{config, lax};

/// How long a call may take, as it is told.
const CALL: Duration = Duration::from_secs(2);

/// How much later than told a call may return: the machine has other things to do.
pub const TOLERANCE: Duration = Duration::from_secs(5);

/// How long it may take until the client is back. A silent line is noticed after two keep-alive periods of 5 s.
const BACK: Duration = Duration::from_secs(60);

/// What the inbox may hold.
const INBOX: (usize, usize) = (2_000, 4 << 20);

/// The certificate of all servers, and its CA, PEM.
pub struct Certificate {
    pub tls: Arc<rustls::ServerConfig>,
    pub ca: String,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub calls: usize,
    /// The longest time a call took beyond its deadline.
    pub latest: Duration,
    /// Which call it was.
    pub latest_call: String,
    pub faults: Vec<String>,
    /// The client was dead by right, and a fresh one took its place.
    pub fresh: bool,
    /// Why the connection ended first, if it did.
    pub ended: Option<String>,
}

impl Seen {
    /// Makes a call, and looks at the clock.
    fn timed<T>(&mut self, what: &str, deadline: Duration, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        let beyond = start.elapsed().saturating_sub(deadline);
        self.calls += 1;
        if beyond > self.latest {
            (self.latest, self.latest_call) = (beyond, what.to_string());
        }
        if beyond > TOLERANCE {
            self.faults.push(format!("late: {what} returned {} ms after its deadline", beyond.as_millis()));
        }
        result
    }

    fn fault(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.faults.contains(&what) {
            self.faults.push(what);
        }
    }

    /// No error may be a fault of the library's own, or carry what a terminal obeys.
    fn check_error(&mut self, what: &str, error: &Error) {
        if error.kind() == ErrorKind::Internal {
            self.fault(format!("internal: {what}: {error}"));
        }
        let text = error.to_string();
        if text.chars().any(char::is_control) {
            self.fault(format!("unescaped: {what}: {text:?}"));
        }
    }
}

pub fn run(scenario: Scenario, certificate: &Certificate) -> Seen {
    let mut seen = Seen::default();
    let place = scenario.place;
    let limit = aliyun_mqtt::Limits::default().packet_len;
    let server = Server::start(scenario, &certificate.tls, limit);
    let mut builder = config(([127, 0, 0, 1], 1).into())
        .endpoint(server.endpoint())
        .protocol(if scenario.level == 5 { Protocol::V5 } else { Protocol::V311 })
        .limits(lax().inbox(INBOX.0, INBOX.1))
        .keep_alive(Duration::from_secs(5))
        .timeout(CALL)
        .backoff(Duration::from_millis(10), Duration::from_millis(100));
    if scenario.is_tls() {
        builder = builder.ca_pem(certificate.ca.as_str());
    }
    if place == Place::OnResumedSession {
        builder = builder.device_id("hostile").clean_session(false);
    }
    let config = builder.build().expect("a good configuration");
    let Some(mut client) = connect(&mut seen, &config, &server, place) else { return seen };
    let events = client.events();
    let mut open = Vec::new();
    let before_login = matches!(place, Place::InsteadOfConnAck | Place::WithConnAck);
    for (number, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce].into_iter().enumerate()
    {
        if let Some(delivery) = enqueue(&mut seen, &client, "t/open", qos, &number.to_string()) {
            open.push(delivery);
        }
    }
    let called = provoke(&mut seen, &client, place, &mut open);
    look(&mut seen, &events);
    let waited = called.is_err_and(|error| error.is_timeout()) && place != Place::AtGoodbye;
    if waited && seen.ended.is_none() && !scenario.keeps_waiting() {
        seen.fault("stalled: the answer was in the segment, or behind, but the call timed out on a good connection");
    }
    // An idle connection says something after the keep-alive only.
    if !before_login && !server.wait_played(BACK) {
        seen.fault("harness: the act was never played");
    }
    settle(&mut seen, open);
    if place == Place::AtGoodbye {
        drop(client);
        seen.fresh = true;
        let Some(fresh) = connect(&mut seen, &config, &server, place) else { return seen };
        client = fresh;
    }
    if !is_back(&mut seen, &client, &events) {
        // Refused for good when it came back: its protocol version, or its client id.
        let by_right = place == Place::OnResumedSession && scenario.kind_name().contains("connack/");
        if !by_right || !matches!(client.recv_timeout(Duration::ZERO), Err(error) if error.code().is_some()) {
            seen.fault("not back: the client is dead");
            return seen;
        }
        seen.fresh = true;
        let Some(fresh) = connect(&mut seen, &config, &server, place) else { return seen };
        client = fresh;
        is_back(&mut seen, &client, &events);
    }
    if let Err(error) = seen.timed("disconnect", CALL, || client.disconnect()) {
        seen.check_error("disconnect", &error);
        if !matches!(error.kind(), ErrorKind::Undelivered { .. }) {
            seen.fault(format!("at the end: {error}"));
        }
    }
    look(&mut seen, &events);
    drop(client);
    let stalled = seen.ended.as_ref().is_some_and(|reason| reason.contains("keep-alive ping"));
    if stalled && !scenario.keeps_waiting() {
        seen.fault("stalled: until the keep-alive noticed");
    }
    seen
}

/// Connects. The first connect may fail, where the server is hostile at once; then another client has to succeed.
fn connect(seen: &mut Seen, config: &Config, server: &Server, place: Place) -> Option<Client> {
    let until = Instant::now() + BACK;
    let mut last = None;
    while Instant::now() < until {
        match seen.timed("connect", CALL, || Client::connect(config.clone())) {
            Ok(client) => return Some(client),
            Err(error) => {
                seen.check_error("connect", &error);
                seen.fresh = true;
                let at_login = matches!(place, Place::InsteadOfConnAck | Place::WithConnAck | Place::OnResumedSession);
                let hostile = at_login && server.begun();
                // A busy machine may be too slow for the short timeout.
                if !hostile && !error.is_timeout() && place != Place::AtGoodbye {
                    seen.fault(format!("connect to a good server: {error}"));
                }
                last = Some(error);
            }
        }
    }
    seen.fault(format!("not back: no client connects: {}", last.map(|error| error.to_string()).unwrap_or_default()));
    None
}

fn enqueue(seen: &mut Seen, client: &Client, topic: &str, qos: QoS, payload: &str) -> Option<Delivery> {
    match seen.timed("enqueue", CALL, || client.enqueue(Outgoing::new(topic, qos, payload))) {
        Ok(delivery) => Some(delivery),
        Err(error) => {
            seen.check_error("enqueue", &error);
            if !error.is_timeout() {
                seen.fault(format!("not accepted: {error}"));
            }
            None
        }
    }
}

/// Does what brings the connection to the place. Whatever becomes of the call, it has to come back.
fn provoke(seen: &mut Seen, client: &Client, place: Place, open: &mut Vec<Delivery>) -> aliyun_mqtt::Result<()> {
    let result = match place {
        Place::InsteadOfConnAck | Place::WithConnAck | Place::BeforePingResp => Ok(()),
        Place::BeforeSubAck => seen.timed("subscribe", CALL, || client.subscribe("t/#", QoS::AtLeastOnce)).map(drop),
        Place::BeforePubAck => seen.timed("publish", CALL, || client.publish("t/one", QoS::AtLeastOnce, "1")),
        Place::BeforePubComp => seen.timed("publish", CALL, || client.publish("t/two", QoS::ExactlyOnce, "2")),
        Place::WithinFlood => seen.timed("publish", CALL, || client.publish(FLOOD, QoS::AtLeastOnce, "")),
        Place::OnResumedSession => seen.timed("publish", CALL, || client.publish(CUT, QoS::AtLeastOnce, "")),
        Place::AtGoodbye => {
            open.extend(enqueue(seen, client, BYE, QoS::AtLeastOnce, "bye"));
            seen.timed("disconnect", CALL, || client.disconnect())
        }
    };
    if let Err(error) = &result {
        seen.check_error("the call there", error);
    }
    result
}

/// Each delivery is settled by its deadline, and stays as it was settled.
fn settle(seen: &mut Seen, open: Vec<Delivery>) {
    for delivery in open {
        let first = seen.timed("wait", CALL, || delivery.wait());
        if let Err(error) = &first {
            seen.check_error("a delivery", error);
        }
        let kind = |result: &aliyun_mqtt::Result<_>| {
            result.as_ref().map(|_| ()).map_err(|error: &Error| (error.kind(), error.fate()))
        };
        match delivery.try_wait() {
            Ok(None) => seen.fault("unsettled: a delivery is open after its deadline"),
            again => {
                let again = again.map(|receipt| receipt.expect("settled"));
                if kind(&first) != kind(&again) {
                    seen.fault(format!("settled twice: {first:?}, then {again:?}"));
                }
            }
        }
    }
}

/// A QoS 1 message is acknowledged, and one from the server comes. `false`: the client is dead.
fn is_back(seen: &mut Seen, client: &Client, events: &Events) -> bool {
    let until = Instant::now() + BACK;
    let mut number = 0;
    let mut last = String::new();
    while Instant::now() < until {
        number += 1;
        let payload = format!("echo {number}");
        let published = seen.timed("publish", CALL, || client.publish(ECHO, QoS::AtLeastOnce, payload.as_str()));
        look(seen, events);
        if let Err(error) = published {
            seen.check_error("publish", &error);
            last = error.to_string();
            drain(seen, client, None);
            if error.kind() == ErrorKind::Closed || last.contains("given up") {
                return false;
            }
            // Where it fails at once, a moment later may be better.
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        if drain(seen, client, Some(&payload)) {
            return true;
        }
        last = "the echo did not come".to_string();
    }
    seen.fault(format!("not back: {last}"));
    true
}

/// Takes what there is, or up to this message; whether it came.
fn drain(seen: &mut Seen, client: &Client, wanted: Option<&str>) -> bool {
    let until = Instant::now() + CALL;
    loop {
        let left = if wanted.is_some() { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
        let message = match seen.timed("recv_timeout", left, || client.recv_timeout(left)) {
            Ok(Some(message)) => message,
            Ok(None) => return false,
            Err(error) => {
                seen.check_error("recv_timeout", &error);
                return false;
            }
        };
        let topic = message.topic();
        if topic.is_empty() || topic.contains(['\0', '+', '#']) {
            seen.fault(format!("forbidden: a message with the topic {topic:?} was given to the program"));
        }
        if topic == ECHO && wanted.is_some_and(|wanted| message.payload() == wanted.as_bytes()) {
            return true;
        }
    }
}

fn look(seen: &mut Seen, events: &Events) {
    while let Some(event) = events.try_recv() {
        if let Event::Disconnected { reason, retry_in, .. } = event {
            seen.check_error("event", &reason);
            seen.ended.get_or_insert_with(|| reason.to_string());
            let left = reason.to_string().contains("by this program");
            if left && retry_in.is_some() {
                seen.fault(format!("blamed: an end that the server made is told as the program's own: {reason}"));
            }
        }
    }
}
