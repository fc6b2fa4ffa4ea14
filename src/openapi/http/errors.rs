//! Translates failures of the HTTP client.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ureq::Timeout;

use super::{HttpClient, protocol};
use crate::error::{Error, ErrorKind, Fate, Hint, Stage};
use crate::{detached, proxy, system, tls};

impl HttpClient {
    /// Translates a failure; the texts of the HTTP library could show the URL.
    pub(super) fn failed(&self, error: ureq::Error, start: Instant, limit: Duration, stage_max: Duration) -> Error {
        let route = &self.route;
        match error {
            ureq::Error::Timeout(Timeout::Resolve) => {
                let whose = self.looked_up();
                let message = format!("the host name of {whose} could not be resolved within {stage_max:.1?}");
                Error::new(ErrorKind::Timeout(Stage::Resolve), message).with_hint(Hint::Dns).with_fate(Fate::NotSent)
            }
            ureq::Error::Timeout(Timeout::Connect) => self.connect_timeout(start, limit, stage_max),
            ureq::Error::Timeout(_) => {
                let message = format!("{route} did not answer within {limit:.1?}");
                Error::new(ErrorKind::Timeout(Stage::Api), message).with_fate(Fate::Unknown)
            }
            ureq::Error::HostNotFound => self.not_resolved(None),
            ureq::Error::Io(error) => self.input_output(error, start.elapsed() < stage_max * 2),
            ureq::Error::Rustls(error) => self.tls(error),
            ureq::Error::ConnectProxyFailed(text) => match proxy_status(&text) {
                Some(status) => proxy::refused(status, route),
                None => proxy::silent(route, ""),
            }
            .with_fate(Fate::NotSent),
            _ => protocol(format!("what answered at {route} does not speak HTTP as it should"))
                .with_hint(Hint::ApiUrlOrProxy),
        }
    }

    /// The HTTP library has one timeout for TCP, proxy and TLS; a second dial finds out which of them hangs.
    fn connect_timeout(&self, start: Instant, limit: Duration, stage_max: Duration) -> Error {
        let (host, port, proxy) = (self.address.host().to_string(), self.address.port(), self.proxy.clone());
        let deadline = start + limit.min(start.elapsed() + Duration::from_secs(3));
        let reached = Arc::new(AtomicUsize::new(0));
        let progress = Arc::clone(&reached);
        let dial = move || {
            let left = || deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            let first = proxy.as_ref().map_or((host.as_str(), port), |proxy| (proxy.host(), proxy.port()));
            let mut addresses = first.to_socket_addrs().ok()?;
            let mut stream = addresses.find_map(|address| TcpStream::connect_timeout(&address, left()).ok())?;
            if let Some(proxy) = &proxy {
                progress.store(1, Ordering::Relaxed);
                proxy::ask(&mut stream, proxy, &host, port, deadline).filter(|status| *status == 200)?;
            }
            progress.store(2, Ordering::Relaxed);
            Some(())
        };
        // Without TLS and proxy there is only the connection.
        if self.address.is_tls() || self.proxy.is_some() {
            if let Some(dialling) = detached::spawn(dial) {
                let _ = detached::wait(&dialling, deadline, || false);
            }
        }
        let stage = [Stage::Connect, Stage::Proxy, Stage::Tls][reached.load(Ordering::Relaxed).min(2)];
        let (what, hint) = match stage {
            Stage::Tls => ("the TLS handshake did not finish", Hint::ApiHttpsPort),
            Stage::Proxy => ("the proxy was reached, but did not answer", Hint::ApiProxySilent),
            _ if self.proxy.is_some() => ("no connection to the proxy could be made", Hint::ProxyFirewall),
            _ => ("no connection could be made", Hint::CheckHost),
        };
        let route = &self.route;
        Error::new(ErrorKind::Timeout(stage), format!("{route}: {what} within {stage_max:.1?}"))
            .with_hint(hint)
            .with_fate(Fate::NotSent)
    }

    /// Translates an error of the socket. `early`: so soon that no existing connection can have timed out.
    fn input_output(&self, error: io::Error, early: bool) -> Error {
        use io::ErrorKind as Io;
        let route = &self.route;
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return self.tls(inner.clone());
        }
        // With a proxy, only its name is looked up here, and a refusal comes from it.
        let of_proxy = self.proxy.is_some() && (system::lookup_failed(&error) || error.kind() == Io::ConnectionRefused);
        if of_proxy {
            return proxy::unreachable(&error, route).with_source(error).with_fate(Fate::NotSent);
        }
        if system::lookup_failed(&error) {
            return self.not_resolved(Some(error));
        }
        let no_descriptor = system::no_descriptor(&error);
        let unreachable = matches!(error.kind(), Io::HostUnreachable | Io::NetworkUnreachable | Io::NetworkDown);
        if no_descriptor
            || matches!(error.kind(), Io::ConnectionRefused | Io::AddrNotAvailable)
            || early && (unreachable || error.kind() == Io::PermissionDenied)
        {
            let hint = match error.kind() {
                Io::ConnectionRefused => Hint::ApiNothingListens,
                _ if no_descriptor => Hint::OpenFiles,
                _ => Hint::ApiNetwork,
            };
            let message = format!("cannot connect to {route}: {error}");
            return Error::new(ErrorKind::Connect, message).with_hint(hint).with_source(error).with_fate(Fate::NotSent);
        }
        // rustls reports the end of a connection within the handshake in this bare form.
        let bare = error.kind() == Io::UnexpectedEof && error.get_ref().is_none() && error.raw_os_error().is_none();
        if bare && self.address.is_tls() {
            let message = format!("{route} closed the connection during the TLS handshake");
            return Error::new(ErrorKind::ConnectionLost, message)
                .with_stage(Stage::Tls)
                .with_hint(Hint::ApiHttpsPort)
                .with_source(error)
                .with_fate(Fate::Unknown);
        }
        let message = format!("the connection to {route} was lost before the complete response arrived: {error}");
        Error::new(ErrorKind::ConnectionLost, message)
            .with_stage(Stage::Api)
            .with_hint(Hint::ApiLost)
            .with_source(error)
            .with_fate(Fate::Unknown)
    }

    fn not_resolved(&self, error: Option<io::Error>) -> Error {
        let text = error.as_ref().map_or("it has no address".to_string(), io::Error::to_string);
        let message = format!("cannot resolve the host name of {}: {text}", self.looked_up());
        let hint = match &self.proxy {
            Some(_) => Hint::ProxyHostName,
            None => Hint::ApiHostName,
        };
        let shown = Error::new(ErrorKind::Resolve, message).with_hint(hint).with_fate(Fate::NotSent);
        match error {
            Some(error) => shown.with_source(error),
            None => shown,
        }
    }

    /// Returns whose name is looked up here: that of the proxy, if there is one.
    fn looked_up(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("the proxy {proxy} on the way to {}", self.address),
            None => self.address.to_string(),
        }
    }

    fn tls(&self, error: rustls::Error) -> Error {
        use rustls::Error as Tls;
        let (what, hint) = tls::explain(&error);
        // Only these certainly belong to the handshake; others may occur at any time.
        let handshake = matches!(error, Tls::InvalidCertificate(_) | Tls::PeerIncompatible(_));
        let hint = match error {
            Tls::InvalidMessage(_) => Some(Hint::ApiPlainPort),
            _ => hint,
        };
        Error::new(ErrorKind::Tls, format!("TLS with {} failed: {what}", self.route))
            .with_fate(if handshake { Fate::NotSent } else { Fate::Unknown })
            .with_hint(hint)
            .with_source(error)
    }
}

/// The HTTP library says "proxy server responded 407/407" if the proxy answered.
fn proxy_status(text: &str) -> Option<u16> {
    text.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_in_the_words_of_the_http_library() {
        assert_eq!(proxy_status("proxy server responded 407/407"), Some(407));
        assert_eq!(proxy_status("proxy server did not respond"), None);
    }
}
