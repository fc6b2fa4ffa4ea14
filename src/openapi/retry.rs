//! A call with its attempts, the pauses between them, and their common deadline.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};

use super::access_key::AccessKey;
use super::response::{self, CallContext};
use super::signature::{self, Unsigned};
use super::stamp::{iso_8601, nonce};
use super::{Api, Call};
use crate::backoff::Backoff;
use crate::error::{ApiFault, Error, ErrorKind, Fate, Hint, Result, Stage};
use crate::printable::excerpt;

/// The maximum number of attempts.
const ATTEMPTS: u32 = 4;

/// An attempt that failed.
struct Failed {
    error: Error,
    /// The pause that the service asks for.
    retry_after: Option<Duration>,
}

impl Api {
    /// Makes a call; `make` is called for each attempt, with the time of that attempt.
    pub(super) fn run(&self, make: impl Fn(SystemTime) -> Call) -> Result<Map<String, Value>> {
        self.same_process()?;
        let deadline = Instant::now() + self.timeout;
        let mut backoff = Backoff::new(self.inner.backoff.0, self.inner.backoff.1);
        let mut attempt = 1;
        // An earlier attempt may have been executed.
        let mut unknown = false;
        // A chain of keys has another once the service refuses the one it gave.
        let mut refused = false;
        loop {
            let call = make(SystemTime::now());
            call.check()?;
            let key =
                self.inner.key.key(deadline).map_err(|error| error.with_prefix(&format!("{}: ", call.action())))?;
            let Failed { error, retry_after } = match self.attempt(&call, &key, attempt, deadline) {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !refused && self.inner.key.refused(&key, &error) {
                refused = true;
                log::debug!("{}: the service refused the AccessKey, another is looked for", call.action());
                continue;
            }
            let throttled = error.api().is_some_and(ApiFault::is_throttled);
            let untouched = throttled || error.fate() == Some(Fate::NotSent);
            unknown |= error.fate() == Some(Fate::Unknown);
            let again = error.is_retryable() && (untouched || call.is_repeatable()) && attempt < ATTEMPTS;
            let pause = backoff.next().max(retry_after.unwrap_or_default());
            let left = deadline.saturating_duration_since(Instant::now());
            if !again || pause >= left {
                let error = if attempt > 1 { error.with_prefix(&format!("attempt {attempt}: ")) } else { error };
                let error = match retry_after.filter(|_| error.is_retryable()) {
                    Some(pause) => asked_to_wait(error, pause),
                    None => error,
                };
                return Err(if unknown { error.with_fate(Fate::Unknown) } else { error });
            }
            log::debug!("{}: attempt {attempt} failed, the next follows in {pause:?}", call.action());
            std::thread::sleep(pause);
            attempt += 1;
        }
    }

    /// Checks that no fork has happened: connections belong to the process that made them. Every call begins with this
    /// check.
    pub(super) fn same_process(&self) -> Result<()> {
        if self.inner.process == std::process::id() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forked, "this Api was made in another process, before a fork")
            .with_hint(Hint::CreateInChild)
            .with_fate(Fate::NotSent))
    }

    fn attempt(
        &self,
        call: &Call,
        key: &AccessKey,
        attempt: u32,
        deadline: Instant,
    ) -> Result<Map<String, Value>, Failed> {
        let inner = &*self.inner;
        let action = call.action();
        let start = Instant::now();
        let left = deadline.saturating_duration_since(start);
        if left.is_zero() {
            let message = format!("{action}: no time was left for an attempt");
            return Err(Error::new(ErrorKind::Timeout(Stage::Api), message).with_fate(Fate::NotSent).into());
        }
        let now = SystemTime::now();
        let (nonce, time) = (nonce(), iso_8601(now)?);
        let host = inner.http.address().authority();
        let unsigned = Unsigned {
            method: call.method(),
            host: &host,
            action,
            query: &call.query(),
            form: &call.form_fields(),
            nonce: &nonce,
            time: &time,
        };
        let mut signed = signature::sign(inner.signing, &unsigned, key)?;
        let string_to_sign = std::mem::take(&mut signed.string_to_sign);
        let response = inner.http.exchange(call.method(), signed, left).map_err(|error| {
            log::debug!("{action}: attempt {attempt} got no answer after {:?}", start.elapsed());
            error.with_prefix(&format!("{action}: "))
        })?;
        let mut secrets: Vec<&str> = call.secrets().collect();
        secrets.push(&key.secret);
        secrets.extend(key.security_token.as_deref().map(String::as_str));
        let context = CallContext { action, secrets, string_to_sign: &string_to_sign, now };
        let result = response::read(&response, &context);
        let request_id = match &result {
            Ok(answer) => answer.get("RequestId").and_then(Value::as_str),
            Err(error) => error.api().and_then(|fault| fault.request_id()),
        };
        log::debug!(
            "{action}: attempt {attempt}, HTTP {}, request id {}, {:?}",
            response.status,
            request_id.map_or_else(|| "-".to_string(), excerpt),
            start.elapsed()
        );
        result.map_err(|error| Failed { error, retry_after: response.retry_after })
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed { error, retry_after: None }
    }
}

/// Adds the pause that the service asks for.
fn asked_to_wait(error: Error, pause: Duration) -> Error {
    error.with_suffix(&format!("; the service asks to wait {} s before another call", pause.as_secs()))
}
