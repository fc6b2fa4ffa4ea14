//! The findings of a step: its outcome, the problem if there is one, and the facts for `--verbose` and `--json`.

use std::time::{Duration, Instant};

use aliyun_mqtt::Error;
use serde_json::{Value as Json, json};

use super::cause::Cause;
use crate::exit::Failure;
use crate::lang::{self, Lang, Phrase, phrase};
use crate::settings::{Key, NoKey, Place, Settings};

/// How a step ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With what was found, in a few words.
    Ok(Phrase),
    Warning(Problem),
    Failed(Problem),
    /// Not run, with the reason.
    Skipped(Phrase),
}

/// A problem: its probable cause, and a message about what was observed.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) cause: Cause,
    pub(super) message: String,
    /// How to give a setting, if that is the problem.
    pub(super) hint: Option<Phrase>,
    /// For people, in place of message and hint: the problem in short, and its details, each on a line.
    pub(super) short: Option<(Phrase, Vec<Phrase>)>,
}

impl Problem {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Problem { cause, message: message.into(), hint: None, short: None }
    }

    /// Makes a problem of an error. The error's hint is left out, since the cause has its own cure.
    pub(super) fn of(cause: Cause, error: &Error) -> Self {
        Problem::new(cause, words(error))
    }

    /// Makes a problem of a missing or invalid setting. It keeps the hint, which says how to give the setting.
    pub(super) fn of_setting(failure: &Failure) -> Self {
        let cause = if !failure.missing.is_empty() { Cause::SettingMissing } else { Cause::SettingWrong };
        Problem { hint: failure.hint.clone(), ..Problem::new(cause, failure.message.as_str()) }
    }

    /// Makes a problem of these settings, which are missing.
    pub(super) fn of_missing(settings: &Settings, keys: &[Key]) -> Self {
        let failure = settings.missing_all(keys);
        let names = failure.missing.join(", ");
        let short = phrase!("not given: {names}", names);
        let short = failure.hint.as_ref().map_or(short.clone(), |hint| short.and(hint));
        Problem { short: Some((short, Vec::new())), ..Problem::of_setting(&failure) }
    }

    /// Makes a problem of a search for an AccessKey without success.
    pub(super) fn of_no_key(no_key: &NoKey) -> Self {
        let lines: Vec<_> = no_key.places.iter().map(Place::line).collect();
        let short = (!lines.is_empty()).then(|| {
            let short = phrase!("no AccessKey was found");
            (no_key.own_hint().map_or(short.clone(), |hint| short.and(hint)), lines)
        });
        let cause = if no_key.is_setting { Cause::SettingWrong } else { Cause::NoKeyFound };
        Problem { hint: no_key.hint().cloned(), short, ..Problem::new(cause, no_key.whole.as_str()) }
    }

    /// Returns the message with the hint.
    pub(super) fn within(&self, lang: Lang) -> String {
        match &self.hint {
            Some(hint) => Phrase::untranslated(self.message.as_str()).and(hint).within(lang).to_string(),
            None => self.message.clone(),
        }
    }
}

/// Returns the message of an error without its hint.
pub(super) fn words(error: &Error) -> String {
    Failure::from(error).message
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Outcome::Failed(problem)
    }
}

impl Outcome {
    pub(super) fn ok(fact: Phrase) -> Self {
        Outcome::Ok(fact)
    }

    pub(super) fn skipped(why: Phrase) -> Self {
        Outcome::Skipped(why)
    }

    /// Returns the word for this outcome in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Ok(_) => "ok",
            Outcome::Warning(_) => "warning",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "skipped",
        }
    }

    /// Returns the rest of the step's line: what was found, what is wrong, or why the step was skipped.
    pub(super) fn summary(&self) -> String {
        match self {
            Outcome::Ok(text) | Outcome::Skipped(text) => text.shown().to_string(),
            Outcome::Warning(problem) | Outcome::Failed(problem) => match &problem.short {
                Some((short, _)) => short.shown().to_string(),
                None => problem.within(lang::current()),
            },
        }
    }

    /// Returns the lines below that of the step.
    pub(super) fn details(&self) -> &[Phrase] {
        self.problem().and_then(|problem| problem.short.as_ref()).map_or(&[], |(_, details)| details)
    }

    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Outcome::Warning(problem) | Outcome::Failed(problem) => Some(problem),
            Outcome::Ok(_) | Outcome::Skipped(_) => None,
        }
    }
}

/// The facts that a step found, in that order.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<(&'static str, Json)>);

impl Facts {
    pub(super) fn note(&mut self, name: &'static str, value: impl Into<Json>) {
        self.0.push((name, value.into()));
    }

    /// Notes the time since `since`, in milliseconds.
    pub(super) fn time(&mut self, name: &'static str, since: Instant) {
        self.note(name, millis(since.elapsed()));
    }
}

impl IntoIterator for Facts {
    type Item = (&'static str, Json);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Milliseconds with one decimal place.
pub(super) fn millis(time: Duration) -> Json {
    json!((time.as_secs_f64() * 10_000.0).round() / 10.0)
}
