//! The checks of the fuzz targets in fuzz/. Not part of ordinary builds; the tests run them, too, on the targets' seeds
//! and on random bytes.

use std::ffi::OsString;

use crate::config::ConfigBuilder;
use crate::config::endpoint::Endpoint;
use crate::config::environment;
use crate::credentials::Credentials;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::names::{self, ClientId};
use crate::notice::{self, Notice};
pub use crate::session::fuzzing::session;
use crate::session::token_store;

/// Appended to secrets: wherever it is found, a secret is shown.
const MARK: &str = "\u{2603}geheim";

fn hides(text: &str) {
    assert!(!text.contains(MARK), "{text}");
}

/// An answer of the API: two bytes for the status, one for its headers, and the body.
#[cfg(feature = "openapi")]
pub fn answer(data: &[u8]) {
    crate::openapi::fuzzing::answer(data);
}

/// A URL of the API.
#[cfg(feature = "openapi")]
pub fn url(data: &[u8]) {
    crate::openapi::fuzzing::url(data);
}

/// A record of the spool.
#[cfg(feature = "spool")]
pub fn record(data: &[u8]) {
    crate::spool::fuzz(data);
}

/// A payload that may be the envelope of a request or reply.
pub fn envelope(data: &[u8]) {
    crate::request::envelope::fuzz(data);
}

/// A message on one of the service's topics, or on another.
pub fn notice(data: &[u8]) {
    const TOPICS: [&str; 4] =
        [notice::TOKEN_EXPIRE, notice::TOKEN_EXPIRE_MISSPELT, notice::TOKEN_INVALID, "$SYS/other"];
    let Some((first, payload)) = data.split_first() else { return };
    let topic = TOPICS[usize::from(first % 4)];
    let notice = Notice::parse(topic, payload);
    assert_eq!(notice.is_some(), topic != "$SYS/other");
    if let Some(Notice::Other { topic: shown, .. }) = &notice {
        assert_eq!(shown, topic);
    }
    // The parsed notice has the number in the payload.
    let number = |name: &str| serde_json::from_slice::<serde_json::Value>(payload).ok().and_then(|v| v[name].as_i64());
    match notice {
        Some(Notice::TokenExpire { expires, .. }) => {
            let written = number("expireTime").or_else(|| number("exprireTime"));
            assert_eq!(expires, written.and_then(notice::instant));
        }
        Some(Notice::TokenInvalid { code, .. }) => assert!(number("code").is_some() && !code.to_string().is_empty()),
        _ => {}
    }
}

/// An endpoint. The displayed form of a parsed one parses to the same endpoint.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => {
            let shown = endpoint.to_string();
            let again = shown.parse::<Endpoint>();
            assert_eq!(again.ok().as_ref(), Some(&endpoint), "{shown}");
            assert!(!endpoint.host().is_empty() && endpoint.port() != 0 && !shown.contains('@'));
            assert!(endpoint.host() != "localhost" || endpoint.is_loopback());
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
    // It may hold a password.
    if text.contains('@') {
        let error = format!("{text}{MARK}").parse::<Endpoint>().expect_err("user info is refused");
        hides(&error.to_string());
    }
}

/// An environment: lines of a letter, which names a variable, and its value.
pub fn environment(data: &[u8]) {
    const NAMES: [&str; 17] = [
        environment::ENDPOINT,
        environment::INSTANCE_ID,
        environment::GROUP_ID,
        environment::DEVICE_ID,
        environment::TOPIC,
        environment::CLEAN_SESSION,
        environment::PROTOCOL,
        environment::TIMEOUT,
        environment::AUTH,
        environment::ACCESS_KEY_ID,
        environment::ACCESS_KEY_SECRET,
        environment::TOKEN,
        environment::DEVICE_ACCESS_KEY_ID,
        environment::DEVICE_ACCESS_KEY_SECRET,
        environment::PROXY,
        "https_proxy",
        "no_proxy",
    ];
    let lines: Vec<_> = data.split(|byte| *byte == b'\n').filter_map(<[u8]>::split_first).collect();
    let secret = |name: &str| {
        matches!(name, environment::ACCESS_KEY_SECRET | environment::TOKEN | environment::DEVICE_ACCESS_KEY_SECRET)
    };
    let value = |name: &str| {
        let position = NAMES.iter().position(|known| *known == name)?;
        let letter = b'a' + u8::try_from(position).ok()?;
        let mut value = lines.iter().find(|(first, _)| **first == letter)?.1.to_vec();
        value.extend(MARK.bytes().filter(|_| secret(name)));
        if matches!(name, environment::PROXY | "https_proxy") {
            // Behind what may be a password.
            if let Some(at) = value.iter().rposition(|byte| *byte == b'@') {
                value.splice(at..at, MARK.bytes());
            }
        }
        Some(os_string(value))
    };
    if String::from_utf8_lossy(data).contains(MARK) {
        return;
    }
    match ConfigBuilder::from_vars(value).build() {
        Ok(config) => {
            hides(&format!("{config:?}"));
            let login = config.credentials().login(config.client_id(), config.instance_id());
            hides(&format!("{login:?}"));
            assert!(login.is_ok(), "{login:?}");
        }
        Err(error) => {
            hides(&format!("{error} {error:?}"));
            assert!(matches!(error.kind(), ErrorKind::Config), "{error}");
        }
    }
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Tokens as text. Parsed tokens are joined to the same text again, and refused text is not shown.
pub fn tokens(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let credentials = Credentials::token("key", text);
    assert_eq!(format!("{credentials:?}"), format!("{:?}", Credentials::token("key", "R|x")));
    match (credentials.check(), credentials.as_tokens()) {
        (Ok(()), Some((_, tokens))) => {
            assert_eq!(token_store::join(tokens).as_str(), text);
            assert!((1..=3).contains(&tokens.len()));
        }
        (Ok(()), None) => unreachable!("tokens that are in order are tokens"),
        (Err(error), _) => {
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
    if let Err(error) = Credentials::token("key", format!("{text}{MARK}")).check() {
        assert!(text.contains(MARK) || !error.to_string().contains(MARK), "{error}");
    }
}

/// A filter, a topic and a client id, one per line.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let (filter, topic) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let (strict, loose) = (Limits::default(), Limits::default().strict_names(false).topic_len(65_535));
    let good_filter = names::check_filter(filter, &loose).is_ok();
    let good_topic = names::check_topic(topic, &loose).is_ok();
    assert!(good_topic || names::check_topic(topic, &strict).is_err(), "strict is stricter");
    assert!(good_filter || names::check_filter(filter, &strict).is_err(), "strict is stricter");
    let matches = names::filter_matches(filter, topic);
    if good_filter && good_topic {
        let (filter, topic): (Vec<_>, Vec<_>) = (filter.split('/').collect(), topic.split('/').collect());
        let hidden = topic[0].starts_with('$') && matches!(filter[0], "#" | "+");
        assert_eq!(matches, !hidden && slowly_matches(&filter, &topic));
        // A topic is a filter for itself.
        assert!(names::filter_matches(&topic.join("/"), &topic.join("/")));
    }
    let id = lines.next().unwrap_or_default();
    if let Ok(id) = ClientId::parse(id) {
        assert_eq!(ClientId::parse(id.as_str()).ok().as_ref(), Some(&id));
        let topic = names::p2p_topic("demo", id.as_str());
        assert!(topic.is_ok_and(|topic| names::check_topic(&topic, &strict).is_ok()), "{id}");
    }
}

/// A second implementation of MQTT's rules, level by level from the front.
fn slowly_matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) => true,
        ([], []) => true,
        ([], _) | (_, []) => false,
        ([wanted, filter @ ..], [name, topic @ ..]) => {
            let parent = filter == ["#"] && topic.is_empty();
            (*wanted == "+" || wanted == name) && (parent || slowly_matches(filter, topic))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    type Target = fn(&[u8]);

    const TARGETS: &[(&str, Target)] = &[
        ("notice", super::notice),
        ("envelope", super::envelope),
        ("endpoint", super::endpoint),
        ("environment", super::environment),
        ("tokens", super::tokens),
        ("names", super::names),
        ("session", super::session),
        #[cfg(feature = "openapi")]
        ("answer", super::answer),
        #[cfg(feature = "openapi")]
        ("url", super::url),
        #[cfg(feature = "spool")]
        ("record", super::record),
    ];

    #[test]
    fn seeds() {
        for &(name, target) in TARGETS {
            let folder = format!("{}/fuzz/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
            // They are not in the published package.
            for file in std::fs::read_dir(folder).into_iter().flatten() {
                let path = file.expect("a readable folder").path();
                println!("{}", path.display());
                target(&std::fs::read(path).expect("a readable seed"));
            }
        }
    }

    proptest! {
        #[test]
        fn chance(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            for (_, target) in TARGETS {
                target(&data);
            }
        }
    }
}
