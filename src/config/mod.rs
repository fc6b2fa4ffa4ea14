//! The configuration of a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::error::Result;
use crate::limits::Limits;
use crate::message::Outgoing;
use crate::names::{self, ClientId};
use crate::spool::Spool;
use crate::tls::Tls;
use endpoint::Endpoint;
use proxy::Proxy;
use settings::Settings;

pub(crate) mod authority;
mod builder;
mod checks;
pub(crate) mod endpoint;
pub(crate) mod environment;
mod from_env;
pub(crate) mod network;
mod protocol;
pub(crate) mod proxy;
mod same;
mod settings;

pub use builder::ConfigBuilder;
pub use network::Network;
pub use protocol::Protocol;
pub use settings::AckMode;

/// A checked configuration, ready for [`Client::connect`](crate::Client::connect).
///
/// Created by a [`ConfigBuilder`] or from the [environment](Config::from_env). Cloning is cheap. `Debug` hides secrets.
///
/// ```no_run
/// use aliyun_mqtt::{Config, Credentials};
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let config = Config::builder()
///     .endpoint("post-cn-xxxx.mqtt.aliyuncs.com")
///     .instance_id("post-cn-xxxx")
///     .group_id("GID_demo")
///     .credentials(Credentials::signature("access key id", "access key secret"))
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Config(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    instance_id: String,
    client_id: ClientId,
    /// The group id; `None` if the whole client id was given.
    group_id: Option<String>,
    /// The device id; `None` if it was generated.
    device_id: Option<String>,
    credentials: Credentials,
    settings: Settings,
    network: Network,
    proxy: Option<Proxy>,
    tls: Option<Tls>,
}

impl Config {
    /// Starts a configuration from the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// Returns a builder with all settings of this configuration, to change some of them.
    ///
    /// A device id that was generated is not among it: the next [`build`](ConfigBuilder::build) generates another,
    /// because two clients with one client id disconnect each other. For the same reason set another
    /// [`device_id`](ConfigBuilder::device_id) if one was given and both clients are to be connected at a time.
    ///
    /// ```
    /// use aliyun_mqtt::{Config, Credentials};
    /// use std::time::Duration;
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let config = Config::builder()
    /// #     .endpoint("mqtt://127.0.0.1")
    /// #     .instance_id("post-cn-xxxx")
    /// #     .group_id("GID_demo")
    /// #     .credentials(Credentials::signature("id", "secret"))
    /// #     .build()?;
    /// let patient = config.to_builder().timeout(Duration::from_secs(120)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn to_builder(&self) -> ConfigBuilder {
        ConfigBuilder::from_config(self)
    }

    /// Reads the configuration from environment variables; an empty variable counts as not set.
    ///
    /// A variable is named like the builder's setting, which has its meaning: `ALIYUN_MQTT_CA_FILE` sets
    /// [`ca_file`](Network::ca_file). `ALIYUN_MQTT_ENDPOINT`, `ALIYUN_MQTT_INSTANCE_ID` and `ALIYUN_MQTT_GROUP_ID` are
    /// required, and `ALIYUN_MQTT_AUTH` chooses the credentials ([`AuthMode`](crate::AuthMode)). Optional are
    /// `ALIYUN_MQTT_` with `DEVICE_ID`, `CLEAN_SESSION`, `PROTOCOL`, `TIMEOUT` (in seconds), `MAX_PAYLOAD`
    /// ([`Limits::payload_len`]), `CA_FILE`, `CLIENT_CERT_FILE`, `CLIENT_KEY_FILE`
    /// ([`client_certificate_files`](Network::client_certificate_files)) and `PROXY` (`env` for
    /// [`Network::proxy_from_env`]). The book's chapter "Settings" has the table of all of them.
    ///
    /// [`ConfigBuilder::from_env`] does the same, and allows changes before the configuration is built.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a variable is missing or breaks a rule. The error names it, and never
    /// shows a secret. A variable that has no effect is a warning in the log: one that begins with `ALIYUN_MQTT_` and
    /// is not read, and one for another authentication mode if `ALIYUN_MQTT_AUTH` is not set.
    pub fn from_env() -> Result<Self> {
        ConfigBuilder::from_env().build()
    }

    /// Checks a message as [`publish`](crate::Client::publish) does, as far as that needs no connection.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the topic, the size or a property breaks a rule, or MQTT 3.1.1 cannot
    /// carry the properties.
    pub fn check(&self, message: &Outgoing) -> Result<()> {
        names::check_topic(&message.topic, self.limits())?;
        names::check_payload(message.payload.len(), &message.topic, self.limits())?;
        message.check_properties(self.limits(), self.protocol() == Protocol::V5)
    }

    /// Returns the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Returns the HTTP proxy on the way to the endpoint, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.0.proxy.as_ref()
    }

    /// Returns the instance id; it is empty if custom authentication with a whole client id was given none.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.0.instance_id
    }

    /// Returns the client id: as given, or with a device id generated by [`ConfigBuilder::build`].
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.0.client_id
    }

    /// Returns the credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Returns the version of MQTT.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.settings.protocol
    }

    /// Returns true if the server discards the session when the connection ends.
    #[must_use]
    pub fn clean_session(&self) -> bool {
        self.0.settings.clean_session
    }

    /// Returns how long the server is asked to keep the session without a connection (MQTT 5). `None` with MQTT 3.1.1,
    /// which has no such setting, and for a clean session, which ends with its connection.
    #[must_use]
    pub fn session_expiry(&self) -> Option<Duration> {
        let kept = self.protocol() == Protocol::V5 && !self.clean_session();
        kept.then(|| self.0.settings.session_expiry.unwrap_or(protocol::SESSION_EXPIRY))
    }

    /// Returns the maximum number of QoS 1 and 2 messages that the server may have unacknowledged with this client
    /// (MQTT 5). `None` if none is announced; the server may then send any number.
    #[must_use]
    pub fn receive_maximum(&self) -> Option<u16> {
        self.0.settings.receive_maximum
    }

    /// Returns the keep-alive period.
    #[must_use]
    pub fn keep_alive(&self) -> Duration {
        self.0.settings.keep_alive
    }

    /// Returns the timeout of calls that have no deadline of their own.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    /// Returns the window with which a connection starts: the maximum number of unacknowledged messages and requests.
    #[must_use]
    pub fn window(&self) -> u16 {
        self.0.settings.window.unwrap_or_else(|| settings::START_WINDOW.min(self.max_window()))
    }

    /// Returns how far the window may grow. If it is fixed, this is the same as [`window`](Config::window).
    #[must_use]
    pub fn max_window(&self) -> u16 {
        let Settings { window, max_window, .. } = &self.0.settings;
        window.or(*max_window).unwrap_or(settings::MAX_WINDOW)
    }

    /// Returns the service's limits and the bounds of the queues.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.settings.limits
    }

    /// Returns the maximum publish rate, in messages per second; `None` means unlimited.
    #[must_use]
    pub fn max_publish_rate(&self) -> Option<f64> {
        self.0.settings.max_publish_rate
    }

    /// Returns true if each connection is switched to ordered messages.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.0.settings.ordered
    }

    /// Returns when received messages are acknowledged.
    #[must_use]
    pub fn ack_mode(&self) -> AckMode {
        self.0.settings.ack_mode
    }

    /// Returns how long a queued message may stay unsettled; `None` means the timeout, or no limit with a spool.
    #[must_use]
    pub fn message_age(&self) -> Option<Duration> {
        self.0.settings.message_age
    }

    /// Returns how long a client that was connected before keeps trying after its login was refused.
    #[must_use]
    pub fn refusal_patience(&self) -> Duration {
        self.0.settings.refusal_patience
    }

    /// Returns how long the client itself refuses messages to a topic that the service refuses.
    #[must_use]
    pub fn refused_topic_pause(&self) -> Duration {
        self.0.settings.refused_topic_pause
    }

    /// Returns the initial upper bound of the pause before a reconnect.
    #[must_use]
    pub fn backoff_min(&self) -> Duration {
        self.0.settings.backoff_min
    }

    /// Returns the maximum pause before a reconnect.
    #[must_use]
    pub fn backoff_max(&self) -> Duration {
        self.0.settings.backoff_max
    }

    /// Returns the fraction of a token's lifetime after which it is renewed.
    #[must_use]
    pub fn token_renewal(&self) -> f64 {
        self.0.settings.token_renewal
    }

    /// Returns true if the service's notices are also delivered as messages.
    #[must_use]
    pub fn deliver_notices(&self) -> bool {
        self.0.settings.deliver_notices
    }

    /// Returns the topic for replies to requests; `None` means P2P to this client.
    #[must_use]
    pub fn response_topic(&self) -> Option<&str> {
        self.0.settings.response_topic.as_deref()
    }

    /// Returns the spool, which keeps QoS 1 and 2 messages until they are acknowledged; `None`: they are in memory
    /// only.
    #[cfg(feature = "spool")]
    #[must_use]
    pub fn spool(&self) -> Option<&Spool> {
        self.own_spool()
    }

    /// Returns the spool; always `None` without the cargo feature.
    pub(crate) fn own_spool(&self) -> Option<&Spool> {
        self.0.settings.spool.as_ref()
    }

    /// Returns the server's name in messages: the endpoint, and the proxy on the way to it.
    pub(crate) fn route(&self) -> String {
        proxy::route(&self.0.endpoint, self.proxy())
    }

    /// Returns the TLS configuration; `None` for a plain endpoint.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.0.tls.as_ref()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.0.endpoint.to_string())
            .field("proxy", &self.0.proxy)
            .field("instance_id", &self.0.instance_id)
            .field("client_id", &self.0.client_id)
            .field("credentials", &self.0.credentials)
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
