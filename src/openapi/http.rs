//! HTTP: one request, one response. The only place that names the HTTP client.

use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, ProxyProtocol, SendBody, Timeout};
use zeroize::Zeroizing;

use super::address::Address;
use super::signature::Signed;
use crate::config::authority::bracketed;
use crate::config::proxy::{Proxy, route};
use crate::error::{Error, ErrorKind, Fate, Result, Stage};
use crate::helper;
use crate::proxy;
use crate::system;
use crate::tls::{self, Roots};

/// The maximum length of a response.
const BODY_MAX: u64 = 4 * 1024 * 1024;

/// The maximum length of a URL in the HTTP library.
const URL_MAX: usize = 65_534;

/// The maximum time that one attempt may spend on resolving, and again on connecting; at most a third of the time left,
/// so that there is time for another attempt.
const STAGE_MAX: Duration = Duration::from_secs(15);

/// Idle connections older than this are not used again: the server may be about to close them.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// Makes requests to one address; clones share their connections.
#[derive(Clone)]
pub(super) struct HttpClient {
    agent: Agent,
    address: Address,
    proxy: Option<Proxy>,
    /// The server's name in messages: the address, and the proxy on the way to it.
    route: String,
}

/// A response of any status.
pub(super) struct Response {
    pub(super) status: u16,
    /// The body; it may hold secrets.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// The server's clock.
    pub(super) date: Option<SystemTime>,
    /// How long to wait before another attempt.
    pub(super) retry_after: Option<Duration>,
    /// The host that a redirect names.
    pub(super) redirect: Option<String>,
}

impl HttpClient {
    /// # Errors
    /// `Config`: no certificate could ever be valid for the host's name, or the HTTP library does not accept the proxy.
    pub(super) fn new(address: Address, roots: Option<&Roots>, proxy: Option<Proxy>) -> Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(address.is_tls())
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Its default would be the proxy of the environment.
            .proxy(proxy.as_ref().map(for_library).transpose()?)
            .max_idle_age(IDLE_MAX)
            .accept("application/json")
            .user_agent(concat!("aliyun-mqtt/", env!("CARGO_PKG_VERSION")));
        if let Some(roots) = roots {
            if let Err(error) = rustls::pki_types::ServerName::try_from(address.host()) {
                let message = format!("the host {:?} is no name that a certificate can have", address.host());
                return Err(Error::config(message).with_source(error));
            }
            let certificates: Vec<_> =
                roots.certificates().iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            config = config.tls_config(
                TlsConfig::builder()
                    .provider(TlsProvider::Rustls)
                    .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                    .root_certs(RootCerts::Specific(Arc::new(certificates)))
                    .build(),
            );
        }
        let route = route(&address, proxy.as_ref());
        Ok(HttpClient { agent: Agent::new_with_config(config.build()), address, proxy, route })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// Sends a request and reads the whole response, within `limit`.
    ///
    /// # Errors
    /// The fate says whether the request may have been executed. Nothing of the request is in the error.
    pub(super) fn exchange(&self, method: &'static str, signed: Signed, limit: Duration) -> Result<Response> {
        let start = Instant::now();
        let stage_max = (limit / 3).min(STAGE_MAX);
        let request = self.request(method, signed)?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(limit))
            .timeout_resolve(Some(stage_max))
            .timeout_connect(Some(stage_max))
            .timeout_send_request(Some(limit))
            .timeout_send_body(Some(limit))
            .timeout_recv_response(Some(limit))
            .timeout_recv_body(Some(limit))
            .build();
        let failed = |error| self.failed(error, start, limit, stage_max);
        // The HTTP library panics if no thread can be started for a lookup, which it makes even for an address.
        helper::can_start().map_err(|error| error.with_stage(Stage::Api).with_fate(Fate::NotSent))?;
        let run = catch_unwind(AssertUnwindSafe(|| self.agent.run(request)));
        let response = run.map_err(|_| panicked())?.map_err(failed)?;
        let (head, body) = response.into_parts();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let size = body.content_length().unwrap_or(0).clamp(4 * 1024, BODY_MAX);
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 32));
        let read = body.into_with_config().limit(u64::MAX).reader().take(BODY_MAX + 1).read_to_end(&mut bytes);
        if let Err(error) = read {
            return Err(failed(error.into()));
        }
        if bytes.len() as u64 > BODY_MAX {
            let message = format!("the response of {} has more than {BODY_MAX} bytes (stage: api)", self.route);
            return Err(protocol(message));
        }
        let date = header("date").and_then(|text| httpdate::parse_http_date(text).ok());
        let now = date.unwrap_or_else(SystemTime::now);
        // The service's own header, and that of HTTP, which gateways send, too.
        let pauses = ["x-acs-retry-after", "retry-after"].map(|name| header(name).and_then(|text| pause(text, now)));
        Ok(Response {
            status: head.status.as_u16(),
            body: bytes,
            date,
            retry_after: pauses.into_iter().flatten().max(),
            redirect: header("location")
                .and_then(|text| text.parse::<Uri>().ok())
                .and_then(|uri| uri.host().map(str::to_string)),
        })
    }

    fn request(&self, method: &'static str, signed: Signed) -> Result<http::Request<SendBody<'static>>> {
        let url = Zeroizing::new(format!("{}/?{}", self.address, *signed.query));
        if url.len() > URL_MAX {
            let message = format!("the request has {} bytes as a URL; at most {URL_MAX} can be sent", url.len());
            return Err(Error::invalid(message).with_hint(
                "the API takes parameters in the URL, where a letter of Chinese takes 9 bytes; send large messages by \
                 MQTT instead",
            ));
        }
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in &signed.headers {
            let value = http::HeaderValue::from_str(value).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            request = request.header(*name, value.map_err(|_| unmakeable())?);
        }
        let body = if method == "GET" {
            SendBody::none()
        } else {
            request = request.header("content-length", signed.body.len());
            SendBody::from_owned_reader(io::Cursor::new(Bytes(signed.body)))
        };
        request.body(body).map_err(|_| unmakeable())
    }

    /// Describes a failure in the words of this library; those of the HTTP library could show the URL.
    fn failed(&self, error: ureq::Error, start: Instant, limit: Duration, stage_max: Duration) -> Error {
        let route = &self.route;
        match error {
            ureq::Error::Timeout(Timeout::Resolve) => {
                let whose = self.looked_up();
                let message =
                    format!("the host name of {whose} could not be resolved within {stage_max:.1?} (stage: resolve)");
                Error::new(ErrorKind::Timeout(Stage::Resolve), message)
                    .with_hint("check this machine's DNS")
                    .with_fate(Fate::NotSent)
            }
            ureq::Error::Timeout(Timeout::Connect) => self.connect_time_out(start, limit, stage_max),
            ureq::Error::Timeout(_) => {
                let message = format!("{route} did not answer within {limit:.1?} (stage: api)");
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
            _ => protocol(format!("what answered at {route} does not speak HTTP as it should (stage: api)"))
                .with_hint("is the URL the one of the API, and is there a proxy in between?"),
        }
    }

    /// The HTTP library has one timeout for TCP, proxy and TLS; a second dial tells which of them hangs.
    fn connect_time_out(&self, start: Instant, limit: Duration, stage_max: Duration) -> Error {
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
        // Plain and without a proxy there is nothing but the connection.
        if self.address.is_tls() || self.proxy.is_some() {
            if let Some(dialling) = helper::spawn(dial) {
                let _ = helper::wait(&dialling, deadline, || false);
            }
        }
        let stage = [Stage::Connect, Stage::Proxy, Stage::Tls][reached.load(Ordering::Relaxed).min(2)];
        let (what, hint) = match stage {
            Stage::Tls => ("the TLS handshake did not finish", "is this really an HTTPS port (443)?"),
            Stage::Proxy => (
                "the proxy was reached, but did not answer",
                "is it an HTTP proxy? It may be trying in vain to reach the server",
            ),
            _ if self.proxy.is_some() => {
                ("no connection to the proxy could be made", "check host and port of the proxy, and any firewall")
            }
            _ => (
                "no connection could be made",
                "check host, port and firewall; a VPC endpoint is reachable only inside its VPC",
            ),
        };
        let route = &self.route;
        Error::new(ErrorKind::Timeout(stage), format!("{route}: {what} within {stage_max:.1?} (stage: {stage})"))
            .with_hint(hint)
            .with_fate(Fate::NotSent)
    }

    /// `early`: so soon that no existing connection can have timed out.
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
                Io::ConnectionRefused => "nothing listens on that port: check host and port",
                _ if no_descriptor => system::DESCRIPTORS,
                _ => "check the URL, the network and any firewall in between",
            };
            let message = format!("cannot connect to {route} (stage: connect): {error}");
            return Error::new(ErrorKind::Connect, message).with_hint(hint).with_source(error).with_fate(Fate::NotSent);
        }
        // This bare form is how rustls tells the end of a connection within the handshake.
        let bare = error.kind() == Io::UnexpectedEof && error.get_ref().is_none() && error.raw_os_error().is_none();
        if bare && self.address.is_tls() {
            let message = format!("{route} closed the connection during the TLS handshake (stage: tls)");
            return Error::new(ErrorKind::ConnectionLost, message)
                .with_stage(Stage::Tls)
                .with_hint("is this really an HTTPS port (443)?")
                .with_source(error)
                .with_fate(Fate::Unknown);
        }
        let message = format!("the connection to {route} was lost before the whole answer came (stage: api): {error}");
        Error::new(ErrorKind::ConnectionLost, message)
            .with_stage(Stage::Api)
            .with_hint("if it is lost each time: is the URL the one of the API, with the right scheme and port?")
            .with_source(error)
            .with_fate(Fate::Unknown)
    }

    fn not_resolved(&self, error: Option<io::Error>) -> Error {
        let text = error.as_ref().map_or("it has no address".to_string(), io::Error::to_string);
        let message = format!("cannot resolve the host name of {} (stage: resolve): {text}", self.looked_up());
        let hint = match &self.proxy {
            Some(_) => "check the spelling of the proxy and this machine's DNS",
            None => "check the region or URL and this machine's DNS; VPC endpoints resolve only inside their VPC",
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
        // Only these surely belong to the handshake; others may come at any time.
        let handshake = matches!(error, Tls::InvalidCertificate(_) | Tls::PeerIncompatible(_));
        let hint = match error {
            Tls::InvalidMessage(_) => Some("is it a plain port? https is on 443".to_string()),
            _ => hint,
        };
        let shown = Error::new(ErrorKind::Tls, format!("TLS with {} failed (stage: tls): {what}", self.route))
            .with_fate(if handshake { Fate::NotSent } else { Fate::Unknown })
            .with_source(error);
        match hint {
            Some(hint) => shown.with_hint(hint),
            None => shown,
        }
    }
}

/// The error for a response that is not what it should be.
pub(super) fn protocol(message: String) -> Error {
    Error::new(ErrorKind::Protocol, message).with_stage(Stage::Api).with_fate(Fate::Unknown)
}

/// Parses how long to wait, in a response that was sent `now`: in seconds, or until a date (RFC 9110, section 10.2.3).
/// For the service's own header, the official SDK reads a positive integer without a unit; seconds are an assumption.
fn pause(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date in the past means no wait.
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?,
    };
    Some(pause).filter(|pause| !pause.is_zero())
}

fn for_library(proxy: &Proxy) -> Result<ureq::Proxy> {
    let mut builder = ureq::Proxy::builder(ProxyProtocol::Http).host(&bracketed(proxy.host())).port(proxy.port());
    if let Some((user, password)) = proxy.basic_auth() {
        builder = builder.username(user).password(password);
    }
    // Its error is dropped: the URL in it contains the password.
    builder.build().map_err(|_| Error::config(format!("the HTTP library does not accept the proxy {proxy}")))
}

/// The HTTP library says "proxy server responded 407/407" if the proxy answered.
fn proxy_status(text: &str) -> Option<u16> {
    text.rsplit('/').next()?.parse().ok()
}

fn unmakeable() -> Error {
    Error::internal("the HTTP request cannot be made of these parameters").with_fate(Fate::NotSent)
}

fn panicked() -> Error {
    Error::internal("the HTTP client panicked (stage: api)").with_stage(Stage::Api).with_fate(Fate::Unknown)
}

/// A body that is wiped after it was sent.
struct Bytes(Zeroizing<String>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_in_the_words_of_the_http_library() {
        assert_eq!(proxy_status("proxy server responded 407/407"), Some(407));
        assert_eq!(proxy_status("proxy server did not respond"), None);
    }

    #[test]
    fn a_name_that_is_not_found_is_the_proxys_where_there_is_one() {
        let shown = |proxy: Option<&str>| {
            let mut setting = crate::config::proxy::Setting::default();
            if let Some(url) = proxy {
                setting.set(url.to_string());
            }
            let address = Address::read("http://localhost:8080").unwrap();
            let proxy = setting.checked("localhost", 8080).unwrap();
            let client = HttpClient::new(address, None, proxy).unwrap();
            let failed = |error| client.failed(error, Instant::now(), IDLE_MAX, IDLE_MAX).to_string();
            [failed(ureq::Error::HostNotFound), failed(ureq::Error::Timeout(Timeout::Resolve))]
        };
        for text in shown(None) {
            assert!(text.contains("host name of http://localhost:8080 "), "{text}");
        }
        for text in shown(Some("http://proxy.test:3128")) {
            assert!(
                text.contains("host name of the proxy http://proxy.test:3128 on the way to http://localhost:8080 "),
                "{text}"
            );
            assert!(!text.contains("VPC"), "{text}");
        }
    }

    #[test]
    fn a_pause_is_a_number_or_a_date() {
        // The example of RFC 9110, section 5.6.7.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let pause = |text: &str| pause(text, now).map(|pause| pause.as_secs());
        assert_eq!(pause(" 3 "), Some(3));
        for date in ["Sun, 06 Nov 1994 08:49:47 GMT", "Sunday, 06-Nov-94 08:49:47 GMT", "Sun Nov  6 08:49:47 1994"] {
            assert_eq!(pause(date), Some(10), "{date}");
        }
        for bad in ["", "0", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1993 08:49:37 GMT"] {
            assert_eq!(pause(bad), None, "{bad}");
        }
    }
}
