//! The tokens of a client's logins: those that are held, and the upload that was refused last.

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
    /// The last look at the clock.
    pub(super) clock: Now,
    /// A fingerprint of the last login.
    pub(super) login: Option<u64>,
}

impl Tokens {
    /// Those that the configuration holds.
    pub(super) fn new(config: &Config, now: Now) -> Self {
        let store = config.credentials().as_tokens().map(|(key_id, tokens)| {
            let mut store = TokenStore::new(key_id, config.token_renewal(), false);
            store.replace(key_id, tokens.to_vec(), now.wall, now.chance());
            store
        });
        Tokens { store, upload_refusal: None, clock: now, login: None }
    }

    /// The service has refused this upload.
    pub(super) fn upload_refused(&mut self, kind: TokenKind, serial: u64, code: Code, now: Now) {
        if let Some(store) = &mut self.store {
            store.upload_refused(kind, serial, now.wall, now.chance());
        }
        self.upload_refusal = Some((serial, code));
    }

    /// Which kind of operation a code is about, where that can be told: one for which no token is held. The kind that
    /// the notice names is not used: whether it is the kind held or the kind missing is not documented.
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
