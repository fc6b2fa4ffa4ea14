//! How a [`Config`] is made.

#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::checks::checked_settings;
use super::{AckMode, Config, Inner, Protocol, Settings};
use crate::config::environment::{self, Env};
use crate::config::proxy;
use crate::credentials::{AuthMode, Credentials};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Makes a [`Config`].
///
/// Needed are endpoint, instance id, credentials, and a group id (or, with custom authentication, a whole client id).
/// Everything is checked by [`build`](ConfigBuilder::build). `Debug` hides secrets.
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ConfigBuilder {
    pub(super) endpoint: Option<Given>,
    pub(super) instance_id: Option<Given>,
    pub(super) group_id: Option<Given>,
    pub(super) device_id: Option<Given>,
    pub(super) client_id: Option<String>,
    pub(super) credentials: Option<Credentials>,
    pub(super) settings: Settings,
    pub(super) proxy: proxy::Setting,
    #[cfg(feature = "tls")]
    pub(super) tls: crate::tls::Options,
    /// Made by `from_env`, so that messages name variables.
    pub(super) from_env: bool,
    /// The first fault of an environment variable.
    pub(super) fault: Option<Error>,
}

/// A text, and what it is called in messages: the method or the variable it came from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) name: &'static str,
}

impl ConfigBuilder {
    /// A builder with everything but the credentials from the environment, as at [`Config::from_env`].
    ///
    /// For programs that choose the credentials themselves. Faults are reported by [`build`](ConfigBuilder::build).
    pub fn from_env() -> Self {
        environment::warn_of_unread();
        ConfigBuilder::read(&Env::process())
    }

    /// Where to connect: `host`, `host:port` or a URL; see [`Endpoint`](crate::Endpoint). Required.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(Given { text: endpoint.into(), name: "endpoint" });
        self
    }

    /// The id of the instance the endpoint belongs to, from the console. Required, but for custom authentication with a
    /// whole [`client_id`](ConfigBuilder::client_id), whose login does not name the instance.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(Given { text: id.into(), name: "instance_id" });
        self
    }

    /// The group id, as created in the console; the rules stand at [`ClientId`](crate::ClientId). Required, unless a whole
    /// [`client_id`](ConfigBuilder::client_id) is given.
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        self.group_id = Some(Given { text: id.into(), name: "group_id" });
        self
    }

    /// The device id; the rules stand at [`ClientId`](crate::ClientId). By default one is made that no other client has.
    ///
    /// Required for device credentials, and for a persistent session.
    pub fn device_id(mut self, id: impl Into<String>) -> Self {
        self.device_id = Some(Given { text: id.into(), name: "device_id" });
        self
    }

    /// The whole client id, in place of group id and device id; for custom authentication only.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The credentials. Required.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The version of MQTT to speak. Default [`Protocol::V311`].
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// Whether the broker forgets the session when the connection ends. Default `true`.
    ///
    /// In MQTT 5 `true` is sent as clean start with a session expiry of 0, and `false` as no clean start with the
    /// [`session_expiry`](ConfigBuilder::session_expiry).
    ///
    /// With `false` it keeps subscriptions, and QoS 1 messages (help page "Receive offline messages") for up to 3 days
    /// (help page "Limits"); a device id must then be given, and should never be used with the other value.
    pub fn clean_session(mut self, clean: bool) -> Self {
        self.settings.clean_session = clean;
        self
    }

    /// How long the broker keeps the session without a connection: 1 s to 2,147,483,647 s, whole seconds. Default 3 days,
    /// as long as the service keeps offline messages. Needs MQTT 5 and [`clean_session`](ConfigBuilder::clean_session)
    /// `false`.
    ///
    /// The service raises less than 10 min to 10 min, and keeps no session for a client that only receives P2P messages
    /// (help page "MQTT 5.0 session expiry interval"). With MQTT 3.1.1 a kept session has no end.
    pub fn session_expiry(mut self, time: Duration) -> Self {
        self.settings.session_expiry = Some(time);
        self
    }

    /// How many QoS 1 and 2 messages the broker may have unacknowledged with this client: 1 to 65,535. By default it is not
    /// told, and may have 65,535 (MQTT 5, section 3.1.2.11.3). Needs MQTT 5.
    ///
    /// With the default [`AckMode`] a message counts until the program takes it: a program that takes none gets no more
    /// than these, and the rest waits at the broker instead of in the inbox.
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.settings.receive_maximum = Some(messages);
        self
    }

    /// How often an idle connection is shown to be alive: whole seconds, 5 to 480. Default 60 s.
    ///
    /// The service drops a client that is silent for one and a half times as long (help page "FAQ about the console"),
    /// and takes more than 480 s as 480 (help page "MQTT 5.0 overview"). In MQTT 5 the broker may name another period,
    /// which then counts; the service names at least 60 s (help page "Optimized device-cloud interactions").
    pub fn keep_alive(mut self, period: Duration) -> Self {
        self.settings.keep_alive = period;
        self
    }

    /// How long a call may take that has no deadline of its own: 1 s to 1 h. Default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How many messages and requests may be unacknowledged at a time: 1 to 1,000. Default 100.
    pub fn window(mut self, window: u16) -> Self {
        self.settings.window = window;
        self
    }

    /// The service's limits and the bounds of the queues.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// The highest publish rate, in messages per second: 0.001 to 1,000,000. By default there is none.
    ///
    /// The service advises at most 20 messages a second per client (help page "Limits").
    pub fn max_publish_rate(mut self, per_second: f64) -> Self {
        self.settings.max_publish_rate = Some(per_second);
        self
    }

    /// Whether each connection is switched to ordered messages before anything is published. Default `false`.
    ///
    /// Messages of one connection then go to one partition; only RocketMQ consumers of an ordered parent topic see
    /// the order, MQTT receivers do not (official demo `MQ4IoTSendOrderMessageToRocketMQ`).
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.settings.ordered = ordered;
        self
    }

    /// When received messages are acknowledged. Default [`AckMode::OnTake`].
    pub fn ack_mode(mut self, mode: AckMode) -> Self {
        self.settings.ack_mode = mode;
        self
    }

    /// How long a message handed over without waiting may stay unsettled: 1 ms to 30 days. By default as long as the
    /// time-out, or in a spool without limit. In a spool it also counts across runs, by the wall clock.
    pub fn message_age(mut self, age: Duration) -> Self {
        self.settings.message_age = Some(age);
        self
    }

    /// How long a client that was connected before goes on trying after its login was refused: up to 30 days, 0 to
    /// give up after one more try at once. Default 10 min.
    pub fn refusal_patience(mut self, patience: Duration) -> Self {
        self.settings.refusal_patience = patience;
        self
    }

    /// How long messages to a topic that the service refuses as a whole are refused here, without being sent: up to 30
    /// days, 0 to send them. Default 10 min.
    ///
    /// It refuses a topic as a whole where its notice says so, or where the connection was cut for two messages to it and
    /// none was acknowledged; see [`Event::TopicRefused`](crate::Event::TopicRefused). New credentials or a new token end
    /// this time. When it is over, messages are sent again, and one more that is refused is enough for another such time.
    pub fn refused_topic_pause(mut self, time: Duration) -> Self {
        self.settings.refused_topic_pause = time;
        self
    }

    /// The bounds of the pause before a reconnect: 10 ms to 1 h each. Default 1 s and 120 s.
    ///
    /// The pause is random, up to a bound that doubles from `min` to `max`.
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.settings.backoff_min, self.settings.backoff_max) = (min, max);
        self
    }

    /// The part of its life after which a token is renewed: 0.1 to 0.95. Default 0.8, a little earlier by chance, so that
    /// a fleet of devices does not ask at one moment.
    ///
    /// It counts for tokens whose end is known, from credentials that can be asked for new ones.
    pub fn token_renewal(mut self, part: f64) -> Self {
        self.settings.token_renewal = part;
        self
    }

    /// Whether the service's notices (`$SYS/tokenExpireNotice` and its like) also come as messages. Default `false`: they
    /// are only [`Event`](crate::Event)s.
    pub fn deliver_notices(mut self, deliver: bool) -> Self {
        self.settings.deliver_notices = deliver;
        self
    }

    /// Where replies to this client's requests go ([`Client::request`](crate::Client::request)): a topic that it may read and
    /// the repliers may write to. By default they come by P2P, which needs no subscription.
    ///
    /// For brokers that have no P2P topics. The client subscribes to it before its first request, which counts as one
    /// filter. Each client should have a topic of its own: what others get there reaches this one, too.
    pub fn response_topic(mut self, topic: impl Into<String>) -> Self {
        self.settings.response_topic = Some(topic.into());
        self
    }

    /// Keeps QoS 1 and 2 messages on disk until they are acknowledged, so that they survive the process. By default they
    /// are in memory only.
    #[cfg(feature = "spool")]
    pub fn spool(mut self, spool: crate::spool::Spool) -> Self {
        self.settings.spool = Some(spool);
        self
    }

    /// The HTTP proxy that every connection goes through: `http://host:port`, port 80 if none is given. By default there is
    /// none, whatever the environment says. Needs the cargo feature `proxy`.
    ///
    /// The proxy is asked for a tunnel to the endpoint (`CONNECT`), and looks up its name; TLS and WebSocket run inside. Many
    /// proxies let only port 443 through. `http://user:password@host:port` gives a login, in which what is special in a URL
    /// is written as `%XX`. Proxies that are themselves reached by TLS (`https://`), and SOCKS, are not supported. An IPv6
    /// address as the endpoint goes with plain `mqtt://` only.
    ///
    /// Not for the API: an `openapi::Api` has a setting of its own, also where it applies for this client's tokens.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy.set(url.into());
        self
    }

    /// User name and password for the proxy, in place of those in its URL. Needs a proxy.
    ///
    /// They are sent as "Basic" (RFC 7617), the only way to log in that is known here: whoever can listen between this
    /// machine and the proxy can read them. Up to 1,024 bytes each; no `:` in the user name.
    pub fn proxy_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.proxy.set_credentials(user.into(), password.into());
        self
    }

    /// Takes the proxy that the environment names, if it names one, in place of [`proxy`](ConfigBuilder::proxy). It is read
    /// now. Needs the cargo feature `proxy`.
    ///
    /// The first of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY` that is not empty counts, for plain endpoints,
    /// too. No proxy is used for this machine (`localhost` and loopback addresses), nor for what the first of `no_proxy` and
    /// `NO_PROXY` lists, divided by commas: `*` for everything, `example.com` or `.example.com` for that name and those
    /// below it, `10.0.0.1`, `10.0.0.0/8` or an IPv6 address or network for an endpoint given as an address; each but a
    /// network may end in `:port`. Names are not looked up for that. An entry that can never match is a warning in the log.
    pub fn proxy_from_env(mut self) -> Self {
        self.proxy.set_environment(&Env::process());
        self
    }

    /// Trusts the CA certificates of this PEM file, besides the system's. Can be called more than once.
    ///
    /// [`build`](ConfigBuilder::build) reads it, up to 16 MiB; a pipe or a device has the time-out to give it. A byte order
    /// mark is skipped. A certificate in it that cannot be read is an error.
    #[cfg(feature = "tls")]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.add_ca_file(path.into());
        self
    }

    /// Trusts these CA certificates in PEM form, besides the system's. Can be called more than once.
    #[cfg(feature = "tls")]
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.add_ca_pem(pem.into());
        self
    }

    /// Whether the system's CA certificates are trusted. Default `true`; with `false` only those given.
    ///
    /// Where the system has none, Mozilla's are taken. The variables `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the
    /// system's are, if they are not at the usual place.
    #[cfg(feature = "tls")]
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.tls.set_system_roots(trust);
        self
    }

    /// The client's certificate chain and its key, PEM files, for instances with mutual TLS (Enterprise Platinum).
    /// They are read as that of [`ca_file`](ConfigBuilder::ca_file).
    #[cfg(feature = "tls")]
    pub fn client_certificate_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls.set_client_files(certificate.into(), key.into());
        self
    }

    /// The client's certificate chain and its key, both in PEM form.
    #[cfg(feature = "tls")]
    pub fn client_certificate_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.set_client_pem(certificate.into(), key.into());
        self
    }

    /// Checks everything, reads the certificate files, and makes the device id if none was given.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a value is missing or breaks a rule, or a certificate file cannot be used.
    pub fn build(self) -> Result<Config> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let endpoint = self.checked_endpoint()?;
        let proxy = self.checked_proxy(&endpoint)?;
        let instance_id = self.checked_instance_id()?;
        let credentials = self.checked_credentials()?;
        if let Some(other) = credentials.instance_id().filter(|id| *id != instance_id) {
            return Err(Error::config(format!(
                "the tokens are applied for in the instance {other:?}, but the client connects to {instance_id:?}"
            )));
        }
        let settings = checked_settings(self.settings.clone())?;
        let client_id = self.checked_client_id(&credentials, &settings)?;
        #[cfg(feature = "tls")]
        let tls = {
            let mut options = self.tls;
            options.set_patience(settings.timeout);
            crate::tls::for_endpoint(&endpoint, &options)?
        };
        Ok(Config(Arc::new(Inner {
            endpoint,
            instance_id,
            client_id,
            credentials,
            settings,
            proxy,
            #[cfg(feature = "tls")]
            tls,
        })))
    }

    pub(crate) fn from_env_with_credentials(env: &Env<'_>) -> Self {
        let mut builder = ConfigBuilder::read(env);
        match AuthMode::read(env).and_then(|mode| Credentials::read(mode, env)) {
            Ok(credentials) => builder.credentials = Some(credentials),
            Err(error) => {
                // What is needed in any case is asked for first.
                let missing = builder.checked_endpoint().and_then(|_| builder.checked_instance_id());
                let error = missing.and(builder.checked_group_id()).err().unwrap_or(error);
                builder.fault.get_or_insert(error);
            }
        }
        builder
    }

    pub(super) fn read(env: &Env<'_>) -> Self {
        let mut builder = ConfigBuilder { from_env: true, ..ConfigBuilder::default() };
        if let Err(fault) = builder.fill(env) {
            builder.fault = Some(fault);
        }
        builder
    }

    fn fill(&mut self, env: &Env<'_>) -> Result<()> {
        let given = |name| Ok(env.text(name)?.map(|text| Given { text, name }));
        self.endpoint = given(environment::ENDPOINT)?;
        self.instance_id = given(environment::INSTANCE_ID)?;
        self.group_id = given(environment::GROUP_ID)?;
        self.device_id = given(environment::DEVICE_ID)?;
        let bad = |name: &str, text: &str, rule: &str| Error::config(format!("{name} is {text:?}; {rule}"));
        if let Some(text) = env.text(environment::CLEAN_SESSION)? {
            let parsed = text.parse();
            self.settings.clean_session =
                parsed.map_err(|_| bad(environment::CLEAN_SESSION, &text, "it must be true or false"))?;
        }
        if let Some(text) = env.text(environment::PROTOCOL)? {
            match text.as_str() {
                "3.1.1" => self.settings.protocol = Protocol::V311,
                "5" | "5.0" => self.settings.protocol = Protocol::V5,
                _ => return Err(bad(environment::PROTOCOL, &text, "it must be 3.1.1 or 5")),
            }
        }
        if let Some(timeout) = env.timeout()? {
            self.settings.timeout = timeout;
        }
        if let Some(text) = env.text(environment::MAX_PAYLOAD)? {
            let bytes = text.parse().ok().filter(|bytes| (1..=Limits::MAX_PAYLOAD).contains(bytes));
            let rule = || format!("it must be a number of bytes from 1 to {}", Limits::MAX_PAYLOAD);
            let bytes = bytes.ok_or_else(|| bad(environment::MAX_PAYLOAD, &text, &rule()))?;
            self.settings.limits = std::mem::take(&mut self.settings.limits).payload_len(bytes);
        }
        self.proxy.fill(env)?;
        #[cfg(feature = "tls")]
        self.fill_tls(env)?;
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn fill_tls(&mut self, env: &Env<'_>) -> Result<()> {
        if let Some(path) = env.path(environment::CA_FILE) {
            self.tls.add_ca_file(path);
        }
        let alone = |set, missing| Error::config(format!("{set} is set, but {missing} is not; they belong together"));
        match (env.path(environment::CLIENT_CERT_FILE), env.path(environment::CLIENT_KEY_FILE)) {
            (Some(certificate), Some(key)) => self.tls.set_client_files(certificate, key),
            (Some(_), None) => return Err(alone(environment::CLIENT_CERT_FILE, environment::CLIENT_KEY_FILE)),
            (None, Some(_)) => return Err(alone(environment::CLIENT_KEY_FILE, environment::CLIENT_CERT_FILE)),
            (None, None) => {}
        }
        Ok(())
    }
}
