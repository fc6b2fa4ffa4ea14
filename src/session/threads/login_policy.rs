//! The rules for reconnecting after a connection ended or an attempt failed, and for giving up.
//!
//! Pure bookkeeping: the clock is passed in, and nothing here blocks. The rules:
//!
//! * The first connection is tried once. The one exception: a refused login is tried again at once if the credentials
//!   provider can be asked for new tokens, because those it gave may be out of date.
//! * Later, an attempt that failed is repeated after a pause that doubles each time, with full jitter. A connection
//!   that lasted, and a cause that was found and removed, reset the pause.
//! * A refused login (CONNACK 4 or 5) is repeated once at once, with new credentials from the provider, then with the
//!   longest pause, for [`refusal_patience`](crate::ConfigBuilder::refusal_patience) at most.
//! * A refusal that no later attempt can change (CONNACK 1 or 2: protocol version, client id) ends the client.
//! * New connections that the service repeatedly closes because of their token are repeated for the same time at most.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::Code;
use crate::session::wire::link::Cause;

/// The next step after a failed attempt or the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another attempt, after this pause.
    After(Duration),
    /// No further attempt.
    GiveUp,
}

/// Logins that were refused, from the first refusal to the next login that works.
#[derive(Debug, Clone, Copy)]
struct Refusals {
    since: Instant,
    /// One attempt was made at once, without a pause.
    retried_at_once: bool,
    /// The provider returned new tokens, and is not asked again.
    renewed: bool,
}

/// The state of the rules above.
pub(super) struct LoginPolicy {
    backoff: Backoff,
    patience: Duration,
    refusals: Option<Refusals>,
    /// Since when every new connection has been closed because of its token.
    ended_over_token_since: Option<Instant>,
}

impl LoginPolicy {
    pub(super) fn new(config: &Config) -> Self {
        LoginPolicy {
            backoff: Backoff::new(config.backoff_min(), config.backoff_max()),
            patience: config.refusal_patience(),
            refusals: None,
            ended_over_token_since: None,
        }
    }

    /// Notes that the login worked and the set-up is complete.
    pub(super) fn connected(&mut self) {
        self.refusals = None;
    }

    /// Notes that a connection ended after this time. `cured`: the operation that made the server close it was found
    /// and settled.
    pub(super) fn ended(&mut self, lasted: Duration, cured: bool) {
        if self.backoff.lasted(lasted) {
            self.ended_over_token_since = None;
        }
        if cured {
            self.backoff.reset();
        }
    }

    /// Notes the end of a connection or an attempt: because of its token, with the service's code, or for another
    /// reason (`None`). Returns the code if connections have been closed because of tokens for so long that another
    /// attempt is pointless.
    pub(super) fn out_of_patience_over_tokens(&mut self, code: Option<Code>, now: Instant) -> Option<Code> {
        if code.is_none() {
            self.ended_over_token_since = None;
            return None;
        }
        let Some(since) = self.ended_over_token_since else {
            // The next login has another token: it is always tried.
            self.ended_over_token_since = Some(now);
            return None;
        };
        code.filter(|_| now.saturating_duration_since(since) >= self.patience)
    }

    /// Notes that the credentials provider is asked: after a refusal, its credentials count as renewed.
    pub(super) fn asks_provider(&mut self) {
        if let Some(refusals) = &mut self.refusals {
            refusals.renewed = true;
        }
    }

    /// Returns true if the provider was asked since the first refusal.
    pub(super) fn renewed_since_refusal(&self) -> bool {
        self.refusals.is_some_and(|refusals| refusals.renewed)
    }

    /// Returns true if the first connection, whose login was refused, is to be tried once more. `renewable`: the
    /// provider can be asked for new tokens.
    pub(super) fn first_again(&mut self, cause: Cause, renewable: bool, now: Instant) -> bool {
        let again = is_refused_login(cause) && renewable && !self.renewed_since_refusal();
        if again {
            self.refused(now);
        }
        again
    }

    /// Returns the next step after a failure, once the first connection was made.
    pub(super) fn next(&mut self, cause: Cause, now: Instant) -> Next {
        if matches!(cause, Cause::Refused(1 | 2)) {
            return Next::GiveUp;
        }
        if !is_refused_login(cause) {
            self.refusals = None;
            return Next::After(self.backoff.next());
        }
        let refusals = self.refused(now);
        if !std::mem::replace(&mut refusals.retried_at_once, true) {
            return Next::After(Duration::ZERO);
        }
        if now.saturating_duration_since(refusals.since) >= self.patience {
            return Next::GiveUp;
        }
        Next::After(self.backoff.slowest().min(self.patience))
    }

    fn refused(&mut self, now: Instant) -> &mut Refusals {
        self.refusals.get_or_insert(Refusals { since: now, retried_at_once: false, renewed: false })
    }
}

/// CONNACK 4 (bad user name or password) or 5 (not authorized), which new credentials may change.
pub(super) fn is_refused_login(cause: Cause) -> bool {
    matches!(cause, Cause::Refused(4 | 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(1);
    const MAX: Duration = Duration::from_secs(120);
    const PATIENCE: Duration = Duration::from_secs(600);
    const REFUSED: Cause = Cause::Refused(5);

    fn policy() -> LoginPolicy {
        LoginPolicy {
            backoff: Backoff::new(MIN, MAX),
            patience: PATIENCE,
            refusals: None,
            ended_over_token_since: None,
        }
    }

    fn pause(next: Next) -> Duration {
        match next {
            Next::After(pause) => pause,
            Next::GiveUp => panic!("another attempt was due"),
        }
    }

    #[test]
    fn pauses_double_until_a_connection_lasts_or_its_fault_is_removed() {
        let (mut policy, now) = (policy(), Instant::now());
        let longest = |policy: &mut LoginPolicy| {
            let mut policy_pause = || pause(policy.next(Cause::Closed, now));
            (0..40).map(|_| policy_pause()).max().expect("some")
        };
        assert!(pause(policy.next(Cause::Closed, now)) <= MIN);
        let reached = longest(&mut policy);
        assert!(reached > MIN * 4 && reached <= MAX, "{reached:?}");
        policy.ended(Duration::from_secs(1), false);
        assert!(longest(&mut policy) > MIN * 4, "a short connection resets nothing");
        policy.ended(Duration::from_secs(1), true);
        assert!(pause(policy.next(Cause::Closed, now)) <= MIN, "the fault is gone");
        longest(&mut policy);
        policy.ended(Duration::from_secs(60), false);
        assert!(pause(policy.next(Cause::Closed, now)) <= MIN, "the connection lasted");
    }

    #[test]
    fn a_refused_login_is_tried_at_once_then_slowly_then_no_more() {
        let (mut policy, start) = (policy(), Instant::now());
        assert_eq!(policy.next(REFUSED, start), Next::After(Duration::ZERO));
        let slow = pause(policy.next(REFUSED, start));
        assert!(slow >= MAX / 2 && slow <= MAX, "{slow:?}");
        pause(policy.next(REFUSED, start + PATIENCE - Duration::from_millis(1)));
        assert_eq!(policy.next(REFUSED, start + PATIENCE), Next::GiveUp);
    }

    #[test]
    fn patience_begins_anew_after_a_login_that_worked_and_after_another_failure() {
        let (mut policy, start) = (policy(), Instant::now());
        let late = start + PATIENCE;
        policy.next(REFUSED, start);
        policy.connected();
        assert_eq!(policy.next(REFUSED, late), Next::After(Duration::ZERO), "this is the first refusal again");
        pause(policy.next(Cause::Other, late));
        assert_eq!(policy.next(REFUSED, late + PATIENCE), Next::After(Duration::ZERO));
        pause(policy.next(REFUSED, late + PATIENCE));
    }

    #[test]
    fn what_no_attempt_can_change_is_given_up() {
        for code in [1, 2] {
            assert_eq!(policy().next(Cause::Refused(code), Instant::now()), Next::GiveUp, "CONNACK {code}");
        }
        pause(policy().next(Cause::Refused(3), Instant::now()));
    }

    #[test]
    fn the_first_login_is_tried_again_only_with_tokens_that_can_be_renewed_and_once() {
        let (mut policy, now) = (policy(), Instant::now());
        assert!(!policy.first_again(REFUSED, false, now), "nobody can be asked");
        assert!(!policy.first_again(Cause::Closed, true, now), "not a refusal");
        assert!(policy.first_again(REFUSED, true, now));
        assert!(!policy.renewed_since_refusal());
        policy.asks_provider();
        assert!(policy.renewed_since_refusal());
        assert!(!policy.first_again(REFUSED, true, now), "the new tokens were refused, too");
        policy.connected();
        assert!(!policy.renewed_since_refusal());
        policy.asks_provider();
        assert!(!policy.renewed_since_refusal(), "no login is refused");
    }

    #[test]
    fn connections_ended_over_their_token_are_repeated_for_a_limited_time() {
        let (mut policy, start) = (policy(), Instant::now());
        let code = Some(Code::TokenInvalid(1));
        let over = |policy: &mut LoginPolicy, code, now| policy.out_of_patience_over_tokens(code, now);
        assert_eq!(over(&mut policy, code, start), None);
        assert_eq!(over(&mut policy, code, start + PATIENCE - Duration::from_millis(1)), None);
        assert_eq!(over(&mut policy, code, start + PATIENCE), code);
        assert_eq!(over(&mut policy, None, start + PATIENCE), None, "another reason");
        assert_eq!(over(&mut policy, code, start + PATIENCE), None, "counted from here");
        policy.ended(Duration::from_secs(60), false);
        assert_eq!(over(&mut policy, code, start + PATIENCE * 3), None, "a connection lasted in between");
        policy = LoginPolicy { patience: Duration::ZERO, ..policy };
        policy.ended(Duration::from_secs(60), false);
        assert_eq!(over(&mut policy, code, start), None, "another token is tried, however little patience there is");
    }
}
