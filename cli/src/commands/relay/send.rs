//! One message in one call, answered when its fate is known.

use std::rc::Rc;
use std::time::Duration;

use aliyun_mqtt::{Bytes, QoS};
use hyper::body::Incoming;
use hyper::{Response, StatusCode, header};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::body::Body;
use super::intake;
use super::options::{Call, Sent};
use super::outbox::{Answer, Progress, Ticket};
use super::problem::{Problem, Reason};
use super::shared::{Phase, Relay, Waiting};
use super::store::{KeyUse, Sending};

/// How long the disk, or the end of a QoS 0 message, may take after the wait of a call.
const GRACE: Duration = Duration::from_secs(30);

/// Sends the body as one message.
pub(super) async fn post(
    relay: Rc<Relay>,
    mut sent: Sent,
    body: Incoming,
    waiting: Waiting,
) -> Result<Response<Body>, Problem> {
    let Some(topic) = sent.topic.take() else {
        return Err(Problem::new(Reason::Invalid, "there is no parameter topic"));
    };
    relay.publish.check_topic(&topic)?;
    let payload = intake::read(body, relay.config.limits().payload_len, relay.client_timeout).await?;
    let call = sent.call;
    let sending = sending(topic, sent.qos, sent.properties, payload, call.key.as_deref());
    check(&relay, &sending, &call)?;
    let deadline = Instant::now() + call.wait;
    let ticket = relay.outbox.accept(sending, call.respond_async, call.wait)?;
    let outcome = outcome(&relay, ticket, deadline, call.respond_async).await;
    drop(waiting);
    let applied = call.respond_async && matches!(outcome, Outcome::Spooled { .. });
    let mut response = outcome.into_response();
    if applied {
        response.headers_mut().insert("preference-applied", header::HeaderValue::from_static("respond-async"));
    }
    Ok(response)
}

/// The answer to a call.
#[derive(Debug)]
pub(super) enum Outcome {
    Over { answer: std::sync::Arc<Answer>, repeated: bool },
    Spooled { repeated: bool },
    Failed(Problem),
}

/// Makes the message of a call.
pub(super) fn sending(
    topic: String,
    qos: QoS,
    properties: crate::commands::publish::Properties,
    payload: Bytes,
    key: Option<&str>,
) -> Sending {
    let mut sending = Sending { topic, qos, properties, payload, key: None };
    sending.key =
        key.map(|key| KeyUse { hash: Sha256::digest(key).into(), print: Sha256::digest(sending.encode()).into() });
    sending
}

/// Checks a message against the rules of its call and of the service.
pub(super) fn check(relay: &Relay, sending: &Sending, call: &Call) -> Result<(), Problem> {
    if sending.qos == QoS::AtMostOnce && (call.respond_async || call.key.is_some()) {
        let what = "respond-async and Idempotency-Key are for QoS 1 and 2: a QoS 0 message is not stored";
        return Err(Problem::new(Reason::Invalid, what));
    }
    sending.properties.check(&relay.config)?;
    relay.config.check(&sending.message()).map_err(|error| Problem::from(&error))
}

/// Waits for what the call is answered.
pub(super) async fn outcome(relay: &Relay, ticket: Ticket, deadline: Instant, respond_async: bool) -> Outcome {
    let Ticket { mut progress, joined } = ticket;
    let enough = |progress: &Progress| match progress {
        Progress::Over { .. } => true,
        Progress::Stored => respond_async,
        Progress::Open | Progress::Unstored(_) => false,
    };
    let seen = tokio::select! {
        seen = progress.wait_for(enough) => seen.ok().map(|progress| progress.clone()),
        () = tokio::time::sleep_until(deadline) => None,
        () = relay.reached(Phase::Leaving) => None,
    };
    let seen = match seen {
        Some(seen) => seen,
        None => {
            // The outbox stores the message now, or withdraws it.
            let settled = |progress: &Progress| !matches!(progress, Progress::Open);
            match tokio::time::timeout(GRACE, progress.wait_for(settled)).await {
                Ok(Ok(progress)) => progress.clone(),
                _ => Progress::Open,
            }
        }
    };
    match seen {
        // The same call gets the same answer.
        Progress::Over { answer, repeated }
            if respond_async && (repeated || joined) && matches!(*answer, Answer::Done { .. }) =>
        {
            Outcome::Spooled { repeated: true }
        }
        Progress::Over { answer, repeated } => Outcome::Over { answer, repeated: repeated || joined },
        Progress::Stored => Outcome::Spooled { repeated: joined },
        Progress::Unstored(error) => {
            let detail = format!("there was no acknowledgement in time, and the message cannot be stored: {error}");
            Outcome::Failed(Problem::new(Reason::Unknown, detail))
        }
        Progress::Open => Outcome::Failed(Problem::new(Reason::Unknown, "there was no acknowledgement in time")),
    }
}

impl Outcome {
    pub(super) fn status(&self) -> u16 {
        match self {
            Outcome::Over { answer, .. } => match &**answer {
                Answer::Done { .. } => 200,
                Answer::Failed(problem) => problem.status,
            },
            Outcome::Spooled { .. } => 202,
            Outcome::Failed(problem) => problem.status,
        }
    }

    /// Returns the object that describes the outcome.
    pub(super) fn object(&self) -> serde_json::Value {
        match self {
            Outcome::Over { answer, .. } => match &**answer {
                Answer::Done { qos: 0, .. } => json!({ "fate": "written" }),
                Answer::Done { attempts, .. } => json!({ "fate": "acknowledged", "attempts": attempts }),
                Answer::Failed(problem) => json!(problem),
            },
            Outcome::Spooled { .. } => json!({ "fate": "spooled" }),
            Outcome::Failed(problem) => json!(problem),
        }
    }

    fn into_response(self) -> Response<Body> {
        let repeated = matches!(self, Outcome::Over { repeated: true, .. } | Outcome::Spooled { repeated: true });
        let failure = match &self {
            Outcome::Over { answer, .. } => match &**answer {
                Answer::Failed(problem) => Some(problem.clone()),
                Answer::Done { .. } => None,
            },
            Outcome::Failed(problem) => Some(problem.clone()),
            Outcome::Spooled { .. } => None,
        };
        let mut response = match failure {
            Some(problem) => problem.into_response(),
            None => {
                let status = StatusCode::from_u16(self.status()).unwrap_or_default();
                json_response(status, &self.object())
            }
        };
        if repeated {
            response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
        }
        response
    }
}

pub(super) fn json_response(status: StatusCode, object: &serde_json::Value) -> Response<Body> {
    json_body(status, Body::full(object.to_string()))
}

pub(super) fn json_body(status: StatusCode, body: Body) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(body).unwrap_or_default()
}
