//! Events as a line of text.

use std::fmt;

use super::{Event, Untaken};
use crate::printable::{counted, excerpt};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Connected { .. } => f.write_str("connected"),
            Event::Disconnected { reason, retry_in: Some(pause) } => {
                write!(f, "disconnected, trying again in {} ms: {reason}", pause.as_millis())
            }
            Event::Disconnected { reason, retry_in: None } => write!(f, "disconnected for good: {reason}"),
            Event::Notice(notice) => write!(f, "notice of the service: {notice}"),
            Event::SubscriptionLost { reason, .. } | Event::MessageSetAside { reason, .. } => write!(f, "{reason}"),
            Event::TopicRefused { topic, retry_in, reason } => {
                write!(f, "messages to {topic:?} are refused for {} s: {reason}", retry_in.as_secs())
            }
            Event::TokenRenewed { kind, .. } => write!(f, "the token of the kind {kind} was renewed"),
            Event::TokenRenewalFailed { reason, .. } => write!(f, "the token could not be renewed: {reason}"),
            Event::SpoolSetAside { path, reason } => write!(f, "{reason}; it was renamed to {}", path.display()),
            Event::InboxFull => {
                f.write_str("the inbox is full: QoS 0 messages are dropped, others are left to the server")
            }
            Event::AcksHeldBack { topic, taken, held_back } => {
                let what = if *taken { "was taken, but not acknowledged" } else { "is not taken by the program" };
                write!(
                    f,
                    "a message to \"{}\" {what}, and holds back {}, since acknowledgements are sent in the order of \
                     receipt; the server sends those messages again",
                    excerpt(topic),
                    counted(*held_back, "later acknowledgement")
                )
            }
            Event::Ended { reason, untaken, .. } => {
                write!(f, "the client has ended")?;
                if let Some(Untaken { count, .. }) = untaken {
                    write!(f, " with {} that the program did not take", counted(*count, "received message"))?;
                }
                write!(f, ": {reason}")
            }
        }
    }
}
