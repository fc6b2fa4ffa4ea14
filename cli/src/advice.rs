//! Hints in the words of the command line. The library's hints name the settings of its builder, and it does not know
//! what else the command line has.

use std::sync::OnceLock;

use aliyun_mqtt::{Endpoint, Error};

use crate::lang::{Phrase, phrase};
use crate::settings::{Auth, Key};

/// The settings that a hint can refer to.
#[derive(Debug, Default)]
struct Known {
    auth: Option<Auth>,
    parent_topic: Option<String>,
    is_local: bool,
}

static KNOWN: OnceLock<Known> = OnceLock::new();

/// The words between a server and the proxy to it in a message.
const THROUGH_PROXY: &str = " through the proxy ";

/// The part of a message about a topic that is for programs only.
const FOR_PROGRAMS: &str = " (set strict_names to false to lift the rule)";

/// Takes what hints can refer to from the settings of this run: the login, the parent topic and the endpoint.
pub(crate) fn learn(auth: Option<Auth>, parent_topic: Option<&str>, endpoint: Option<&str>) {
    KNOWN.get_or_init(|| Known {
        auth,
        parent_topic: parent_topic.map(str::to_string),
        is_local: endpoint.is_some_and(is_local),
    });
}

/// Returns message and hint of an error for people at a command line.
pub(crate) fn adapted(error: &Error, message: String, hint: Option<Phrase>) -> (String, Option<Phrase>) {
    let unknown = Known::default();
    let known = KNOWN.get().unwrap_or(&unknown);
    if message.contains(FOR_PROGRAMS) {
        let hint = phrase!("choose another name for the topic; the payload may have any characters");
        return (message.replace(FOR_PROGRAMS, ""), Some(hint));
    }
    let other = match (error.hint_key(), error.hint()) {
        (Some("nothing-listens"), _) if known.is_local => Some(gone()),
        (Some("api-nothing-listens"), _) if is_about_here(&message) => Some(gone()),
        (Some("publish-cut" | "read-cut" | "topic-refused"), _) => refused(known, &message, hint.as_ref()),
        (Some("no-reply"), Some(text)) if text.contains("response_topic") => Some(no_reply(text)),
        (Some("wrong-secret"), _) => known.auth.map(wrong_secret),
        (Some("not-authorized"), _) => known.auth.map(|auth| not_authorized(auth).and(&doctor())),
        _ => None,
    };
    (message, other.or(hint))
}

/// Returns what else helps where these settings are missing.
pub(crate) fn beside(missing: &[String]) -> Option<Phrase> {
    let is_missing = missing.iter().any(|name| name == Key::Endpoint.row().name);
    (is_missing && cfg!(feature = "emulator")).then(|| {
        phrase!(
            "without an account, eval \"$(aliyun-mqtt emulator --env)\" starts an emulator and sets the variables for \
             it"
        )
    })
}

/// Returns true for a server on this machine; its URL may be one of the API, too.
pub(crate) fn is_local(url: &str) -> bool {
    let server = url.split_once("://").map_or(url, |(_, rest)| rest);
    let server = server.split(['/', ' ']).next().unwrap_or_default().trim_end_matches(':');
    server.parse::<Endpoint>().is_ok_and(|endpoint| endpoint.is_loopback())
}

/// Returns true if the message is about a server behind a proxy.
pub(crate) fn is_through_proxy(message: &str) -> bool {
    message.contains(THROUGH_PROXY)
}

/// Returns true if the message is about a URL on this machine.
pub(crate) fn is_about_here(message: &str) -> bool {
    // A proxy is another matter.
    let server = message.split(THROUGH_PROXY).next().unwrap_or_default();
    server.match_indices("://").any(|(at, _)| is_local(&server[at..]))
}

fn gone() -> Phrase {
    phrase!(
        "nothing listens on that port; if an emulator was there, it has ended: eval \"$(aliyun-mqtt emulator --env)\" \
         starts another"
    )
}

/// Returns the hint for a topic that was probably refused.
fn refused(known: &Known, message: &str, hint: Option<&Phrase>) -> Option<Phrase> {
    let topic = message.split('"').nth(1)?;
    let (first, rest) = topic.split_once('/').unwrap_or((topic, topic));
    if let (Some(parent), "#" | "+") = (known.parent_topic.as_deref(), first) {
        return Some(phrase!(
            "a filter begins with a parent topic, such as {parent}: try {parent}/{rest}",
            parent,
            rest
        ));
    }
    if let Some(parent) = known.parent_topic.as_deref().filter(|parent| *parent != first) {
        return Some(phrase!(
            "the first level, {first}, is the parent topic, and that of your settings is {parent}: try {parent}/{rest}",
            first,
            parent,
            rest
        ));
    }
    let hint = match hint?.english() {
        text if text.contains("refused_topic_pause") => phrase!(
            "the topic was refused a moment ago: its parent does not exist, the AccessKey, token or device has no \
             right to it, or the message is too large"
        ),
        _ => hint?.clone(),
    };
    if topic.contains(['+', '#', '$', ' ']) {
        return Some(hint);
    }
    Some(hint.and(&phrase!("`aliyun-mqtt doctor -t {topic}` finds out which", topic)))
}

fn no_reply(text: &str) -> Phrase {
    if text.contains("read the envelope") {
        phrase!("the replier must be online, and read the envelope; a broker without P2P topics needs --response-topic")
    } else {
        phrase!(
            "the replier must be online, and speak MQTT 5, or be asked with --envelope; a broker without P2P topics \
             needs --response-topic"
        )
    }
}

fn wrong_secret(auth: Auth) -> Phrase {
    match auth {
        Auth::Signature | Auth::Chain => phrase!(
            "check the AccessKey secret; `aliyun-mqtt sign --check-file FILE` compares it with a password that is \
             known to work"
        ),
        Auth::Token => phrase!(
            "the token may have expired, been revoked or belong to another AccessKey: `aliyun-mqtt token query` tells, \
             and `aliyun-mqtt token apply` gets another"
        ),
        Auth::Device => phrase!("check the secret of the device credential: `aliyun-mqtt credential get` prints it"),
        Auth::CustomPlain | Auth::CustomSigned => custom(),
    }
}

fn not_authorized(auth: Auth) -> Phrase {
    let names =
        phrase!("check that the instance id is the one this endpoint belongs to, and that the group id exists there");
    let key = match auth {
        Auth::Signature | Auth::Chain => {
            phrase!("the AccessKey id must exist, and needs the right to use the instance")
        }
        Auth::Token => {
            phrase!("the token may have expired or been revoked: `aliyun-mqtt token query` tells")
        }
        Auth::Device => phrase!("the device credential must exist: `aliyun-mqtt credential get` tells"),
        Auth::CustomPlain | Auth::CustomSigned => custom(),
    };
    names.and(&key)
}

fn doctor() -> Phrase {
    phrase!("`aliyun-mqtt doctor` finds out which")
}

fn custom() -> Phrase {
    phrase!("check the user name and the password of the custom authentication")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_this_machine_is_recognized() {
        for endpoint in ["localhost", "127.0.0.1:1883", "mqtts://[::1]:8883", "ws://127.0.0.2/mqtt"] {
            assert!(is_local(endpoint), "{endpoint}");
        }
        for endpoint in ["localhost.example.com", "mqtt://192.0.2.1:1883", "post-cn-x.mqtt.aliyuncs.com", ""] {
            assert!(!is_local(endpoint), "{endpoint}");
        }
        assert!(is_about_here("cannot connect to http://127.0.0.1:9: refused"));
        assert!(!is_about_here("cannot connect to https://onsmqtt.cn-hangzhou.aliyuncs.com: refused"));
        assert!(!is_about_here("https://onsmqtt.cn-hangzhou.aliyuncs.com through the proxy http://127.0.0.1:9: lost"));
    }

    #[test]
    fn a_foreign_parent_topic_is_named_with_what_to_try() {
        let known = Known { parent_topic: Some("demo".to_string()), ..Known::default() };
        let hint = Phrase::untranslated("cut");
        let of = |topic: &str| {
            let message = format!("PUBLISH to {topic:?} (QoS 1) was probably refused");
            refused(&known, &message, Some(&hint)).unwrap().english().to_string()
        };
        assert!(
            of("hello").ends_with(
                "first level, hello, is the parent topic, and that of your settings is demo: try demo/hello"
            )
        );
        assert!(of("other/a/b").ends_with("try demo/a/b"));
        assert_eq!(of("demo/a"), "cut; `aliyun-mqtt doctor -t demo/a` finds out which");
        assert_eq!(of("demo/#"), "cut");
    }
}
