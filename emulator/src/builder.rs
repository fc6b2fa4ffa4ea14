//! The builder of an emulator.

use std::net::IpAddr;
use std::time::Duration;

use crate::account::{CustomIdentity, DeviceCredential, Group, SignMode, StsKey};
use crate::checks::check;
use crate::emulator::Emulator;
use crate::error::Error;
use crate::settings::{ControlSettings, GivenToken, Limits, Settings};
use crate::token::Permission;

/// Settings of an emulator, from [`Emulator::builder`]. Each has a default.
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

    /// Sets the instance id. Default: [`DEFAULT_INSTANCE_ID`](crate::DEFAULT_INSTANCE_ID).
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.settings.directory.instance_id = id.into();
        self
    }

    /// Adds a group id. The first one replaces [`DEFAULT_GROUP_ID`](crate::DEFAULT_GROUP_ID).
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        add(&mut self.settings.directory.groups, &mut self.default_group, Group::new(id));
        self
    }

    /// Adds a parent topic. The first one replaces [`DEFAULT_PARENT_TOPIC`](crate::DEFAULT_PARENT_TOPIC).
    pub fn parent_topic(mut self, name: impl Into<String>) -> Self {
        add(&mut self.settings.parent_topics, &mut self.default_parent, name.into());
        self
    }

    /// Adds an AccessKey pair. The first one replaces the default pair, and is the one that [`Emulator::issue_token`]
    /// issues tokens to.
    pub fn access_key(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        add(&mut self.settings.directory.access_keys, &mut self.default_key, (id.into(), secret.into()));
        self
    }

    /// Adds a temporary (STS) AccessKey for the OpenAPI, valid only together with this security token. A client can log
    /// in with tokens that the key has applied for, but not by signature. Default: none.
    pub fn sts_key(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        security_token: impl Into<String>,
    ) -> Self {
        let key = StsKey { secret: secret.into(), security_token: security_token.into(), expires: None };
        self.settings.directory.sts_keys.insert(id.into(), key);
        self
    }

    /// Gives the machine and every AccessKey this RAM role: the listeners of the OpenAPI then serve the metadata
    /// service of an ECS instance (`/latest/...`, IMDSv1 and IMDSv2), the STS calls AssumeRole and AssumeRoleWithOIDC,
    /// and a credentials URI (`/credentials`), all of which hand out temporary keys for the OpenAPI. Default: none of
    /// that.
    pub fn ram_role(mut self, name: impl Into<String>) -> Self {
        self.settings.ram_role = Some(name.into());
        self
    }

    /// Adds a custom identity. Its client ids do not need the form `GroupID@@@DeviceID`. Default: none.
    pub fn custom_identity(mut self, username: impl Into<String>, secret: impl Into<String>, mode: SignMode) -> Self {
        let identity = CustomIdentity { client_id: None, secret: secret.into(), mode };
        self.settings.directory.set_custom(&username.into(), identity);
        self
    }

    /// Adds a custom identity of the type `CLIENT`, which is valid for one client id. A user name can have one for each
    /// client id, and one of the type `USER` for all others. Default: none.
    pub fn custom_client_identity(
        mut self,
        username: impl Into<String>,
        client_id: impl Into<String>,
        secret: impl Into<String>,
        mode: SignMode,
    ) -> Self {
        let identity = CustomIdentity { client_id: Some(client_id.into()), secret: secret.into(), mode };
        self.settings.directory.set_custom(&username.into(), identity);
        self
    }

    /// Adds a device credential (一机一密) for a client id. Default: none.
    pub fn device_credential(
        mut self,
        client_id: impl AsRef<str>,
        access_key_id: impl Into<String>,
        access_key_secret: impl Into<String>,
    ) -> Self {
        let (access_key_id, access_key_secret) = (access_key_id.into(), access_key_secret.into());
        let credential = DeviceCredential { access_key_id, access_key_secret };
        self.settings.directory.set_device(client_id.as_ref(), credential);
        self
    }

    /// Adds a token with this text, which belongs to the first AccessKey. Default: none.
    pub fn token(
        self,
        token: impl Into<String>,
        permission: Permission,
        resources: impl IntoIterator<Item = impl Into<String>>,
        lifetime: Duration,
    ) -> Self {
        self.token_of(None, token.into(), permission, resources.into_iter().map(Into::into).collect(), lifetime)
    }

    pub(crate) fn token_of(
        mut self,
        access_key_id: Option<String>,
        token: String,
        permission: Permission,
        resources: Vec<String>,
        lifetime: Duration,
    ) -> Self {
        self.settings.tokens.push(GivenToken { token, permission, resources, lifetime, access_key_id });
        self
    }

    /// Turns mutual TLS on: MQTT over TLS then needs a device certificate that was issued by one of these CAs, given as
    /// PEM. A client with such a certificate can log in without a user name. Default: none.
    pub fn client_ca(mut self, pem: impl Into<String>) -> Self {
        self.settings.client_ca = pem.into();
        self
    }

    /// Adds a host name or an IP address to the certificate of the server, which is valid for `localhost`, `127.0.0.1`
    /// and `::1` anyway. Default: none.
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.settings.tls_names.push(name.into());
        self
    }

    /// Sets the address to listen on. With another address than one of loopback, anyone who can reach it can use the
    /// emulator. Default: 127.0.0.1.
    pub fn address(mut self, address: IpAddr) -> Self {
        self.settings.address = address;
        self
    }

    /// Adds a parent topic for ordered messages, as [`parent_topic`](Self::parent_topic) adds a normal one. Default:
    /// none, and then all parent topics are for ordered messages, too.
    pub fn ordered_topic(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.settings.ordered_topics.push(name.clone());
        self.parent_topic(name)
    }

    /// Forbids this topic or filter from the start, as [`Emulator::forbid`] does later. Default: none.
    pub fn forbid(mut self, filter: impl Into<String>) -> Self {
        self.settings.forbidden.insert(filter.into());
        self
    }

    /// Sets the limits to enforce. Default: see [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Sets the port for plain TCP on 127.0.0.1. Default: 0, a free one.
    pub fn tcp_port(mut self, port: u16) -> Self {
        self.settings.ports[0] = port;
        self
    }

    /// Sets the port for TLS on 127.0.0.1. Default: 0, a free one.
    pub fn tls_port(mut self, port: u16) -> Self {
        self.settings.ports[1] = port;
        self
    }

    /// Sets the port for WebSocket on 127.0.0.1. Default: 0, a free one.
    pub fn ws_port(mut self, port: u16) -> Self {
        self.settings.ports[2] = port;
        self
    }

    /// Sets the port for secure WebSocket on 127.0.0.1. Default: 0, a free one.
    pub fn wss_port(mut self, port: u16) -> Self {
        self.settings.ports[3] = port;
        self
    }

    /// Sets the port for the OpenAPI over HTTP on 127.0.0.1. Default: 0, a free one.
    pub fn api_port(mut self, port: u16) -> Self {
        self.settings.ports[4] = port;
        self
    }

    /// Sets the port for the OpenAPI over HTTPS on 127.0.0.1. Default: 0, a free one.
    pub fn api_tls_port(mut self, port: u16) -> Self {
        self.settings.ports[5] = port;
        self
    }

    /// Serves the control API on this port of 127.0.0.1; 0 chooses a free one. See [`Emulator::control_url`] and
    /// [`Emulator::control_token`]. Default: no control API.
    pub fn control_port(mut self, port: u16) -> Self {
        self.control().address.set_port(port);
        self
    }

    /// Serves the control API on this address instead of 127.0.0.1. Anyone who can reach it and knows the token
    /// controls the emulator.
    pub fn control_address(mut self, address: IpAddr) -> Self {
        self.control().address.set_ip(address);
        self
    }

    /// Serves the control API with this bearer token. Default: a random one.
    pub fn control_token(mut self, token: impl Into<String>) -> Self {
        self.control().token = Some(token.into());
        self
    }

    /// Serves the control API under this name, too, with any port in the `Host` header, as behind the mapped port of a
    /// container. Default: `localhost`, `127.0.0.1`, `[::1]` and the address of the listener, with its port.
    pub fn control_host(mut self, name: impl Into<String>) -> Self {
        self.control().hosts.push(name.into());
        self
    }

    /// Serves a page for the browser besides the control API, which shows what the emulator sees and controls it. See
    /// [`Emulator::page_url`]. Default: no page.
    pub fn page(mut self) -> Self {
        self.control().page = true;
        self
    }

    /// Sets whether a publish or subscribe that breaks a rule is acknowledged (by PUBACK, PUBREC, or SUBACK with a
    /// failure) before the connection is closed. The service is not known to do so. Default: false.
    pub fn acknowledge_violations(mut self, yes: bool) -> Self {
        self.settings.acknowledge_violations = yes;
        self
    }

    /// Sets how long before the expiry of a token its holder is notified. Default: 300 s.
    pub fn token_notice_lead(mut self, lead: Duration) -> Self {
        self.settings.token_notice_lead = lead;
        self
    }

    /// Scales the lifetime of tokens, for tests that cannot wait a minute: with 0.05, a token applied for with 60 s
    /// lives 3 s, and the notice lead shrinks from 300 s to 15 s. ApplyToken checks the time it is asked for, and the
    /// notice names the actual expiry. [`Emulator::issue_token`] keeps exact lifetimes. Above 0 and at most 1.0, the
    /// default.
    pub fn token_time_scale(mut self, scale: f64) -> Self {
        self.settings.token_time_scale = scale;
        self
    }

    /// Sets after how long an unacknowledged message is sent to a client again. Default: 10 s.
    pub fn retransmit_after(mut self, interval: Duration) -> Self {
        self.settings.retransmit_after = interval;
        self
    }

    /// Sets the maximum number of unacknowledged messages per client and direction. Default: 1,024; 0 means 1.
    pub fn inflight(mut self, messages: u16) -> Self {
        self.settings.inflight = messages.max(1);
        self
    }

    /// Sets how many messages can wait for one client before the oldest is dropped. Default: 1,000,000; 0 means 1.
    pub fn queue(mut self, messages: usize) -> Self {
        self.settings.queue = messages.max(1);
        self
    }

    /// Sets the maximum number of log entries. The oldest are removed first; the newest is always kept. Default:
    /// 1,000,000; at least 1.
    pub fn log_capacity(mut self, entries: usize) -> Self {
        self.settings.log.entries = entries;
        self
    }

    /// Sets the maximum size of the log in bytes of memory, payloads included. The oldest entries are removed first;
    /// the newest is always kept. Default: 134,217,728 (128 MiB).
    pub fn log_bytes(mut self, bytes: usize) -> Self {
        self.settings.log.bytes = bytes;
        self
    }

    fn control(&mut self) -> &mut ControlSettings {
        self.settings.control.get_or_insert_default()
    }

    /// Starts the emulator. Blocks for some milliseconds; when it returns, all listeners accept connections.
    ///
    /// # Errors
    /// [`Error::Io`] if a port is in use, [`Error::Invalid`] for invalid settings.
    pub fn start(self) -> Result<Emulator, Error> {
        let mut settings = self.settings;
        check(&mut settings)?;
        settings.token_notice_lead = settings.token_notice_lead.mul_f64(settings.token_time_scale);
        Emulator::launch(settings)
    }
}

/// Adds an item; the first one replaces the default.
fn add<T>(list: &mut Vec<T>, only_default: &mut bool, item: T) {
    if std::mem::take(only_default) {
        list.clear();
    }
    list.push(item);
}
