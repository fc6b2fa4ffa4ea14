//! Receiving: long polls, acknowledgements by `DELETE`, and dead letters.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt::Bytes;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::body::Body;
use super::inbox::{Inbox, Lease};
use super::options::Query;
use super::problem::{Problem, Reason};
use super::send::json_response;
use super::shared::{Phase, Relay};
use super::store::{self, Shelf};
use super::stream;

/// How long a poll waits unless it says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// The most messages of one answer.
const MAX: usize = 1_000;
const DEFAULT_MAX: usize = 100;

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
    let filter = query.take("filter")?;
    let max = query.number("max", 1..=MAX)?.unwrap_or(DEFAULT_MAX);
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
    drop(waiting);
    let records = relay.inbox.read(Shelf::Inbox, &held.leases).await.map_err(|error| disk(&error))?;
    let body = answer(&relay, parts, &held.leases, records, !taken);
    let leases = std::mem::take(&mut held.leases);
    if taken && !leases.is_empty() {
        // Deleted before they are sent: from here on they are the caller's.
        let ids = leases.iter().map(|lease| lease.id).collect();
        relay.inbox.delete(Shelf::Inbox, ids).await.map_err(|error| disk(&error))?;
    } else {
        relay.inbox.hand_out(&leases);
    }
    Ok(body)
}

pub(super) async fn delete(relay: Rc<Relay>, shelf: Shelf, name: &str) -> Result<Response<Body>, Problem> {
    let id = relay.inbox.names().id(name).ok_or_else(gone)?;
    match relay.inbox.delete(shelf, vec![id]).await.map_err(|error| disk(&error))? {
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
    let filter = query.take("filter")?;
    let max = query.number("max", 1..=MAX)?.unwrap_or(DEFAULT_MAX);
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
    let leases = relay.inbox.dead(&wanted, after, max);
    let records = relay.inbox.read(Shelf::Dead, &leases).await.map_err(|error| disk(&error))?;
    Ok(answer(&relay, parts, &leases, records, false))
}

fn answer(relay: &Relay, parts: &Parts, leases: &[Lease], records: store::Records, leased: bool) -> Response<Body> {
    let mut messages: Vec<Value> = Vec::with_capacity(records.len());
    for (id, record) in records {
        let Some(mut object) = store::shown(&record) else { continue };
        object["id"] = json!(relay.inbox.names().name(id));
        object["leases"] = json!(leases.iter().find(|lease| lease.id == id).map(|lease| lease.count));
        if leased {
            object["lease_seconds"] = json!(relay.inbox.rules().lease.as_secs_f64());
        }
        messages.push(object);
    }
    if stream::wants_ndjson(&parts.headers) {
        let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
        return stream::lines(Body::full(Bytes::from(lines)));
    }
    json_response(StatusCode::OK, &json!({ "messages": messages }))
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
