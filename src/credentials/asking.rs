//! Calls the program's credentials provider on a separate thread, one call at a time.
//!
//! A provider that hangs blocks only one thread: later callers wait for the result of the same call, so that no threads
//! pile up. A result that arrives too late for its caller serves the next.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Credentials, Provider, ask};
use crate::detached::{self, NoAnswer};
use crate::error::Result;
use crate::sync::lock;

/// How often a waiting caller checks if it should leave.
const TICK: Duration = Duration::from_millis(50);

/// The call in progress, if there is one.
#[derive(Default)]
pub(crate) struct Asking {
    question: Mutex<Option<Arc<Question>>>,
}

#[derive(Default)]
struct Question {
    state: Mutex<ProviderAnswer>,
    answered: Condvar,
}

#[derive(Default, Clone)]
enum ProviderAnswer {
    #[default]
    Pending,
    Given(Result<Credentials>),
    Panicked,
}

/// Reports a panic of the provider when dropped, unless there is a result.
struct Answering(Arc<Question>);

impl Answering {
    fn give(&self, answer: ProviderAnswer) {
        let mut state = lock(&self.0.state);
        if matches!(*state, ProviderAnswer::Pending) {
            *state = answer;
        }
        self.0.answered.notify_all();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.give(ProviderAnswer::Panicked);
    }
}

impl Asking {
    /// Calls the provider, or joins the call in progress; waits at most until the deadline or until `leaving` returns
    /// true.
    pub(crate) fn ask(
        &self,
        provider: Arc<Provider>,
        deadline: Instant,
        leaving: impl Fn() -> bool,
    ) -> Result<Result<Credentials>, NoAnswer> {
        let question = self.question(provider)?;
        let answer = question.wait(deadline, leaving)?;
        let mut current = lock(&self.question);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &question)) {
            *current = None;
        }
        match answer {
            ProviderAnswer::Given(answer) => Ok(answer),
            _ => Err(NoAnswer::Panicked),
        }
    }

    fn question(&self, provider: Arc<Provider>) -> Result<Arc<Question>, NoAnswer> {
        let mut current = lock(&self.question);
        if let Some(question) = &*current {
            // An old failure that nobody waited for is no longer relevant.
            if matches!(*lock(&question.state), ProviderAnswer::Pending | ProviderAnswer::Given(Ok(_))) {
                return Ok(Arc::clone(question));
            }
        }
        let question = Arc::new(Question::default());
        let answering = Answering(Arc::clone(&question));
        detached::spawn(move || answering.give(ProviderAnswer::Given(ask(&*provider)))).ok_or(NoAnswer::NoThread)?;
        *current = Some(Arc::clone(&question));
        Ok(question)
    }
}

impl Question {
    fn wait(&self, deadline: Instant, leaving: impl Fn() -> bool) -> Result<ProviderAnswer, NoAnswer> {
        let mut state = lock(&self.state);
        while matches!(*state, ProviderAnswer::Pending) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(NoAnswer::TimedOut);
            }
            state = self.answered.wait_timeout(state, left.min(TICK)).unwrap_or_else(PoisonError::into_inner).0;
            if matches!(*state, ProviderAnswer::Pending) {
                drop(state);
                if leaving() {
                    return Err(NoAnswer::Leaving);
                }
                state = lock(&self.state);
            }
        }
        Ok(state.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn token() -> Result<Credentials, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Credentials::token("a", "R|b"))
    }

    #[test]
    fn one_that_hangs_is_asked_once_and_its_late_answer_serves_the_next() {
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let provider: Arc<Provider> = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = lock(&held).recv();
            token()
        });
        let asking = Asking::default();
        for _ in 0..3 {
            let answer = asking.ask(Arc::clone(&provider), Instant::now(), || false);
            assert_eq!(answer.map(drop), Err(NoAnswer::TimedOut));
        }
        assert_eq!(asking.ask(Arc::clone(&provider), soon(), || true).map(drop), Err(NoAnswer::Leaving));
        release.send(()).expect("it waits");
        assert!(asking.ask(Arc::clone(&provider), soon(), || false).expect("an answer").is_ok());
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        release.send(()).expect("the provider lives");
        assert!(asking.ask(provider, soon(), || false).expect("an answer").is_ok());
        assert_eq!(calls.load(Ordering::SeqCst), 2, "an answer serves one who asks, not the next");
    }

    #[test]
    fn a_panic_is_told_and_forgotten() {
        let asking = Asking::default();
        let panics: Arc<Provider> = Arc::new(|| std::panic::resume_unwind(Box::new("a bug")));
        assert_eq!(asking.ask(panics, soon(), || false).map(drop), Err(NoAnswer::Panicked));
        assert!(asking.ask(Arc::new(token), soon(), || false).expect("an answer").is_ok());
    }

    #[test]
    fn an_old_failure_is_not_given_to_a_later_question() {
        let asking = Asking::default();
        let fails: Arc<Provider> = Arc::new(|| Err("sealed".into()));
        assert!(matches!(asking.ask(fails, Instant::now(), || false), Err(NoAnswer::TimedOut) | Ok(Err(_))));
        let asked = lock(&asking.question).clone();
        if let Some(question) = asked {
            question.wait(soon(), || false).expect("an answer");
        }
        assert!(asking.ask(Arc::new(token), soon(), || false).expect("an answer").is_ok());
    }
}
