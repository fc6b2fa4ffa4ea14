//! Which topics callers may use.

use aliyun_mqtt::topic_matches;

use super::problem::{Problem, Reason};

/// The topics and filters that are allowed; without any, all that do not begin with `$`.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    flag: &'static str,
    filters: Vec<String>,
}

/// The filters of a consumer. A message is wanted if any of them matches.
#[derive(Debug)]
pub(super) struct Wanted(Vec<String>);

impl Allowed {
    pub(super) fn new(flag: &'static str, filters: &[String]) -> Self {
        Allowed { flag, filters: filters.to_vec() }
    }

    /// Fails unless a message to this topic is allowed.
    pub(super) fn check_topic(&self, topic: &str) -> Result<(), Problem> {
        self.check(topic, |allowed| topic_matches(allowed, topic))
    }

    /// Returns the consumer of this filter, or of all that is allowed.
    pub(super) fn wanted(&self, filter: Option<&str>) -> Result<Wanted, Problem> {
        match filter {
            Some(filter) => {
                check_form(filter)?;
                self.check(filter, |allowed| covers(allowed, filter)).map_err(Problem::without_fate)?;
                Ok(Wanted(vec![filter.to_string()]))
            }
            None if self.filters.is_empty() => Ok(Wanted(vec!["#".to_string()])),
            None => Ok(Wanted(self.filters.clone())),
        }
    }

    fn check(&self, name: &str, covered: impl Fn(&String) -> bool) -> Result<(), Problem> {
        if name.starts_with('$') {
            let detail = "topics that begin with $ belong to the service: they change tokens and modes";
            return Err(Problem::new(Reason::Forbidden, detail));
        }
        if self.filters.is_empty() || self.filters.iter().any(covered) {
            return Ok(());
        }
        let name = aliyun_mqtt::printable(name);
        Err(Problem::new(
            Reason::Forbidden,
            format!("this relay was started with {} for other topics than {name}", self.flag),
        ))
    }
}

impl Wanted {
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.0.iter().any(|filter| topic_matches(filter, topic))
    }
}

/// Checks that a filter is one.
pub(super) fn check_form(filter: &str) -> Result<(), Problem> {
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len() - 1;
    let fine = |(place, level): (usize, &&str)| match *level {
        "#" => place == last,
        "+" => true,
        level => !level.contains(['#', '+', '\0']),
    };
    if filter.is_empty() || !levels.iter().enumerate().all(fine) {
        let detail = format!("{} is not a topic filter", aliyun_mqtt::printable(filter));
        return Err(Problem::new(Reason::Invalid, detail).without_fate());
    }
    Ok(())
}

/// Returns true if `allowed` matches every topic that `filter` matches.
fn covers(allowed: &str, filter: &str) -> bool {
    let mut filter = filter.split('/');
    for level in allowed.split('/') {
        if level == "#" {
            return true;
        }
        match filter.next() {
            Some("#") | None => return false,
            Some(name) if level == "+" || level == name => {}
            Some(_) => return false,
        }
    }
    filter.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_covered_only_if_all_its_topics_are() {
        for (allowed, filter, expected) in [
            ("#", "demo/#", true),
            ("demo/#", "demo/#", true),
            ("demo/#", "demo/a/+", true),
            ("demo/#", "demo", true),
            ("demo/+", "demo/a", true),
            ("demo/+", "demo/+", true),
            ("demo/+", "demo/#", false),
            ("demo/a", "demo/+", false),
            ("demo/a", "demo/a", true),
            ("demo/a", "demo/a/b", false),
            ("demo/+/x", "demo/#", false),
            ("demo/#", "#", false),
            ("+", "demo", true),
        ] {
            assert_eq!(covers(allowed, filter), expected, "{allowed} {filter}");
        }
    }

    #[test]
    fn what_is_not_allowed_is_forbidden_and_what_is_no_filter_invalid() {
        let status = |result: Result<(), Problem>| result.map_or_else(|problem| problem.status, |()| 200);
        let all = Allowed::new("--allow-publish", &[]);
        assert_eq!(status(all.check_topic("demo/a")), 200);
        assert_eq!(status(all.check_topic("$SYS/uploadToken")), 403);
        let some = Allowed::new("--allow-subscribe", &["demo/#".to_string()]);
        assert_eq!(status(some.check_topic("other/a")), 403);
        let asked = |filter: &str| status(some.wanted(Some(filter)).map(drop));
        assert_eq!(
            (asked("demo/+"), asked("#"), asked("$SYS/x"), asked("demo/a#"), asked("")),
            (200, 403, 403, 400, 400)
        );
        let wanted = some.wanted(None).unwrap();
        assert!(wanted.matches("demo/a") && !wanted.matches("other/a"));
    }
}
