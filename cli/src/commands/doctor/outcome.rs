//! What a step finds: how it ended, the problem if there is one, and the facts it saw.

use std::time::{Duration, Instant};

use aliyun_mqtt::Error;
use serde_json::{Value as Json, json};

use super::cause::Cause;
use crate::exit::Failure;

/// How a step ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// With the fact that was found, in words.
    Ok(String),
    Warning(Problem),
    Failed(Problem),
    /// Not tried, and why.
    Skipped(String),
}

/// What is wrong: the likely cause, and what was seen, in words.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) cause: Cause,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Problem { cause, message: message.into() }
    }

    /// An error without its hint: the cure is the doctor's.
    pub(super) fn of(cause: Cause, error: &Error) -> Self {
        Problem::new(cause, words(error))
    }

    /// The problem of a setting, with how to give it.
    pub(super) fn of_setting(failure: &Failure) -> Self {
        let cause = if failure.missing.is_some() { Cause::SettingMissing } else { Cause::SettingWrong };
        let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        Problem::new(cause, format!("{}{hint}", failure.message))
    }
}

/// What an error says, without its hint.
pub(super) fn words(error: &Error) -> String {
    Failure::from(error).message
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Outcome::Failed(problem)
    }
}

impl Outcome {
    pub(super) fn ok(fact: impl Into<String>) -> Self {
        Outcome::Ok(fact.into())
    }

    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Outcome::Skipped(why.into())
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::Ok(_) => "ok",
            Outcome::Warning(_) => "warning",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "skipped",
        }
    }

    /// The fact, the failure or the reason: the rest of the step's line.
    pub(super) fn told(&self) -> &str {
        match self {
            Outcome::Ok(text) | Outcome::Skipped(text) => text,
            Outcome::Warning(problem) | Outcome::Failed(problem) => &problem.message,
        }
    }

    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Outcome::Warning(problem) | Outcome::Failed(problem) => Some(problem),
            Outcome::Ok(_) | Outcome::Skipped(_) => None,
        }
    }
}

/// What a step saw, in the order it saw it.
#[derive(Debug, Default)]
pub(super) struct Facts(Vec<(&'static str, Json)>);

impl Facts {
    pub(super) fn note(&mut self, name: &'static str, value: impl Into<Json>) {
        self.0.push((name, value.into()));
    }

    /// The time since then in milliseconds, to a tenth.
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

pub(super) fn millis(time: Duration) -> Json {
    json!((time.as_secs_f64() * 10_000.0).round() / 10.0)
}
