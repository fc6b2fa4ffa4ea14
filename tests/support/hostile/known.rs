//! What is known to fail, and why: whole kinds, which have to fail somewhere in a full run. What passes everywhere
//! fails the run: its line has to go.

use super::Scenario;

/// Kinds that are known to fail.
struct Mark {
    /// Their names; with `*`, what the names begin with.
    kinds: &'static [&'static str],
    reason: &'static str,
    /// They end the process, so nothing runs beside them.
    deadly: bool,
}

const MARKS: &[Mark] = &[
    Mark {
        kinds: &[
            "connack/of-the-other-version",
            "v5/connack/properties-missing",
            "v5/connack/properties-length-cut",
            "v5/disconnect/00-short",
            "v5/disconnect/04-short",
            "v5/disconnect/82-short",
            "v5/disconnect/8b-short",
            "v5/disconnect/8d-short",
            "v5/disconnect/8e-short",
            "v5/disconnect/properties-length-cut",
            "v5/property/length-cut*",
            "v5/property/length-missing*",
            "v5/property/subscription-identifier-cut",
            "v5/puback/properties-length-cut",
            "v5/pubrec/properties-length-cut",
            "v5/pubrel/properties-length-cut",
            "v5/pubcomp/properties-length-cut",
        ],
        reason: "rumqttc drops a packet whose property length is missing or cut, and what is behind it waits",
        deadly: false,
    },
    Mark {
        kinds: &["websocket/20000-pings", "websocket/20000-pongs"],
        reason: "ws_stream_tungstenite calls itself for each control frame: 3.6 KiB of stack in a debug build",
        deadly: false,
    },
];

fn mark(kind: &str) -> Option<&'static Mark> {
    let is_meant = |name: &&str| name.strip_suffix('*').map_or(*name == kind, |start| kind.starts_with(start));
    MARKS.iter().find(|mark| mark.kinds.iter().any(is_meant))
}

/// Why this scenario may fail; `None` for one that has to pass.
pub fn reason(scenario: &Scenario) -> Option<&'static str> {
    mark(scenario.kind_name()).map(|mark| mark.reason)
}

/// What has to fail somewhere, as long as it is known to: the kind; of deadly ones, which depend on the stack, any.
pub fn has_to_fail(scenario: &Scenario) -> Option<&'static str> {
    mark(scenario.kind_name()).map(|mark| if mark.deadly { mark.reason } else { scenario.kind_name() })
}

/// Whether it may take the process with it.
pub fn is_deadly(scenario: &Scenario) -> bool {
    mark(scenario.kind_name()).is_some_and(|mark| mark.deadly)
}
