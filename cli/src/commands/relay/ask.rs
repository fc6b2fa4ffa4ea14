//! `POST /v1/requests`: request and reply in one call.

use std::rc::Rc;
use std::time::Duration;

use aliyun_mqtt::{Message, QoS};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use super::body::Body;
use super::intake;
use super::options::{Query, Sent};
use super::problem::{Problem, Reason};
use super::send;
use super::shared::{Phase, Relay};

/// How long a request waits for its reply unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn post(relay: Rc<Relay>, parts: Parts, body: Incoming) -> Result<Response<Body>, Problem> {
    let mut query = Query::of(&parts);
    if query.has("wait") {
        return Err(Problem::new(Reason::Invalid, "a request has the parameter timeout in place of wait"));
    }
    let timeout = query.seconds("timeout")?.unwrap_or(TIMEOUT);
    let mut sent = Sent::read(&parts.headers, &mut query)?;
    query.done()?;
    if sent.call.respond_async || sent.call.key.is_some() || sent.qos != QoS::AtLeastOnce {
        let what = "a request has QoS 1, and neither respond-async nor an Idempotency-Key: it is not stored";
        return Err(Problem::new(Reason::Invalid, what));
    }
    let Some(topic) = sent.topic.take() else {
        return Err(Problem::new(Reason::Invalid, "there is no parameter topic"));
    };
    relay.publish.check_topic(&topic)?;
    let _waiting = relay.waiting()?;
    let payload = intake::read(body, relay.config.limits().payload_len, relay.client_timeout).await?;
    let sending = send::sending(topic, sent.qos, sent.properties, payload, None);
    send::check(&relay, &sending, &sent.call)?;
    if relay.outbox.is_draining() {
        return Err(Problem::new(Reason::Draining, "the relay is ending and accepts nothing more"));
    }
    let client = relay.client.borrow().clone();
    let client = client.ok_or_else(|| Problem::new(Reason::NoConnection, "there was no connection yet"))?;
    let asked = relay.asks.ask(&client, sending.message(), timeout, relay.reached(Phase::Leaving));
    asked.await.map(response).map_err(|error| Problem::from(&error))
}

fn response(reply: Message) -> Response<Body> {
    let kind = reply.content_type().and_then(|kind| HeaderValue::from_str(kind).ok());
    let topic = HeaderValue::from_bytes(reply.topic().as_bytes()).ok();
    let pairs: Vec<HeaderValue> = reply
        .user_properties()
        .iter()
        .filter_map(|(key, value)| HeaderValue::from_str(&format!("{key}={value}")).ok())
        .collect();
    let mut response = Response::new(Body::full(reply.into_payload()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    if let Some(topic) = topic {
        headers.insert("mqtt-topic", topic);
    }
    for pair in pairs {
        headers.append("mqtt-user-property", pair);
    }
    response
}
