//! The clock of the OpenAPI, which tests can shift, and the two formats of points in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::time::end_of_calendar;

/// Returns the time by a clock that is ahead by `skew` seconds. A skew that leaves the calendar is ignored.
pub(super) fn now(skew: i64) -> SystemTime {
    let (now, seconds) = (SystemTime::now(), Duration::from_secs(skew.unsigned_abs()));
    let shifted = if skew < 0 { now.checked_sub(seconds) } else { now.checked_add(seconds) };
    shifted.filter(|time| (UNIX_EPOCH..=end_of_calendar()).contains(time)).unwrap_or(now)
}

/// Reads `YYYY-MM-DDThh:mm:ssZ`, and nothing else: `humantime` also takes fractions of a second and `+00:00`.
pub(super) fn parse_utc(text: &str) -> Option<SystemTime> {
    let has_the_form = text.len() == "YYYY-MM-DDThh:mm:ssZ".len() && text.ends_with('Z');
    has_the_form.then(|| humantime::parse_rfc3339(text).ok()).flatten()
}

/// Writes `YYYY-MM-DD hh:mm:ss.mmm` in China's time, the form of the traces.
pub(super) fn trace_time(time: SystemTime) -> String {
    const EIGHT_HOURS: Duration = Duration::from_secs(8 * 3600);
    let local = time.checked_add(EIGHT_HOURS).unwrap_or_else(end_of_calendar);
    // `humantime` panics beyond these bounds.
    let local = local.clamp(UNIX_EPOCH, end_of_calendar());
    humantime::format_rfc3339_millis(local).to_string().trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, millis: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(seconds * 1000 + millis)
    }

    #[test]
    fn times_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2016-02-23T12:46:24Z", 1_456_231_584),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse_utc(text), Some(at(seconds, 0)), "{text}");
        }
        for bad in [
            "",
            "2016-02-23 12:46:24",
            "2016-02-23T12:46:24",
            "2016-02-23T12:46:24+00:00",
            "2023-02-29T00:00:00Z",
            "2016-13-01T00:00:00Z",
            "2016-00-01T00:00:00Z",
            "2016-02-23T24:00:00Z",
            "2016-02-23T12:60:24Z",
            "+016-02-23T12:46:24Z",
            "2016-02-23T12:46:2中Z",
            "2016-02-23T12:46:24.5Z",
            "2016-02-23T12:46:24.12345Z",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(parse_utc(bad), None, "{bad}");
        }
    }

    #[test]
    fn trace_times_are_those_of_china() {
        assert_eq!(trace_time(at(1_621_583_514, 867)), "2021-05-21 15:51:54.867");
        assert_eq!(trace_time(at(1_709_222_400, 0)), "2024-03-01 00:00:00.000");
        assert_eq!(trace_time(UNIX_EPOCH), "1970-01-01 08:00:00.000");
        assert_eq!(trace_time(end_of_calendar()), "9999-12-31 23:59:59.000");
    }

    #[test]
    fn a_clock_can_be_shifted_but_not_broken() {
        let ahead = now(3600).duration_since(SystemTime::now()).unwrap();
        assert!(ahead > Duration::from_secs(3590) && ahead <= Duration::from_secs(3600));
        assert!(now(-3600) < SystemTime::now());
        for wild in [i64::MIN, i64::MAX, -1_000_000_000_000] {
            assert!(now(wild).duration_since(UNIX_EPOCH).is_ok());
        }
    }
}
