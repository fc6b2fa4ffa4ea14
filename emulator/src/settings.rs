//! The settings of an emulator, and their defaults.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::account::{Directory, Group};
use crate::log::Bounds;
use crate::names;
use crate::token::Permission;

/// The default instance id of an emulator.
pub const DEFAULT_INSTANCE_ID: &str = "post-cn-emulator";
/// The default group id of an emulator.
pub const DEFAULT_GROUP_ID: &str = "GID_emulator";
/// The region id in the environment that an emulator prints. The emulator accepts any.
pub const DEFAULT_REGION_ID: &str = "cn-emulator";
/// The default parent topic of an emulator.
pub const DEFAULT_PARENT_TOPIC: &str = "emulator";
/// The default AccessKey id of an emulator. Not a real one.
pub const DEFAULT_ACCESS_KEY_ID: &str = "emulator-access-key-id";
/// The default AccessKey secret of an emulator. Not a real one.
pub const DEFAULT_ACCESS_KEY_SECRET: &str = "emulator-access-key-secret";

/// The number of listeners: TCP, TLS, WebSocket, secure WebSocket, and HTTP and HTTPS for the OpenAPI.
pub(crate) const LISTENERS: usize = 6;

/// The limits of the service that the emulator enforces.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum payload of a message in bytes; more is a violation. Default: 65,536.
    pub payload: usize,
    /// The maximum size of a packet in bytes, header included; more is a violation. Default: 131,072; at most 16 MiB.
    pub packet: usize,
    /// The maximum length of a topic or filter in bytes; more is a violation. P2P topics may always have 128. Default:
    /// 128.
    pub topic_length: usize,
    /// The number of filters of a session that receive messages; further ones are acknowledged and receive none.
    /// Default: 30.
    pub filters: usize,
    /// The number of wildcard subscriptions of all sessions to one first level that receive messages; further ones are
    /// acknowledged and receive none. The service has 100. Default: no limit.
    pub wildcards: usize,
    /// The number of messages that a client may publish in a second; more is a violation. The service advises
    /// at most 20, and does not say what it does beyond. Default: no limit.
    pub rate: Option<u32>,
    /// The number of parent topics that an instance can have. The service has 25. Default: no limit.
    pub parent_topics: usize,
    /// True if the OpenAPI enforces the documented rates of its actions. Default: false.
    pub api_rates: bool,
}

impl Limits {
    /// Returns all limits that the service documents, and the rate that it advises, which the emulator enforces.
    #[must_use]
    pub fn strict() -> Self {
        Self { topic_length: 64, wildcards: 100, rate: Some(20), parent_topics: 25, api_rates: true, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload: 64 * 1024,
            packet: 128 * 1024,
            topic_length: 128,
            filters: 30,
            wildcards: usize::MAX,
            rate: None,
            parent_topics: usize::MAX,
            api_rates: false,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) directory: Directory,
    /// The RAM role of the machine, and of every AccessKey.
    pub(crate) ram_role: Option<String>,
    pub(crate) parent_topics: Vec<String>,
    /// Those of the parent topics that are for ordered messages; if there are none, all are.
    pub(crate) ordered_topics: Vec<String>,
    pub(crate) forbidden: BTreeSet<String>,
    /// The tokens that exist from the start.
    pub(crate) tokens: Vec<GivenToken>,
    /// The PEM certificates of the CAs whose device certificates are accepted; empty without mutual TLS.
    pub(crate) client_ca: String,
    /// Names and addresses in the certificate of the server besides those of loopback.
    pub(crate) tls_names: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) address: IpAddr,
    pub(crate) ports: [u16; LISTENERS],
    pub(crate) acknowledge_violations: bool,
    pub(crate) token_notice_lead: Duration,
    pub(crate) token_time_scale: f64,
    pub(crate) retransmit_after: Duration,
    pub(crate) inflight: u16,
    pub(crate) queue: usize,
    pub(crate) log: Bounds,
    /// `None` without a control API.
    pub(crate) control: Option<ControlSettings>,
}

impl Settings {
    pub(crate) fn knows_parent(&self, parent: &str) -> bool {
        self.parent_topics.iter().any(|known| known == parent)
    }

    /// Checks a topic or filter that a rule or a token names: well-formed, and of a parent topic.
    pub(crate) fn check_filter(&self, filter: &str) -> Result<(), String> {
        let parent =
            names::parent_of_filter(filter, self.limits.topic_length).map_err(|why| format!("{filter:?}: {why}"))?;
        if self.knows_parent(parent) { Ok(()) } else { Err(format!("{filter:?}: there is no parent topic {parent:?}")) }
    }
}

/// A token that exists from the start.
#[derive(Clone)]
pub(crate) struct GivenToken {
    pub(crate) token: String,
    pub(crate) permission: Permission,
    pub(crate) resources: Vec<String>,
    pub(crate) lifetime: Duration,
    /// `None` stands for the first one.
    pub(crate) access_key_id: Option<String>,
}

impl fmt::Debug for GivenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenToken").field("resources", &self.resources).finish_non_exhaustive()
    }
}

/// The settings of the control API.
#[derive(Clone)]
pub(crate) struct ControlSettings {
    pub(crate) address: SocketAddr,
    /// `None` stands for a random one.
    pub(crate) token: Option<String>,
    /// Names that a `Host` header may have besides those of loopback with the right port, with any port.
    pub(crate) hosts: Vec<String>,
    /// True to serve the page in the browser, too.
    pub(crate) page: bool,
}

impl fmt::Debug for ControlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSettings").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), token: None, hosts: Vec::new(), page: false }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let directory = Directory {
            instance_id: DEFAULT_INSTANCE_ID.into(),
            groups: vec![Group::new(DEFAULT_GROUP_ID)],
            access_keys: vec![(DEFAULT_ACCESS_KEY_ID.into(), DEFAULT_ACCESS_KEY_SECRET.into())],
            ..Directory::default()
        };
        Self {
            directory,
            ram_role: None,
            parent_topics: vec![DEFAULT_PARENT_TOPIC.into()],
            ordered_topics: Vec::new(),
            forbidden: BTreeSet::new(),
            tokens: Vec::new(),
            client_ca: String::new(),
            tls_names: Vec::new(),
            limits: Limits::default(),
            address: IpAddr::from([127, 0, 0, 1]),
            ports: [0; LISTENERS],
            acknowledge_violations: false,
            token_notice_lead: Duration::from_secs(300),
            token_time_scale: 1.0,
            retransmit_after: Duration::from_secs(10),
            inflight: 1024,
            queue: 1_000_000,
            log: Bounds { entries: 1_000_000, bytes: 128 * 1024 * 1024 },
            control: None,
        }
    }
}
