//! Prints the steps, one line each, and at the end the causes with their cures; or everything as JSON.

use std::time::Duration;

use anstyle::AnsiColor;
use serde_json::{Map, Value as Json, json};

use super::cause::Cause;
use super::outcome::{Facts, Outcome, millis};
use super::step::Step;
use crate::exit::{Exit, Result};
use crate::output::Out;

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
    counts: [(&'static str, u32); 4],
    /// The causes of failures, each once, with the first step that has it.
    failures: Vec<(Step, Cause)>,
    /// The causes of warnings, likewise.
    warnings: Vec<(Step, Cause)>,
    /// The summary was printed.
    over: bool,
}

impl Show {
    pub(super) fn new(style: Style) -> Self {
        let counts = ["ok", "warning", "failed", "skipped"].map(|word| (word, 0));
        Show { style, counts, failures: Vec::new(), warnings: Vec::new(), over: false }
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
            Style::Json => step_json(step, outcome, facts, took),
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
        let count = |number: u32, word: &str| (number > 0).then(|| format!("{number} {word}"));
        let counts =
            [count(ok, "ok"), count(warnings, "with warnings"), count(failed, "failed"), count(skipped, "skipped")];
        let counts = counts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let end = match first {
            _ if interrupted => "; interrupted".to_string(),
            Some((step, cause)) => format!("; the first failure is {}: {}", step.name(), cause.id()),
            None => String::new(),
        };
        out.line("")?;
        out.line(&format!("{counts}{end}"))?;
        drop(out);
        // A warning can have the same cause as a failure.
        let others = self.warnings.iter().filter(|(_, cause)| !self.failures.iter().any(|(_, failed)| failed == cause));
        for (step, cause) in self.failures.iter().chain(others) {
            cure(*step, *cause)?;
        }
        Ok(exit)
    }
}

fn step_json(step: Step, outcome: &Outcome, facts: Facts, took: Duration) -> Result<()> {
    let mut object = json!({
        "type": "step",
        "step": step.name(),
        "result": outcome.word(),
        "duration_ms": millis(took),
        "saw": facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Map<_, _>>(),
    });
    match outcome {
        Outcome::Ok(_) => {}
        Outcome::Skipped(why) => object["reason"] = json!(why),
        Outcome::Warning(problem) | Outcome::Failed(problem) => {
            object["message"] = json!(problem.message);
            object["cause"] = json!(problem.cause.id());
            object["cause_text"] = json!(problem.cause.text());
            object["cure"] = json!(problem.cause.cure());
        }
    }
    Ok(Out::new().json(&object)?)
}

/// Prints the line of a step: its outcome, its name, and what was found.
fn step_line(step: Step, outcome: &Outcome) -> Result<()> {
    let (word, color) = match outcome {
        Outcome::Ok(_) => ("ok  ", AnsiColor::Green),
        Outcome::Warning(_) => ("warn", AnsiColor::Yellow),
        Outcome::Failed(_) => ("FAIL", AnsiColor::Red),
        Outcome::Skipped(_) => ("skip", AnsiColor::BrightBlack),
    };
    let mut out = Out::new();
    out.styled(anstyle::Style::new().fg_color(Some(color.into())).bold(), word)?;
    Ok(out.line(&format!("  {:<10} {}", step.name(), outcome.summary()))?)
}

/// Prints the facts of a step below its line.
fn details(facts: Facts, took: Duration) -> Result<()> {
    let mut out = Out::new();
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_null()) {
        out.line(&format!("      {}: {}", name.replace('_', " "), plain(&value)))?;
    }
    Ok(out.line(&format!("      duration: {:.1} ms", took.as_secs_f64() * 1000.0))?)
}

/// Prints a cause and its cure, with the step that has it.
fn cure(step: Step, cause: Cause) -> Result<()> {
    let mut out = Out::new();
    out.line("")?;
    let texts = [("step: ", step.name()), ("cause:", cause.text()), ("cure: ", cause.cure())];
    for (label, text) in texts {
        out.styled(anstyle::Style::new().bold(), label)?;
        let id = if label == "cause:" { format!(" [{}]", cause.id()) } else { String::new() };
        out.line(&format!(" {text}{id}"))?;
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
