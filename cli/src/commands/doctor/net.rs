//! Resolves names and opens TCP connections, each with a timeout.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{RecvTimeoutError, channel, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::cause::Cause;
use super::outcome::{Problem, millis};
use crate::threads;

/// Resolves a name, on a thread that is abandoned if the system's resolver hangs.
pub(super) fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Problem> {
    let name = host.to_string();
    resolve_by(host, limit, move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect))
}

fn resolve_by(
    host: &str,
    limit: Duration,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<Vec<SocketAddr>, Problem> {
    let (answer, answers) = sync_channel(1);
    let started = threads::start("doctor-dns", move || {
        // The receiver may have given up.
        let _ = answer.send(look_up());
    });
    let silent = || Problem::new(Cause::DnsSilent, format!("{host} could not be resolved within {limit:?}"));
    let found = match started {
        Err(error) => {
            let message = format!("no thread could be started to resolve {host}: {error}");
            return Err(Problem::new(Cause::Unexplained, message));
        }
        Ok(_) => match answers.recv_timeout(limit) {
            Ok(found) => found,
            Err(RecvTimeoutError::Timeout) => return Err(silent()),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the lookup panicked")),
        },
    };
    match found {
        Ok(addresses) if addresses.is_empty() => {
            Err(Problem::new(cause_of(host, ""), format!("{host} has no address")))
        }
        Ok(addresses) => Ok(addresses),
        Err(error) => {
            let why = error.to_string();
            Err(Problem::new(cause_of(host, &why), format!("{host} could not be resolved: {why}")))
        }
    }
}

/// Finds the cause of a failed lookup. Rust's standard library reports the resolver's error code only as text, so only
/// the text distinguishes a name that does not exist from a name server that does not answer.
fn cause_of(host: &str, why: &str) -> Cause {
    if ["Temporary failure", "try again", "System error"].iter().any(|words| why.contains(words)) {
        Cause::DnsUnavailable
    } else if super::host::is_vpc(host) {
        Cause::DnsVpcName
    } else {
        Cause::DnsNoSuchName
    }
}

/// The result of dialling all addresses.
pub(super) struct Dialled {
    pub(super) reached: Option<SocketAddr>,
    pub(super) attempts: Vec<Json>,
    errors: Vec<(SocketAddr, io::Error)>,
}

/// The delay after which the next address is dialled as well (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);

/// How long to wait for the other addresses after one has answered.
const OTHERS: Duration = Duration::from_secs(1);

/// Dials the addresses as the library does: address families alternate, and each attempt starts a moment after the one
/// before, or at once if that failed. An address that does not answer does not delay the others for long.
pub(super) fn dial(addresses: &[SocketAddr], limit: Duration) -> Dialled {
    let start = Instant::now();
    let (answer, answers) = channel();
    let mut outcomes: Vec<Option<(Duration, io::Result<()>)>> = addresses.iter().map(|_| None).collect();
    let mut waiting = in_turn(addresses);
    let (mut reached, mut open) = (None, 0_usize);
    let (mut due, mut until) = (start, start + limit);
    loop {
        let now = Instant::now();
        if now >= until || (open == 0 && waiting.len() == 0) {
            break;
        }
        if let Some(at) = waiting.next_if(|_| now >= due || open == 0) {
            let (answer, address, left) = (answer.clone(), addresses[at], until - now);
            let started = threads::start("doctor-tcp", move || {
                let began = Instant::now();
                let result = TcpStream::connect_timeout(&address, left).map(drop);
                // The receiver may have given up.
                let _ = answer.send((at, began.elapsed(), result));
            });
            match started {
                Ok(_) => open += 1,
                Err(error) => {
                    let error = io::Error::other(format!("no thread could be started: {error}"));
                    outcomes[at] = Some((Duration::ZERO, Err(error)));
                }
            }
            due = now + HEAD_START;
            continue;
        }
        let next = if waiting.len() == 0 { until } else { until.min(due) };
        let Ok((at, took, result)) = answers.recv_timeout(next.saturating_duration_since(now)) else { continue };
        open -= 1;
        match &result {
            Ok(()) => {
                reached.get_or_insert(addresses[at]);
                until = until.min(Instant::now() + OTHERS);
            }
            Err(_) => due = now,
        }
        outcomes[at] = Some((took, result));
    }
    let mut dialled = Dialled { reached, attempts: Vec::new(), errors: Vec::new() };
    for (address, outcome) in addresses.iter().zip(outcomes) {
        let silent = || (start.elapsed(), Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")));
        let (took, result) = outcome.unwrap_or_else(silent);
        let mut attempts = json!({ "address": address.to_string(), "ms": millis(took) });
        if let Err(error) = result {
            attempts["error"] = error.to_string().into();
            dialled.errors.push((*address, error));
        }
        dialled.attempts.push(attempts);
    }
    dialled
}

/// Returns the indexes of the addresses with alternating families.
fn in_turn(addresses: &[SocketAddr]) -> std::iter::Peekable<std::vec::IntoIter<usize>> {
    let rank = |at: usize| addresses[..at].iter().filter(|one| one.is_ipv4() == addresses[at].is_ipv4()).count();
    let mut places: Vec<usize> = (0..addresses.len()).collect();
    places.sort_by_key(|at| rank(*at));
    places.into_iter().peekable()
}

impl Dialled {
    /// Returns the problem if no address was reached. Of several causes, the one that tells most about the host.
    pub(super) fn problem(&self) -> Problem {
        let cause = |error: &io::Error| match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Cause::TcpRefused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Cause::TcpSilent,
            // No thread could be started.
            io::ErrorKind::Other => Cause::Unexplained,
            _ => Cause::TcpUnreachable,
        };
        let causes: Vec<Cause> = self.errors.iter().map(|(_, error)| cause(error)).collect();
        let order = [Cause::TcpRefused, Cause::TcpSilent, Cause::TcpUnreachable];
        let chosen = order.into_iter().find(|cause| causes.contains(cause)).unwrap_or(Cause::Unexplained);
        let lines = self.errors.iter().map(|(address, error)| format!("{address}: {error}")).collect::<Vec<_>>();
        Problem::new(chosen, lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_never_answers_costs_no_more_than_the_limit() {
        let (hold, held) = sync_channel::<()>(0);
        let problem = resolve_by("host", Duration::from_millis(1), move || {
            let _ = held.recv();
            Ok(Vec::new())
        });
        assert_eq!(problem.unwrap_err().cause, Cause::DnsSilent);
        drop(hold);
    }

    #[test]
    fn the_resolvers_words_tell_causes_apart() {
        let failed = |host: &str, words: &'static str| {
            resolve_by(host, Duration::from_secs(60), move || Err(io::Error::other(words))).unwrap_err().cause
        };
        let public = "post-cn-x.mqtt.aliyuncs.com";
        let prefix = "failed to lookup address information: ";
        let unknown = "failed to lookup address information: Name or service not known";
        assert!(unknown.starts_with(prefix));
        assert_eq!(failed(public, unknown), Cause::DnsNoSuchName);
        assert_eq!(failed("post-cn-x-internal-vpc.mqtt.aliyuncs.com", unknown), Cause::DnsVpcName);
        let later = "failed to lookup address information: Temporary failure in name resolution";
        assert_eq!(failed(public, later), Cause::DnsUnavailable);
        assert_eq!(
            resolve_by("h", Duration::from_secs(60), || Ok(Vec::new())).unwrap_err().cause,
            Cause::DnsNoSuchName
        );
    }

    #[test]
    fn the_families_take_turns() {
        let addresses = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1", "[::3]:1"].map(|text| text.parse().unwrap());
        assert_eq!(in_turn(&addresses).collect::<Vec<_>>(), [0, 2, 1, 3, 4]);
    }

    /// A listener with a full queue: the system drops further connections, or refuses them (outside Linux).
    fn swallowing() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        let filling = std::iter::from_fn(|| TcpStream::connect_timeout(&addr, Duration::from_millis(500)).ok());
        (socket, filling.take(100).collect(), addr)
    }

    #[test]
    fn an_address_that_swallows_everything_keeps_nobody_from_the_others() {
        let (_socket, _filling, dead) = swallowing();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = [dead, listener.local_addr().unwrap()];
        let start = Instant::now();
        let dialled = dial(&addresses, Duration::from_secs(60));
        assert_eq!(dialled.reached, Some(addresses[1]));
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        assert!(dialled.attempts[0].get("error").is_some() && dialled.attempts[1].get("error").is_none());
        // If it is the only address, the message names it.
        let dialled = dial(&[dead], Duration::from_secs(1));
        assert!(dialled.reached.is_none() && dialled.problem().message.contains(&dead.to_string()));
    }

    #[test]
    fn no_way_there_is_told_from_nobody_there() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let problem = |kind: io::ErrorKind| {
            Dialled { reached: None, attempts: Vec::new(), errors: vec![(address, kind.into())] }.problem().cause
        };
        assert_eq!(problem(io::ErrorKind::NetworkUnreachable), Cause::TcpUnreachable);
        assert_eq!(problem(io::ErrorKind::ConnectionRefused), Cause::TcpRefused);
        assert_eq!(problem(io::ErrorKind::TimedOut), Cause::TcpSilent);
    }
}
