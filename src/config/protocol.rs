//! The version of MQTT, and the settings that only MQTT 5 has.

use std::fmt;
use std::time::Duration;

use super::Settings;
use crate::error::{Error, Hint, Result};

/// How long the broker is asked to keep a session, unless the program says otherwise: as long as the service keeps offline
/// messages (3 days, help page "Limits").
pub(super) const SESSION_EXPIRY: Duration = Duration::from_secs(3 * 24 * 3600);

/// The longest the service keeps one (help page "MQTT 5.0 session expiry interval").
const LONGEST_EXPIRY: u64 = 2_147_483_647;

/// A version of MQTT.
///
/// The service speaks MQTT 5 on Professional, Enterprise Platinum and Serverless instances; instances that exist already
/// need a ticket (help page "MQTT 5.0 overview"). MQTT 5 brings properties of messages
/// ([`Outgoing`](crate::Outgoing), [`Message`](crate::Message)), options of subscriptions
/// ([`SubscribeOptions`](crate::SubscribeOptions)), and reasons for refusals. Neither version has retained messages, wills
/// or shared subscriptions in the service.
///
/// Topic aliases are not used, though the service has them: the codec underneath (rumqttc 0.25.1) gives received messages
/// out with an empty topic where an alias stands for it, and an alias for sending saves a few bytes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// MQTT 3.1.1, which every instance speaks.
    #[default]
    V311,
    /// MQTT 5.
    V5,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::V311 => "MQTT 3.1.1",
            Protocol::V5 => "MQTT 5",
        })
    }
}

/// Checks what depends on the version.
pub(super) fn check(settings: &Settings) -> Result<()> {
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
