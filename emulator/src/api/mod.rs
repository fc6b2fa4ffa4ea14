//! The OpenAPI of the service over HTTP and HTTPS: its listeners, and the path of a call from request to response.

mod actions;
mod caller;
mod clock;
mod error_body;
mod form;
mod metadata;
mod request;
mod response;
mod signature;
mod sts;
mod trace;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use self::error_body::ErrorBodies;
use self::request::{READ_TIMEOUT, Request};
use self::response::{ApiError, Outcome};
use crate::broker::Broker;
use crate::log::What;
use crate::service::{Service, lock};

/// The state that all calls share.
pub(crate) struct Api {
    service: Arc<Service>,
    broker: Arc<Broker>,
    acceptor: TlsAcceptor,
}

impl Api {
    pub(crate) fn new(service: Arc<Service>, broker: Arc<Broker>, acceptor: TlsAcceptor) -> Self {
        Self { service, broker, acceptor }
    }
}

/// Accepts connections until the future is dropped, which also ends them.
pub(crate) async fn listen(listener: TcpListener, secure: bool, api: Arc<Api>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(handle(stream, secure, Arc::clone(&api)));
                }
                // The process is out of descriptors, for example: try again a little later.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn handle(stream: TcpStream, secure: bool, api: Arc<Api>) {
    // A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let address = stream.local_addr().map(|address| address.to_string()).unwrap_or_default();
    if secure {
        let Ok(Ok(stream)) = timeout(READ_TIMEOUT, api.acceptor.accept(stream)).await else { return };
        serve(stream, address, api).await;
    } else {
        serve(stream, address, api).await;
    }
}

async fn serve<S>(stream: S, address: String, api: Arc<Api>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = ErrorBodies::new(stream, address, Arc::clone(&api.service));
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move { Ok::<_, Infallible>(respond(&api, request).await) }
    });
    // Errors are of concern to the client only, which sees them itself.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(api: &Api, request: HttpRequest<Incoming>) -> Response<Full<Bytes>> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or("").to_owned();
    if let Some(response) = metadata::respond(&api.service, &request) {
        return response;
    }
    let (action, client_id, outcome) = match Request::read(request).await {
        Ok(request) => {
            let (action, client_id) = (request.action_for_log(), request.client_id_for_log());
            let outcome = run(api, &request).await;
            (action, client_id, outcome)
        }
        Err(error) => (String::new(), String::new(), ordered_failure(api, "").and(Err(error))),
    };
    let what = match &outcome {
        Ok(_) => What::ApiCalled { action },
        Err(error) => What::ApiRefused { action, code: error.code.clone() },
    };
    api.service.log.write(&client_id, what);
    let delay = lock(&api.service.switches).delay_api;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let now = clock::now(lock(&api.service.switches).clock_skew);
    response::render(outcome, &host, now)
}

async fn run(api: &Api, request: &Request) -> Outcome {
    ordered_failure(api, request.action())?;
    let now = clock::now(lock(&api.service.switches).clock_skew);
    if sts::is_meant(request) {
        return sts::run(&api.service, request, now);
    }
    let caller = caller::check(&api.service, request, now)?;
    let (service, broker) = (&*api.service, &*api.broker);
    let call = actions::Call { service, broker, caller: &caller, parameters: request.parameters(), now };
    actions::run(&call, request.action()).await
}

/// Returns the failure that a test has ordered, or that of too many calls; both come before any check.
fn ordered_failure(api: &Api, action: &str) -> Result<(), ApiError> {
    let mut switches = lock(&api.service.switches);
    if switches.throttle_api > 0 {
        switches.throttle_api -= 1;
        return Err(ApiError::throttled(action));
    }
    let (count, status, code) = &mut switches.fail_api;
    if *count > 0 {
        *count -= 1;
        return Err(ApiError::new(*status, code.as_str(), "failed by order of the test"));
    }
    drop(switches);
    if api.service.settings.limits.api_rates && !lock(&api.service.api_rates).take(action, Instant::now()) {
        return Err(ApiError::throttled(action));
    }
    Ok(())
}
