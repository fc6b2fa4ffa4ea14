//! Writes events to the log.

use crate::config::Config;
use crate::error::Error;
use crate::events::{Event, Untaken};
use crate::printable::{counted, excerpt};

/// Writes an event to the log.
pub(super) fn log_event(event: &Event, config: &Config) {
    match event {
        Event::Connected { .. } => log::info!("connected to {}", config.route()),
        Event::Notice(_) | Event::TokenRenewed { .. } => log::info!("{event}"),
        Event::Ended { reason, untaken, unsent_acks } => log_end(reason, untaken.as_ref(), *unsent_acks),
        _ => log::warn!("{event}"),
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
