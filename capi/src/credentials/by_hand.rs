//! Tokens that the program hands in, by plain calls, when the client wants new ones.
//!
//! For the library this is a provider of tokens: a function that it calls on a helper thread. The function returns the
//! tokens at hand while the client connects for the first time. Later it waits until the program hands some in, a
//! little less than the library waits for it.

use std::error::Error as StdError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aliyun_mqtt::{Client, Config, Credentials, Error, ErrorKind, Token, TokenKind};

use crate::input::Failure;

/// How often a program that waits looks if the client has ended.
const TICK: Duration = Duration::from_millis(50);

/// How many earlier sets of tokens are remembered.
const SEEN: usize = 16;

/// The tokens with which a client begins.
#[derive(Clone)]
pub(crate) struct First {
    pub(crate) access_key_id: String,
    pub(crate) tokens: Vec<Token>,
}

/// The tokens of one client.
pub(crate) struct ByHand {
    access_key_id: String,
    /// How long one call of the library waits for the program.
    patience: Duration,
    /// The part of its life after which a token is renewed at the earliest.
    part: f64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    held: Vec<Held>,
    /// The tokens of the configuration: what it brings again is not handed in again.
    first: Vec<Token>,
    /// The latest sets of tokens, for the same reason.
    seen: Vec<Vec<Token>>,
    /// The client was connected once: from now on, the library asks only for new tokens.
    connected: bool,
    /// The library has asked, and nothing was handed in since.
    wanted: bool,
    /// Counts what was handed in and refused.
    round: u64,
    /// The program cannot hand in tokens, for this reason.
    refusal: Option<String>,
    ended: bool,
}

struct Held {
    token: Token,
    since: SystemTime,
}

/// The tokens that the client wants.
pub(crate) struct Wanted {
    /// The kinds of the tokens that should be handed in.
    pub(crate) kinds: Vec<TokenKind>,
    /// When the first of them expires, as far as is known.
    pub(crate) expires: Option<SystemTime>,
}

impl ByHand {
    pub(crate) fn new(first: &First, config: &Config) -> Arc<Self> {
        let timeout = config.timeout();
        let now = SystemTime::now();
        Arc::new(ByHand {
            access_key_id: first.access_key_id.clone(),
            patience: timeout - (timeout / 10).min(Duration::from_secs(1)),
            part: config.token_renewal() * 0.875,
            state: Mutex::new(State {
                held: first.tokens.iter().map(|token| Held { token: token.clone(), since: now }).collect(),
                first: first.tokens.clone(),
                seen: Vec::new(),
                connected: false,
                wanted: false,
                round: 0,
                refusal: None,
                ended: false,
            }),
            changed: Condvar::new(),
        })
    }

    /// Returns the credentials of the client.
    pub(crate) fn credentials(self: &Arc<Self>) -> Credentials {
        let by_hand = Arc::clone(self);
        Credentials::token_provider(self.access_key_id.as_str(), move || by_hand.ask())
    }

    /// Notes that the client is connected: new tokens can be handed in from now on.
    pub(crate) fn connected(&self) {
        self.lock().connected = true;
    }

    /// Notes that the client has ended: nothing is wanted any more.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// The library's question, on a helper thread.
    fn ask(&self) -> Result<Vec<Token>, Box<dyn StdError + Send + Sync>> {
        let until = Instant::now() + self.patience;
        let mut state = self.lock();
        if !state.connected {
            return Ok(state.tokens());
        }
        state.wanted = true;
        self.changed.notify_all();
        let round = state.round;
        loop {
            if state.ended {
                return Err("the client has ended".into());
            }
            if state.round != round {
                return state.refusal.clone().map_or_else(|| Ok(state.tokens()), |reason| Err(reason.into()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waited = self.patience.as_millis();
                return Err(format!("the program has handed in no tokens for {waited} ms").into());
            }
            state = self.wait(state, left);
        }
    }

    /// Waits until the client wants tokens. `None`: it wants none in time.
    ///
    /// # Errors
    /// The reason for which the client has ended; `Closed` if the program has ended it.
    pub(crate) fn wanted(&self, client: &Client, until: Option<Instant>) -> Result<Option<Wanted>, Error> {
        loop {
            client.check_open()?;
            let state = self.lock();
            if state.ended {
                drop(state);
                // Only the program itself ends this before the client has ended.
                return client.check_open().map(|()| None);
            }
            if state.wanted {
                return Ok(Some(state.wanted(self.part, SystemTime::now())));
            }
            let left = until.map_or(TICK, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(None);
            }
            drop(self.wait(state, left.min(TICK)));
        }
    }

    /// Takes new tokens: they are uploaded on the present connection, or used for the next login. A kind that is not
    /// among them keeps its token.
    pub(crate) fn hand_in(&self, client: &Client, tokens: &[Token]) -> Result<(), Failure> {
        if tokens.is_empty() {
            return Err(Failure::misuse("tokens is empty: there is nothing to hand in"));
        }
        let twice =
            tokens.iter().enumerate().find(|(at, token)| tokens[..*at].iter().any(|t| t.kind() == token.kind()));
        if let Some((_, token)) = twice {
            return Err(Failure::misuse(format!("tokens has two tokens of the kind {}", token.kind())));
        }
        for token in tokens {
            client.put_token(token.clone())?;
            self.lock().hold(token);
        }
        let mut state = self.lock();
        state.saw(tokens);
        state.wanted = false;
        state.refusal = None;
        state.round += 1;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the tokens of a later configuration for the same client, if they are new.
    pub(crate) fn hand_in_later(&self, client: &Client, first: &First) -> Result<(), Failure> {
        let now = SystemTime::now();
        let is_over = |token: &Token| token.expires().is_some_and(|end| end <= now);
        if self.lock().has_seen(&first.tokens) || first.tokens.is_empty() || first.tokens.iter().any(is_over) {
            return Ok(());
        }
        self.hand_in(client, &first.tokens)
    }

    /// Notes a token that was uploaded by another call.
    pub(crate) fn uploaded(&self, token: &Token) {
        let mut state = self.lock();
        state.hold(token);
        state.saw(std::slice::from_ref(token));
        state.wanted = false;
        state.refusal = None;
        state.round += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Tells the client that there are no tokens now. The library asks again later.
    pub(crate) fn refuse(&self, reason: &str) {
        let mut state = self.lock();
        state.wanted = false;
        state.refusal = Some(reason.to_string());
        state.round += 1;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn tokens(&self) -> Vec<Token> {
        self.held.iter().map(|held| held.token.clone()).collect()
    }

    fn hold(&mut self, token: &Token) {
        self.held.retain(|held| held.token.kind() != token.kind());
        self.held.push(Held { token: token.clone(), since: SystemTime::now() });
    }

    fn has_seen(&mut self, tokens: &[Token]) -> bool {
        if !self.seen.iter().any(|seen| seen == tokens) {
            return self.first == tokens;
        }
        // A configuration that is in use stays among the latest.
        self.saw(tokens);
        true
    }

    fn saw(&mut self, tokens: &[Token]) {
        self.seen.retain(|seen| seen != tokens);
        if self.seen.len() == SEEN {
            self.seen.remove(0);
        }
        self.seen.push(tokens.to_vec());
    }

    /// The tokens that are due by what is known of their life; all of them if none is.
    fn wanted(&self, part: f64, now: SystemTime) -> Wanted {
        let is_due = |held: &&Held| {
            let life = held.token.expires().and_then(|end| end.duration_since(held.since).ok());
            let age = now.duration_since(held.since).unwrap_or_default();
            life.is_some_and(|life| age >= life.mul_f64(part))
        };
        let mut due: Vec<&Held> = self.held.iter().filter(is_due).collect();
        if due.is_empty() {
            due = self.held.iter().collect();
        }
        Wanted {
            kinds: due.iter().map(|held| held.token.kind()).collect(),
            expires: due.iter().filter_map(|held| held.token.expires()).min(),
        }
    }
}

/// Returns true if the program itself has ended the client.
pub(crate) fn is_end(error: &Error) -> bool {
    error.kind() == ErrorKind::Closed
}
