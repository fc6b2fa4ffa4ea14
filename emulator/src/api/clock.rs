//! Points in time as the OpenAPI reads and writes them, and its clock, which tests can shift.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 3600;

/// The time by a clock that is ahead by so many seconds.
pub(super) fn now(skew: i64) -> SystemTime {
    let (now, seconds) = (SystemTime::now(), Duration::from_secs(skew.unsigned_abs()));
    let shifted = if skew < 0 { now.checked_sub(seconds) } else { now.checked_add(seconds) };
    // A skew of more than all time counts as none; the years that can be written end at 9999.
    shifted.filter(|time| (0..253_402_300_800).contains(&unix_seconds(*time))).unwrap_or(now)
}

/// `YYYY-MM-DDThh:mm:ssZ`, nothing else.
pub(super) fn parse_utc(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    let pattern = b"dddd-dd-ddTdd:dd:ddZ";
    let fits = bytes.len() == pattern.len()
        && bytes.iter().zip(pattern).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let known = year >= 1970 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !known || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>()
        + (1..month).map(|month| days_in(year, month)).sum::<u64>()
        + day
        - 1;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * DAY + hour * 3600 + minute * 60 + second))
}

/// `YYYY-MM-DD hh:mm:ss.mmm` in China's time, as the traces have it.
pub(super) fn trace_time(time: SystemTime) -> String {
    const EIGHT_HOURS: u64 = 8 * 3600;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() + EIGHT_HOURS;
    let (mut days, second) = (seconds / DAY, seconds % DAY);
    let mut year = 1970;
    while days >= if is_leap(year) { 366 } else { 365 } {
        days -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    format!(
        "{year:04}-{month:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        days + 1,
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(-1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
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
        ] {
            assert_eq!(parse_utc(bad), None, "{bad}");
        }
    }

    #[test]
    fn trace_times_are_those_of_china() {
        assert_eq!(trace_time(at(1_621_583_514, 867)), "2021-05-21 15:51:54.867");
        assert_eq!(trace_time(at(1_709_222_400, 0)), "2024-03-01 00:00:00.000");
        assert_eq!(trace_time(UNIX_EPOCH), "1970-01-01 08:00:00.000");
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
