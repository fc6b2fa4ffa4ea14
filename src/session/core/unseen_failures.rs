//! Failures that the program has not seen: those of messages whose `Delivery` was dropped.

use crate::error::{Error, ErrorKind, Fate};
use crate::printable::counted;

/// How many different failures are quoted in full.
const QUOTED: usize = 5;

/// Failed messages still to be reported by `flush` or `disconnect`.
#[derive(Default)]
pub(crate) struct UnseenFailures {
    count: usize,
    /// The number of them that stay in the spool.
    kept: usize,
    /// The first different failures, and how often each occurred.
    kinds: Vec<(Error, usize)>,
}

impl UnseenFailures {
    pub(crate) fn note(&mut self, error: &Error) {
        self.count += 1;
        self.kept += usize::from(error.fate() == Some(Fate::Spooled));
        let text = error.to_string();
        if let Some((_, times)) = self.kinds.iter_mut().find(|(known, _)| known.to_string() == text) {
            *times += 1;
        } else if self.kinds.len() < QUOTED {
            self.kinds.push((error.clone(), 1));
        }
    }

    /// Returns the report and forgets it; `None` if everything was delivered or seen.
    pub(crate) fn report(&mut self) -> Option<Error> {
        let UnseenFailures { count, kept, kinds } = std::mem::take(self);
        let cause = kinds.first()?.0.clone();
        let quoted: Vec<String> = kinds.iter().map(|(error, times)| format!("{times} x {}", error.message())).collect();
        let rest = count - kinds.iter().map(|(_, times)| times).sum::<usize>();
        let more = if rest > 0 { format!("; and {rest} more") } else { String::new() };
        let kept = match kept {
            0 => String::new(),
            1 => ", of which 1 stays in the spool and is sent by the next run".to_string(),
            kept => format!(", of which {kept} stay in the spool and are sent by the next run"),
        };
        let were = if count == 1 { "was" } else { "were" };
        let message = format!("{} {were} not delivered{kept}: {}{more}", counted(count, "message"), quoted.join("; "));
        Some(Error::new(ErrorKind::Undelivered { count }, message).with_source(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_quotes_some_and_reports_once() {
        let mut lost = UnseenFailures::default();
        assert!(lost.report().is_none());
        for number in [0, 1, 2, 3, 4, 0, 0, 5, 6] {
            lost.note(&Error::internal(format!("message {number}")));
        }
        let report = lost.report().expect("a report");
        assert_eq!(report.kind(), ErrorKind::Undelivered { count: 9 });
        let text = report.to_string();
        assert!(
            text.contains("3 x message 0") && text.contains("1 x message 4") && text.contains("and 2 more"),
            "{text}"
        );
        assert!(lost.report().is_none());
    }
}
