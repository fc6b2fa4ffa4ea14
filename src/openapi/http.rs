//! HTTP: one request, one response. Only this module uses the HTTP client.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::{self, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, ProxyProtocol, SendBody};
use zeroize::Zeroizing;

use super::address::Address;
use super::signature::Signed;
use crate::config::authority::bracketed;
use crate::config::proxy::{Proxy, route};
use crate::detached;
use crate::error::{Error, ErrorKind, Fate, Hint, Result, Stage};
use crate::tls::Trust;

mod errors;

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
    pub(super) fn new(address: Address, trust: Option<&Trust>, proxy: Option<Proxy>) -> Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(address.is_tls())
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Set explicitly: its default is the proxy of the environment.
            .proxy(proxy.as_ref().map(for_library).transpose()?)
            .max_idle_age(IDLE_MAX)
            .accept("application/json")
            .user_agent(concat!("aliyun-mqtt/", env!("CARGO_PKG_VERSION")));
        if let Some(trust) = trust {
            if let Err(error) = rustls::pki_types::ServerName::try_from(address.host()) {
                let message = format!("the host {:?} is no name that a certificate can have", address.host());
                return Err(Error::config(message).with_source(error));
            }
            // The HTTP library cannot be given more roots later, so it gets all of them now.
            let roots = trust.all().unwrap_or_else(|| trust.first());
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
    /// The fate shows if the request may have been executed. The error contains no part of the request.
    pub(super) fn exchange(&self, method: &'static str, signed: Signed, limit: Duration) -> Result<Response> {
        let target = Zeroizing::new(format!("/?{}", *signed.query));
        self.exchange_at(method, &target, signed, limit)
    }

    /// Like [`exchange`](Self::exchange), with this path and query in place of the one that is signed.
    pub(super) fn exchange_at(
        &self,
        method: &'static str,
        target: &str,
        signed: Signed,
        limit: Duration,
    ) -> Result<Response> {
        let start = Instant::now();
        let stage_max = (limit / 3).min(STAGE_MAX);
        let request = self.request(method, target, signed)?;
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
        detached::can_start().map_err(|error| error.with_stage(Stage::Api).with_fate(Fate::NotSent))?;
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
            let message = format!("the response of {} has more than {BODY_MAX} bytes", self.route);
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

    fn request(&self, method: &'static str, target: &str, signed: Signed) -> Result<http::Request<SendBody<'static>>> {
        let url = Zeroizing::new(format!("{}{target}", self.address));
        if url.len() > URL_MAX {
            let message = format!("the request has {} bytes as a URL; at most {URL_MAX} can be sent", url.len());
            return Err(Error::invalid(message).with_hint(Hint::ApiUrlLength));
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
}

/// The error for an unexpected response.
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

fn unmakeable() -> Error {
    Error::internal("the HTTP request cannot be made of these parameters").with_fate(Fate::NotSent)
}

fn panicked() -> Error {
    Error::internal("the HTTP client panicked").with_stage(Stage::Api).with_fate(Fate::Unknown)
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
    use ureq::Timeout;

    use super::*;

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
            assert!(text.contains("host name of http://localhost:8080") && text.contains("(stage: resolve)"), "{text}");
        }
        for text in shown(Some("http://proxy.test:3128")) {
            assert!(
                text.contains("host name of the proxy http://proxy.test:3128 on the way to http://localhost:8080"),
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
