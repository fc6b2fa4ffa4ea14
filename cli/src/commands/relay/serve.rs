//! Connections and paths.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use aliyun_mqtt::Client;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::body::Body;
use super::guard::{Guard, Token};
use super::listen::Listener;
use super::patience::Patient;
use super::problem::{Problem, Reason};
use super::send::json_response;
use super::shared::{Phase, Relay};
use super::{ask, post, sse, take};

/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 * 1024;

/// The pause after a failed `accept`: there are no descriptors left, and time will give some back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until the relay drains.
pub(super) async fn accept(relay: Rc<Relay>, listener: Listener, token: Option<Token>, max_connections: i64) {
    let guard = match (&listener, token) {
        (Listener::Tcp(_, address), Some(token)) => Guard::Tcp { address: *address, token },
        // Checked at the start: a loopback address has a token.
        (Listener::Tcp(..), None) => return,
        (Listener::Unix(..), _) => Guard::Unix,
    };
    let guard = Rc::new(guard);
    let mut drain = pin!(relay.reached(Phase::Draining));
    macro_rules! accept_all {
        ($listener:expr) => {{
            let listener = match $listener {
                Ok(listener) => listener,
                Err(error) => return log::error!("a socket cannot be used: {error}"),
            };
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut drain => return,
                };
                match accepted {
                    Ok((stream, _)) if relay.metrics.open_connections.get() >= max_connections => {
                        tokio::task::spawn_local(refuse(stream));
                    }
                    Ok((stream, _)) => {
                        tokio::task::spawn_local(connection(Rc::clone(&relay), stream, Rc::clone(&guard)));
                    }
                    Err(error) => {
                        log::warn!("a connection was not accepted: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }};
    }
    match listener {
        Listener::Unix(listener, _file) => {
            accept_all!(listener.set_nonblocking(true).and_then(|()| tokio::net::UnixListener::from_std(listener)));
        }
        Listener::Tcp(listener, _) => {
            accept_all!(listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener)));
        }
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + 'static>(relay: Rc<Relay>, stream: S, guard: Rc<Guard>) {
    relay.metrics.open_connections.inc();
    let service = service_fn(|request| {
        let (relay, guard) = (Rc::clone(&relay), Rc::clone(&guard));
        async move { Ok::<_, Infallible>(respond(relay, &guard, request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(relay.client_timeout).max_buf_size(HEAD_BYTES);
    let stream = TokioIo::new(Patient::new(stream, relay.client_timeout));
    let mut connection = pin!(server.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = relay.reached(Phase::Draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        log::debug!("a connection ended: {error}");
    }
    relay.metrics.open_connections.dec();
}

/// Answers one connection too many.
async fn refuse<S: AsyncWrite + Unpin>(mut stream: S) {
    let problem =
        serde_json::to_string(&Problem::new(Reason::Busy, "there are too many connections")).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{problem}",
        problem.len()
    );
    // Whoever does not read it gets no more of it.
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(text.as_bytes())).await;
    let _ = stream.shutdown().await;
}

async fn respond(relay: Rc<Relay>, guard: &Guard, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let metrics = std::sync::Arc::clone(&relay.metrics);
    let result = match guard.check(&parts) {
        Ok(()) => route(relay, parts, body).await,
        Err(problem) => Err(problem),
    };
    let response = result.unwrap_or_else(Problem::into_response);
    metrics.responded(response.status().as_u16());
    response
}

async fn route(relay: Rc<Relay>, parts: Parts, body: Incoming) -> Result<Response<Body>, Problem> {
    let path = parts.uri.path().to_string();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let method = parts.method.clone();
    match (segments.as_slice(), &method) {
        (["v1", "messages"], &Method::POST) => post::post(relay, parts, body, None).await,
        (["v1", "messages"], &Method::GET) => take::get(relay, &parts).await,
        (["v1", "messages", id], &Method::DELETE) => take::delete(relay, id, false).await,
        (["v1", "p2p", client], &Method::POST) => {
            let topic = p2p(&relay, client)?;
            post::post(relay, parts, body, Some(topic)).await
        }
        (["v1", "requests"], &Method::POST) => ask::post(relay, parts, body).await,
        (["v1", "dead"], &Method::GET) => take::dead(relay, &parts).await,
        (["v1", "dead", id], &Method::POST) => take::revive(relay, id).await,
        (["v1", "dead", id], &Method::DELETE) => take::delete(relay, id, true).await,
        (["v1", "events"], &Method::GET) => sse::get(relay),
        (["metrics"], &Method::GET | &Method::HEAD) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let response = Response::builder().header(header::CONTENT_TYPE, kind);
            let token_end = relay.client.borrow().as_ref().and_then(Client::token_expires);
            Ok(response.body(Body::full(relay.metrics.text(token_end))).unwrap_or_default())
        }
        (["healthz"], &Method::GET | &Method::HEAD) => Ok(json_response(StatusCode::OK, &json!({ "healthy": true }))),
        (["readyz"], &Method::GET | &Method::HEAD) => Ok(match relay.not_ready() {
            None => json_response(StatusCode::OK, &json!({ "ready": true })),
            Some(why) => json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "ready": false, "reason": why })),
        }),
        (segments, _) => match allowed(segments) {
            None => {
                let path = aliyun_mqtt::printable(&path);
                Err(Problem::new(Reason::NotFound, format!("there is no path {path}")))
            }
            Some(methods) => {
                let mut response = Problem::new(Reason::Method, format!("{path} has {methods} only")).into_response();
                response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(methods));
                Ok(response)
            }
        },
    }
}

/// The methods of a path.
fn allowed(segments: &[&str]) -> Option<&'static str> {
    Some(match segments {
        ["v1", "messages"] => "GET, POST",
        ["v1", "messages", _] => "DELETE",
        ["v1", "p2p", _] | ["v1", "requests"] => "POST",
        ["v1", "dead"] | ["v1", "events"] => "GET",
        ["metrics"] | ["healthz"] | ["readyz"] => "GET, HEAD",
        ["v1", "dead", _] => "DELETE, POST",
        _ => return None,
    })
}

/// Returns the topic of a P2P message to this client, as the path has it.
fn p2p(relay: &Relay, client: &str) -> Result<String, Problem> {
    let client = percent_encoding::percent_decode_str(client).decode_utf8();
    let client = client.map_err(|_| Problem::new(Reason::Invalid, "the client id in the path is not UTF-8"))?;
    let Some(parent) = &relay.parent else {
        let problem = Problem::new(Reason::Invalid, "the relay has no parent topic for P2P messages");
        return Err(problem.hint("start it with --parent-topic or ALIYUN_MQTT_TOPIC"));
    };
    aliyun_mqtt::p2p_topic(parent, &*client).map_err(|error| Problem::from(&error))
}
