//! The way to the service: name, address, TLS; and the clocks of both sides.

use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use aliyun_mqtt::Transport;
use jiff::Timestamp;

use super::cause::Cause;
use super::show::{Outcome, Saw, Trouble, millis};
use super::speaks::{Door, Head, Spoken, head};
use super::tls::Broken;
use super::{Patient, net};
use crate::settings::Key;
use crate::time::nearest;

/// From these differences on, the clock is off, and signed requests are refused (15 minutes: help page 2593177).
const OFF: Duration = Duration::from_secs(60);
const WRONG: Duration = Duration::from_secs(15 * 60);

pub(super) fn dns(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    let Some(endpoint) = &patient.endpoint else { return Outcome::skipped("there is no endpoint to look up") };
    if let Some(proxy) = &patient.proxy {
        return Outcome::skipped(format!("the proxy {proxy} looks the name up"));
    }
    saw.note("host", endpoint.host());
    let found = net::resolve(endpoint.host(), endpoint.port(), patient.timeout);
    match found {
        Err(trouble) => trouble.into(),
        Ok(addresses) => {
            saw.note("addresses", addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>());
            patient.addresses = addresses;
            Outcome::Ok
        }
    }
}

pub(super) fn tcp(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    if let (Some(proxy), Some(_)) = (&patient.proxy, &patient.endpoint) {
        return Outcome::skipped(format!("the proxy {proxy} makes the connection; `connect` goes through it"));
    }
    if patient.addresses.is_empty() {
        return Outcome::skipped("there is no address to connect to");
    }
    let dialled = net::dial(&patient.addresses, patient.timeout);
    saw.note("connections", dialled.told.clone());
    patient.reached = dialled.reached;
    match dialled.reached {
        Some(_) => Outcome::Ok,
        None => dialled.trouble().into(),
    }
}

pub(super) fn tls(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    if let (Some(proxy), Some(_)) = (&patient.proxy, &patient.endpoint) {
        return Outcome::skipped(format!("`connect` does it, through the proxy {proxy}"));
    }
    let (Some(endpoint), Some(address)) = (&patient.endpoint, patient.reached) else {
        return Outcome::skipped("there is no connection");
    };
    if !endpoint.transport().is_tls() {
        patient.secured = true;
        return Outcome::skipped("the endpoint is a plain one");
    }
    let trust = match patient.trust() {
        Ok(trust) => trust,
        Err(trouble) => return trouble.into(),
    };
    let deadline = Instant::now() + patient.timeout;
    let stream = match TcpStream::connect_timeout(&address, patient.timeout) {
        Ok(stream) => stream,
        Err(error) => return Trouble::new(Cause::ConnectionCut, format!("{address}: {error}")).into(),
    };
    let shake = trust.shake(stream, endpoint.host(), deadline);
    shake.tell(saw);
    match shake.trouble(&endpoint.to_string()) {
        None => {
            patient.secured = true;
            shake.warning().map_or(Outcome::Ok, Outcome::Warning)
        }
        Some(mut trouble) => {
            if !shake.is_tls() {
                let door = Door { address, endpoint, trust: None, timeout: patient.timeout };
                let spoken = door.plain();
                saw.note("speaks", spoken.describe());
                trouble.cause = not_tls(&spoken, endpoint.transport()).unwrap_or(trouble.cause);
            }
            trouble.into()
        }
    }
}

/// What a port that does not speak TLS says about why.
fn not_tls(spoken: &Spoken, transport: Transport) -> Option<Cause> {
    match spoken {
        Spoken::Mqtt => Some(Cause::TlsToPlainPort),
        Spoken::Http(_) => match spoken.cause(transport) {
            Some(cause @ (Cause::HttpProxy | Cause::CaptivePortal)) => Some(cause),
            _ => Some(Cause::TlsToPlainPort),
        },
        Spoken::Amqp => Some(Cause::AmqpInsteadOfMqtt),
        Spoken::Tls | Spoken::Silent | Spoken::Closed | Spoken::Other(_) => None,
    }
}

pub(super) fn clock(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    let url = match patient.api() {
        Ok(api) => api.endpoint(),
        Err(why) => return Outcome::skipped(why.told("the clock of the API")),
    };
    if patient.settings.text(Key::Proxy).is_some() {
        return Outcome::skipped("the API is asked through a proxy, and its clock only without one");
    }
    let Some((head, local)) = ask_api(patient, &url) else {
        return Outcome::skipped(format!("{url} gave no answer to read its clock from"));
    };
    let Some(server) = head.date else { return Outcome::skipped(format!("the answer of {url} has no date")) };
    // Whole seconds are all that a date in HTTP has.
    let ahead = local.as_second() - server.as_second();
    saw.note("server_time", server.to_string());
    saw.note("local_time", format!("{local:.0}"));
    saw.note("ahead_s", ahead);
    let off = Duration::from_secs(ahead.unsigned_abs());
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let trouble = |cause| Trouble::new(cause, format!("this machine is {} s {direction} the API", off.as_secs()));
    match off {
        _ if off > WRONG => trouble(Cause::ClockWrong).into(),
        _ if off > OFF => Outcome::Warning(trouble(Cause::ClockOff)),
        _ => Outcome::Ok,
    }
}

/// The head of what the API says to nothing in particular, and this machine's time then.
fn ask_api(patient: &Patient<'_>, url: &str) -> Option<(Head, Timestamp)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = scheme == "https";
    // The library's own form of it: no path, no user.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, if secure { 443 } else { 80 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let limit = patient.timeout;
    let deadline = Instant::now() + limit;
    let addresses = net::resolve(host, port, limit).ok()?;
    let address = net::dial(&addresses, limit).reached?;
    let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let mut stream = TcpStream::connect_timeout(&address, left()).ok()?;
    if !secure {
        stream.set_read_timeout(Some(left())).ok()?;
        let head = head(&mut stream, host, port, left())?;
        return Some((head, nearest(SystemTime::now())));
    }
    let mut stream = match patient.trust().ok()?.shake(stream, host, deadline).end {
        Ok(stream) => stream,
        Err(Broken::Tls(_) | Broken::Closed(_) | Broken::Silent) => return None,
    };
    stream.sock.set_read_timeout(Some(left())).ok()?;
    let head = head(&mut *stream, host, port, left())?;
    Some((head, nearest(SystemTime::now())))
}

impl Patient<'_> {
    /// What the endpoint's port speaks, within TLS where that is wanted, if that explains a failure; `None` if it is what
    /// it should be.
    pub(super) fn spoken(&self, saw: &mut Saw) -> Option<Cause> {
        let (endpoint, address) = (self.endpoint.as_ref()?, self.reached?);
        let door = Door { address, endpoint, trust: self.trust().ok(), timeout: self.timeout };
        let start = Instant::now();
        let spoken = if endpoint.transport().is_tls() { door.within_tls() } else { door.plain() };
        saw.note("speaks", spoken.describe());
        saw.note("asked_ms", millis(start.elapsed()));
        spoken.cause(endpoint.transport())
    }
}
