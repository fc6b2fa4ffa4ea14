//! The tokens of a client's logins: the current ones, and the upload that was refused last.

use crate::config::Config;
use crate::error::{Code, RESOURCE};
use crate::session::core::now::Now;
use crate::session::core::op::Kind;
use crate::session::core::token_store::TokenStore;
use crate::token::TokenKind;

/// The tokens of the client's logins.
pub(super) struct Tokens {
    /// `None` for a login without tokens.
    pub(super) store: Option<TokenStore>,
    /// The upload that was refused last, by its serial number, and the service's code.
    pub(super) upload_refusal: Option<(u64, Code)>,
    /// The last reading of the clock.
    pub(super) clock: Now,
    /// A fingerprint of the last login.
    pub(super) login: Option<u64>,
    /// The program gave a new token since the last login: the next one need not wait.
    pub(super) given_since_login: bool,
}

impl Tokens {
    /// Creates the state from the tokens in the configuration.
    pub(super) fn new(config: &Config, now: Now) -> Self {
        let store = config.credentials().as_tokens().map(|(key_id, tokens)| {
            let mut store = TokenStore::new(key_id, config.token_renewal(), false);
            store.replace(key_id, tokens.to_vec(), now.wall, now.chance());
            store
        });
        Tokens { store, upload_refusal: None, clock: now, login: None, given_since_login: false }
    }

    /// Notes that the service refused this upload.
    pub(super) fn upload_refused(&mut self, kind: TokenKind, serial: u64, code: Code, now: Now) {
        if let Some(store) = &mut self.store {
            store.upload_refused(kind, serial, now.wall, now.chance());
        }
        self.upload_refusal = Some((serial, code));
    }

    /// Returns the kind of operation that a code is about, if it is certain: one for which there is no token. The kind
    /// in the notice is not used: it is not documented if that is the current kind or the missing one.
    pub(super) fn not_permitted(&self, code: Code) -> Option<Kind> {
        if code == Code::TokenInvalid(RESOURCE) {
            return None;
        }
        let held = |kinds: [TokenKind; 2]| self.store.as_ref().is_some_and(|store| store.holds(kinds));
        match (held([TokenKind::Read, TokenKind::ReadWrite]), held([TokenKind::Write, TokenKind::ReadWrite])) {
            (true, false) => Some(Kind::Publish),
            (false, true) => Some(Kind::Request),
            _ => None,
        }
    }
}
