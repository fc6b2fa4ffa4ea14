//! `GET /v1/events`: what happens to the connection, as a stream of server-sent events.

use std::rc::Rc;
use std::time::Duration;

use aliyun_mqtt::Bytes;
use hyper::{Response, StatusCode, header};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};

use super::body::Body;
use super::event_text::shown;
use super::problem::Problem;
use super::shared::{Phase, Relay};

/// The pause after which a comment shows that the connection still stands.
const BEAT: Duration = Duration::from_secs(15);

pub(super) fn get(relay: Rc<Relay>) -> Result<Response<Body>, Problem> {
    let waiting = relay.waiting()?;
    let mut events = relay.events.subscribe();
    let (to, parts) = mpsc::channel(16);
    tokio::task::spawn_local(async move {
        let _waiting = waiting;
        let state = if relay.metrics.is_connected() { "connected" } else { "disconnected" };
        let mut next = shown("state", &json!({ "state": state }));
        loop {
            if to.send(Bytes::from(next)).await.is_err() {
                return;
            }
            next = tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => event.to_string(),
                    Err(broadcast::error::RecvError::Lagged(count)) => shown("missed", &json!({ "count": count })),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                () = tokio::time::sleep(BEAT) => ":\n\n".to_string(),
                () = relay.reached(Phase::Draining) => return,
                () = to.closed() => return,
            };
        }
    });
    let response = Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store");
    Ok(response.body(Body::Parts(parts)).unwrap_or_default())
}
