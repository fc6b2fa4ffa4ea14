//! What the doctor found, for people and for programs.

use std::time::{Duration, Instant};

use aliyun_mqtt::Error;
use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value as Json, json};

use super::Step;
use super::cause::Cause;
use crate::exit::{Exit, Failure, Result};
use crate::output::Out;

/// How a step ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Ok,
    Warning(Trouble),
    Failed(Trouble),
    /// Not tried, and why.
    Skipped(String),
}

/// What is wrong: the likely cause, and what was seen, in words.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) cause: Cause,
    pub(super) message: String,
}

impl Trouble {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Trouble { cause, message: message.into() }
    }

    /// An error without its hint: the cure is the doctor's.
    pub(super) fn of(cause: Cause, error: &Error) -> Self {
        Trouble::new(cause, words(error))
    }
}

/// What an error says, without its hint.
pub(super) fn words(error: &Error) -> String {
    Failure::from(error).message
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        Outcome::Failed(trouble)
    }
}

impl Outcome {
    pub(super) fn skipped(why: impl Into<String>) -> Self {
        Outcome::Skipped(why.into())
    }

    fn word(&self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warning(_) => "warning",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "skipped",
        }
    }
}

/// What a step saw, in the order it saw it.
#[derive(Debug, Default)]
pub(super) struct Saw(Vec<(&'static str, Json)>);

impl Saw {
    pub(super) fn note(&mut self, name: &'static str, value: impl Into<Json>) {
        self.0.push((name, value.into()));
    }

    /// The time since then in milliseconds, to a tenth.
    pub(super) fn time(&mut self, name: &'static str, since: Instant) {
        self.note(name, millis(since.elapsed()));
    }
}

pub(super) fn millis(time: Duration) -> Json {
    json!((time.as_secs_f64() * 10_000.0).round() / 10.0)
}

/// Writes the steps as they end, and the sum of them. It holds no output in between: the sum may have to be told while a
/// step goes on.
pub(super) struct Show {
    json: bool,
    counts: [(&'static str, u32); 4],
    first: Option<(Step, Cause)>,
    /// The sum is told, which happens but once.
    over: bool,
}

impl Show {
    pub(super) fn new(json: bool) -> Self {
        let counts = ["ok", "warning", "failed", "skipped"].map(|word| (word, 0));
        Show { json, counts, first: None, over: false }
    }

    pub(super) fn step(&mut self, step: Step, outcome: &Outcome, saw: Saw, took: Duration) -> Result<()> {
        if let Some(count) = self.counts.iter_mut().find(|(word, _)| *word == outcome.word()) {
            count.1 += 1;
        }
        if let Outcome::Failed(trouble) = outcome {
            self.first.get_or_insert((step, trouble.cause));
        }
        if self.json { self.step_json(step, outcome, saw, took) } else { self.step_text(step, outcome, saw, took) }
    }

    fn step_json(&self, step: Step, outcome: &Outcome, saw: Saw, took: Duration) -> Result<()> {
        let mut object = json!({
            "type": "step",
            "step": step.name(),
            "result": outcome.word(),
            "duration_ms": millis(took),
            "saw": saw.0.into_iter().map(|(name, value)| (name.to_string(), value)).collect::<Map<_, _>>(),
        });
        match outcome {
            Outcome::Ok => {}
            Outcome::Skipped(why) => object["reason"] = json!(why),
            Outcome::Warning(trouble) | Outcome::Failed(trouble) => {
                object["message"] = json!(trouble.message);
                object["cause"] = json!(trouble.cause.id());
                object["cause_text"] = json!(trouble.cause.text());
                object["cure"] = json!(trouble.cause.cure());
            }
        }
        Ok(Out::new().json(&object)?)
    }

    fn step_text(&self, step: Step, outcome: &Outcome, saw: Saw, took: Duration) -> Result<()> {
        let (word, color) = match outcome {
            Outcome::Ok => ("ok  ", AnsiColor::Green),
            Outcome::Warning(_) => ("warn", AnsiColor::Yellow),
            Outcome::Failed(_) => ("FAIL", AnsiColor::Red),
            Outcome::Skipped(_) => ("skip", AnsiColor::BrightBlack),
        };
        let mut out = Out::new();
        out.styled(Style::new().fg_color(Some(color.into())).bold(), word)?;
        let time = format!("{:.1} ms", took.as_secs_f64() * 1000.0);
        match outcome {
            Outcome::Skipped(why) => out.line(&format!("  {:<10} {why}", step.name()))?,
            _ => out.line(&format!("  {:<10} {time}", step.name()))?,
        }
        for (name, value) in saw.0.into_iter().filter(|(_, value)| !value.is_null()) {
            out.line(&format!("      {}: {}", name.replace('_', " "), plain(&value)))?;
        }
        if let Outcome::Warning(trouble) | Outcome::Failed(trouble) = outcome {
            let bold = Style::new().bold();
            for (label, text) in [
                ("saw:  ", trouble.message.as_str()),
                ("cause:", trouble.cause.text()),
                ("cure: ", trouble.cause.cure()),
            ] {
                out.text("      ")?;
                out.styled(bold, label)?;
                let id = if label == "cause:" { format!(" [{}]", trouble.cause.id()) } else { String::new() };
                out.line(&format!(" {text}{id}"))?;
            }
        }
        Ok(())
    }

    /// The sum; gives how the program ends.
    pub(super) fn summary(&mut self, interrupted: bool) -> Result<Exit> {
        let exit = match self.first {
            _ if interrupted => Exit::Interrupted,
            None => Exit::Ok,
            Some((_, cause)) => cause.exit(),
        };
        if std::mem::replace(&mut self.over, true) {
            return Ok(exit);
        }
        let [(_, ok), (_, warnings), (_, failed), (_, skipped)] = self.counts;
        let mut out = Out::new();
        if self.json {
            let mut object = json!({
                "type": "summary",
                "result": if interrupted { "interrupted" } else if failed > 0 { "failed" } else { "ok" },
                "ok": ok, "warnings": warnings, "failed": failed, "skipped": skipped,
                "exit_code": exit as u8,
            });
            if let Some((step, cause)) = self.first {
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
        let end = match self.first {
            _ if interrupted => "; interrupted".to_string(),
            Some((step, cause)) => format!("; the first failure is {}: {}", step.name(), cause.id()),
            None => String::new(),
        };
        out.line("")?;
        out.line(&format!("{counts}{end}"))?;
        Ok(exit)
    }
}

/// A value in a line: without quotes, and lists by commas.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Json::Object(fields) => {
            // The first says what it is about.
            let mut fields = fields.iter();
            let first = fields.next().map_or(String::new(), |(_, value)| plain(value));
            let rest = fields.map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ");
            format!("{first} ({rest})")
        }
        other => other.to_string(),
    }
}
