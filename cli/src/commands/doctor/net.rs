//! Names to addresses to connections, each within its time.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::cause::Cause;
use super::show::{Trouble, millis};

/// Looks a name up, on a thread that is left behind if the system's resolver hangs.
pub(super) fn resolve(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Trouble> {
    let name = host.to_string();
    resolve_by(host, limit, move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect))
}

fn resolve_by(
    host: &str,
    limit: Duration,
    look_up: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
) -> Result<Vec<SocketAddr>, Trouble> {
    let (answer, answers) = sync_channel(1);
    let started = thread::Builder::new().name("doctor-dns".to_string()).spawn(move || {
        // Nobody may be listening any more.
        let _ = answer.send(look_up());
    });
    let silent = || Trouble::new(Cause::DnsSilent, format!("{host} could not be resolved within {limit:?}"));
    let found = match started {
        Err(error) => {
            let message = format!("no thread could be started to look {host} up: {error}");
            return Err(Trouble::new(Cause::Unexplained, message));
        }
        Ok(_) => match answers.recv_timeout(limit) {
            Ok(found) => found,
            Err(RecvTimeoutError::Timeout) => return Err(silent()),
            Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the look-up panicked")),
        },
    };
    match found {
        Ok(addresses) if addresses.is_empty() => Err(Trouble::new(judge(host, ""), format!("{host} has no address"))),
        Ok(addresses) => Ok(addresses),
        Err(error) => {
            let why = error.to_string();
            Err(Trouble::new(judge(host, &why), format!("{host} could not be resolved: {why}")))
        }
    }
}

/// The cause of a failed look-up. The system's words are all there is to tell a name that does not exist from a name
/// server that does not answer.
fn judge(host: &str, why: &str) -> Cause {
    if ["Temporary failure", "try again", "System error"].iter().any(|words| why.contains(words)) {
        Cause::DnsUnavailable
    } else if super::setup::is_vpc(host) {
        Cause::DnsVpcName
    } else {
        Cause::DnsNoSuchName
    }
}

/// What became of dialling all addresses: those that answered, and a line about each.
pub(super) struct Dialled {
    pub(super) reached: Option<SocketAddr>,
    pub(super) told: Vec<Json>,
    errors: Vec<(SocketAddr, io::Error)>,
}

/// Dials each address, sharing the time.
pub(super) fn dial(addresses: &[SocketAddr], limit: Duration) -> Dialled {
    let mut dialled = Dialled { reached: None, told: Vec::new(), errors: Vec::new() };
    let share = limit / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        let start = Instant::now();
        let result = TcpStream::connect_timeout(address, share.max(Duration::from_millis(1)));
        let took = millis(start.elapsed());
        match result {
            Ok(_) => {
                dialled.reached.get_or_insert(*address);
                dialled.told.push(json!({ "address": address.to_string(), "ms": took }));
            }
            Err(error) => {
                dialled.told.push(json!({ "address": address.to_string(), "ms": took, "error": error.to_string() }));
                dialled.errors.push((*address, error));
            }
        }
    }
    dialled
}

impl Dialled {
    /// Why none was reached. Of several reasons, the first that says that somebody is there.
    pub(super) fn trouble(&self) -> Trouble {
        let cause = |error: &io::Error| match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Cause::TcpRefused,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Cause::TcpSilent,
            _ => Cause::TcpUnreachable,
        };
        let causes: Vec<Cause> = self.errors.iter().map(|(_, error)| cause(error)).collect();
        let order = [Cause::TcpRefused, Cause::TcpSilent, Cause::TcpUnreachable];
        let chosen = order.into_iter().find(|cause| causes.contains(cause)).unwrap_or(Cause::Unexplained);
        let lines = self.errors.iter().map(|(address, error)| format!("{address}: {error}")).collect::<Vec<_>>();
        Trouble::new(chosen, lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_never_answers_costs_no_more_than_the_limit() {
        let (hold, held) = sync_channel::<()>(0);
        let trouble = resolve_by("host", Duration::from_millis(1), move || {
            let _ = held.recv();
            Ok(Vec::new())
        });
        assert_eq!(trouble.unwrap_err().cause, Cause::DnsSilent);
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
    fn no_way_there_is_told_from_nobody_there() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let trouble = |kind: io::ErrorKind| {
            Dialled { reached: None, told: Vec::new(), errors: vec![(address, kind.into())] }.trouble().cause
        };
        assert_eq!(trouble(io::ErrorKind::NetworkUnreachable), Cause::TcpUnreachable);
        assert_eq!(trouble(io::ErrorKind::ConnectionRefused), Cause::TcpRefused);
        assert_eq!(trouble(io::ErrorKind::TimedOut), Cause::TcpSilent);
    }
}
