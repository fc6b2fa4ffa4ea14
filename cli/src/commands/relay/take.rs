//! Receiving: long polls, acknowledgements by `DELETE`, and dead letters.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt::Bytes;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;

use super::body::Body;
use super::inbox::{Inbox, Lease};
use super::options::Query;
use super::problem::{Problem, Reason};
use super::room::Bounds;
use super::send::json_body;
use super::shared::{Phase, Relay};
use super::store;
use super::stream;

/// How long a poll waits unless it says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// The most messages of one answer.
const MAX: usize = 1_000;
const DEFAULT_MAX: usize = 100;

/// The most bytes of messages in one answer; a single message may be larger.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Up to this size, an answer is made at once and has a length.
const WHOLE: usize = 256 * 1024;

/// How many lists of dead letters are read at the same time.
pub(super) const LISTS: usize = 4;

/// Leased messages on their way to a caller; given back if the caller goes away before.
struct Held {
    relay: Rc<Relay>,
    leases: Vec<Lease>,
}

/// A poll that waits; whatever reaches it after its end is given back.
struct Poll<'a> {
    inbox: &'a Inbox,
    receiver: oneshot::Receiver<Vec<Lease>>,
}

pub(super) async fn get(relay: Rc<Relay>, parts: &Parts) -> Result<Response<Body>, Problem> {
    let mut query = Query::of(parts);
    let filter = query.filter("filter")?;
    let max = Bounds { messages: query.number("max", 1..=MAX)?.unwrap_or(DEFAULT_MAX), bytes: ANSWER_BYTES };
    let wait = query.seconds("wait")?.unwrap_or(WAIT);
    let taken = match query.take("ack")?.as_deref() {
        None | Some("delete") => false,
        Some("taken") => true,
        Some(_) => return Err(Problem::new(Reason::Invalid, "ack: it must be taken or delete")),
    };
    query.done()?;
    let wanted = Arc::new(relay.subscribe.wanted(filter.as_deref())?);
    relay.check_receives()?;
    let waiting = relay.waiting()?;
    let leases = match relay.inbox.take(&wanted, max) {
        Ok(leases) => leases,
        Err(receiver) => {
            let mut poll = Poll { inbox: &relay.inbox, receiver };
            tokio::select! {
                leases = &mut poll.receiver => leases.unwrap_or_default(),
                () = tokio::time::sleep(wait) => poll.end(),
                () = relay.reached(Phase::Draining) => poll.end(),
            }
        }
    };
    let mut held = Held { relay: Rc::clone(&relay), leases };
    let records = relay.inbox.read(&held.leases).await.map_err(|error| disk(&error))?;
    let lease = (!taken).then_some(relay.inbox.rules().lease);
    let answer = answer(&relay, parts, &held.leases, records, lease, waiting);
    let leases = std::mem::take(&mut held.leases);
    if taken && !leases.is_empty() {
        // Deleted before they are sent: from here on they are the caller's.
        let ids = leases.iter().map(|lease| lease.id).collect();
        relay.inbox.delete(ids).await.map_err(|error| disk(&error))?;
    } else {
        relay.inbox.hand_out(&leases);
    }
    Ok(answer)
}

/// Deletes a message. `dead`: only if it is a dead letter; otherwise wherever it is, as the last lease may just have
/// ended when its consumer was done.
pub(super) async fn delete(relay: Rc<Relay>, name: &str, dead: bool) -> Result<Response<Body>, Problem> {
    let id = relay.inbox.names().id(name).ok_or_else(gone)?;
    if dead && !relay.inbox.is_dead(id) {
        return Err(gone());
    }
    match relay.inbox.delete(vec![id]).await.map_err(|error| disk(&error))? {
        true => Ok(no_content()),
        false => Err(gone()),
    }
}

pub(super) async fn revive(relay: Rc<Relay>, name: &str) -> Result<Response<Body>, Problem> {
    let id = relay.inbox.names().id(name).ok_or_else(gone)?;
    match relay.inbox.revive(id).await.map_err(|error| disk(&error))? {
        true => Ok(no_content()),
        false => Err(gone()),
    }
}

pub(super) async fn dead(relay: Rc<Relay>, parts: &Parts) -> Result<Response<Body>, Problem> {
    let mut query = Query::of(parts);
    let filter = query.filter("filter")?;
    let max = Bounds { messages: query.number("max", 1..=MAX)?.unwrap_or(DEFAULT_MAX), bytes: ANSWER_BYTES };
    let after = match query.take("after")? {
        None => None,
        Some(name) => {
            let known = relay.inbox.names().id(&name);
            Some(known.ok_or_else(|| Problem::new(Reason::Invalid, "after: it is not the id of a message"))?)
        }
    };
    query.done()?;
    let wanted = relay.subscribe.wanted(filter.as_deref())?;
    relay.check_receives()?;
    let waiting = relay.waiting()?;
    // No lease bounds how often the same letters are read at the same time.
    let place = Arc::clone(&relay.lists).acquire_owned().await;
    let leases = relay.inbox.dead(&wanted, after, max);
    let records = relay.inbox.read(&leases).await.map_err(|error| disk(&error))?;
    Ok(answer(&relay, parts, &leases, records, None, (waiting, place)))
}

/// Makes the answer with these messages. Their texts are made as the caller reads them, unless they are short; until
/// then `held` is kept.
fn answer(
    relay: &Rc<Relay>,
    parts: &Parts,
    leases: &[Lease],
    records: store::Records,
    lease: Option<Duration>,
    held: impl Sized + 'static,
) -> Response<Body> {
    let size: usize = records.iter().map(|(_, record)| record.len()).sum();
    let relay = Rc::clone(relay);
    let counts: HashMap<u64, u32> = leases.iter().map(|lease| (lease.id, lease.count)).collect();
    let messages = records.into_iter().filter_map(move |(id, record)| {
        let _held = &held;
        let mut object = store::shown(&record)?;
        object["id"] = json!(relay.inbox.names().name(id));
        object["leases"] = json!(counts.get(&id));
        if let Some(lease) = lease {
            object["lease_seconds"] = json!(lease.as_secs_f64());
        }
        Some(object.to_string())
    });
    let ndjson = stream::wants_ndjson(&parts.headers);
    let texts: Box<dyn Iterator<Item = String>> = if ndjson {
        Box::new(messages.map(|message| message + "\n"))
    } else {
        let first = std::iter::once("{\"messages\":[".to_string());
        let listed =
            messages.enumerate().map(|(place, message)| if place == 0 { message } else { format!(",{message}") });
        Box::new(first.chain(listed).chain(std::iter::once("]}".to_string())))
    };
    let body = match size <= WHOLE {
        true => Body::full(texts.collect::<String>()),
        false => Body::Made(Box::new(texts.map(Bytes::from))),
    };
    if ndjson { stream::lines(body) } else { json_body(StatusCode::OK, body) }
}

fn no_content() -> Response<Body> {
    Response::builder().status(StatusCode::NO_CONTENT).body(Body::Empty).unwrap_or_default()
}

fn gone() -> Problem {
    Problem::new(Reason::NotFound, "there is no such message, or no longer: it may have been deleted already")
}

fn disk(error: &str) -> Problem {
    Problem::new(Reason::Disk, format!("the store cannot be used: {error}")).without_fate()
}

impl Poll<'_> {
    /// Ends the wait. What was given to it at this very moment is its own.
    fn end(&mut self) -> Vec<Lease> {
        self.receiver.close();
        self.receiver.try_recv().unwrap_or_default()
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(leases) = self.receiver.try_recv() {
            self.inbox.give_back(&leases);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.leases.is_empty() {
            self.relay.inbox.give_back(&self.leases);
        }
    }
}
