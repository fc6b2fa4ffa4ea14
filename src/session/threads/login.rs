//! Logging in: the user name and password of the next connection, from the credentials, the current tokens or the
//! provider.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::login_policy::LoginPolicy;
use super::renewal;
use crate::credentials::{Login, Provider};
use crate::detached;
use crate::error::{ErrorKind, Result, Stage};
use crate::session::Session;

/// The longest time that a login waits for new tokens while the current ones are usable.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread that renews tokens during a connection; started when there are tokens to renew.
#[derive(Default)]
pub(super) struct Renewer(Option<JoinHandle<()>>);

impl Renewer {
    fn start(&mut self, session: &Arc<Session>) -> Result<()> {
        if self.0.is_some() {
            return Ok(());
        }
        let session = Arc::clone(session);
        let thread = detached::start("aliyun-mqtt-token", move || {
            // The program's logger may panic, which must not end the renewal of its tokens.
            while catch_unwind(AssertUnwindSafe(|| renewal::run(&session))).is_err() {}
        });
        self.0 = Some(thread?);
        Ok(())
    }

    /// Waits for the end of the thread, which follows promptly once the client has ended.
    pub(super) fn join(self) {
        if let Some(thread) = self.0 {
            let _ = thread.join();
        }
    }
}

/// Returns the user name and password for the next connection. Asks the provider if there is one and the current tokens
/// do not suffice; blocks at most for the configured timeout.
pub(super) fn login(session: &Arc<Session>, policy: &mut LoginPolicy, renewer: &mut Renewer) -> Result<Login> {
    let config = &session.config;
    let credentials = config.credentials();
    if let Some(provider) = credentials.as_provider() {
        let enough =
            credentials.keeps_tokens() && !session.lock().wants_tokens(session.now(), policy.renewed_since_refusal());
        if !enough {
            policy.asks_provider();
            if let Some(login) = ask(session, provider, renewer)? {
                return Ok(login);
            }
        }
    }
    match session.lock().token_login() {
        Some((key_id, password)) => Login::with_tokens(&key_id, config.instance_id(), password),
        None => credentials.login(config.client_id(), config.instance_id()),
    }
}

/// Asks the provider. Returns the login; `None` if the provider returned tokens, which the state then holds.
fn ask(session: &Arc<Session>, provider: Arc<Provider>, renewer: &mut Renewer) -> Result<Option<Login>> {
    let config = &session.config;
    // With tokens that are due but valid, messages do not wait for a slow provider: the renewal thread asks again.
    let enough = config.credentials().keeps_tokens() && session.lock().tokens_usable(session.now());
    let patience = if enough { config.timeout().min(PATIENCE) } else { config.timeout() };
    let answer = session.ask(provider, Instant::now() + patience);
    let now = session.now();
    let credentials = match answer {
        Ok(credentials) => credentials,
        Err(reason) if !enough || session.lock().life.is_leaving() => return Err(reason),
        Err(reason) if reason.kind() == ErrorKind::Timeout(Stage::Credentials) => return Ok(None),
        Err(reason) => {
            let event = session.lock().renewal_failed(reason, now);
            session.emit(&[event]);
            return Ok(None);
        }
    };
    if !session.lock().given(&credentials, now) {
        return credentials.login(config.client_id(), config.instance_id()).map(Some);
    }
    renewer.start(session)?;
    Ok(None)
}
