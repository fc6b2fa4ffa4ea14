//! An application server that hands out tokens of the emulator, and what the emulator saw of them.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aliyun_mqtt::{Client, ConfigBuilder, Credentials, Token, TokenKind};
use aliyun_mqtt_emulator::{Emulator, Permission, What};

/// Issues tokens for everything, of one life; told to fail, forge, or do something first.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    emulator: Arc<Emulator>,
    life: Duration,
    kinds: Vec<Permission>,
    asked: AtomicUsize,
    hide_ends: AtomicBool,
    forge: AtomicBool,
    failure: Mutex<Option<String>>,
    action: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
    last: Mutex<Option<Token>>,
}

impl Issuer {
    /// Of tokens that permit both.
    pub fn new(emulator: &Arc<Emulator>, life: Duration) -> Issuer {
        Issuer::kinds(emulator, life, &[Permission::ReadWrite])
    }

    pub fn kinds(emulator: &Arc<Emulator>, life: Duration, kinds: &[Permission]) -> Issuer {
        Issuer(Arc::new(Inner {
            emulator: Arc::clone(emulator),
            life,
            kinds: kinds.to_vec(),
            asked: AtomicUsize::new(0),
            hide_ends: AtomicBool::new(false),
            forge: AtomicBool::new(false),
            failure: Mutex::default(),
            action: Mutex::default(),
            last: Mutex::default(),
        }))
    }

    /// From now on nothing is said of how long tokens live.
    pub fn hide_ends(&self) {
        self.0.hide_ends.store(true, Ordering::SeqCst);
    }

    /// Makes tokens up from now on, or no longer.
    pub fn forge(&self, forge: bool) {
        self.0.forge.store(forge, Ordering::SeqCst);
    }

    /// From now on there is this error instead of tokens.
    pub fn fail(&self, failure: Option<&str>) {
        *self.0.failure.lock().expect("a lock") = failure.map(str::to_string);
    }

    /// From now on this is done before tokens are issued.
    pub fn act(&self, action: impl Fn() + Send + Sync + 'static) {
        *self.0.action.lock().expect("a lock") = Some(Arc::new(action));
    }

    /// The number of times it was asked.
    pub fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// The last token it issued.
    pub fn last(&self) -> Token {
        self.0.last.lock().expect("a lock").clone().expect("a token was issued")
    }

    pub fn issue(&self) -> Result<Vec<Token>, Box<dyn Error + Send + Sync>> {
        let inner = &*self.0;
        let number = inner.asked.fetch_add(1, Ordering::SeqCst);
        let action = inner.action.lock().expect("a lock").clone();
        if let Some(action) = action {
            action();
        }
        if let Some(failure) = inner.failure.lock().expect("a lock").clone() {
            return Err(failure.into());
        }
        let everything = format!("{}/#", inner.emulator.parent_topic());
        let issue = |permission: &Permission| {
            let kind = match permission {
                Permission::Read => TokenKind::Read,
                Permission::Write => TokenKind::Write,
                Permission::ReadWrite => TokenKind::ReadWrite,
            };
            let text = if inner.forge.load(Ordering::SeqCst) {
                format!("forged-{number}")
            } else {
                inner.emulator.issue_token(*permission, &[&everything], inner.life)
            };
            let token = Token::new(kind, text);
            if inner.hide_ends.load(Ordering::SeqCst) { token } else { token.expires_in(inner.life) }
        };
        let tokens: Vec<_> = inner.kinds.iter().map(issue).collect();
        *inner.last.lock().expect("a lock") = tokens.last().cloned();
        Ok(tokens)
    }
}

/// A configuration whose tokens come from there.
pub fn token_config(emulator: &Emulator, issuer: &Issuer) -> ConfigBuilder {
    let issuer = issuer.clone();
    let credentials = Credentials::token_provider(emulator.access_key_id(), move || issuer.issue());
    super::config(emulator).credentials(credentials)
}

fn count(emulator: &Emulator, wanted: impl Fn(&aliyun_mqtt_emulator::LogEntry) -> bool) -> usize {
    emulator.log().iter().filter(|entry| wanted(entry)).count()
}

/// The logins of this client that the emulator accepted.
pub fn connections(emulator: &Emulator, client: &Client) -> usize {
    let id = client.config().client_id().as_str();
    count(emulator, |entry| entry.client_id == id && matches!(entry.what, What::Connected { .. }))
}

/// All logins that the emulator accepted.
pub fn accepted_logins(emulator: &Emulator) -> usize {
    count(emulator, |entry| matches!(entry.what, What::Connected { .. }))
}

/// All logins that the emulator refused.
pub fn refused_logins(emulator: &Emulator) -> usize {
    count(emulator, |entry| matches!(entry.what, What::LoginRefused { .. }))
}

/// All tokens that were uploaded and taken.
pub fn uploads(emulator: &Emulator) -> usize {
    count(emulator, |entry| matches!(entry.what, What::TokenUploaded { .. }))
}
