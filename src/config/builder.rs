//! The builder of a [`Config`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::checks::checked_settings;
use super::environment::Variables;
use super::network::Network;
use super::settings::Settings;
use super::{AckMode, Config, Inner, Protocol};
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::limits::Limits;

/// Builds a [`Config`].
///
/// Required are endpoint, instance id, credentials, and a group id (or, with custom authentication, a whole client id).
/// [`build`](ConfigBuilder::build) checks everything. `Debug` hides secrets.
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
    pub(super) network: Network,
    /// The variables, if the builder came from the environment: errors name them, and credentials may be among them.
    pub(super) variables: Option<Variables>,
    /// The first invalid environment variable.
    pub(super) fault: Option<Error>,
}

/// A text, and its name in messages: that of the method or the variable it came from.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) name: &'static str,
}

impl ConfigBuilder {
    pub(super) fn from_config(config: &Config) -> Self {
        let inner = &*config.0;
        let given = |name, text: &str| Some(Given { text: text.to_string(), name });
        let whole = inner.group_id.is_none();
        ConfigBuilder {
            endpoint: given("endpoint", &inner.endpoint.to_string()),
            instance_id: given("instance_id", &inner.instance_id).filter(|given| !given.text.is_empty()),
            group_id: inner.group_id.as_deref().and_then(|group| given("group_id", group)),
            device_id: inner.device_id.as_deref().and_then(|device| given("device_id", device)),
            client_id: whole.then(|| inner.client_id.as_str().to_string()),
            credentials: Some(inner.credentials.clone()),
            settings: inner.settings.clone(),
            network: inner.network.clone(),
            variables: None,
            fault: None,
        }
    }

    /// Sets the endpoint: `host`, `host:port` or a URL; see [`Endpoint`](crate::Endpoint). Required.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(Given { text: endpoint.into(), name: "endpoint" });
        self
    }

    /// Sets the id of the instance that the endpoint belongs to, from the console. Required, except for custom
    /// authentication with a whole [`client_id`](ConfigBuilder::client_id), whose login does not name the instance.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(Given { text: id.into(), name: "instance_id" });
        self
    }

    /// Sets the group id, as created in the console; [`ClientId`](crate::ClientId) lists the rules. Required, unless a
    /// whole [`client_id`](ConfigBuilder::client_id) is set.
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        self.group_id = Some(Given { text: id.into(), name: "group_id" });
        self
    }

    /// Sets the device id; [`ClientId`](crate::ClientId) lists the rules. By default a unique one is generated.
    ///
    /// Required for device credentials, and for a persistent session.
    pub fn device_id(mut self, id: impl Into<String>) -> Self {
        self.device_id = Some(Given { text: id.into(), name: "device_id" });
        self
    }

    /// Sets the whole client id, in place of group id and device id; for custom authentication only.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Sets the credentials. Required, unless the builder comes from the [environment](ConfigBuilder::from_env).
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Sets the version of MQTT. Default [`Protocol::V311`].
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// Sets whether the server discards the session when the connection ends. Default `true`.
    ///
    /// In MQTT 5, `true` is sent as clean start with a session expiry of 0, and `false` as no clean start with the
    /// [`session_expiry`](ConfigBuilder::session_expiry).
    ///
    /// With `false` the service keeps subscriptions, and QoS 1 messages (help page "Receive offline messages") for up
    /// to 3 days (help page "Limits"). This requires a [`device_id`](ConfigBuilder::device_id), which should never be
    /// used with the other value.
    pub fn clean_session(mut self, clean: bool) -> Self {
        self.settings.clean_session = clean;
        self
    }

    /// Sets how long the server keeps the session without a connection: 1 s to 2,147,483,647 s, in whole seconds.
    /// Default 3 days, as long as the service keeps offline messages. Needs MQTT 5 and
    /// [`clean_session`](ConfigBuilder::clean_session) `false`.
    ///
    /// The service raises less than 10 min to 10 min, and keeps no session for a client that only receives P2P messages
    /// (help page "MQTT 5.0 session expiry interval"). With MQTT 3.1.1 a kept session does not expire.
    pub fn session_expiry(mut self, time: Duration) -> Self {
        self.settings.session_expiry = Some(time);
        self
    }

    /// Sets the maximum number of QoS 1 and 2 messages that the server may have unacknowledged with this client: 1 to
    /// 65,535. By default none is announced, which means 65,535 (MQTT 5, section 3.1.2.11.3). Needs MQTT 5.
    ///
    /// With the default [`AckMode`] a message counts until the program takes it: a program that takes none receives no
    /// more than this number, and the rest waits at the server instead of in the inbox.
    pub fn receive_maximum(mut self, messages: u16) -> Self {
        self.settings.receive_maximum = Some(messages);
        self
    }

    /// Sets the keep-alive period: whole seconds, 5 to 480. Default 60 s.
    ///
    /// The service disconnects a client that is silent for one and a half times as long (help page "FAQ about the
    /// console"), and treats more than 480 s as 480 s (help page "MQTT 5.0 overview"). In MQTT 5 the server may set
    /// another period, which then applies; the service sets at least 60 s (help page "Optimized device-cloud
    /// interactions").
    pub fn keep_alive(mut self, period: Duration) -> Self {
        self.settings.keep_alive = period;
        self
    }

    /// Sets the timeout of calls that have no deadline of their own: 1 s to 1 h. Default 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Fixes the window, the maximum number of unacknowledged messages and requests: 1 to 10,000. By default it starts
    /// at 100 and grows: see [`max_window`](ConfigBuilder::max_window).
    ///
    /// A program that sends without waiting publishes at most one window per round trip: 500 messages a second with a
    /// window of 100 over 200 ms. A large window has a price. The client keeps a table of up to four packet ids for
    /// each place, of 64 bytes each with MQTT 3.1.1 and 216 bytes with MQTT 5: up to 256 or 860 KB for a window of
    /// 1,000, 2.6 or 8.6 MB for 10,000. After a lost connection, that many messages may be sent again, and arrive
    /// twice.
    ///
    /// After the server has closed a connection, a larger window is reduced to 100 until the messages sent before are
    /// settled, and to 1 while the client searches for the message that makes the server close connections.
    pub fn window(mut self, window: u16) -> Self {
        self.settings.window = Some(window);
        self
    }

    /// Sets how far the window, the maximum number of unacknowledged messages and requests, may grow: 1 to 10,000.
    /// Default 1,000.
    ///
    /// On each connection the window starts at 100, or at this number if it is smaller. Where a round trip takes 5 ms
    /// or more, the window grows to four times its size once per round trip, as long as it is full and the
    /// acknowledgements come in order and without a gap. MQTT 5 servers set a limit of their own in CONNACK (receive
    /// maximum), which it never exceeds. [`Stats::window`](crate::Stats::window) is its current size;
    /// [`window`](ConfigBuilder::window) tells the price of a large one.
    pub fn max_window(mut self, window: u16) -> Self {
        self.settings.max_window = Some(window);
        self
    }

    /// Sets the service's limits and the bounds of the queues.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Changes some of the limits, and keeps the others as they are, also those of the
    /// [environment](ConfigBuilder::from_env).
    ///
    /// ```
    /// use aliyun_mqtt::ConfigBuilder;
    /// let builder = ConfigBuilder::from_env().change_limits(|limits| limits.filters(100));
    /// ```
    pub fn change_limits(mut self, change: impl FnOnce(Limits) -> Limits) -> Self {
        self.settings.limits = change(std::mem::take(&mut self.settings.limits));
        self
    }

    /// Sets the maximum publish rate, in messages per second: 0.001 to 1,000,000. By default it is unlimited.
    ///
    /// The service advises at most 20 messages a second per client (help page "Limits").
    pub fn max_publish_rate(mut self, per_second: f64) -> Self {
        self.settings.max_publish_rate = Some(per_second);
        self
    }

    /// Sets whether each connection is switched to ordered messages before anything is published. Default `false`.
    ///
    /// Messages of one connection then go to one partition. Only RocketMQ consumers of an ordered parent topic see the
    /// order; MQTT receivers do not (official demo `MQ4IoTSendOrderMessageToRocketMQ`). The manual has more about
    /// [ordered messages](crate::manual::ordered).
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.settings.ordered = ordered;
        self
    }

    /// Sets when received messages are acknowledged. Default [`AckMode::OnTake`].
    pub fn ack_mode(mut self, mode: AckMode) -> Self {
        self.settings.ack_mode = mode;
        self
    }

    /// Sets how long a queued message may stay unsettled: 1 ms to 30 days. The default is the timeout, or no limit with
    /// a spool. In a spool the time also runs between two runs of the program, by the wall clock.
    pub fn message_age(mut self, age: Duration) -> Self {
        self.settings.message_age = Some(age);
        self
    }

    /// Sets how long a client that was connected before keeps trying after its login was refused: up to 30 days; 0
    /// means one immediate retry only. Default 10 min.
    pub fn refusal_patience(mut self, patience: Duration) -> Self {
        self.settings.refusal_patience = patience;
        self
    }

    /// Sets how long the client itself refuses messages to a topic that the service refuses as a whole: up to 30 days;
    /// 0 means that they are sent. Default 10 min.
    ///
    /// A topic counts as refused as a whole if the service's notice says so, or if the server closed the connection for
    /// two messages to it and acknowledged none; see [`Event::TopicRefused`](crate::Event::TopicRefused). The pause
    /// ends early with new credentials or a new token. After it, messages are sent again, and a single refusal starts
    /// the next pause.
    pub fn refused_topic_pause(mut self, time: Duration) -> Self {
        self.settings.refused_topic_pause = time;
        self
    }

    /// Sets the bounds of the pause before a reconnect: 10 ms to 1 h each. Default 1 s and 120 s.
    ///
    /// The pause is random, up to a bound that doubles from `min` to `max`.
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        (self.settings.backoff_min, self.settings.backoff_max) = (min, max);
        self
    }

    /// Sets the fraction of a token's lifetime after which it is renewed: 0.1 to 0.95. Default 0.8. The actual time is
    /// a little earlier at random, so that a fleet of devices does not renew at one moment.
    ///
    /// Applies only to tokens with a known expiry that come from a provider.
    pub fn token_renewal(mut self, part: f64) -> Self {
        self.settings.token_renewal = part;
        self
    }

    /// Sets whether the service's notices (such as `$SYS/tokenExpireNotice`) are also delivered as messages. Default
    /// `false`: they are only [`Event`](crate::Event)s.
    pub fn deliver_notices(mut self, deliver: bool) -> Self {
        self.settings.deliver_notices = deliver;
        self
    }

    /// Sets the topic for replies to this client's requests ([`Client::request`](crate::Client::request)): the client
    /// may read it, and the repliers may write to it. By default replies come by P2P, which needs no subscription.
    ///
    /// It is meant for brokers without P2P topics. The client subscribes to the topic before its first request, which
    /// counts as one filter. Give each client a topic of its own, since it also receives the replies to others there.
    pub fn response_topic(mut self, topic: impl Into<String>) -> Self {
        self.settings.response_topic = Some(topic.into());
        self
    }

    /// Sets the spool, which keeps QoS 1 and 2 messages on disk until they are acknowledged, so that they survive the
    /// process. By default they are in memory only.
    #[cfg(feature = "spool")]
    pub fn spool(mut self, spool: crate::Spool) -> Self {
        self.settings.spool = Some(spool);
        self
    }

    /// Sets proxy and certificates, in place of all that was set before; the same value serves the API's builder.
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// Changes the proxy of the network: see [`Network::proxy`].
    ///
    /// It is not used for the API, which has a network of its own, also if it applies for the tokens of this client.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.network = self.network.proxy(url);
        self
    }

    /// Changes the user name and password for the proxy: see [`Network::proxy_credentials`].
    pub fn proxy_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.network = self.network.proxy_credentials(user, password);
        self
    }

    /// Uses the proxy that the environment names: see [`Network::proxy_from_env`].
    pub fn proxy_from_env(mut self) -> Self {
        self.network = self.network.proxy_from_env();
        self
    }

    /// Adds trusted CA certificates from a PEM file: see [`Network::ca_file`].
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.network = self.network.ca_file(path);
        self
    }

    /// Adds trusted CA certificates in PEM form: see [`Network::ca_pem`].
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.network = self.network.ca_pem(pem);
        self
    }

    /// Sets whether the system's CA certificates are trusted: see [`Network::system_roots`].
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.network = self.network.system_roots(trust);
        self
    }

    /// Sets the client's certificate chain and its key, as PEM files: see [`Network::client_certificate_files`].
    pub fn client_certificate_files(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.network = self.network.client_certificate_files(certificate, key);
        self
    }

    /// Sets the client's certificate chain and its key, in PEM form: see [`Network::client_certificate_pem`].
    pub fn client_certificate_pem(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.network = self.network.client_certificate_pem(certificate, key);
        self
    }

    /// Checks everything, reads the certificate files, and generates a device id if none is set.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a value is missing or breaks a rule, a certificate file cannot be used, or
    /// a setting needs a cargo feature that is not enabled.
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
        let tls = self.checked_tls(&endpoint, &settings)?;
        let text = |given: Option<Given>| given.map(|given| given.text);
        Ok(Config(Arc::new(Inner {
            endpoint,
            instance_id,
            client_id,
            group_id: text(self.group_id),
            device_id: text(self.device_id),
            credentials,
            settings,
            network: self.network,
            proxy,
            tls,
        })))
    }
}
