//! The parts of a rustls configuration that let a dial observe the beginning of its handshake, and end it.

use std::sync::Arc;

use rustls::NamedGroup;
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;

use crate::dial_watch::Watch;

/// The clock, without which no certificate can be verified and no session resumed. For an abandoned dial it returns no
/// time. A verifier per dial would do the same, but keep rustls from resuming sessions.
#[derive(Debug)]
pub(super) struct WatchedTime(Arc<Watch>);

impl WatchedTime {
    pub(super) fn new(watch: &Arc<Watch>) -> Self {
        WatchedTime(Arc::clone(watch))
    }
}

impl TimeProvider for WatchedTime {
    fn current_time(&self) -> Option<UnixTime> {
        (!self.0.is_given_up()).then(UnixTime::now)
    }
}

/// The sessions to resume. rustls looks them up when a handshake begins, which nothing else reports.
#[derive(Debug)]
pub(super) struct WatchedSessions {
    sessions: Arc<ClientSessionMemoryCache>,
    watch: Arc<Watch>,
}

impl WatchedSessions {
    pub(super) fn new(sessions: &Arc<ClientSessionMemoryCache>, watch: &Arc<Watch>) -> Self {
        WatchedSessions { sessions: Arc::clone(sessions), watch: Arc::clone(watch) }
    }
}

impl ClientSessionStore for WatchedSessions {
    fn set_kx_hint(&self, server: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(server, group);
    }

    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        self.watch.begin();
        self.sessions.kx_hint(server)
    }

    fn set_tls12_session(&self, server: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(server, value);
    }

    fn tls12_session(&self, server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.watch.begin();
        self.sessions.tls12_session(server)
    }

    fn remove_tls12_session(&self, server: &ServerName<'static>) {
        self.sessions.remove_tls12_session(server);
    }

    fn insert_tls13_ticket(&self, server: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(server, value);
    }

    fn take_tls13_ticket(&self, server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.watch.begin();
        self.sessions.take_tls13_ticket(server)
    }
}
