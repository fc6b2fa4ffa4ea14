//! The body of an operation: the packet to be sent.

use std::sync::Arc;
use std::time::Instant;

use super::Op;
use crate::delivery::Slot;
use crate::message::{Outgoing, block};
use crate::session::core::numbered::Numbered;
use crate::subscribe_options::FilterRequest;

/// The packet of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Publish(Arc<Outgoing>),
    /// `own`: for the client's own queue, not for that of a handle.
    Subscribe {
        filters: Vec<FilterRequest>,
        own: bool,
    },
    Unsubscribe(String),
}

impl Body {
    /// Returns the bytes it counts against the outbox's bound: its allocations and the outbox's bookkeeping.
    pub(in crate::session) fn size(&self) -> usize {
        // Its places among the operations, the deadlines and those sent again, half of which may be empty; and the
        // slot of its outcome.
        let places = Numbered::<Op>::PER_ITEM + 2 * (size_of::<(Instant, u64)>() + size_of::<u64>());
        let kept = places + block(size_of::<Slot>());
        let held = match self {
            Body::Publish(message) => block(size_of::<Outgoing>()) + message.held(),
            Body::Subscribe { filters, .. } => {
                let texts = filters.iter().map(|(filter, _)| block(filter.capacity())).sum::<usize>();
                block(filters.capacity() * size_of::<FilterRequest>()) + texts
            }
            Body::Unsubscribe(filter) => block(filter.capacity()),
        };
        kept + held
    }

    /// Returns the filters of a SUBSCRIBE.
    pub(in crate::session) fn filters(&self) -> impl Iterator<Item = &str> {
        let filters = match self {
            Body::Subscribe { filters, .. } => filters.as_slice(),
            _ => &[],
        };
        filters.iter().map(|(filter, _)| filter.as_str())
    }

    /// Names the operation in error messages.
    pub(in crate::session) fn describe(&self) -> String {
        match self {
            Body::Publish(message) => format!("PUBLISH to \"{}\" ({})", message.topic, message.qos),
            Body::Subscribe { filters, .. } => {
                let filters: Vec<_> = filters.iter().map(|(filter, _)| format!("\"{filter}\"")).collect();
                format!("SUBSCRIBE to {}", filters.join(", "))
            }
            Body::Unsubscribe(filter) => format!("UNSUBSCRIBE from \"{filter}\""),
        }
    }
}
