//! The log for callers: in pages that wait for something to come, and as an endless stream of events.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::entry;
use super::field::Arguments;
use super::problem::Problem;
use crate::log::{Log, LogEntry, What};
use crate::service::Service;

/// The maximum number of entries that are looked at while the log is locked.
const LOCKED: usize = 4096;

/// The maximum size of the payloads in one answer; the entry that passes it is the last one.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The bounds of one step of a stream.
const STEP: Bounds = Bounds { entries: 256, bytes: 256 * 1024 };

/// How long a stream is silent before it says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The entries that a caller asks for.
pub(super) struct Wanted {
    since: u64,
    what: Option<Vec<String>>,
    client_id: Option<String>,
    max_payload: usize,
}

#[derive(Clone, Copy)]
struct Bounds {
    entries: usize,
    bytes: usize,
}

/// The entries that a look into the log has found.
struct Found {
    entries: Vec<LogEntry>,
    /// The sequence number behind the last entry that was looked at.
    next: u64,
    /// The number of entries that were wanted but are no longer kept.
    missed: u64,
}

impl Wanted {
    /// Reads the arguments that pages and streams share. Fails for entries of another log, as after a restart of the
    /// program.
    pub(super) fn new(arguments: &Arguments, log: &Log) -> Result<Self, Problem> {
        if arguments.may_text("log").is_some_and(|id| id != log.id()) {
            return Err(Problem::new(409, "this is another log: the emulator was started anew"));
        }
        if let Some(since) = arguments.number::<u64>("since") {
            check_since(since, log)?;
        }
        let last = arguments.number::<u64>("last").map(|last| log.position().saturating_sub(last));
        Ok(Self {
            since: arguments.number("since").or(last).unwrap_or(0),
            what: arguments.texts("what").map(|names| names.into_iter().map(str::to_owned).collect()),
            client_id: arguments.may_text("client_id").map(str::to_owned),
            max_payload: arguments.number("max_payload").unwrap_or(usize::MAX),
        })
    }

    /// Starts with this entry unless the arguments have said where to start.
    pub(super) fn or_since(mut self, arguments: &Arguments, since: u64) -> Self {
        if arguments.integer("since").is_none() && arguments.integer("last").is_none() {
            self.since = since;
        }
        self
    }

    pub(super) fn since(&self) -> u64 {
        self.since
    }

    fn fits(&self, entry: &LogEntry) -> bool {
        let name = entry.what.name();
        self.what.as_ref().is_none_or(|names| names.iter().any(|known| known == name))
            && self.client_id.as_ref().is_none_or(|id| *id == entry.client_id)
    }

    /// Looks at all entries from `self.since` on, or until the bounds are reached.
    async fn look(&self, log: &Log, bounds: Bounds) -> Found {
        let mut found = Found { entries: Vec::new(), next: self.since, missed: 0 };
        let mut bytes = 0;
        loop {
            let is_done = log.look(|kept| {
                let oldest = kept.front().map_or(found.next, |entry| entry.sequence);
                found.missed += oldest.saturating_sub(found.next);
                found.next = found.next.max(oldest);
                let start = usize::try_from(found.next - oldest).unwrap_or(usize::MAX).min(kept.len());
                for entry in kept.range(start..).take(LOCKED) {
                    found.next = entry.sequence + 1;
                    if self.fits(entry) {
                        bytes += payload_size(&entry.what).min(self.max_payload);
                        found.entries.push(entry.clone());
                    }
                    if found.entries.len() >= bounds.entries || bytes >= bounds.bytes {
                        return true;
                    }
                }
                start + LOCKED >= kept.len()
            });
            if is_done {
                return found;
            }
            // Others want to use the log, and this thread, too.
            tokio::task::yield_now().await;
        }
    }
}

/// Returns the wanted entries, at most `max`. If there are none, waits for one for at most `wait`.
pub(super) async fn page(log: &Log, mut wanted: Wanted, max: usize, wait: Duration) -> Value {
    let deadline = Instant::now() + wait;
    let mut missed = 0;
    loop {
        let found = wanted.look(log, Bounds { entries: max, bytes: MAX_BYTES }).await;
        missed += found.missed;
        wanted.since = found.next;
        // Whoever has missed an entry may have missed the one that is awaited.
        let is_late = !found.entries.is_empty()
            || missed > 0
            || tokio::time::timeout_at(deadline, log.reaches(found.next)).await.is_err();
        if is_late {
            let entries: Vec<_> = found.entries.iter().map(|entry| entry::to_json(entry, wanted.max_payload)).collect();
            let more = found.next < log.position();
            let next = found.next;
            return json!({ "log": log.id(), "entries": entries, "next": next, "missed": missed, "more": more });
        }
    }
}

/// The schema of a page.
pub(super) fn page_schema() -> Value {
    json!({
        "type": "object",
        "required": ["log", "entries", "next", "missed", "more"],
        "additionalProperties": false,
        "properties": {
            "log": { "type": "string", "description": "Names the log: another one has other sequence numbers." },
            "entries": { "type": "array", "items": entry::schema() },
            "next": { "type": "integer", "description": "The next value of since: behind all that was looked at." },
            "missed": {
                "type": "integer",
                "description": "The entries from since on that the log has dropped. Above 0, the answer comes at once.",
            },
            "more": { "type": "boolean", "description": "True if further entries were there already." },
        },
    })
}

/// A stream of events, one for each wanted entry. A listener that is slow is sent what the log still keeps, and an
/// event `missed` with the number of entries that it does not keep any more: what waits for a listener needs no memory
/// but the log's.
pub(super) fn events(
    service: Arc<Service>,
    wanted: Wanted,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let state = (service, wanted, permit, true);
    futures_util::stream::unfold(state, |(service, mut wanted, permit, is_first)| async move {
        if is_first {
            let id = json!({ "log": service.log.id() });
            let text = format!(": from entry {}\nevent: log\ndata: {id}\n\n", wanted.since);
            return Some((Ok(Frame::data(text.into())), (service, wanted, permit, false)));
        }
        let mut text = String::new();
        while text.is_empty() {
            let found = wanted.look(&service.log, STEP).await;
            wanted.since = found.next;
            if found.missed > 0 {
                // Writing to a string cannot fail.
                let _ = write!(text, "event: missed\ndata: {{\"missed\":{}}}\n\n", found.missed);
            }
            for entry in &found.entries {
                let json = entry::to_json(entry, wanted.max_payload);
                let _ = write!(text, "id: {}\nevent: entry\ndata: {json}\n\n", entry.sequence);
            }
            if text.is_empty() && tokio::time::timeout(HEARTBEAT, service.log.reaches(found.next)).await.is_err() {
                text.push_str(": still here\n\n");
            }
        }
        Some((Ok(Frame::data(text.into())), (service, wanted, permit, false)))
    })
}

/// Checks that the log has come this far.
pub(super) fn check_since(since: u64, log: &Log) -> Result<(), Problem> {
    let next = log.position();
    if since > next {
        let detail = format!("entry {since} is beyond the end, {next}: is it of an emulator that ran before?");
        return Err(Problem::new(409, detail));
    }
    Ok(())
}

fn payload_size(what: &What) -> usize {
    match what {
        What::Published { payload, .. } | What::Delivered { payload, .. } | What::ServicePublished { payload, .. } => {
            payload.len()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::log::{Bounds as LogBounds, Payload};
    use crate::settings::Settings;

    fn wanted(since: u64, what: Option<&str>) -> Wanted {
        Wanted { since, what: what.map(|name| vec![name.to_owned()]), client_id: None, max_payload: 100 }
    }

    async fn text(stream: &mut (impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Unpin)) -> String {
        let frame = stream.next().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    fn log(entries: usize) -> Log {
        Log::new(LogBounds { entries, bytes: usize::MAX })
    }

    #[tokio::test]
    async fn a_page_says_what_it_left_out_and_where_to_go_on() {
        let log = log(10_000);
        for number in 0..10_000 {
            log.write("a", if number % 5000 == 4999 { What::OrderEnabled } else { What::Kicked });
        }
        let first = page(&log, wanted(0, Some("order_enabled")), 1, Duration::ZERO).await;
        assert_eq!((&first["entries"][0]["sequence"], &first["next"]), (&json!(4999), &json!(5000)));
        assert_eq!((&first["more"], &first["missed"]), (&json!(true), &json!(0)));
        let second = page(&log, wanted(5000, Some("order_enabled")), 9, Duration::ZERO).await;
        assert_eq!(second["entries"].as_array().unwrap().len(), 1);
        assert_eq!((&second["next"], &second["more"]), (&json!(10_000), &json!(false)));
        let none = page(&log, wanted(10_007, None), 9, Duration::ZERO).await;
        assert_eq!((&none["entries"], &none["next"]), (&json!([]), &json!(10_007)));
        log.write("a", What::Kicked);
        let late = page(&log, wanted(0, None), 2, Duration::ZERO).await;
        assert_eq!((&late["missed"], &late["entries"][0]["sequence"]), (&json!(1), &json!(1)));
    }

    #[tokio::test]
    async fn a_page_does_not_wait_on_once_the_log_has_dropped_what_may_be_awaited() {
        let log = log(2);
        for _ in 0..3 {
            log.write("a", What::OrderEnabled);
        }
        let minute = Duration::from_secs(60);
        let answer = tokio::time::timeout(minute / 2, page(&log, wanted(0, Some("kicked")), 9, minute)).await.unwrap();
        assert_eq!((&answer["missed"], &answer["entries"], &answer["next"]), (&json!(1), &json!([]), &json!(3)));
    }

    #[tokio::test]
    async fn a_page_waits_for_what_is_wanted_only() {
        let log = Arc::new(log(100));
        let waiting = tokio::spawn({
            let log = Arc::clone(&log);
            async move { page(&log, wanted(0, Some("kicked")), 9, Duration::from_secs(60)).await }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
            log.write("a", What::OrderEnabled);
        }
        assert!(!waiting.is_finished());
        log.write("a", What::Kicked);
        assert_eq!(waiting.await.unwrap()["entries"][0]["sequence"], 10);
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_how_many_entries_it_missed() {
        let settings = Settings { log: LogBounds { entries: 3, bytes: usize::MAX }, ..Settings::default() };
        let service = Arc::new(Service::new(settings));
        let permit = Arc::new(tokio::sync::Semaphore::new(1)).try_acquire_owned().unwrap();
        let mut stream = Box::pin(events(Arc::clone(&service), wanted(0, None), permit));
        assert!(text(&mut stream).await.starts_with(": from entry 0"));
        for size in 0..10 {
            let payload = Payload::from(&vec![b'x'; size][..]);
            service.log.write("", What::ServicePublished { topic: "emulator/a".into(), qos: 1, payload });
        }
        let told = text(&mut stream).await;
        assert!(told.starts_with("event: missed\ndata: {\"missed\":7}\n\nid: 7\nevent: entry\ndata: {"), "{told}");
        assert_eq!(told.matches("event: entry").count(), 3);
    }
}
