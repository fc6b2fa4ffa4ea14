//! The steps on the way to the server: `dns`, `tcp` and `tls`.

use std::net::TcpStream;
use std::time::Instant;

use aliyun_mqtt::Transport;

use super::cause::Cause;
use super::examination::Examination;
use super::net;
use super::outcome::{Facts, Outcome, Problem, millis};
use super::probe::{Answer, Probe};
use crate::lang::{Phrase, phrase};

pub(super) fn dns(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let Some(endpoint) = &exam.endpoint else { return Outcome::skipped(phrase!("there is no endpoint")) };
    if let Some(proxy) = &exam.proxy {
        return Outcome::skipped(phrase!("the proxy {proxy} resolves the name", proxy));
    }
    facts.note("host", endpoint.host());
    let found = net::resolve(endpoint.host(), endpoint.port(), exam.timeout);
    match found {
        Err(problem) => problem.into(),
        Ok(addresses) => {
            let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let fact = texts.join(", ");
            facts.note("addresses", texts);
            exam.addresses = addresses;
            Outcome::Ok(Phrase::untranslated(fact))
        }
    }
}

pub(super) fn tcp(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    if let (Some(proxy), Some(_)) = (&exam.proxy, &exam.endpoint) {
        return Outcome::skipped(phrase!("the proxy {proxy} makes the connection; the step connect uses it", proxy));
    }
    if exam.addresses.is_empty() {
        return Outcome::skipped(phrase!("there is no address to connect to"));
    }
    let dialled = net::dial(&exam.addresses, exam.timeout);
    facts.note("connections", dialled.attempts.clone());
    exam.reached = dialled.reached;
    match dialled.reached {
        Some(address) => Outcome::ok(phrase!("{address} accepts connections", address)),
        None => {
            let problem = dialled.problem();
            match problem.cause {
                Cause::TcpRefused if exam.here.server => Problem { cause: Cause::NothingHere, ..problem }.into(),
                _ => problem.into(),
            }
        }
    }
}

pub(super) fn tls(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    if let (Some(proxy), Some(_)) = (&exam.proxy, &exam.endpoint) {
        return Outcome::skipped(phrase!("the step connect does it through the proxy {proxy}", proxy));
    }
    let (Some(endpoint), Some(address)) = (&exam.endpoint, exam.reached) else {
        return Outcome::skipped(phrase!("there is no connection"));
    };
    if !endpoint.transport().is_tls() {
        exam.secured = true;
        return Outcome::skipped(phrase!("the endpoint is a plain one"));
    }
    let trust = match exam.trust() {
        Ok(trust) => trust,
        Err(problem) => return problem.into(),
    };
    let deadline = Instant::now() + exam.timeout;
    let stream = match TcpStream::connect_timeout(&address, exam.timeout) {
        Ok(stream) => stream,
        Err(error) => return Problem::new(Cause::ConnectionCut, format!("{address}: {error}")).into(),
    };
    let handshake = trust.handshake(stream, endpoint.host(), deadline);
    handshake.tell(facts);
    match handshake.problem(&endpoint.to_string()) {
        None => {
            exam.secured = true;
            handshake.warning().map_or_else(|| Outcome::Ok(handshake.fact()), Outcome::Warning)
        }
        Some(mut problem) => {
            if !handshake.is_tls() {
                let probe = Probe { address, endpoint, trust: None, timeout: exam.timeout };
                let answer_found = probe.plain();
                facts.note("speaks", answer_found.describe());
                problem.cause = not_tls(&answer_found, endpoint.transport()).unwrap_or(problem.cause);
            }
            problem.into()
        }
    }
}

/// Finds the cause if a port does not speak TLS, by what it speaks instead.
fn not_tls(answer_found: &Answer, transport: Transport) -> Option<Cause> {
    match answer_found {
        Answer::Mqtt => Some(Cause::TlsToPlainPort),
        Answer::Http(_) => match answer_found.cause(transport) {
            Some(cause @ (Cause::HttpProxy | Cause::CaptivePortal)) => Some(cause),
            _ => Some(Cause::TlsToPlainPort),
        },
        Answer::Amqp => Some(Cause::AmqpInsteadOfMqtt),
        Answer::Tls | Answer::Silent | Answer::Closed | Answer::Other(_) => None,
    }
}

impl Examination<'_> {
    /// Finds out what the endpoint's port speaks, within TLS if the endpoint uses it. Returns the cause if that
    /// explains a failure, or `None` if it speaks what it should.
    pub(super) fn answer_found(&self, facts: &mut Facts) -> Option<Cause> {
        let (endpoint, address) = (self.endpoint.as_ref()?, self.reached?);
        let probe = Probe { address, endpoint, trust: self.trust().ok(), timeout: self.timeout };
        let start = Instant::now();
        let answer_found = if endpoint.transport().is_tls() { probe.within_tls() } else { probe.plain() };
        facts.note("speaks", answer_found.describe());
        facts.note("asked_ms", millis(start.elapsed()));
        answer_found.cause(endpoint.transport())
    }
}
