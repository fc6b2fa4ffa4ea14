//! The filters of messages that are ignored locally.

use aliyun_mqtt::topic_matches;

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

/// Returns true if one of the filters matches the topic.
pub(crate) fn any_matches(filters: &[String], topic: &str) -> bool {
    filters.iter().any(|filter| topic_matches(filter, topic))
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
            assert_eq!(any_matches(&[filter.to_string()], topic), expected, "{filter} {topic}");
            assert_eq!(any_matches(&["other".to_string(), filter.to_string()], topic), expected, "{filter} {topic}");
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
