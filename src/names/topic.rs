//! The rules for topics, filters and payloads, and MQTT's matching.
//!
//! They are checked before anything is sent, because the service answers a bad name or an over-long message by closing
//! the connection without a reason.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{is_name_char, shown};
use crate::error::{Error, Hint, Result};
use crate::limits::{Limits, MQTT_TEXT_LEN};
use crate::notice::SYSTEM;
use crate::printable::counted;

/// The length of topics in the help pages; a longer one causes a warning.
const DOCUMENTED_LEN: usize = 64;

/// The shortest topic, by the help page "Limits".
const SHORTEST: usize = 3;

/// Checks a topic to publish to.
///
/// # Errors
/// `Invalid`, naming the topic and the rule.
pub(crate) fn check_topic(topic: &str, limits: &Limits) -> Result<()> {
    let refuse = |rule: String| Error::invalid(format!("topic {} cannot be published to: {rule}", shown(topic)));
    check_mqtt_text(topic).map_err(refuse)?;
    if let Some(wildcard) = topic.chars().find(|c| matches!(c, '+' | '#')) {
        return Err(refuse(format!("it contains the wildcard {wildcard:?}, which only filters may have")));
    }
    check_names(topic, limits).map_err(refuse)
}

/// Checks a filter to subscribe to.
///
/// # Errors
/// `Invalid`, naming the filter and the rule.
pub(crate) fn check_filter(filter: &str, limits: &Limits) -> Result<()> {
    let refuse = |rule: String| Error::invalid(format!("filter {} cannot be used: {rule}", shown(filter)));
    check_mqtt_text(filter).map_err(refuse)?;
    if filter == "$share" || filter.starts_with("$share/") {
        return Err(refuse("the service has no shared subscriptions".to_string()).with_hint(Hint::ShareWork));
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        match level {
            "#" if levels.peek().is_some() => return Err(refuse("'#' may only be the last level".to_string())),
            "#" | "+" => {}
            _ if level.contains(['#', '+']) => {
                return Err(refuse(format!("a wildcard must be a whole level, and {} is not", shown(level))));
            }
            _ => {}
        }
    }
    check_names(filter, limits).map_err(refuse)?;
    if filter.starts_with(['#', '+']) {
        log::warn!("filter {}: the service knows filters only below an existing parent topic", shown(filter));
    }
    Ok(())
}

/// Checks the size of a payload, in bytes.
///
/// # Errors
/// `Invalid`, naming the topic, the size and the limit.
pub(crate) fn check_payload(len: usize, topic: &str, limits: &Limits) -> Result<()> {
    let max = limits.payload_len;
    if len <= max {
        return Ok(());
    }
    let message = format!("a message to {} has {len} bytes; the limit is {max}", shown(topic));
    Err(Error::invalid(message).with_hint(Hint::PayloadLimit))
}

/// Checks a parent topic: one level, of legal characters. The error is the broken rule.
#[cfg(any(feature = "openapi", test))]
pub(crate) fn check_parent(parent: &str, limits: &Limits) -> Result<(), String> {
    check_mqtt_text(parent)?;
    match parent.chars().find(|c| matches!(c, '/' | '+' | '#')) {
        Some(bad) => Err(format!("{} contains {bad:?}; a parent topic is the first level alone", shown(parent))),
        None => check_names(parent, limits).map_err(|rule| format!("{}: {rule}", shown(parent))),
    }
}

/// Returns true if a subscription with this filter covers the topic (MQTT 3.1.1, section 4.7).
///
/// `+` matches one level and `#` the rest, its parent level included. Filters that begin with a wildcard do not match
/// topics that begin with `$`. Neither the filter nor the topic is checked.
///
/// ```
/// use aliyun_mqtt::topic_matches;
/// assert!(topic_matches("demo/#", "demo/a/b"));
/// assert!(!topic_matches("demo/+", "demo/a/b"));
/// ```
#[must_use]
pub fn topic_matches(filter: impl AsRef<str>, topic: impl AsRef<str>) -> bool {
    filter_matches(filter.as_ref(), topic.as_ref())
}

/// [`topic_matches`] for references.
pub(crate) fn filter_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['#', '+']) {
        return false;
    }
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        // "a/#" matches "a" too.
        if level == "#" {
            return true;
        }
        match topic.next() {
            Some(name) if level == "+" || level == name => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

/// Returns true if some topic matches both filters.
pub(crate) fn filters_overlap(one: &str, other: &str) -> bool {
    if one.starts_with('$') != other.starts_with('$') && (one.starts_with(['#', '+']) || other.starts_with(['#', '+']))
    {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == "+" || b == "+" || a == b => {}
            _ => return false,
        }
    }
}

/// Checks the rules of MQTT for any topic or filter.
fn check_mqtt_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_string());
    }
    if text.contains('\0') {
        return Err("it contains a NUL character".to_string());
    }
    if text.len() > MQTT_TEXT_LEN {
        return Err(format!("it has {} bytes; MQTT allows {MQTT_TEXT_LEN}", text.len()));
    }
    Ok(())
}

/// Checks the service's rules for the length and the levels of a topic or filter. Wildcards were checked before.
fn check_names(text: &str, limits: &Limits) -> Result<(), String> {
    if text.starts_with(SYSTEM) {
        return Ok(());
    }
    let (length, max) = (text.chars().count(), limits.topic_len);
    if length > max {
        return Err(format!("it has {length} characters, more than topic_len, which is {max}"));
    }
    let p2p = text.split('/').nth(1) == Some("p2p");
    if limits.strict_names {
        if length < SHORTEST && !text.contains(['#', '+']) {
            let has = counted(length, "character");
            return Err(format!("it has {has}; the shortest allowed topic has {SHORTEST}"));
        }
        for (index, level) in text.split('/').enumerate() {
            // The third level of a P2P topic is a client id.
            check_level(level, p2p && index == 2)?;
        }
    }
    if length > DOCUMENTED_LEN && !p2p {
        warn_of_length(text, length);
    }
    Ok(())
}

fn check_level(level: &str, client_id: bool) -> Result<(), String> {
    if level.is_empty() {
        return Err("it has an empty level: a '/' at the start, at the end, or doubled".to_string());
    }
    if matches!(level, "#" | "+") {
        return Ok(());
    }
    match level.chars().find(|c| !(is_name_char(*c) || client_id && *c == '@')) {
        None => Ok(()),
        Some(bad) => Err(format!(
            "it contains {bad:?}; levels consist of letters, digits, '-' and '_' (set strict_names to \
             false to lift the rule)"
        )),
    }
}

/// Warns once per process: a program that uses long topics uses them all the time.
fn warn_of_length(text: &str, length: usize) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        log::warn!(
            "{} has {length} characters; the service's documentation allows {DOCUMENTED_LEN} for a topic, so it may \
             cut the connection (said once per process)",
            shown(text)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_overlap_where_one_topic_matches_both() {
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a/#", "a", true),
            ("a/#", "a/+/c", true),
            ("a/+", "+/b", true),
            ("a/+", "a/b/c", false),
            ("+/x", "a/b", false),
            ("#", "a/b", true),
            ("#", "$SYS/a", false),
            ("$SYS/+", "$SYS/a", true),
        ] {
            assert_eq!(filters_overlap(one, other), expected, "{one} {other}");
            assert_eq!(filters_overlap(other, one), expected, "{other} {one}");
        }
    }
    use crate::error::{ErrorKind, Fate};

    fn topic(topic: &str) -> Result<()> {
        check_topic(topic, &Limits::default())
    }

    fn filter(filter: &str) -> Result<()> {
        check_filter(filter, &Limits::default())
    }

    #[test]
    fn topics_of_the_service() {
        for good in ["abc", "demo/a/b-c_d", "a/b", "demo/p2p/GID_Test@@@0001", "$SYS/uploadToken", "$SYS/a b"] {
            assert!(topic(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "/demo", "demo/", "demo//a", "demo/a b", "demo/中", "demo/a.b", "$sys/a", "$SYS", "a\0b"]
        {
            let error = topic(bad).unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{bad}");
            assert!(error.to_string().contains(&shown(bad)), "{error}");
        }
    }

    #[test]
    fn the_at_sign_belongs_to_p2p_topics_only() {
        assert!(topic("demo/x/GID_Test@@@0001").is_err());
        assert!(topic("demo/p2p/a@@@b/c@d").is_err());
        assert!(topic("demo/a/p2p/GID_Test@@@0001").is_err());
    }

    #[test]
    fn nobody_publishes_to_a_wildcard() {
        for bad in ["demo/#", "demo/+", "demo/a+b", "$SYS/#"] {
            assert!(topic(bad).unwrap_err().to_string().contains("wildcard"), "{bad}");
        }
    }

    #[test]
    fn a_topic_has_at_most_128_characters() {
        assert!(topic(&"x".repeat(64)).is_ok());
        assert!(topic(&"x".repeat(128)).is_ok());
        let error = topic(&"x".repeat(129)).unwrap_err().to_string();
        assert!(error.contains("129") && error.contains("128"), "{error}");
        assert!(check_topic(&"x".repeat(129), &Limits::default().topic_len(129)).is_ok());
        assert!(filter(&"x".repeat(129)).is_err());
    }

    #[test]
    fn loose_names_leave_the_rules_of_mqtt() {
        let loose = Limits::default().strict_names(false).topic_len(65_535);
        for good in ["a", "/", "a//b/", "中文/主题", "$other/x", &"x".repeat(65_535)] {
            assert!(check_topic(good, &loose).is_ok());
        }
        for bad in ["", "a/#", "a\0b", &"x".repeat(65_536)] {
            assert!(check_topic(bad, &loose).is_err());
        }
        assert!(check_filter("a b//+/#", &loose).is_ok());
        assert!(check_filter("a#", &loose).is_err());
        assert!(check_filter("$share/g/a", &loose).is_err());
    }

    #[test]
    fn filters_of_the_service() {
        for good in ["demo/#", "demo/+", "demo/+/b", "demo/+/#", "demo", "#", "+/a", "demo/p2p/GID_Test@@@1", "$SYS/#"]
        {
            assert!(filter(good).is_ok(), "{good}");
        }
        for (bad, rule) in [
            ("", "empty"),
            ("ab", "shortest"),
            ("demo/#/a", "last level"),
            ("demo/a#", "whole level"),
            ("demo/a+/b", "whole level"),
            ("demo/##", "whole level"),
            ("demo//a", "empty level"),
            ("demo/a b", "' '"),
            ("$share/group/demo", "no shared subscriptions"),
            ("$SYS/#/a", "last level"),
        ] {
            let error = filter(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(rule), "{error}");
        }
    }

    #[test]
    fn payloads() {
        let limits = Limits::default();
        assert!(check_payload(0, "demo/a", &limits).is_ok());
        assert!(check_payload(65_536, "demo/a", &limits).is_ok());
        let error = check_payload(65_537, "demo/a", &limits).unwrap_err();
        assert_eq!(error.fate(), Some(Fate::NotSent));
        let text = error.to_string();
        assert!(text.contains("demo/a") && text.contains("65537") && text.contains("65536"), "{text}");
        assert!(check_payload(65_537, "demo/a", &limits.payload_len(100_000)).is_ok());
    }

    #[test]
    fn parent_topics() {
        let limits = Limits::default();
        assert!(check_parent("demo", &limits).is_ok());
        for bad in ["", "ab", "demo/a", "demo/", "#", "de mo"] {
            assert!(check_parent(bad, &limits).is_err(), "{bad}");
        }
    }

    #[test]
    fn matching_follows_mqtt() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/B", false),
            ("a/b", "a", false),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("+/+", "/b", true),
            ("/+", "/b", true),
            ("+", "/b", false),
            ("+/b", "a/b", true),
            ("a/+/c", "a/b/c", true),
            ("a/#", "a", true),
            ("a/#", "a/", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "/", true),
            ("+/#", "a", true),
            ("#", "$SYS/a", false),
            ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/a", true),
            ("$SYS/+", "$SYS/a", true),
            ("a/#", "a/$b", true),
            ("", "a", false),
        ] {
            assert_eq!(filter_matches(filter, topic), expected, "{filter} {topic}");
        }
    }
}
