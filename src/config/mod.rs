//! Everything a client has to know before it connects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::error::Result;
use crate::identity::{self, ClientId};
use crate::limits::Limits;
use crate::message::Outgoing;
use endpoint::Endpoint;
use proxy::Proxy;

mod builder;
mod checks;
pub(crate) mod endpoint;
pub(crate) mod environment;
mod protocol;
pub(crate) mod proxy;

pub use builder::ConfigBuilder;
pub use protocol::Protocol;

/// A checked configuration, ready for [`Client::connect`](crate::Client::connect).
///
/// Made by a [`ConfigBuilder`] or from the [environment](Config::from_env). Cloning is cheap. `Debug` hides secrets.
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
    credentials: Credentials,
    settings: Settings,
    proxy: Option<Proxy>,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Tls>,
}

/// What has a default.
#[derive(Debug, Clone)]
struct Settings {
    protocol: Protocol,
    clean_session: bool,
    /// `None` where nothing was asked for.
    session_expiry: Option<Duration>,
    receive_maximum: Option<u16>,
    keep_alive: Duration,
    timeout: Duration,
    window: u16,
    limits: Limits,
    max_publish_rate: Option<f64>,
    ordered: bool,
    ack_mode: AckMode,
    message_age: Option<Duration>,
    refusal_patience: Duration,
    refused_topic_pause: Duration,
    backoff_min: Duration,
    backoff_max: Duration,
    token_renewal: f64,
    deliver_notices: bool,
    response_topic: Option<String>,
    #[cfg(feature = "spool")]
    spool: Option<crate::spool::Spool>,
}

/// When a received QoS 1 or 2 message is acknowledged.
///
/// Until then the broker keeps it, and the service pushes it again after 5 to 10 s without an acknowledgement (help page
/// "Limits").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AckMode {
    /// When the program takes it from the client or a stream. What was received but not taken is delivered again
    /// after a crash.
    #[default]
    OnTake,
    /// When it arrives. Fewest repeats, but a crash loses what was not taken yet.
    OnArrival,
    /// When the program calls [`Message::ack`](crate::Message::ack).
    Manual,
}

impl Config {
    /// Starts a configuration from the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The configuration from environment variables; an empty variable counts as not set.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `ALIYUN_MQTT_ENDPOINT` | see [`Endpoint`]; required |
    /// | `ALIYUN_MQTT_INSTANCE_ID` | required |
    /// | `ALIYUN_MQTT_GROUP_ID` | required |
    /// | `ALIYUN_MQTT_DEVICE_ID` | a unique one is made if it is not set |
    /// | `ALIYUN_MQTT_AUTH` | `signature` (default), `token` or `device`; the variables of each stand at [`AuthMode`](crate::AuthMode) |
    /// | `ALIYUN_MQTT_CA_FILE` | CA certificates trusted besides the system's, PEM |
    /// | `ALIYUN_MQTT_CLIENT_CERT_FILE`, `ALIYUN_MQTT_CLIENT_KEY_FILE` | the client's certificate and key, PEM; both or none |
    /// | `ALIYUN_MQTT_PROXY` | `http://[user:password@]host:port`, or `env`; see [`ConfigBuilder::proxy`] and [`ConfigBuilder::proxy_from_env`] |
    /// | `ALIYUN_MQTT_CLEAN_SESSION` | `true` (default) or `false` |
    /// | `ALIYUN_MQTT_PROTOCOL` | `3.1.1` (default) or `5` |
    /// | `ALIYUN_MQTT_TIMEOUT` | seconds, 1 to 3600; default 30 |
    /// | `ALIYUN_MQTT_MAX_PAYLOAD` | bytes, [`Limits::payload_len`]: the largest payload to send and receive; default 65536 |
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a variable is missing or breaks a rule; it is named. A secret is never
    /// shown. What is set and has no effect is a warning in the log: a variable that begins with `ALIYUN_MQTT_` and is not
    /// read, and one of another way to log in where `ALIYUN_MQTT_AUTH` is not set.
    pub fn from_env() -> Result<Self> {
        environment::warn_of_unread();
        ConfigBuilder::from_env_with_credentials(&environment::Env::process()).build()
    }

    /// Whether a client with this configuration takes the message: the checks of
    /// [`publish`](crate::Client::publish) that need no connection, before there is one.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the topic, the size or a property breaks a rule, or MQTT 3.1.1 cannot carry
    /// the properties.
    pub fn check(&self, message: &Outgoing) -> Result<()> {
        identity::check_topic(&message.topic, self.limits())?;
        identity::check_payload(message.payload.len(), &message.topic, self.limits())?;
        message.check_properties(self.limits(), self.protocol() == Protocol::V5)
    }

    /// Where to connect.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// The HTTP proxy on the way there; `None` where there is none.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.0.proxy.as_ref()
    }

    /// The instance's id; empty where custom authentication with a whole client id was given none.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.0.instance_id
    }

    /// The client id: as given, or with a device id made by [`ConfigBuilder::build`].
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.0.client_id
    }

    /// The credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// The version of MQTT that is spoken.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.settings.protocol
    }

    /// Whether the broker forgets the session when the connection ends.
    #[must_use]
    pub fn clean_session(&self) -> bool {
        self.0.settings.clean_session
    }

    /// How long the broker is asked to keep the session without a connection (MQTT 5). `None` with MQTT 3.1.1, which
    /// cannot say it, and with a clean session, which ends with its connection.
    #[must_use]
    pub fn session_expiry(&self) -> Option<Duration> {
        let kept = self.protocol() == Protocol::V5 && !self.clean_session();
        kept.then(|| self.0.settings.session_expiry.unwrap_or(protocol::SESSION_EXPIRY))
    }

    /// How many QoS 1 and 2 messages the broker may have unacknowledged with this client (MQTT 5); `None` where it is not
    /// told, and then as many as it likes.
    #[must_use]
    pub fn receive_maximum(&self) -> Option<u16> {
        self.0.settings.receive_maximum
    }

    /// How often an idle connection is shown to be alive.
    #[must_use]
    pub fn keep_alive(&self) -> Duration {
        self.0.settings.keep_alive
    }

    /// How long a call may take that has no deadline of its own.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    /// How many messages and requests may be unacknowledged at a time.
    #[must_use]
    pub fn window(&self) -> u16 {
        self.0.settings.window
    }

    /// The service's limits and the bounds of the queues.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.settings.limits
    }

    /// The highest publish rate, in messages per second; `None` means unlimited.
    #[must_use]
    pub fn max_publish_rate(&self) -> Option<f64> {
        self.0.settings.max_publish_rate
    }

    /// Whether each connection is switched to ordered messages.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.0.settings.ordered
    }

    /// When received messages are acknowledged.
    #[must_use]
    pub fn ack_mode(&self) -> AckMode {
        self.0.settings.ack_mode
    }

    /// How long a message handed over without waiting may stay unsettled; `None` means as long as the time-out, or in a
    /// spool without limit.
    #[must_use]
    pub fn message_age(&self) -> Option<Duration> {
        self.0.settings.message_age
    }

    /// How long a client that was connected before goes on trying after its login was refused.
    #[must_use]
    pub fn refusal_patience(&self) -> Duration {
        self.0.settings.refusal_patience
    }

    /// How long messages to a topic that the service refuses are refused here.
    #[must_use]
    pub fn refused_topic_pause(&self) -> Duration {
        self.0.settings.refused_topic_pause
    }

    /// The shortest upper bound of the pause before a reconnect.
    #[must_use]
    pub fn backoff_min(&self) -> Duration {
        self.0.settings.backoff_min
    }

    /// The longest pause before a reconnect.
    #[must_use]
    pub fn backoff_max(&self) -> Duration {
        self.0.settings.backoff_max
    }

    /// The part of its life after which a token is renewed.
    #[must_use]
    pub fn token_renewal(&self) -> f64 {
        self.0.settings.token_renewal
    }

    /// Whether the service's notices are also delivered as messages.
    #[must_use]
    pub fn deliver_notices(&self) -> bool {
        self.0.settings.deliver_notices
    }

    /// Where replies to requests go; `None`: to this client by P2P.
    #[must_use]
    pub fn response_topic(&self) -> Option<&str> {
        self.0.settings.response_topic.as_deref()
    }

    /// Where QoS 1 and 2 messages are kept until they are acknowledged; `None`: in memory only.
    #[cfg(feature = "spool")]
    #[must_use]
    pub fn spool(&self) -> Option<&crate::spool::Spool> {
        self.0.settings.spool.as_ref()
    }

    /// What messages call the server: the endpoint, and the proxy on the way there.
    pub(crate) fn route(&self) -> String {
        proxy::route(&self.0.endpoint, self.proxy())
    }

    /// What TLS needs; `None` for a plain endpoint.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> Option<&crate::tls::Tls> {
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

impl Default for Settings {
    fn default() -> Self {
        Settings {
            protocol: Protocol::V311,
            clean_session: true,
            session_expiry: None,
            receive_maximum: None,
            keep_alive: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            window: 100,
            limits: Limits::default(),
            max_publish_rate: None,
            ordered: false,
            ack_mode: AckMode::default(),
            message_age: None,
            refusal_patience: Duration::from_secs(600),
            refused_topic_pause: Duration::from_secs(600),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(120),
            token_renewal: 0.8,
            deliver_notices: false,
            response_topic: None,
            #[cfg(feature = "spool")]
            spool: None,
        }
    }
}

#[cfg(test)]
mod tests;
