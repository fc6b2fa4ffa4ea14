//! The state of an examination: the settings, and what the steps have learned so far.

use std::cell::OnceCell;
use std::net::SocketAddr;
use std::time::Duration;

use aliyun_mqtt::openapi::Api;
use aliyun_mqtt::{Client, Config, Endpoint, Error, Events, Proxy};

use super::args::DoctorArgs;
use super::cause::{Cause, Here};
use super::outcome::Problem;
use super::tls::Trust;
use crate::advice;
use crate::exit::Result;
use crate::interrupt::Interrupt;
use crate::lang::Phrase;
use crate::settings::{Key, Settings};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The backoff between attempts. Short, because doctor provokes lost connections and wants a result soon.
pub(super) const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// The findings so far. A step is skipped if an earlier one did not find what it needs.
pub(super) struct Examination<'a> {
    pub(super) args: &'a DoctorArgs,
    pub(super) settings: Settings,
    pub(super) interrupt: Interrupt,
    pub(super) timeout: Duration,
    pub(super) here: Here,
    pub(super) endpoint: Option<Endpoint>,
    /// The proxy on the way to the endpoint; it resolves the name and opens the connection.
    pub(super) proxy: Option<Proxy>,
    pub(super) addresses: Vec<SocketAddr>,
    /// The first address that accepted a connection.
    pub(super) reached: Option<SocketAddr>,
    trust: OnceCell<Result<Trust, String>>,
    /// TLS works, or the endpoint is plain.
    pub(super) secured: bool,
    /// A setting or a name is invalid.
    pub(super) misconfigured: bool,
    /// The client id, unless it is generated for this run.
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
        let is_here = |key| settings.peek(key).is_some_and(advice::is_local);
        Examination {
            args,
            here: Here { server: is_here(Key::Endpoint), api: is_here(Key::ApiEndpoint) },
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

    /// Returns the certificates to trust, or the problem of a file with certificates.
    pub(super) fn trust(&self) -> Result<&Trust, Problem> {
        let trust = self.trust.get_or_init(|| Trust::load(&self.settings));
        trust.as_ref().map_err(|why| Problem::new(Cause::CaFileUnusable, why.as_str()))
    }

    /// Makes Ctrl-C end all calls that wait for this client.
    pub(super) fn interrupt_ends(&self, client: &Client) {
        let closer = client.closer();
        self.interrupt.on(move || closer.close());
    }
}

/// The reason why the API cannot be asked.
#[derive(Debug, Clone)]
pub(super) enum NoApi {
    /// It is not configured, or `--offline` is given.
    Absent(Phrase),
    /// Its configuration is invalid.
    Wrong(Cause, String),
}

impl NoApi {
    /// Returns the reason to skip a step for this.
    pub(super) fn reason_for(&self, what: Phrase) -> Phrase {
        match self {
            NoApi::Absent(why) => what.because(why),
            NoApi::Wrong(_, message) => what.because(&Phrase::untranslated(message.as_str())),
        }
    }
}
