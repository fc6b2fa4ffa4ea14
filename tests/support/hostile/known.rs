//! What is known to fail, and why: whole kinds, which have to fail somewhere in a full run. What passes everywhere fails
//! the run: its line has to go.

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
            "publish/topic-empty*",
            "publish/topic-nul*",
            "publish/topic-plus*",
            "publish/topic-hash*",
            "v5/alias/set-and-used",
        ],
        reason: "a message is taken that the specification forbids",
        deadly: false,
    },
    Mark {
        kinds: &["v5/alias/unknown*", "v5/alias/0*", "v5/alias/above*"],
        reason: "rumqttc answers an unknown alias with an end that is taken for the program's own",
        deadly: false,
    },
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
        kinds: &["v5/disconnect/reason-string-line-end", "v5/pubcomp/reason-string-escape"],
        reason: "the server's words are shown as they are",
        deadly: false,
    },
    Mark {
        kinds: &["v5/flood/9000-user-properties-200-times"],
        reason: "the inbox counts what properties take on the wire, not in memory",
        deadly: false,
    },
    Mark {
        kinds: &[
            "websocket/1000-pings",
            "websocket/20000-pings*",
            "websocket/20000-pongs",
            "upgrade/with-1000-pings",
            "upgrade/with-5000-pings",
        ],
        reason: "ws_stream_tungstenite calls itself for each control frame, until the stack is at its end",
        deadly: true,
    },
];

fn mark(kind: &str) -> Option<&'static Mark> {
    let is_meant = |name: &&str| name.strip_suffix('*').map_or(*name == kind, |start| kind.starts_with(start));
    MARKS.iter().find(|mark| mark.kinds.iter().any(&is_meant))
}

/// Why this scenario may fail; `None` for one that has to pass.
pub fn reason(scenario: &Scenario) -> Option<&'static str> {
    mark(scenario.kind_name()).map(|mark| mark.reason)
}

/// What has to fail somewhere, as long as it is known to: the kind; of deadly ones, which depend on the stack, any of them.
pub fn has_to_fail(scenario: &Scenario) -> Option<&'static str> {
    mark(scenario.kind_name()).map(|mark| if mark.deadly { mark.reason } else { scenario.kind_name() })
}

/// Whether it may take the process with it.
pub fn is_deadly(scenario: &Scenario) -> bool {
    mark(scenario.kind_name()).is_some_and(|mark| mark.deadly)
}
