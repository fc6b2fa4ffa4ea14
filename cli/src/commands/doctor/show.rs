//! Prints the steps, one line each, and at the end the causes with their cures; or everything as JSON.

use std::time::Duration;

use anstyle::AnsiColor;
use serde_json::{Map, Value as Json, json};
use unicode_width::UnicodeWidthStr as _;

use super::cause::{Cause, Here};
use super::outcome::{Facts, Outcome, millis};
use super::step::Step;
use crate::exit::{Exit, Result};
use crate::lang::{Lang, Text};
use crate::output::Out;

// The words for the outcome of a step, as wide as each other.
const STEP_OK: Text = Text::of("ok  ");
const STEP_WARNING: Text = Text::of("warn");
const STEP_FAILED: Text = Text::of("FAIL");
const STEP_SKIPPED: Text = Text::of("skip");

// The summary: behind their numbers, and between them.
const OK: Text = Text::of("ok");
const WARNINGS: Text = Text::of("with warnings");
const FAILED: Text = Text::of("failed");
const SKIPPED: Text = Text::of("skipped");
const COMMA: Text = Text::of(", ");
const INTERRUPTED: Text = Text::of("; interrupted");
const FIRST: Text = Text::of("; the first failure is ");

// The labels of lines.
const DURATION: Text = Text::of("duration: ");
const STEP: Text = Text::of("step:  ");
const CAUSE: Text = Text::of("cause: ");
const CURE: Text = Text::of("cure:  ");

/// How the steps are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Lines,
    /// Lines, each followed by the facts of its step.
    Details,
    Json,
}

/// Prints each step when it ends, and the summary. Does not keep the output locked, since after Ctrl-C the summary is
/// printed while a step is still running.
pub(super) struct Show {
    style: Style,
    here: Here,
    counts: [(&'static str, u32); 4],
    /// The causes of failures, each once, with the first step that has it.
    failures: Vec<(Step, Cause)>,
    /// The causes of warnings, likewise.
    warnings: Vec<(Step, Cause)>,
    /// The summary was printed.
    over: bool,
}

impl Show {
    pub(super) fn new(style: Style, here: Here) -> Self {
        let counts = ["ok", "warning", "failed", "skipped"].map(|word| (word, 0));
        Show { style, here, counts, failures: Vec::new(), warnings: Vec::new(), over: false }
    }

    pub(super) fn step(&mut self, step: Step, outcome: &Outcome, facts: Facts, took: Duration) -> Result<()> {
        if let Some(count) = self.counts.iter_mut().find(|(word, _)| *word == outcome.word()) {
            count.1 += 1;
        }
        let found = match outcome {
            Outcome::Failed(_) => Some(&mut self.failures),
            Outcome::Warning(_) => Some(&mut self.warnings),
            Outcome::Ok(_) | Outcome::Skipped(_) => None,
        };
        if let (Some(found), Some(problem)) = (found, outcome.problem())
            && !found.iter().any(|(_, cause)| *cause == problem.cause)
        {
            found.push((step, problem.cause));
        }
        match self.style {
            Style::Json => step_json(step, outcome, facts, took, self.here),
            Style::Lines => step_line(step, outcome),
            Style::Details => {
                step_line(step, outcome)?;
                details(facts, took)
            }
        }
    }

    /// Prints the summary, followed by the causes with their cures, and returns the exit code.
    pub(super) fn summary(&mut self, interrupted: bool) -> Result<Exit> {
        let first = self.failures.first();
        let exit = match first {
            _ if interrupted => Exit::Interrupted,
            None => Exit::Ok,
            Some((_, cause)) => cause.exit(),
        };
        if std::mem::replace(&mut self.over, true) {
            return Ok(exit);
        }
        let [(_, ok), (_, warnings), (_, failed), (_, skipped)] = self.counts;
        let mut out = Out::new();
        if self.style == Style::Json {
            let mut object = json!({
                "type": "summary",
                "result": if interrupted { "interrupted" } else if failed > 0 { "failed" } else { "ok" },
                "ok": ok, "warnings": warnings, "failed": failed, "skipped": skipped,
                "exit_code": exit as u8,
            });
            if let Some((step, cause)) = first {
                object["step"] = json!(step.name());
                object["cause"] = json!(cause.id());
            }
            out.json(&object)?;
            return Ok(exit);
        }
        let count = |number: u32, word: Text| (number > 0).then(|| format!("{number} {}", word.shown()));
        let counts = [count(ok, OK), count(warnings, WARNINGS), count(failed, FAILED), count(skipped, SKIPPED)];
        let counts = counts.into_iter().flatten().collect::<Vec<_>>().join(COMMA.shown());
        let end = match first {
            _ if interrupted => INTERRUPTED.shown().to_string(),
            Some((step, cause)) => format!("{}{}: {}", FIRST.shown(), step.name(), cause.id()),
            None => String::new(),
        };
        out.line("")?;
        out.line(&format!("{counts}{end}"))?;
        drop(out);
        // A warning can have the same cause as a failure.
        let others = self.warnings.iter().filter(|(_, cause)| !self.failures.iter().any(|(_, failed)| failed == cause));
        for (step, cause) in self.failures.iter().chain(others) {
            cure(*step, *cause, self.here)?;
        }
        Ok(exit)
    }
}

fn step_json(step: Step, outcome: &Outcome, facts: Facts, took: Duration, here: Here) -> Result<()> {
    let mut object = json!({
        "type": "step",
        "step": step.name(),
        "result": outcome.word(),
        "duration_ms": millis(took),
        "saw": facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Map<_, _>>(),
    });
    match outcome {
        Outcome::Ok(_) => {}
        Outcome::Skipped(why) => object["reason"] = json!(why.english()),
        Outcome::Warning(problem) | Outcome::Failed(problem) => {
            object["message"] = json!(problem.within(Lang::En));
            object["cause"] = json!(problem.cause.id());
            object["cause_text"] = json!(problem.cause.text().english());
            object["cure"] = json!(problem.cause.cure(here).english());
        }
    }
    Ok(Out::new().json(&object)?)
}

/// Prints the line of a step: its outcome, its name, and what was found; and the details of a problem below it.
fn step_line(step: Step, outcome: &Outcome) -> Result<()> {
    let (word, color) = match outcome {
        Outcome::Ok(_) => (STEP_OK, AnsiColor::Green),
        Outcome::Warning(_) => (STEP_WARNING, AnsiColor::Yellow),
        Outcome::Failed(_) => (STEP_FAILED, AnsiColor::Red),
        Outcome::Skipped(_) => (STEP_SKIPPED, AnsiColor::BrightBlack),
    };
    let mut out = Out::new();
    out.styled(anstyle::Style::new().fg_color(Some(color.into())).bold(), word.shown())?;
    let title = step.title().shown();
    let space = " ".repeat(10_usize.saturating_sub(title.width()));
    out.line(&format!("  {title}{space} {}", outcome.summary()))?;
    Ok(outcome.details().iter().try_for_each(|line| out.line(&format!("      {}", line.shown())))?)
}

/// Prints the facts of a step below its line.
fn details(facts: Facts, took: Duration) -> Result<()> {
    let mut out = Out::new();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_null()) {
        out.line(&format!("      {}: {}", name.replace('_', " "), plain(&value)))?;
    }
    Ok(out.line(&format!("      {}{:.1} ms", DURATION.shown(), took.as_secs_f64() * 1000.0))?)
}

/// Prints a cause and its cure, with the step that has it.
fn cure(step: Step, cause: Cause, here: Here) -> Result<()> {
    let mut out = Out::new();
    out.line("")?;
    let cause_text = format!("{} [{}]", cause.text().shown(), cause.id());
    let title = match step.title().shown() {
        title if title == step.name() => title.to_string(),
        title => format!("{title} [{}]", step.name()),
    };
    let texts = [(STEP, title.as_str()), (CAUSE, &cause_text), (CURE, cause.cure(here).shown())];
    for (label, text) in texts {
        let label = label.shown();
        let name = label.trim_end();
        out.styled(anstyle::Style::new().bold(), name)?;
        out.line(&format!("{}{text}", &label[name.len()..]))?;
    }
    Ok(())
}

/// Formats a value for a line: without quotation marks, and lists with commas.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => {
            // The first field names the thing, the others describe it.
            let mut fields = fields.iter();
            let first = fields.next().map_or(String::new(), |(_, value)| plain(value));
            let rest = fields.map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ");
            format!("{first} ({rest})")
        }
        other => other.to_string(),
    }
}
