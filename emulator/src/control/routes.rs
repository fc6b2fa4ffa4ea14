//! The table of all calls. The router, the check of arguments and the OpenAPI document all read it.

use serde_json::{Value, json};

use super::answers;
use super::feed;
use super::field::{Field, Kind, MAX_INTEGER, may, need};
use crate::log::What;

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    Document,
    Settings,
    Sessions,
    Kick,
    RefuseLogins,
    AcceptLogins,
    Forbid,
    Allow,
    Notify,
    Publish,
    Tokens,
    AddToken,
    ExpireToken,
    RevokeToken,
    AddDevice,
    RemoveDevice,
    Certificates,
    ActivateCertificate,
    SetClock,
    ThrottleApi,
    FailApi,
    DelayApi,
    Log,
    Events,
    Stop,
    Restart,
}

/// A row of the table.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) query: &'static [Field],
    pub(super) body: &'static [Field],
    pub(super) answer: Answer,
}

/// The answer of a call that succeeds.
pub(super) enum Answer {
    /// A JSON object with these fields.
    Fields(&'static [Field]),
    /// JSON of this schema.
    Json(fn() -> Value),
    /// An endless stream of server-sent events.
    Events,
}

const CLIENT_ID: Kind = Kind::Text { min: 1, max: 64 };
const SECRET: Kind = Kind::Text { min: 1, max: 1024 };
const CODE: Kind = Kind::Integer { min: 1, max: 5 };
const COUNT: Kind = Kind::Integer { min: 0, max: 1_000_000 };
const SEQUENCE: Kind = Kind::Integer { min: 0, max: MAX_INTEGER };
const QOS: Kind = Kind::Integer { min: 0, max: 2 };
const LIFETIME: Kind = Kind::Seconds { max: 3_000_000 };

const NOTHING: Answer = Answer::Fields(&[]);

const WHICH_TOKEN: &[Field] = &[
    may("token", SECRET, "The token itself."),
    may("number", Kind::Integer { min: 1, max: MAX_INTEGER }, "The number of the token in the list, instead."),
];

/// The fields that the log's pages and streams share.
const WHAT: Field = may("what", Kind::Choices(What::NAMES), "Only entries of these kinds, separated by commas.");
const OF_CLIENT: Field = may("client_id", CLIENT_ID, "Only entries about this client.");
const SINCE: Field = may("since", SEQUENCE, "The first sequence number that is wanted. Default: 0.");
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
                over. Ask again with since set to next.",
        query: &[
            SINCE,
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
        query: &[SINCE, LAST, WHAT, OF_CLIENT, MAX_PAYLOAD],
        body: &[],
        answer: Answer::Events,
    },
    Route {
        call: Call::Kick,
        method: "POST",
        path: "/control/kick",
        summary: "Closes the connection of a client",
        about: "As a failing network would; a persistent session stays.",
        query: &[],
        body: &[need("client_id", CLIENT_ID, "The client.")],
        answer: Answer::Fields(&[need("kicked", Kind::Flag, "True if the client was connected.")]),
    },
    Route {
        call: Call::RefuseLogins,
        method: "POST",
        path: "/control/refuse-logins",
        summary: "Refuses later logins",
        about: "Existing connections are not affected.",
        query: &[],
        body: &[
            need("code", CODE, "The CONNACK code of MQTT 3.1.1; MQTT 5 clients receive the corresponding one."),
            may("count", COUNT, "Refuse only so many logins. Default: all, until accept-logins."),
        ],
        answer: NOTHING,
    },
    Route {
        call: Call::AcceptLogins,
        method: "POST",
        path: "/control/accept-logins",
        summary: "Accepts logins again",
        about: "",
        query: &[],
        body: &[],
        answer: NOTHING,
    },
    Route {
        call: Call::Forbid,
        method: "POST",
        path: "/control/forbid",
        summary: "Forbids a topic or filter",
        about: "From now on, publishing to a topic that it matches, or subscribing to a filter that it covers, closes \
                the connection, as the service does if a permission is missing.",
        query: &[],
        body: &[need("filter", Kind::Topic, "The topic or filter.")],
        answer: NOTHING,
    },
    Route {
        call: Call::Allow,
        method: "POST",
        path: "/control/allow",
        summary: "Allows a topic or filter again",
        about: "Reverts a forbid of exactly this filter.",
        query: &[],
        body: &[need("filter", Kind::Topic, "The topic or filter.")],
        answer: Answer::Fields(&[need("allowed", Kind::Flag, "True if it was forbidden.")]),
    },
    Route {
        call: Call::Notify,
        method: "POST",
        path: "/control/notify",
        summary: "Pushes a notice to a client",
        about: "Sends a QoS 0 message to one connected client, whatever it has subscribed to.",
        query: &[],
        body: &[
            need("client_id", CLIENT_ID, "The client."),
            need("topic", Kind::Topic, "The topic, such as $SYS/tokenExpireNotice."),
            may("payload", Kind::Payload, "The payload. Default: empty."),
        ],
        answer: Answer::Fields(&[need("pushed", Kind::Flag, "True if the client was connected.")]),
    },
    Route {
        call: Call::Publish,
        method: "POST",
        path: "/control/publish",
        summary: "Publishes a message as the service",
        about: "To the subscribers of its topic, or to the target of a P2P topic. Returns when the broker inside has \
                accepted it.",
        query: &[],
        body: &[
            need("topic", Kind::Topic, "The topic; its first level must be a parent topic."),
            may("qos", QOS, "The QoS. Default: 1."),
            may("payload", Kind::Payload, "The payload. Default: empty."),
        ],
        answer: NOTHING,
    },
    Route {
        call: Call::Tokens,
        method: "GET",
        path: "/control/tokens",
        summary: "Lists the tokens",
        about: "All tokens ever issued, without their text.",
        query: &[],
        body: &[],
        answer: Answer::Json(answers::tokens_schema),
    },
    Route {
        call: Call::AddToken,
        method: "POST",
        path: "/control/tokens",
        summary: "Adds a token",
        about: "The caller chooses its text, as no answer contains a token. ApplyToken of the OpenAPI makes one up.",
        query: &[],
        body: &[
            need("token", SECRET, "The text of the token, without the character |."),
            need("permission", Kind::Choice(&["R", "W", "RW"]), "The type of the token."),
            need("resources", Kind::Topics, "The topics and filters that it is valid for."),
            need("lifetime", LIFETIME, "Its lifetime in seconds, which may be shorter than the 60 s of the service."),
            may("access_key_id", SECRET, "The AccessKey that it belongs to. Default: the first one."),
        ],
        answer: Answer::Fields(&[need(
            "number",
            Kind::Integer { min: 1, max: MAX_INTEGER },
            "The number of the token in the list.",
        )]),
    },
    Route {
        call: Call::ExpireToken,
        method: "POST",
        path: "/control/tokens/expire",
        summary: "Lets a token expire now",
        about: "Clients connected with it receive a notice (code 2) and are cut. Takes the token or its number.",
        query: &[],
        body: WHICH_TOKEN,
        answer: Answer::Fields(&[need("known", Kind::Flag, "True if the token was ever issued.")]),
    },
    Route {
        call: Call::RevokeToken,
        method: "POST",
        path: "/control/tokens/revoke",
        summary: "Revokes a token",
        about: "Clients connected with it receive a notice (code 3) and are cut. Takes the token or its number.",
        query: &[],
        body: WHICH_TOKEN,
        answer: Answer::Fields(&[need("known", Kind::Flag, "True if the token was ever issued.")]),
    },
    Route {
        call: Call::AddDevice,
        method: "POST",
        path: "/control/devices",
        summary: "Registers a device credential",
        about: "The caller chooses it. It replaces an earlier one of this client id.",
        query: &[],
        body: &[
            need("client_id", CLIENT_ID, "The client id that the credential is valid for."),
            need("access_key_id", SECRET, "The id for the user name; with the service it starts with DC."),
            need("access_key_secret", SECRET, "The secret that signs the client id."),
        ],
        answer: NOTHING,
    },
    Route {
        call: Call::RemoveDevice,
        method: "POST",
        path: "/control/devices/remove",
        summary: "Removes a device credential",
        about: "Later logins with it are refused.",
        query: &[],
        body: &[need("client_id", CLIENT_ID, "The client id.")],
        answer: Answer::Fields(&[need("removed", Kind::Flag, "True if there was one.")]),
    },
    Route {
        call: Call::Certificates,
        method: "GET",
        path: "/control/certificates",
        summary: "Lists the device certificates",
        about: "A certificate is registered when it first logs in. None without mutual TLS.",
        query: &[],
        body: &[],
        answer: Answer::Json(answers::certificates_schema),
    },
    Route {
        call: Call::ActivateCertificate,
        method: "POST",
        path: "/control/certificates/activate",
        summary: "Activates or deactivates a device certificate",
        about: "Later logins with a deactivated one are refused.",
        query: &[],
        body: &[
            need("serial_number", Kind::Text { min: 1, max: 128 }, "The serial number, as the list shows it."),
            need("active", Kind::Flag, "False to deactivate it."),
        ],
        answer: Answer::Fields(&[need("known", Kind::Flag, "True if it is registered.")]),
    },
    Route {
        call: Call::SetClock,
        method: "POST",
        path: "/control/clock",
        summary: "Shifts the clock of the OpenAPI",
        about: "MQTT keeps the true time.",
        query: &[],
        body: &[need(
            "skew",
            Kind::Integer { min: -MAX_INTEGER, max: MAX_INTEGER },
            "The seconds to be ahead; negative to be behind, 0 for the true time.",
        )],
        answer: NOTHING,
    },
    Route {
        call: Call::ThrottleApi,
        method: "POST",
        path: "/control/api/throttle",
        summary: "Throttles the next calls of the OpenAPI",
        about: "ApplyToken fails with ApplyTokenOverFlow (400), any other action with Throttling.User (429).",
        query: &[],
        body: &[need("count", COUNT, "The number of calls; 0 ends it.")],
        answer: NOTHING,
    },
    Route {
        call: Call::FailApi,
        method: "POST",
        path: "/control/api/fail",
        summary: "Fails the next calls of the OpenAPI",
        about: "Before any check.",
        query: &[],
        body: &[
            need("count", COUNT, "The number of calls; 0 ends it."),
            may("status", Kind::Integer { min: 400, max: 599 }, "The HTTP status. Default: 500."),
            may("code", Kind::Text { min: 1, max: 100 }, "The error code. Default: InternalError."),
        ],
        answer: NOTHING,
    },
    Route {
        call: Call::DelayApi,
        method: "POST",
        path: "/control/api/delay",
        summary: "Delays the answers of the OpenAPI",
        about: "The calls themselves are carried out and logged without delay.",
        query: &[],
        body: &[need("seconds", Kind::Seconds { max: 3600 }, "The delay; 0 ends it.")],
        answer: NOTHING,
    },
    Route {
        call: Call::Stop,
        method: "POST",
        path: "/control/stop",
        summary: "Closes all connections and listeners",
        about: "Sessions are deleted; accounts, tokens, the log and this API stay.",
        query: &[],
        body: &[],
        answer: NOTHING,
    },
    Route {
        call: Call::Restart,
        method: "POST",
        path: "/control/restart",
        summary: "Starts the emulator again on the same ports",
        about: "Stops it first if it is running. Sessions are deleted.",
        query: &[],
        body: &[],
        answer: NOTHING,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_row_is_there_once() {
        assert_eq!(ROUTES.iter().map(|route| route.call).collect::<HashSet<_>>().len(), ROUTES.len());
        assert_eq!(ROUTES.iter().map(|route| (route.method, route.path)).collect::<HashSet<_>>().len(), ROUTES.len());
        assert_eq!(ROUTES.len(), Call::Restart as usize + 1, "a call without a row");
        assert!(ROUTES.iter().all(|route| route.path.starts_with("/control/")));
    }
}
