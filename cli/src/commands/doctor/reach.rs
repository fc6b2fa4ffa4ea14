//! The way to the service: name, address, TLS.

use std::net::TcpStream;
use std::time::Instant;

use aliyun_mqtt::Transport;

use super::cause::Cause;
use super::show::{Outcome, Saw, Trouble, millis};
use super::speaks::{Door, Spoken};
use super::{Patient, net};

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
            let texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            let fact = texts.join(", ");
            saw.note("addresses", texts);
            patient.addresses = addresses;
            Outcome::Ok(fact)
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
        Some(address) => Outcome::ok(format!("{address} accepts connections")),
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
            shake.warning().map_or_else(|| Outcome::Ok(shake.fact()), Outcome::Warning)
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
