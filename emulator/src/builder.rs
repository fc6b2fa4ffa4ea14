//! What an emulator can be told before it starts.

use std::time::Duration;

use crate::account::{CustomIdentity, Group, SignMode, StsKey};
use crate::emulator::Emulator;
use crate::error::Error;
use crate::names::check_group;
use crate::settings::{Limits, Settings};

/// Settings of an emulator; made by [`Emulator::builder`]. Each has a default.
#[derive(Debug, Clone)]
#[must_use = "nothing runs until start()"]
pub struct Builder {
    pub(crate) settings: Settings,
    default_group: bool,
    default_parent: bool,
    default_key: bool,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self { settings: Settings::default(), default_group: true, default_parent: true, default_key: true }
    }

    /// The id of the instance. Default [`DEFAULT_INSTANCE_ID`].
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.settings.directory.instance_id = id.into();
        self
    }

    /// Adds a group id. The first one takes the place of [`DEFAULT_GROUP_ID`].
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        add(&mut self.settings.directory.groups, &mut self.default_group, Group::new(id));
        self
    }

    /// Adds a parent topic. The first one takes the place of [`DEFAULT_PARENT_TOPIC`].
    pub fn parent_topic(mut self, name: impl Into<String>) -> Self {
        add(&mut self.settings.parent_topics, &mut self.default_parent, name.into());
        self
    }

    /// Adds an access key pair. The first one takes the place of the default pair; it is also the one
    /// [`Emulator::issue_token`] issues to.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        add(&mut self.settings.directory.access_keys, &mut self.default_key, (id.into(), secret.into()));
        self
    }

    /// Adds a temporary (STS) key for the OpenAPI; it is taken only with this security token. A client may log in with
    /// tokens the key has applied for, but not sign with it. Default: none.
    pub fn sts_key(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        security_token: impl Into<String>,
    ) -> Self {
        let key = StsKey { secret: secret.into(), security_token: security_token.into() };
        self.settings.directory.sts_keys.insert(id.into(), key);
        self
    }

    /// Adds a custom identity. Its client ids need not have the form `GroupID@@@DeviceID`. Default: none.
    pub fn custom_identity(mut self, username: impl Into<String>, secret: impl Into<String>, mode: SignMode) -> Self {
        let identity = CustomIdentity { secret: secret.into(), mode };
        self.settings.directory.custom.insert(username.into(), identity);
        self
    }

    /// Makes publishing to, and subscribing within, this topic or filter a permission fault, as
    /// [`Emulator::forbid`] does later. Default: none.
    pub fn forbid(mut self, filter: impl Into<String>) -> Self {
        self.settings.forbidden.push(filter.into());
        self
    }

    /// The limits to enforce. Default: see [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The port for plain TCP on 127.0.0.1. Default 0: a free one is chosen.
    pub fn tcp_port(mut self, port: u16) -> Self {
        self.settings.ports[0] = port;
        self
    }

    /// The port for TLS. Default 0: a free one is chosen.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.settings.ports[1] = port;
        self
    }

    /// The port for WebSocket. Default 0: a free one is chosen.
    pub fn ws_port(mut self, port: u16) -> Self {
        self.settings.ports[2] = port;
        self
    }

    /// The port for secure WebSocket. Default 0: a free one is chosen.
    pub fn wss_port(mut self, port: u16) -> Self {
        self.settings.ports[3] = port;
        self
    }

    /// The port for the OpenAPI over HTTP on 127.0.0.1. Default 0: a free one is chosen.
    pub fn api_port(mut self, port: u16) -> Self {
        self.settings.ports[4] = port;
        self
    }

    /// The port for the OpenAPI over HTTPS. Default 0: a free one is chosen.
    pub fn api_tls_port(mut self, port: u16) -> Self {
        self.settings.ports[5] = port;
        self
    }

    /// Whether a publish or subscribe that breaks a rule is answered (PUBACK, PUBREC, or SUBACK with failure) before the
    /// connection is cut. The service is not known to answer. Default false.
    pub fn acknowledge_violations(mut self, yes: bool) -> Self {
        self.settings.acknowledge_violations = yes;
        self
    }

    /// How long before a token runs out its holder is told. Default 300 s.
    pub fn token_notice_lead(mut self, lead: Duration) -> Self {
        self.settings.token_notice_lead = lead;
        self
    }

    /// Lets the time of tokens pass faster, for tests that cannot wait a minute: with 0.05, a token applied for with 60 s
    /// lives 3 s, and the notice lead shrinks from 300 s to 15 s. What ApplyToken checks stays as it is, and the notice
    /// names the true end. [`Emulator::issue_token`] keeps exact lifetimes. Above 0, up to 1.0, which is the default.
    pub fn token_time_scale(mut self, scale: f64) -> Self {
        self.settings.token_time_scale = scale;
        self
    }

    /// After how long an unacknowledged message is sent to a client again. Default 10 s.
    pub fn retransmit_after(mut self, interval: Duration) -> Self {
        self.settings.retransmit_after = interval;
        self
    }

    /// How many messages of one client may be unacknowledged, in each direction. Default 1,024; 0 means 1.
    pub fn inflight(mut self, messages: u16) -> Self {
        self.settings.inflight = messages.max(1);
        self
    }

    /// How many messages may wait for one client before the oldest is dropped. Default 1,000,000; 0 means 1.
    pub fn queue(mut self, messages: usize) -> Self {
        self.settings.queue = messages.max(1);
        self
    }

    /// The maximum number of log entries; the oldest are removed first. The newest is always kept. Default 1,000,000.
    pub fn log_capacity(mut self, entries: usize) -> Self {
        self.settings.log.entries = entries;
        self
    }

    /// The maximum size of the log in bytes of memory, payloads included; the oldest entries are removed first. The newest
    /// is always kept. Default 134,217,728 (128 MiB).
    pub fn log_bytes(mut self, bytes: usize) -> Self {
        self.settings.log.bytes = bytes;
        self
    }

    /// Starts the emulator. Blocks for some milliseconds; on return all listeners accept connections.
    ///
    /// # Errors
    /// [`Error::Io`] when a port is taken, [`Error::Invalid`] for settings that cannot work.
    pub fn start(self) -> Result<Emulator, Error> {
        let mut settings = self.settings;
        let empty = [&settings.directory.instance_id]
            .into_iter()
            .chain(&settings.parent_topics)
            .chain(settings.directory.access_keys.iter().flat_map(|(id, secret)| [id, secret]))
            .chain(settings.directory.sts_keys.iter().flat_map(|(id, key)| [id, &key.secret, &key.security_token]))
            .any(String::is_empty);
        if empty {
            return Err(Error::Invalid("a name, id or secret is empty".into()));
        }
        if let Some(bad) = settings.directory.groups.iter().map(|group| &group.id).find(|id| check_group(id).is_err()) {
            return Err(Error::Invalid(format!(
                "{bad:?} is not a group id: GID_ or GID-, then letters, digits, - or _"
            )));
        }
        let scale = settings.token_time_scale;
        // Not a number fails this as well.
        if !(scale > 0.0 && scale <= 1.0) {
            return Err(Error::Invalid(format!("the time scale of tokens is {scale}, not above 0 and up to 1")));
        }
        settings.token_notice_lead = settings.token_notice_lead.mul_f64(scale);
        Emulator::launch(settings)
    }
}

/// Adds to a list that may still hold only its default.
fn add<T>(list: &mut Vec<T>, only_default: &mut bool, item: T) {
    if std::mem::take(only_default) {
        list.clear();
    }
    list.push(item);
}
