//! The display of errors, and the parts found through their sources.

use std::error::Error as _;

use super::*;

#[test]
fn stays_small() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn says_message_and_hint_and_keeps_the_cause() {
    let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    let error =
        Error::new(ErrorKind::Closed, "cannot connect to host:1883").with_hint(Hint::CheckEndpoint).with_source(io);
    assert_eq!(error.to_string(), format!("cannot connect to host:1883 (hint: {})", Hint::CheckEndpoint.text()));
    assert_eq!(error.message(), "cannot connect to host:1883");
    assert!(error.source().is_some());
    let error = Error::new(ErrorKind::Connect, "cannot connect");
    assert!(error.is_retryable() && !error.is_timeout());
    assert_eq!(error.to_string(), "cannot connect (stage: connect)");
}

#[test]
fn shows_stage_and_hint_once_however_deep_the_reason() {
    const HINT: &str = "(hint: ";
    const STAGE: &str = "(stage: ";
    let refused = || Error::new(ErrorKind::Connect, "cannot connect to host").with_hint(Hint::NothingListens);
    let acked = || Error::new(ErrorKind::Timeout(Stage::Ack), "m was not acknowledged; last failure");
    // Stage and hint of the innermost, stage of each, hint of each, and none of either.
    for (error, message, stage, hint) in [
        (
            Error::new(ErrorKind::Closed, "closed").with_reason(refused()),
            "closed: cannot connect to host",
            Some(Stage::Connect),
            Some(Hint::NothingListens),
        ),
        (
            acked().with_reason(refused()),
            "m was not acknowledged; last failure: cannot connect to host",
            Some(Stage::Ack),
            Some(Hint::NothingListens),
        ),
        (
            acked().with_reason(refused()).with_hint(Hint::PublishCut),
            "m was not acknowledged; last failure: cannot connect to host",
            Some(Stage::Ack),
            Some(Hint::PublishCut),
        ),
        (
            Error::new(ErrorKind::Undelivered { count: 1 }, "lost").with_reason(
                Error::new(ErrorKind::ConnectionLost, "given up").with_reason(refused()).with_prefix("attempt 2: "),
            ),
            "lost: attempt 2: given up: cannot connect to host",
            Some(Stage::Connect),
            Some(Hint::NothingListens),
        ),
        (Error::closed().with_source(Error::closed()), "the client was closed by this program", None, None),
    ] {
        let shown = error.to_string();
        assert_eq!(error.message(), message);
        assert_eq!((error.stage(), error.hint_key()), (stage, hint.as_ref().map(Hint::key)), "{shown}");
        assert_eq!(error.hint().map(str::to_string), hint.as_ref().map(|hint| hint.text().into_owned()), "{shown}");
        assert_eq!(shown.matches(HINT).count(), usize::from(hint.is_some()), "{shown}");
        assert_eq!(shown.matches(STAGE).count(), usize::from(stage.is_some()), "{shown}");
        assert!(stage.is_none_or(|stage| shown.contains(&format!("{message} (stage: {stage})"))), "{shown}");
    }
}

#[test]
fn is_one_line_that_commands_no_terminal_and_has_an_end() {
    let hostile = format!("a\nb\u{1b}[2J\u{202e}{}", "x".repeat(100_000));
    let hint = Hint::ApiRights { action: hostile.clone() };
    let error = Error::new(ErrorKind::Protocol, hostile.clone()).with_hint(hint).with_prefix("p\r: ");
    let shown = error.to_string();
    let escaped = r"a\nb\u{1b}[2J\u{202e}xxx";
    assert!(shown.starts_with(&format!(r"p\r: {escaped}")) && shown.ends_with("x...)"), "{shown}");
    assert_eq!(crate::printable(&shown), shown, "nothing is left to be escaped");
    assert!(error.hint().is_some_and(|hint| hint.contains(escaped)) && shown.len() < 9_000, "{}", shown.len());
    let outer = Error::new(ErrorKind::ConnectionLost, "o").with_reason(error);
    assert!(outer.to_string().starts_with(&format!(r"o: p\r: {escaped}")), "escaped once: {outer}");
    assert!(outer.to_string().len() < 9_000, "{}", outer.to_string().len());
}

#[test]
fn stages_and_fates_have_words() {
    assert_eq!(Stage::ConnAck.to_string(), "connack");
    assert_eq!((Fate::NotSent.to_string(), Fate::Unknown.to_string()), ("not sent".to_string(), "unknown".to_string()));
    assert_eq!(format!("{:>9}", Fate::Refused), "  refused");
}

#[test]
fn a_timeout_is_found_in_the_cause_too() {
    let inner = Error::new(ErrorKind::Timeout(Stage::Tls), "no TLS");
    let outer = Error::new(ErrorKind::ConnectionLost, "offline").with_source(inner);
    assert!(outer.is_timeout());
    let io = std::io::Error::from(std::io::ErrorKind::TimedOut);
    assert!(Error::new(ErrorKind::Connect, "x").with_source(io).is_timeout());
}

#[test]
fn a_proxy_that_could_not_is_worth_another_connect_one_that_would_not_is_none() {
    let refused = |status| Error::new(ErrorKind::Proxy, "no").with_code(Code::Proxy(status)).is_retryable();
    assert!([408, 429, 500, 502, 503, 504].into_iter().all(refused));
    assert!(![400, 403, 405, 407, 501, 302].into_iter().any(refused));
}

#[test]
fn only_an_unavailable_server_is_worth_another_connect() {
    for (code, retry) in [(1, false), (2, false), (3, true), (4, false), (5, false)] {
        let error = Error::new(ErrorKind::Refused, "no").with_code(Code::ConnAck(code));
        assert_eq!(error.is_retryable(), retry, "{code}");
    }
}

#[test]
fn kinds_have_names_for_programs() {
    assert_eq!(ErrorKind::Timeout(Stage::Ack).as_str(), "timeout");
    assert_eq!(ErrorKind::Undelivered { count: 2 }.as_str(), "undelivered");
    assert_eq!(ErrorKind::SuspectedRefusal.as_str(), "suspected_refusal");
}
