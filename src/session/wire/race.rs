//! Finds out which of several addresses answers, as Happy Eyeballs does (RFC 8305): both families in turn, each address
//! a moment after the one before, or at once when that one has failed.

use std::fmt;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::detached;

/// The connection attempt delay (RFC 8305, section 5).
pub(in crate::session) const HEAD_START: Duration = Duration::from_millis(250);

/// An address that was dialled, and the reason it failed.
#[derive(Debug, Clone)]
pub(in crate::session) struct Tried {
    pub(in crate::session) address: SocketAddr,
    /// `None`: the address has not answered.
    pub(in crate::session) failure: Option<String>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.failure.as_deref().unwrap_or("no answer"))
    }
}

/// Lists the addresses on one line.
pub(in crate::session) fn list(tried: &[Tried]) -> String {
    tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Returns each address once, the families in turn, starting with the first address (RFC 8305, section 4).
pub(in crate::session) fn in_turn(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    let first_is_v4 = distinct.first().is_some_and(SocketAddr::is_ipv4);
    let (own, other): (Vec<_>, Vec<_>) = distinct.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    let (mut own, mut other) = (own.into_iter(), other.into_iter());
    let mut ordered = Vec::new();
    loop {
        let pair = [own.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Records an address that is being dialled, or that has failed.
pub(in crate::session) fn note(tried: &mut Vec<Tried>, address: SocketAddr, failure: Option<String>) {
    match tried.iter_mut().find(|tried| tried.address == address) {
        Some(known) => known.failure = failure,
        None => tried.push(Tried { address, failure }),
    }
}

/// Dials one address after the other, without giving up earlier ones, and returns the first that answers before the
/// deadline. `note` is called for each address when it is dialled, and again when that fails.
pub(in crate::session) fn race(
    addresses: &[SocketAddr],
    deadline: Instant,
    mut note: impl FnMut(SocketAddr, Option<String>),
) -> Option<(SocketAddr, TcpStream)> {
    let (answer, answers) = channel();
    let mut waiting = addresses.iter().copied();
    let (mut dialling, mut due) = (0_usize, Instant::now());
    loop {
        let now = Instant::now();
        let left = Some(deadline.saturating_duration_since(now)).filter(|left| !left.is_zero())?;
        let next = if now >= due || dialling == 0 { waiting.next() } else { None };
        if let Some(address) = next {
            note(address, None);
            let answer = answer.clone();
            // A dial that gets no answer lasts until the deadline.
            let dial = move || {
                // Nobody may be listening any more.
                let _ = answer.send((address, TcpStream::connect_timeout(&address, left)));
            };
            match detached::start("aliyun-mqtt-race", dial) {
                Ok(_) => dialling += 1,
                Err(error) => note(address, Some(error.to_string())),
            }
            due = now + HEAD_START;
            continue;
        }
        if dialling == 0 {
            return None;
        }
        let pause = if waiting.len() > 0 { left.min(due.saturating_duration_since(now)) } else { left };
        let Ok((address, result)) = answers.recv_timeout(pause) else { continue };
        dialling -= 1;
        due = Instant::now();
        match result {
            Ok(stream) => return Some((address, stream)),
            // The deadline.
            Err(error) if error.kind() == ErrorKind::TimedOut && error.raw_os_error().is_none() => {}
            Err(error) => note(address, Some(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_families_take_turns() {
        let given = ["[::1]:1", "[::2]:1", "[::1]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address);
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(address);
        assert_eq!(in_turn(given), expected);
        assert_eq!(in_turn([address("1.1.1.1:1"), address("[::1]:1")]).first(), Some(&address("1.1.1.1:1")));
        assert!(in_turn([]).is_empty());
    }

    #[test]
    fn a_failure_makes_room_at_once_and_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (good, closed) = (listener.local_addr().unwrap(), address("127.0.0.1:1"));
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut tried = Vec::new();
        let found = race(&[closed, good], deadline, |address, failure| note(&mut tried, address, failure));
        assert_eq!(found.map(|(address, _)| address), Some(good));
        assert!(tried[0].failure.is_some() && list(&tried[..1]).starts_with("127.0.0.1:1: "), "{tried:?}");
        assert!(race(&[closed], deadline, |_, _| {}).is_none());
    }
}
