//! Reports failures, progress, and the summary.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use aliyun_mqtt::{Error, Fate};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};

use super::item::{Fault, Sent, exit_of_fault};
use super::tally::Tally;
use crate::exit::{Exit, Failure, Result};
use crate::output::Out;
use crate::report as stderr;

/// The number of failures that are printed in full.
const TOLD: u64 = 10;

/// The time after which the progress bar appears.
const SOON: Duration = Duration::from_secs(1);

/// How failures name their message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// A single message needs neither a name nor a summary.
    Single,
    Message,
    Line,
}

impl Naming {
    fn word(self) -> &'static str {
        match self {
            Naming::Single | Naming::Message => "message",
            Naming::Line => "line",
        }
    }
}

/// The amount to send.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    Unknown,
    Messages(u64),
    Bytes(u64),
}

/// The scope and form of the report.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) naming: Naming,
    pub(super) length: Length,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) started: Instant,
}

/// Reports while messages are in flight.
pub(super) struct Reporter {
    report: Report,
    told: u64,
    bar: Option<ProgressBar>,
    out: Option<Out>,
}

impl Report {
    /// Returns the reporter for the settling thread, which holds standard output meanwhile.
    pub(super) fn reporter(self) -> Reporter {
        let out = self.json.then(Out::new);
        let bar = (!self.quiet && self.naming != Naming::Single && io::stderr().is_terminal()).then(|| self.bar());
        Reporter { report: self, told: 0, bar, out }
    }

    /// Returns the progress bar, hidden at first.
    fn bar(&self) -> ProgressBar {
        let (length, template) = match self.length {
            Length::Unknown => (None, "{spinner} {msg}, {elapsed}"),
            Length::Messages(count) => (Some(count), "[{bar:30}] {msg}, {percent} %, {eta} left"),
            Length::Bytes(bytes) => (Some(bytes), "[{bar:30}] {msg}, {bytes} of {total_bytes}, {eta} left"),
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
        // The templates are valid.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar
    }

    /// Prints the summary and returns how the command ends. `next` is the number of the next message.
    pub(super) fn conclude(&self, mut tally: Tally, next: u64, interrupted: bool) -> Result<Exit> {
        let exit = match (interrupted, tally.stopped_by.or(tally.first)) {
            (true, _) => Exit::Interrupted,
            (false, exit) => exit.unwrap_or(Exit::Ok),
        };
        let early = interrupted || tally.stopped_by.is_some();
        let next = early.then(|| tally.open.unwrap_or(next));
        if self.json && tally.output.is_none() {
            let summary = self.object(&tally, next, interrupted, exit);
            tally.output = Out::new().json(&summary).err().map(Failure::from);
        }
        if !self.quiet && (self.naming != Naming::Single || tally.spooled > 0) {
            self.summary(&tally, next);
        }
        if let Some(failure) = tally.failure {
            // The end of the program prints it, so it is not printed here as well.
            if exit == failure.exit {
                return Err(failure);
            }
            stderr::failure(&failure);
        }
        match tally.output {
            Some(failure) if exit == Exit::Ok => Err(failure),
            _ => Ok(exit),
        }
    }

    fn summary(&self, tally: &Tally, next: Option<u64>) {
        let Tally { acknowledged, failed, spooled, .. } = tally;
        let spooled = match spooled {
            0 => String::new(),
            count => format!(", {count} left in the spool for the next run"),
        };
        let time = self.started.elapsed().as_secs_f64();
        stderr::note(format!("{acknowledged} acknowledged, {failed} failed{spooled} in {time:.2} s"));
        if let (Some(next), Naming::Line) = (next, self.naming) {
            stderr::note(format!("stopped early: resume from line {next}"));
        }
    }

    fn object(&self, tally: &Tally, next: Option<u64>, interrupted: bool, exit: Exit) -> Value {
        json!({
            "type": "summary",
            "acknowledged": tally.acknowledged,
            "failed": tally.failed,
            "spooled": tally.spooled,
            "repeated": tally.repeated,
            "seconds": self.started.elapsed().as_secs_f64(),
            "interrupted": interrupted,
            "next": next,
            "exit_code": exit as u8,
        })
    }
}

impl Reporter {
    /// Returns the next message to settle; `None` at the end.
    pub(super) fn receive(&mut self, sent: &Receiver<Sent>, tally: &Tally) -> Option<Sent> {
        loop {
            // The bar appears and its time advances while nothing is read.
            let Some(bar) = &self.bar else { return sent.recv().ok() };
            match sent.recv_timeout(SOON) {
                Ok(sent) => return Some(sent),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    let position = bar.position();
                    self.progress(tally, position);
                }
            }
        }
    }

    pub(super) fn failure(&mut self, fault: Fault, number: u64, tally: &mut Tally) {
        let exit = exit_of_fault(&fault);
        let (fate, mut failure) = match fault {
            Fault::Line(failure) => (Some(Fate::NotSent), failure),
            Fault::Input(failure) => (None, failure),
            Fault::Library(error) => (Error::fate(&error), Failure::from(&error)),
        };
        if self.report.json {
            let object = self.object(&failure, fate, number, exit);
            if let Some(Err(error)) = self.out.as_mut().map(|out| out.json(&object)) {
                // The run continues without output: the messages matter more.
                self.out = None;
                tally.output = Some(Failure::from(error));
            }
        }
        if self.report.naming == Naming::Single {
            tally.failure = Some(failure);
            return;
        }
        self.told += 1;
        if fate.is_some() {
            failure.message = format!("{} {number}: {}", self.report.naming.word(), failure.message);
        }
        let told = self.told;
        self.aside(|| {
            if told <= TOLD {
                stderr::failure(&failure);
            } else if told == TOLD + 1 {
                stderr::note("further failures are counted but not printed");
            }
        });
    }

    pub(super) fn progress(&mut self, tally: &Tally, end: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() && self.report.started.elapsed() >= SOON {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        let Tally { acknowledged, failed, .. } = tally;
        if !bar.is_hidden() {
            bar.set_message(match failed {
                0 => format!("{acknowledged} acknowledged"),
                failed => format!("{acknowledged} acknowledged, {failed} failed"),
            });
        }
        match self.report.length {
            Length::Messages(_) => bar.set_position(acknowledged + failed),
            Length::Bytes(_) => bar.set_position(end),
            Length::Unknown => bar.tick(),
        }
    }

    /// Prints without disturbing the progress bar.
    fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn object(&self, failure: &Failure, fate: Option<Fate>, number: u64, exit: Exit) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| _ = object.insert(key.to_string(), value);
        put("type", json!("failure"));
        put(self.report.naming.word(), json!(number));
        put("error", json!(failure.message));
        if let Some(hint) = &failure.hint {
            put("hint", json!(hint.english()));
        }
        put("fate", json!(fate.map(|fate| fate.as_str().replace(' ', "_"))));
        put("exit_code", json!(exit as u8));
        Value::Object(object)
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
