//! `POST /v1/messages` and `/v1/p2p/CLIENT_ID`: one message, or many.

use std::rc::Rc;

use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use super::body::Body;
use super::options::{Query, Sent};
use super::problem::{Problem, Reason};
use super::shared::Relay;
use super::{send, stream};

/// Sends the body to the topic of the query, or to this one.
pub(super) async fn post(
    relay: Rc<Relay>,
    parts: Parts,
    body: Incoming,
    topic: Option<String>,
) -> Result<Response<Body>, Problem> {
    let mut query = Query::of(&parts);
    let mut sent = Sent::read(&parts.headers, &mut query)?;
    query.done()?;
    if topic.is_some() && sent.topic.is_some() {
        return Err(Problem::new(Reason::Invalid, "a P2P message has no other topic: the path has its receiver"));
    }
    sent.topic = topic.or(sent.topic);
    let waiting = relay.waiting()?;
    match stream::is_ndjson(&parts.headers) {
        true => stream::post(relay, sent, body, waiting),
        false => send::post(relay, sent, body, waiting).await,
    }
}
