//! Writes events to the log.

use crate::config::Config;
use crate::error::Error;
use crate::events::{Event, Untaken};
use crate::printable::{counted, excerpt};

/// Writes an event to the log.
pub(super) fn log_event(event: &Event, config: &Config) {
    match event {
        Event::Notice(notice) => log::info!("notice of the service: {notice}"),
        Event::SubscriptionLost { reason, .. } => log::warn!("{reason}"),
        Event::TopicRefused { topic, retry_in, reason } => {
            log::warn!("messages to {topic:?} are refused for {} s: {reason}", retry_in.as_secs());
        }
        Event::TokenRenewed { kind, .. } => log::info!("the token of the kind {kind} was renewed"),
        Event::TokenRenewalFailed { reason, .. } => log::warn!("the token could not be renewed: {reason}"),
        Event::InboxFull => {
            log::warn!("the inbox is full: QoS 0 messages are dropped, others are left to the server");
        }
        Event::Connected { .. } => log::info!("connected to {}", config.route()),
        Event::Disconnected { reason, retry_in: Some(pause) } => {
            log::warn!("disconnected, trying again in {} ms: {reason}", pause.as_millis());
        }
        Event::Disconnected { reason, retry_in: None } => log::warn!("disconnected for good: {reason}"),
        Event::MessageSetAside { reason, .. } => log::warn!("{reason}"),
        Event::SpoolSetAside { path, reason } => log::warn!("{reason}; it was renamed to {}", path.display()),
        Event::AcksHeldBack { topic, taken, held_back } => {
            let what = if *taken { "was taken, but not acknowledged" } else { "is not taken by the program" };
            log::warn!(
                "a message to \"{}\" {what}, and holds back {}, since acknowledgements are sent in the order of \
                 receipt; the server sends those messages again",
                excerpt(topic),
                counted(*held_back, "later acknowledgement")
            );
        }
        Event::Ended { reason, untaken, unsent_acks } => log_end(reason, untaken.as_ref(), *unsent_acks),
    }
}

/// The log target for messages left in the inbox, so that a program that leaves some on purpose can filter it.
const UNTAKEN: &str = "aliyun_mqtt::untaken";

fn log_end(reason: &Error, untaken: Option<&Untaken>, unsent_acks: usize) {
    if let Some(Untaken { count, first_topic }) = untaken {
        log::warn!(
            target: UNTAKEN,
            "the client has ended with {} that the program did not take, the first to \"{}\"; only a kept session \
             sends those again that were not acknowledged",
            counted(*count, "received message"),
            excerpt(first_topic)
        );
    }
    if unsent_acks > 0 {
        log::warn!(
            "the client has ended with {} that could not be sent: the server sends those messages again",
            counted(unsent_acks, "acknowledgement")
        );
    }
    log::debug!("the client has ended: {reason}");
}
