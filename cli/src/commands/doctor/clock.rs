//! The clock check: compares this machine's clock with the date in an answer of the service's API.

use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use super::cause::Cause;
use super::examination::Examination;
use super::net;
use super::outcome::{Facts, Outcome, Problem};
use super::probe::{HttpHead, head};
use super::tls::HandshakeError;
use crate::lang::phrase;
use crate::settings::Key;
use crate::time::{self, nearest};

/// Beyond this difference doctor warns.
const OFF: Duration = Duration::from_secs(60);
/// Beyond this difference the API rejects signed requests (help page 2593177).
const WRONG: Duration = Duration::from_secs(15 * 60);

pub(super) fn clock(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let url = match exam.api() {
        Ok(api) => api.endpoint(),
        Err(why) => return Outcome::skipped(why.reason_for(phrase!("the clock of the API is unknown"))),
    };
    if exam.settings.text(Key::Proxy).is_some() {
        return Outcome::skipped(phrase!("the clock of the API is read only without a proxy"));
    }
    let Some((head, local)) = ask_api(exam, &url) else {
        return Outcome::skipped(phrase!("{url} did not answer", url));
    };
    let Some(server) = head.date else { return Outcome::skipped(phrase!("the answer of {url} contains no date", url)) };
    // A date in HTTP has whole seconds.
    let ahead = local.as_second() - server.as_second();
    facts.note("server_time", time::of(server));
    facts.note("local_time", time::of(local));
    facts.note("ahead_s", ahead);
    let off = Duration::from_secs(ahead.unsigned_abs());
    let seconds = off.as_secs();
    let message = match ahead {
        ..0 => phrase!("this machine is {seconds} s behind the API", seconds),
        0.. => phrase!("this machine is {seconds} s ahead of the API", seconds),
    };
    match off {
        _ if off > WRONG => Problem::new(Cause::ClockWrong, message.english()).into(),
        _ if off > OFF => Outcome::Warning(Problem::new(Cause::ClockOff, message.english())),
        _ => Outcome::Ok(message),
    }
}

/// Requests the root of the API, and returns the head of the answer with this machine's time at its arrival.
fn ask_api(exam: &Examination<'_>, url: &str) -> Option<(HttpHead, Timestamp)> {
    let (scheme, rest) = url.split_once("://")?;
    let secure = scheme == "https";
    // The library formats this URL; it has neither path nor user.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (rest, if secure { 443 } else { 80 }),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let limit = exam.timeout;
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
    let mut stream = match exam.trust().ok()?.handshake(stream, host, deadline).end {
        Ok(stream) => stream,
        Err(HandshakeError::Tls(_) | HandshakeError::Closed(_) | HandshakeError::Silent) => return None,
    };
    stream.sock.set_read_timeout(Some(left())).ok()?;
    let head = head(&mut *stream, host, port, left())?;
    Some((head, nearest(SystemTime::now())))
}
