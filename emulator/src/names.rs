//! The service's rules for names: client ids, group ids, topics and filters, and which filter covers which topic.

/// The maximum length of a client id.
pub(crate) const MAX_CLIENT_ID: usize = 64;

/// The length up to which a P2P topic is allowed whatever the limit: the service delivers such topics beyond the
/// documented 64 characters.
const MAX_P2P: usize = 128;

/// Returns the group of a client id `GroupID@@@DeviceID`, or the rule that the id breaks.
pub(crate) fn group_of(client_id: &str) -> Result<&str, String> {
    check_length(client_id)?;
    let Some((group, device)) = client_id.split_once("@@@") else {
        return Err("the client id has no @@@ between group id and device id".into());
    };
    check_group(group)?;
    if device.is_empty() {
        return Err("the device id is empty".into());
    }
    if !is_name(device) {
        return Err("the client id has characters other than letters, digits, - and _".into());
    }
    Ok(group)
}

/// Checks a group id.
pub(crate) fn check_group(group: &str) -> Result<(), String> {
    if group.len() > MAX_CLIENT_ID {
        return Err(format!("the group id has {} characters, more than {MAX_CLIENT_ID}", group.len()));
    }
    if group.len() < 7 || !(group.starts_with("GID_") || group.starts_with("GID-")) {
        return Err("the group id is not GID_ or GID- and at least three more characters".into());
    }
    if !is_name(group) {
        return Err("the group id has characters other than letters, digits, - and _".into());
    }
    Ok(())
}

/// Checks the length of a client id of any form.
pub(crate) fn check_length(client_id: &str) -> Result<(), String> {
    match client_id.len() {
        0 => Err("the client id is empty".into()),
        1..=MAX_CLIENT_ID => Ok(()),
        length => Err(format!("the client id has {length} characters, more than {MAX_CLIENT_ID}")),
    }
}

/// Returns the parent topic (first level) of a topic to publish to, or the rule that the topic breaks.
pub(crate) fn parent_of_topic(topic: &str, max_length: usize) -> Result<&str, String> {
    if let Some((parent, _)) = p2p_target(topic) {
        return check_topic_length(topic, max_length.max(MAX_P2P)).map(|()| parent);
    }
    check_topic_length(topic, max_length)?;
    if let Some(bad) = topic.split('/').find(|level| !is_name(level)) {
        return Err(format!("the topic level {bad:?} is empty or has characters other than letters, digits, - and _"));
    }
    Ok(first_level(topic))
}

/// Returns the parent topic (first level) of a filter to subscribe to, or the rule that the filter breaks.
pub(crate) fn parent_of_filter(filter: &str, max_length: usize) -> Result<&str, String> {
    if let Some((parent, _)) = p2p_target(filter) {
        return check_topic_length(filter, max_length.max(MAX_P2P)).map(|()| parent);
    }
    check_topic_length(filter, max_length)?;
    let parent = first_level(filter);
    if !is_name(parent) {
        return Err("the first level of a filter must be a parent topic".into());
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let fine = match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            name => is_name(name),
        };
        if !fine {
            return Err(format!(
                "the filter level {level:?} is neither of letters, digits, - and _, nor +, nor # at the end"
            ));
        }
    }
    Ok(parent)
}

/// Returns the parent topic and the target of a P2P topic `{parent}/p2p/{clientId}`.
pub(crate) fn p2p_target(topic: &str) -> Option<(&str, &str)> {
    let (parent, rest) = topic.split_once('/')?;
    let target = rest.strip_prefix("p2p/")?;
    (is_name(parent) && group_of(target).is_ok()).then_some((parent, target))
}

/// Returns true for a filter with a wildcard.
pub(crate) fn has_wildcard(filter: &str) -> bool {
    filter.split('/').any(|level| level == "+" || level == "#")
}

/// Returns true if the filter `outer` matches every topic that `inner` (a topic or filter) matches.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    let mut inner = inner.split('/');
    let mut outer = outer.split('/').peekable();
    while let Some(level) = outer.next() {
        match (level, inner.next()) {
            // Elsewhere, it makes the filter one that matches nothing.
            ("#", _) => return outer.peek().is_none(),
            ("+", Some(other)) if other != "#" => {}
            (name, Some(other)) if name == other => {}
            _ => return false,
        }
    }
    inner.next().is_none()
}

fn check_topic_length(topic: &str, max: usize) -> Result<(), String> {
    match topic.len() {
        0..3 => Err("the topic has fewer than 3 characters".into()),
        length if length > max => Err(format!("the topic has {length} characters, more than {max}")),
        _ => Ok(()),
    }
}

/// Checks a text that becomes a part of a user name or password, whose parts are separated by `|`, and of the printed
/// environment.
pub(crate) fn check_part(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.contains('|') || text.contains(char::is_control) {
        return Err(format!("{what} has the character |, a line break or another control character"));
    }
    Ok(())
}

/// Checks a secret, which becomes a part of the printed environment.
pub(crate) fn check_secret(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(format!("{what} is empty, or has a line break or another control character"));
    }
    Ok(())
}

/// Checks the name of a parent topic.
pub(crate) fn check_parent(name: &str, max_length: usize) -> Result<(), String> {
    if !is_name(name) || name.len() > max_length {
        return Err(format!("the parent topic {name:?} is not of 1 to {max_length} letters, digits, - and _"));
    }
    Ok(())
}

/// Returns the first level of a topic or filter.
pub(crate) fn first_level(topic: &str) -> &str {
    topic.split_once('/').map_or(topic, |(first, _)| first)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids() {
        assert_eq!(group_of("GID_Test@@@0001"), Ok("GID_Test"));
        assert_eq!(group_of("GID-abc@@@a-b_c"), Ok("GID-abc"));
        let long = format!("GID_Test@@@{}", "x".repeat(53));
        assert_eq!(long.len(), MAX_CLIENT_ID);
        assert!(group_of(&long).is_ok());
        for bad in ["", "GID_Test", "GID_Test@@@", "Test_abc@@@1", "GID_ab@@@1", "GID_Test@@@a/b", "GID_Test@@@a b"] {
            assert!(group_of(bad).is_err(), "{bad}");
        }
        assert!(group_of(&format!("{long}x")).is_err());
    }

    #[test]
    fn topics() {
        assert_eq!(parent_of_topic("demo/a/b-c", 128), Ok("demo"));
        assert_eq!(parent_of_topic("demo", 128), Ok("demo"));
        assert_eq!(parent_of_topic("demo/p2p/GID_Test@@@0001", 128), Ok("demo"));
        for bad in ["de", "", "/demo", "demo/", "demo//a", "demo/a b", "demo/+", "demo/#", "demo/x/GID_Test@@@0001"] {
            assert!(parent_of_topic(bad, 128).is_err(), "{bad}");
        }
        assert!(parent_of_topic(&"x".repeat(128), 128).is_ok());
        assert!(parent_of_topic(&"x".repeat(129), 128).is_err());
        // P2P topics may be longer than the documented 64.
        let p2p = format!("demo/p2p/GID_Test@@@{}", "x".repeat(53));
        assert!(p2p.len() > 64 && parent_of_topic(&p2p, 64).is_ok() && parent_of_filter(&p2p, 64).is_ok());
        let p2p = format!("{}/p2p/GID_Test@@@{}", "x".repeat(60), "x".repeat(53));
        assert!(parent_of_topic(&p2p, 64).is_err() && parent_of_filter(&p2p, 64).is_err());
    }

    #[test]
    fn filters() {
        for good in ["demo/#", "demo/+", "demo/+/b", "demo/+/#", "demo", "demo/p2p/GID_Test@@@0001"] {
            assert_eq!(parent_of_filter(good, 128), Ok("demo"), "{good}");
        }
        for bad in ["#", "+/a", "demo/#/a", "demo/a#", "demo/a+", "$share/group/demo", "demo//a"] {
            assert!(parent_of_filter(bad, 128).is_err(), "{bad}");
        }
    }

    #[test]
    fn p2p() {
        assert_eq!(p2p_target("demo/p2p/GID_Test@@@0001"), Some(("demo", "GID_Test@@@0001")));
        for other in ["demo/p2p", "demo/p2p/", "demo/p2p/x", "demo/P2P/GID_Test@@@1", "demo/a/p2p/GID_Test@@@1"] {
            assert_eq!(p2p_target(other), None, "{other}");
        }
    }

    #[test]
    fn covering() {
        for (outer, inner) in [
            ("a/#", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/+/c"),
            ("a/#", "a/#"),
            ("a/+", "a/b"),
            ("a/+", "a/+"),
            ("a/+/c", "a/b/c"),
            ("a/b", "a/b"),
            ("#", "a/b"),
        ] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [
            ("a/+", "a/#"),
            ("a/+", "a"),
            ("a/+", "a/b/c"),
            ("a/b", "a/+"),
            ("a/b", "a/b/c"),
            ("a/#", "b/a"),
            ("a/#/x", "a/b"),
        ] {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
    }
}
