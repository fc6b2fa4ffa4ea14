//! The settings that have a default.

use std::time::Duration;

use super::Protocol;
use crate::error::{Error, Hint, Result};
use crate::limits::Limits;
use crate::spool::Spool;

/// The settings that have a default.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) protocol: Protocol,
    pub(super) clean_session: bool,
    /// `None` if it was not set.
    pub(super) session_expiry: Option<Duration>,
    pub(super) receive_maximum: Option<u16>,
    pub(super) keep_alive: Duration,
    pub(super) timeout: Duration,
    /// `None` unless it is fixed.
    pub(super) window: Option<u16>,
    pub(super) max_window: Option<u16>,
    pub(super) limits: Limits,
    pub(super) max_publish_rate: Option<f64>,
    pub(super) ordered: bool,
    pub(super) ack_mode: AckMode,
    pub(super) message_age: Option<Duration>,
    pub(super) refusal_patience: Duration,
    pub(super) refused_topic_pause: Duration,
    pub(super) backoff_min: Duration,
    pub(super) backoff_max: Duration,
    pub(super) token_renewal: f64,
    pub(super) deliver_notices: bool,
    pub(super) response_topic: Option<String>,
    pub(super) spool: Option<Spool>,
}

/// When a received QoS 1 or 2 message is acknowledged.
///
/// The server keeps the message until then. The service sends it again after 5 to 10 s without an acknowledgement (help
/// page "Limits").
///
/// The manual has more about [receiving](crate::manual::receiving).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AckMode {
    /// When the program takes it from the client or a subscription. Messages that were received but not taken are
    /// delivered again after a crash.
    #[default]
    OnTake,
    /// When it arrives. This gives the fewest duplicates, but a crash loses the messages that were not taken yet.
    OnArrival,
    /// When the program calls [`Message::ack`](crate::Message::ack).
    Manual,
}

/// The window with which a connection starts unless it is fixed.
pub(super) const START_WINDOW: u16 = 100;

/// How far the window grows by default.
pub(super) const MAX_WINDOW: u16 = 1_000;

impl Default for Settings {
    fn default() -> Self {
        Settings {
            protocol: Protocol::V311,
            clean_session: true,
            session_expiry: None,
            receive_maximum: None,
            keep_alive: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
            window: None,
            max_window: None,
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
            spool: None,
        }
    }
}

/// The maximum session expiry of the service, in seconds (help page "MQTT 5.0 session expiry interval").
const LONGEST_EXPIRY: u64 = 2_147_483_647;

/// Checks the settings that depend on the version.
pub(super) fn check_version(settings: &Settings) -> Result<()> {
    if settings.protocol != Protocol::V5 {
        let given = [
            ("session_expiry", settings.session_expiry.is_some()),
            ("receive_maximum", settings.receive_maximum.is_some()),
        ];
        return match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Error::config(format!("{name} needs MQTT 5")).with_hint(Hint::UseMqtt5)),
            None => Ok(()),
        };
    }
    if let Some(expiry) = settings.session_expiry {
        if settings.clean_session {
            return Err(Error::config("session_expiry is given, but a clean session ends with its connection")
                .with_hint(Hint::KeepSession));
        }
        if expiry.subsec_nanos() != 0 || !(1..=LONGEST_EXPIRY).contains(&expiry.as_secs()) {
            let message = format!(
                "session_expiry is {expiry:?}; it must be whole seconds, from 1 to {LONGEST_EXPIRY} (the service \
                 raises less than 10 minutes to 10 minutes)"
            );
            return Err(Error::config(message));
        }
    }
    if settings.receive_maximum == Some(0) {
        return Err(Error::config("receive_maximum is 0; it must be from 1 to 65535"));
    }
    Ok(())
}
