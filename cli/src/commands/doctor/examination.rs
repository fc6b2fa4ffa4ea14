//! What is known so far, from the settings and from the steps that ran.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::Duration;

use aliyun_mqtt::openapi::Api;
use aliyun_mqtt::{Client, Config, Endpoint, Error, Events, Proxy};

use super::args::DoctorArgs;
use super::cause::Cause;
use super::outcome::Problem;
use super::tls::Trust;
use crate::exit::Result;
use crate::interrupt::Interrupt;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Pauses between attempts to connect and to call again: a cut is made on purpose here, and an answer is wanted soon.
pub(super) const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// What is known so far. Each step needs what earlier ones have found, and is skipped where that is missing.
pub(super) struct Examination<'a> {
    pub(super) args: &'a DoctorArgs,
    pub(super) settings: Settings,
    pub(super) interrupt: Interrupt,
    pub(super) timeout: Duration,
    pub(super) endpoint: Option<Endpoint>,
    /// On the way to the endpoint: what lies below is then the proxy's business.
    pub(super) proxy: Option<Proxy>,
    pub(super) addresses: Vec<SocketAddr>,
    /// The first address that answered.
    pub(super) reached: Option<SocketAddr>,
    trust: OnceCell<Result<Trust, String>>,
    /// TLS is fine, or not wanted.
    pub(super) secured: bool,
    /// Settings or names are not as they must be.
    pub(super) misconfigured: bool,
    /// The client id, where it is not made for this run.
    pub(super) given_id: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) config: Option<Config>,
    pub(super) session: Option<Session>,
    pub(super) subscribed: bool,
    pub(super) api: OnceCell<Result<Api, NoApi>>,
    pub(super) groups: OnceCell<Result<Vec<String>, Error>>,
}

/// A client that is logged in.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) events: Events,
}

impl<'a> Examination<'a> {
    pub(super) fn new(args: &'a DoctorArgs, settings: Settings, interrupt: Interrupt) -> Self {
        Examination {
            args,
            settings,
            interrupt,
            timeout: TIMEOUT,
            endpoint: None,
            proxy: None,
            addresses: Vec::new(),
            reached: None,
            trust: OnceCell::new(),
            secured: false,
            misconfigured: false,
            given_id: None,
            topic: None,
            parent: None,
            config: None,
            session: None,
            subscribed: false,
            api: OnceCell::new(),
            groups: OnceCell::new(),
        }
    }

    /// Whom to trust; the error is what is wrong with a file.
    pub(super) fn trust(&self) -> Result<&Trust, Problem> {
        let trust = self.trust.get_or_init(|| Trust::load(&self.settings));
        trust.as_ref().map_err(|why| Problem::new(Cause::CaFileUnusable, why.as_str()))
    }

    /// Ctrl-C wakes whatever waits for this client.
    pub(super) fn interrupt_ends(&self, client: &Client) {
        let client = client.with_timeout(Duration::ZERO);
        // What is not delivered is a test message.
        self.interrupt.on(move || drop(client.disconnect()));
    }
}

/// Why the API cannot be asked.
#[derive(Debug, Clone)]
pub(super) enum NoApi {
    /// It is not configured, or not to be asked.
    Absent(&'static str),
    /// What is configured does not do.
    Wrong(Cause, String),
}

impl NoApi {
    /// As the reason of a step that is skipped.
    pub(super) fn told(&self, what: &str) -> String {
        match self {
            NoApi::Absent(why) => format!("{what}: {why}"),
            NoApi::Wrong(_, message) => format!("{what}: {message}"),
        }
    }
}
