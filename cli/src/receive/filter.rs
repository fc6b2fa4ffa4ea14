//! Matches topics against filters (MQTT 5, section 4.7), for messages that are ignored locally.

/// For `value_parser`: checks a topic filter.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let mut levels = text.split('/').peekable();
    while let Some(level) = levels.next() {
        let last = levels.peek().is_none();
        let good = match level {
            "+" => true,
            "#" => last,
            other => !other.contains(['+', '#', '\0']),
        };
        if !good {
            return Err("+ must be a whole level, and # the last one".to_string());
        }
    }
    if text.is_empty() { Err("it must not be empty".to_string()) } else { Ok(text.to_string()) }
}

/// Returns true if the filter matches the topic.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a", false),
            ("a", "a/b", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("+", "a", true),
            ("+", "a/b", false),
            ("+/+", "/a", true),
            ("a/+", "a", false),
            ("a/+/c", "a//c", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for good in ["a", "/", "a/+/b/#", "#", "+"] {
            assert_eq!(parse(good), Ok(good.to_string()));
        }
        for bad in ["", "a#", "#/a", "a/#/b", "a+", "a\0"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
