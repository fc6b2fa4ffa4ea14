//! The HTTP side of the control API: connections, and the way of a request to its call and back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::feed::{self, Wanted};
use super::field::Arguments;
use super::gate::Gate;
use super::operations;
use super::page::{self, File};
use super::problem::Problem;
use super::routes::{Answer, Route, routes};
use crate::machine::Machine;

/// The timeout of the headers of a request, and of its body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a body.
const MAX_BODY: usize = 1024 * 1024;

/// The maximum number of connections; further ones wait.
const MAX_CONNECTIONS: usize = 1024;

/// The maximum number of event streams; further ones are refused.
const MAX_STREAMS: usize = 64;

/// The headers of all responses. The policy lets the page run and connect to its own files and this API only.
const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The state that all connections share.
pub(super) struct Server {
    gate: Gate,
    /// True if the page is served, too.
    has_page: bool,
    machine: Arc<Machine>,
    streams: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new(gate: Gate, has_page: bool, machine: Arc<Machine>) -> Self {
        Self { gate, has_page, machine, streams: Arc::new(Semaphore::new(MAX_STREAMS)) }
    }
}

/// Accepts connections until the future is dropped, which also ends them.
pub(super) async fn listen(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&server)));
                }
                // The process is out of descriptors, for example: try again a little later.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    // A failure only costs speed.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(respond(&server, request).await) }
    });
    // Errors are of concern to the caller only, which sees them itself.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(server: &Server, request: Request<Incoming>) -> Response<Body> {
    let mut response = match answer(server, request).await {
        Ok(response) => response,
        Err(problem) => render_problem(&problem),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn answer(server: &Server, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
    let (head, body) = request.into_parts();
    server.gate.check_place(&head.headers)?;
    if let Some(file) = page::file(head.uri.path()).filter(|_| server.has_page && head.method == Method::GET) {
        // Whoever has no token sees a page without data.
        return Ok(render_file(file));
    }
    server.gate.check_token(&head.headers)?;
    let route = find(&head.method, head.uri.path())?;
    let body = read(&head.headers, body).await?;
    let arguments = Arguments::read(head.uri.query().unwrap_or(""), route.query, &body, route.body)?;
    match route.answer {
        Answer::Events => events(server, &arguments, &head.headers),
        Answer::Fields(_) | Answer::Json(_) => {
            let value = operations::run(&server.machine, route.call, arguments).await?;
            Ok(render(StatusCode::OK, "application/json", &value))
        }
    }
}

fn find(method: &Method, path: &str) -> Result<&'static Route, Problem> {
    let at_path: Vec<_> = routes().filter(|route| route.path == path).collect();
    if at_path.is_empty() {
        return Err(Problem::new(404, format!("there is no {path}; /control/openapi.json lists the calls")));
    }
    at_path.iter().find(|route| route.method == method.as_str()).copied().ok_or_else(|| {
        let allow = at_path.iter().map(|route| route.method).collect::<Vec<_>>().join(", ");
        Problem { allow: Some(allow.clone()), ..Problem::new(405, format!("{path} has only {allow}")) }
    })
}

/// Reads the body, which must be JSON if there is one.
async fn read(headers: &HeaderMap, body: Incoming) -> Result<Bytes, Problem> {
    let body = match timeout(READ_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(Problem::new(413, format!("the body has more than {MAX_BODY} bytes")));
        }
        Ok(Err(_)) => return Err(Problem::invalid("the body cannot be read")),
        Err(_) => return Err(Problem::new(408, "the body took too long")),
    };
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if !body.is_empty() && !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(415, "the header Content-Type of a body must be application/json"));
    }
    Ok(body)
}

fn events(server: &Server, arguments: &Arguments, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let full = |_| Problem::new(503, format!("there are {MAX_STREAMS} streams of events already"));
    let permit = Arc::clone(&server.streams).try_acquire_owned().map_err(full)?;
    let service = Arc::clone(&server.machine.service);
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<u64>().ok());
    let start = last_seen.map_or_else(|| service.log.position(), |id| id.saturating_add(1));
    let wanted = Wanted::new(arguments, &service.log)?.or_since(arguments, start);
    feed::check_since(wanted.since(), &service.log)?;
    let stream = feed::events(service, wanted, permit);
    let mut response = Response::new(StreamBody::new(stream).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

fn render_file(file: &File) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from_static(file.text.as_bytes())).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.kind));
    response
}

fn render_problem(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = render(status, "application/problem+json", &problem.body());
    let headers = response.headers_mut();
    if let Some(allow) = problem.allow.as_ref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    match problem.status {
        401 => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        // The rest of the body was not read.
        408 | 413 => drop(headers.insert(CONNECTION, HeaderValue::from_static("close"))),
        _ => {}
    }
    response
}

fn render(status: StatusCode, kind: &'static str, value: &Value) -> Response<Body> {
    let mut text = value.to_string();
    // For people at a terminal.
    text.push('\n');
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
