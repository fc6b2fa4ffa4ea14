//! Many messages in one call, as `application/x-ndjson`: one result for each, in their order.
//!
//! One task reads lines and accepts their messages, another writes results; a bounded queue between them keeps memory
//! bounded, whatever the length of the input. The caller may read results while it still writes.

use std::rc::Rc;

use aliyun_mqtt::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::body::Body;
use super::options::{Call, Sent};
use super::outbox::Ticket;
use super::problem::{Problem, Reason};
use super::send::{self, Outcome};
use super::shared::{Relay, Waiting};
use crate::commands::publish::{LineMessage, Template, longest_line, message_of_line};

const NDJSON: &str = "application/x-ndjson";

/// How many lines are under way at the same time.
const WINDOW: usize = 256;

/// A program that makes lines needs more time for the next part than one that sends a body: so many times as much.
const PAUSES: u32 = 10;

/// A line whose result is to be written.
struct Line {
    number: u64,
    ticket: Result<Ticket, Problem>,
    deadline: Instant,
}

pub(super) fn is_ndjson(headers: &HeaderMap) -> bool {
    names(headers, header::CONTENT_TYPE)
}

/// Returns true if the caller wants lines in place of one object.
pub(super) fn wants_ndjson(headers: &HeaderMap) -> bool {
    names(headers, header::ACCEPT)
}

fn names(headers: &HeaderMap, header: header::HeaderName) -> bool {
    let value = headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut kinds = value.split(',').filter_map(|kind| kind.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case(NDJSON))
}

/// Returns a response with lines.
pub(super) fn lines(body: Body) -> Response<Body> {
    let response = Response::builder().status(StatusCode::OK).header(header::CONTENT_TYPE, NDJSON);
    response.body(body).unwrap_or_default()
}

pub(super) fn post(relay: Rc<Relay>, sent: Sent, body: Incoming, waiting: Waiting) -> Result<Response<Body>, Problem> {
    if let Some(topic) = &sent.topic {
        relay.publish.check_topic(topic)?;
    }
    let template = Template::new(sent.topic, sent.qos, sent.properties, &relay.config)?;
    let (to_writer, from_reader) = mpsc::channel(WINDOW);
    let (to_caller, parts) = mpsc::channel(16);
    let respond_async = sent.call.respond_async;
    let reader = Reader { relay: Rc::clone(&relay), template, call: sent.call, number: 0, to: to_writer };
    tokio::task::spawn_local(reader.run(body));
    tokio::task::spawn_local(write(relay, respond_async, from_reader, to_caller, waiting));
    Ok(lines(Body::Parts(parts)))
}

struct Reader {
    relay: Rc<Relay>,
    template: Template,
    call: Call,
    number: u64,
    to: mpsc::Sender<Line>,
}

impl Reader {
    async fn run(mut self, mut body: Incoming) {
        let longest = longest_line(self.relay.config.limits().payload_len);
        let mut buffer: Vec<u8> = Vec::new();
        // The rest of a line that is too long is skipped.
        let mut skipping = false;
        let pause = self.relay.client_timeout.saturating_mul(PAUSES);
        loop {
            let frame = match tokio::time::timeout(pause, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => return,
                Ok(None) => break,
                Err(_) => {
                    let problem = Problem::new(Reason::Slow, format!("no line came for {} s", pause.as_secs_f64()));
                    self.give(|_| Err(problem)).await;
                    return;
                }
            };
            let Ok(mut data) = frame.into_data() else { continue };
            while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
                let line = data.split_to(end + 1);
                if !std::mem::take(&mut skipping) {
                    buffer.extend_from_slice(&line[..end]);
                    if !self.line(&std::mem::take(&mut buffer), longest).await {
                        return;
                    }
                }
            }
            if !skipping {
                buffer.extend_from_slice(&data);
                if buffer.len() > longest {
                    skipping = true;
                    if !self.line(&std::mem::take(&mut buffer), longest).await {
                        return;
                    }
                }
            }
        }
        if !buffer.is_empty() {
            self.line(&buffer, longest).await;
        }
    }

    /// Accepts the message of a line. Returns false if nobody reads the results any longer.
    async fn line(&mut self, line: &[u8], longest: usize) -> bool {
        self.give(|reader| reader.accept(line, longest)).await
    }

    async fn give(&mut self, ticket: impl FnOnce(&Self) -> Result<Ticket, Problem>) -> bool {
        self.number += 1;
        // Room in the queue first: it bounds how many messages of this call are under way.
        let Ok(place) = self.to.reserve().await else { return false };
        let deadline = Instant::now() + self.call.wait;
        place.send(Line { number: self.number, ticket: ticket(self), deadline });
        true
    }

    fn accept(&self, line: &[u8], longest: usize) -> Result<Ticket, Problem> {
        if line.len() > longest {
            return Err(Problem::new(Reason::TooLarge, format!("the line has more than {longest} bytes")));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let message = message_of_line(line, &self.template)?;
        let LineMessage { topic, qos, properties, payload } =
            message.ok_or_else(|| Problem::new(Reason::Invalid, "the line is blank"))?;
        self.relay.publish.check_topic(&topic)?;
        // The key of the call and the place of the line: a repeated call repeats each line. No call has a key with a
        // space.
        let key = self.call.key.as_ref().map(|key| format!("{} {key}", self.number));
        let sending = send::sending(topic, qos, properties, Bytes::from(payload), key.as_deref());
        send::check(&self.relay, &sending, &self.call)?;
        self.relay.outbox.accept(sending, self.call.respond_async, self.call.wait)
    }
}

async fn write(
    relay: Rc<Relay>,
    respond_async: bool,
    mut from: mpsc::Receiver<Line>,
    to: mpsc::Sender<Bytes>,
    _waiting: Waiting,
) {
    while let Some(Line { number, ticket, deadline }) = from.recv().await {
        let outcome = match ticket {
            Ok(ticket) => send::outcome(&relay, ticket, deadline, respond_async).await,
            Err(problem) => Outcome::Failed(problem),
        };
        let mut object = json!({ "line": number, "status": outcome.status() });
        if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), outcome.object()) {
            object.extend(more);
        }
        if to.send(Bytes::from(format!("{object}\n"))).await.is_err() {
            return;
        }
    }
}
