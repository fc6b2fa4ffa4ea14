//! The calls about the OpenAPI of the service, and about the emulator as a whole.

use super::super::field::{Kind, MAX_INTEGER, may, need};
use super::route::{COUNT, Call, NOTHING, Route};

pub(super) const ROUTES: &[Route] = &[
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
