//! Parses times and spans of time, and formats times as in RFC 3339.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

/// Returns the current time in the local zone, limited to the range of the calendar.
pub(crate) fn now() -> ZonedDateTime {
    nearest(SystemTime::now()).to_zoned_datetime(TimeZone::system())
}

/// Limits a time to the calendar's years, -9999 to 9999.
pub(crate) fn nearest(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(match time < SystemTime::UNIX_EPOCH {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

/// A moment: a date and time, or an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    At(SystemTime),
    Ago(Duration),
}

impl Moment {
    pub(crate) fn before(self, now: SystemTime) -> SystemTime {
        match self {
            Moment::At(time) => time,
            // A time before 1970 is refused where it is used.
            Moment::Ago(span) => now.checked_sub(span).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

/// For `value_parser`: `now`, `30m` (ago), or a time in RFC 3339.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    const FORM: &str = "it must be a time with its zone, such as 2026-01-31T08:00:00+08:00, or an age, such as 30m";
    if text == "now" {
        return Ok(Moment::Ago(Duration::ZERO));
    }
    // A bare number could mean seconds ago or seconds since 1970.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORM.to_string());
    }
    if let Ok(span) = span(text) {
        return Ok(Moment::Ago(span));
    }
    let time = text.parse::<Timestamp>().and_then(SystemTime::try_from);
    time.map(Moment::At).map_err(|_| FORM.to_string())
}

/// For `value_parser`: seconds, or with a unit: `90`, `90s`, `30m`, `12h`, `7d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3_600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let seconds = Some(number).filter(|number| !number.starts_with('+')).and_then(|number| number.parse::<u64>().ok());
    let seconds = seconds.and_then(|number| number.checked_mul(unit));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "it must be seconds, or a number with s, m, h or d: 90, 30m, 7d".to_string())
}

/// Formats a time to the second, in the local zone.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "beyond the year 9999".to_string(), of)
}

/// Formats a time like [`rfc3339`].
pub(crate) fn of(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Formats a time to the microsecond, in its own zone: `2026-07-30T12:00:00.123456+08:00`.
pub(crate) fn rfc3339_exact(time: &ZonedDateTime) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f%:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("0", 0)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "m", "-1", "+1", "1.5h", "1w", "1 h", "1h30m", "99999999999999999999d", "中"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_absolute_or_ago() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        for (text, seconds) in [
            ("now", 1_767_225_600),
            ("1h", 1_767_222_000),
            ("2026-01-01T00:00:00Z", 1_767_225_600),
            ("2026-01-01T08:00:00+08:00", 1_767_225_600),
        ] {
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(moment(text).unwrap().before(now), expected, "{text}");
        }
        // Without its zone a time could be another; a number could be a time or a span.
        for bad in ["", "2026-01-01T00:00:00", "2026-01-01", "1767225600", "yesterday", "-1h"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_clock_that_is_far_off_has_a_time_all_the_same() {
        let year = Duration::from_secs(365 * 86_400);
        let offs = [year * 9_000, year * 290_000, year * 20_000];
        for time in offs
            .into_iter()
            .flat_map(|off| [SystemTime::UNIX_EPOCH.checked_add(off), SystemTime::UNIX_EPOCH.checked_sub(off)])
            .flatten()
        {
            for zone in [-25, -12, 0, 14, 25].map(|hours| TimeZone::fixed(jiff::tz::offset(hours))) {
                let shown = rfc3339_exact(&nearest(time).to_zoned_datetime(zone));
                assert!(shown.contains("-"), "{shown}");
            }
        }
        let shown = rfc3339_exact(&nearest(SystemTime::UNIX_EPOCH + year * 9_000).to_zoned_datetime(TimeZone::UTC));
        assert!(shown.starts_with("9999-12-"), "{shown}");
    }

    #[test]
    fn what_is_shown_is_read_again() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_999);
        let shown = rfc3339(time);
        assert_eq!(
            moment(&shown),
            Ok(Moment::At(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600))),
            "{shown}"
        );
    }
}
