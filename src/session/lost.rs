//! Failures nobody has seen: the messages whose `Delivery` was dropped.

use crate::error::{Error, ErrorKind};

/// How many failures are quoted in full.
const QUOTED: usize = 5;

/// Failed messages that are still to be reported, by `flush` or `disconnect`.
#[derive(Default)]
pub(crate) struct Lost {
    count: usize,
    first: Vec<Error>,
}

impl Lost {
    pub(crate) fn note(&mut self, error: &Error) {
        self.count += 1;
        if self.first.len() < QUOTED {
            self.first.push(error.clone());
        }
    }

    /// The report, once; `None` when everything was delivered or seen.
    pub(crate) fn report(&mut self) -> Option<Error> {
        let Lost { count, first } = std::mem::take(self);
        let cause = first.first()?.clone();
        let quoted: Vec<String> = first.iter().map(ToString::to_string).collect();
        let more = if count > quoted.len() { format!("; and {} more", count - quoted.len()) } else { String::new() };
        let message = format!("{count} message(s) were not delivered: {}{more}", quoted.join("; "));
        Some(Error::new(ErrorKind::Undelivered { count }, message).with_source(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_quotes_some_and_reports_once() {
        let mut lost = Lost::default();
        assert!(lost.report().is_none());
        for number in 0..7 {
            lost.note(&Error::internal(format!("message {number}")));
        }
        let report = lost.report().expect("a report");
        assert_eq!(report.kind(), ErrorKind::Undelivered { count: 7 });
        let text = report.to_string();
        assert!(text.contains("message 0") && text.contains("message 4") && text.contains("and 2 more"), "{text}");
        assert!(lost.report().is_none());
    }
}
