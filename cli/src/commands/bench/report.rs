//! The results: counts, rate, percentiles.

use std::time::Duration;

use aliyun_mqtt::Error;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure, Result, exit_of};
use crate::output::Out;
use crate::report;

/// The longest time that is distinguished: one hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// The times of a measurement, from one or several threads.
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self> {
        let bounds = Histogram::new_with_bounds(1, LONGEST, 3);
        bounds.map(Times).map_err(|error| Failure::new(Exit::Failure, format!("cannot measure: {error}")))
    }

    fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.clamp(1, LONGEST));
    }

    fn add(&mut self, other: &Times) {
        // Cannot fail: both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    fn millis(&self, percentile: f64) -> f64 {
        micros(self.0.value_at_percentile(percentile))
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most an hour of microseconds")]
fn micros(value: u64) -> f64 {
    value as f64 / 1000.0
}

/// The results of one thread.
pub(super) struct Part {
    times: Times,
    /// How many were done, whether their times are known or not.
    done: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<Error>,
}

impl Part {
    pub(super) fn new() -> Result<Self> {
        Ok(Part { times: Times::new()?, done: 0, failed: 0, first_failure: None })
    }

    /// Counts one, and records its time.
    pub(super) fn record(&mut self, time: Duration) {
        self.done += 1;
        self.times.record(time);
    }

    /// Counts one whose time is not known.
    pub(super) fn count(&mut self) {
        self.done += 1;
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.failed += 1;
        self.first_failure.get_or_insert(error);
    }
}

/// The complete results.
pub(super) struct Report {
    /// The name of the measurement in the JSON.
    pub(super) bench: &'static str,
    /// The unit: messages or connects.
    pub(super) what: &'static str,
    pub(super) elapsed: Duration,
    pub(super) clients: u16,
    pub(super) interrupted: bool,
    whole: Part,
}

impl Report {
    pub(super) fn new(
        (bench, what): (&'static str, &'static str),
        elapsed: Duration,
        interrupted: bool,
        parts: Vec<Part>,
    ) -> Result<Self> {
        let clients = u16::try_from(parts.len()).unwrap_or(u16::MAX);
        let mut whole = Part::new()?;
        for part in parts {
            whole.times.add(&part.times);
            whole.done += part.done;
            whole.failed += part.failed;
            whole.first_failure = whole.first_failure.or(part.first_failure);
        }
        Ok(Report { bench, what, elapsed, clients, interrupted, whole })
    }

    pub(super) fn exit(&self) -> Exit {
        match &self.whole.first_failure {
            _ if self.interrupted => Exit::Interrupted,
            Some(error) => exit_of(error),
            None if self.whole.failed > 0 => Exit::Timeout,
            None => Exit::Ok,
        }
    }

    pub(super) fn print(&self, as_json: bool) -> Result<()> {
        let mut out = Out::new();
        if as_json {
            out.json(&self.json())?;
        } else {
            self.print_text(&mut out)?;
        }
        if let Some(error) = &self.whole.first_failure {
            report::warning(format!("the first of {} failures: {error}", self.whole.failed));
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a float has")]
    fn rate(&self) -> f64 {
        self.whole.done as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn print_text(&self, out: &mut Out) -> Result<()> {
        let times = &self.whole.times;
        let (done, failed, what) = (self.whole.done, self.whole.failed, self.what);
        let seconds = self.elapsed.as_secs_f64();
        out.line(&format!("{done} {what}, {failed} failed, {} clients, {seconds:.2} s", self.clients))?;
        out.line(&format!("rate  {:.1} per second", self.rate()))?;
        if done > 0 {
            out.line(&format!(
                "time  min {:.3} ms, median {:.3}, p90 {:.3}, p99 {:.3}, p99.9 {:.3}, max {:.3}",
                micros(times.0.min()),
                times.millis(50.0),
                times.millis(90.0),
                times.millis(99.0),
                times.millis(99.9),
                micros(times.0.max()),
            ))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let times = &self.whole.times;
        json!({
            "bench": self.bench,
            "count": self.whole.done,
            "timed": times.0.len(),
            "failed": self.whole.failed,
            "clients": self.clients,
            "interrupted": self.interrupted,
            "seconds": self.elapsed.as_secs_f64(),
            "per_second": self.rate(),
            "min_ms": micros(times.0.min()),
            "mean_ms": times.0.mean() / 1000.0,
            "p50_ms": times.millis(50.0),
            "p90_ms": times.millis(90.0),
            "p99_ms": times.millis(99.0),
            "p999_ms": times.millis(99.9),
            "max_ms": micros(times.0.max()),
        })
    }
}
