//! The calls that return what the emulator is and what it saw.

use serde_json::json;

use super::super::answers;
use super::super::feed;
use super::super::field::{Field, Kind, MAX_INTEGER, may};
use super::route::{Answer, CLIENT_ID, Call, Route};
use crate::log::What;

const SEQUENCE: Kind = Kind::Integer { min: 0, max: MAX_INTEGER };

/// The fields that the log's pages and streams share.
const WHAT: Field = may("what", Kind::Choices(What::NAMES), "Only entries of these kinds, separated by commas.");
const OF_CLIENT: Field = may("client_id", CLIENT_ID, "Only entries about this client.");
const SINCE: Field = may("since", SEQUENCE, "The first sequence number that is wanted. Default: 0.");
const LOG: Field = may(
    "log",
    Kind::Text { min: 1, max: 64 },
    "The log that since is of, as settings and pages name it. 409 if the emulator was started anew since.",
);
const LAST: Field = may("last", Kind::Integer { min: 0, max: 1_000_000 }, "Begin this many entries before the end.");
const MAX_PAYLOAD: Field = may("max_payload", SEQUENCE, "Show at most this many bytes of each payload. Default: all.");

pub(super) const ROUTES: &[Route] = &[
    Route {
        call: Call::Document,
        method: "GET",
        path: "/control/openapi.json",
        summary: "Returns this document",
        about: "",
        query: &[],
        body: &[],
        answer: Answer::Json(|| json!({ "type": "object", "required": ["openapi", "info", "paths"] })),
    },
    Route {
        call: Call::Settings,
        method: "GET",
        path: "/control/settings",
        summary: "Returns the settings and the faults that are switched on",
        about: "Endpoints, names, limits, bounds of the log, and what the calls below have changed. Without secrets.",
        query: &[],
        body: &[],
        answer: Answer::Json(answers::settings_schema),
    },
    Route {
        call: Call::Sessions,
        method: "GET",
        path: "/control/sessions",
        summary: "Lists the sessions and connections",
        about: "Sorted by client id, those of offline clients included. Empty while the emulator is stopped.",
        query: &[],
        body: &[],
        answer: Answer::Json(answers::sessions_schema),
    },
    Route {
        call: Call::Log,
        method: "GET",
        path: "/control/log",
        summary: "Returns what the emulator saw, and waits for it",
        about: "Returns the entries from since on, in order. If none is wanted, waits until one comes or the time is \
                over; at once if the log has dropped entries: check missed. Ask again with since set to next. 409 for \
                a since beyond the end.",
        query: &[
            SINCE,
            LOG,
            LAST,
            may("wait", Kind::Seconds { max: 600 }, "The longest wait in seconds. Default: 0."),
            WHAT,
            OF_CLIENT,
            may("max", Kind::Integer { min: 1, max: 10_000 }, "The maximum number of entries. Default: 1000."),
            MAX_PAYLOAD,
        ],
        body: &[],
        answer: Answer::Json(feed::page_schema),
    },
    Route {
        call: Call::Events,
        method: "GET",
        path: "/control/events",
        summary: "Streams what the emulator sees",
        about: "Server-sent events: an event entry with the JSON of each entry and its sequence number as id, and an \
                event missed with a count if the listener is so slow that the log dropped entries before they were \
                sent. Begins with the next entry, or with the one behind the header Last-Event-ID.",
        query: &[SINCE, LOG, LAST, WHAT, OF_CLIENT, MAX_PAYLOAD],
        body: &[],
        answer: Answer::Events,
    },
];
