//! Subscribing and unsubscribing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, Protocol};
use crate::error::{Error, Hint, Result};
use crate::message::QoS;
use crate::names;
use crate::printable::counted;
use crate::session::Session;
use crate::session::calls::publish::WhenFull;
use crate::session::core::op::Body;
use crate::session::core::state::State;
use crate::session::core::subscriptions::{packet_len, refused_filter};
use crate::subscribe_options::FilterRequest;

impl Session {
    /// Sends SUBSCRIBE and blocks until SUBACK. Returns the granted QoS of each filter, or an error if any was refused.
    /// `own`: for the client's own queue.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        filters: &[FilterRequest],
        own: bool,
        deadline: Instant,
    ) -> Result<Vec<QoS>> {
        let body = Body::Subscribe { filters: filters.to_vec(), own };
        let delivery = self.submit(body, deadline, WhenFull::WaitUntil(deadline))?;
        let reply = delivery.finish(deadline)?.ok_or_else(overdue)?;
        let said = reply.reason.as_deref();
        let verdicts = filters.iter().zip(reply.granted);
        verdicts.map(|((filter, _), verdict)| verdict.map_err(|code| refused_filter(filter, code, said))).collect()
    }

    /// Sends UNSUBSCRIBE and blocks until UNSUBACK.
    pub(crate) fn unsubscribe(self: &Arc<Self>, filter: &str, deadline: Instant) -> Result<()> {
        let body = Body::Unsubscribe(filter.to_string());
        let delivery = self.submit(body, deadline, WhenFull::WaitUntil(deadline))?;
        delivery.finish(deadline)?.map(drop).ok_or_else(overdue)
    }

    /// Refuses filters beyond the limit: the service accepts them but sends nothing for them.
    pub(super) fn check_count(&self, state: &State, body: &Body) -> Result<()> {
        let mut all: BTreeSet<&str> = body.filters().collect();
        if all.is_empty() {
            return Ok(());
        }
        all.extend(state.subscriptions.filters());
        all.extend(state.outbox.pending_filters());
        if let Some(overlap) = overlap(state, body) {
            return Err(overlap);
        }
        let limit = self.config.limits().filters;
        if all.len() <= limit {
            return Ok(());
        }
        let message = format!(
            "{} would make {} filters, but a client may have {limit}; the service sends nothing for more",
            body.describe(),
            all.len()
        );
        Err(Error::invalid(message).with_hint(Hint::FilterLimit))
    }
}

/// Refuses filters with identifiers that could match the same message: it would carry several identifiers, whose length
/// rumqttc 0.25.1 miscounts, so that later properties may end up in the payload.
fn overlap(state: &State, body: &Body) -> Option<Error> {
    let Body::Subscribe { filters, .. } = body else { return None };
    let identified = filters.iter().filter(|(_, asked)| asked.identifier.is_some());
    let others = |filter: &str| state.subscriptions.overlapping(filter).or_else(|| state.outbox.overlapping(filter));
    let overlaps = identified.filter_map(|(filter, _)| Some((filter, others(filter)?.to_string())));
    overlaps.map(|(filter, other)| overlapping(filter, &other)).next()
}

/// The error of two filters with identifiers that overlap.
fn overlapping(filter: &str, other: &str) -> Error {
    let message = format!(
        "\"{filter}\" overlaps \"{other}\", and both subscriptions have identifiers: a message that matches both could \
         not be read"
    );
    Error::invalid(message).with_hint(Hint::OneIdentifier)
}

/// Refuses invalid filters before anything is accepted.
pub(crate) fn check_filters(filters: &[FilterRequest], config: &Config) -> Result<()> {
    if filters.is_empty() {
        return Err(Error::invalid("a subscription needs at least one filter"));
    }
    let limits = config.limits();
    let v5 = config.protocol() == Protocol::V5;
    filters.iter().try_for_each(|(filter, asked)| {
        names::check_filter(filter, limits)?;
        asked.check(filter, v5)
    })?;
    check_identifiers(filters)?;
    let size = packet_len(filters);
    if size > limits.packet_len {
        let message = format!(
            "a SUBSCRIBE with {} has {size} bytes, more than packet_len ({})",
            counted(filters.len(), "filter"),
            limits.packet_len
        );
        return Err(Error::invalid(message).with_hint(Hint::SplitSubscribe));
    }
    Ok(())
}

/// Refuses different identifiers in one SUBSCRIBE, which can carry one, and filters with identifiers that overlap.
fn check_identifiers(filters: &[FilterRequest]) -> Result<()> {
    let Some(identifier) = filters.first().map(|(_, asked)| asked.identifier) else { return Ok(()) };
    if filters.iter().any(|(_, asked)| asked.identifier != identifier) {
        let message = "the filters of one subscription call have different identifiers, but a SUBSCRIBE can carry one";
        return Err(Error::invalid(message).with_hint(Hint::SplitSubscribe));
    }
    if identifier.is_none() {
        return Ok(());
    }
    for (index, (filter, _)) in filters.iter().enumerate() {
        let mut earlier = filters[..index].iter().map(|(earlier, _)| earlier);
        if let Some(other) = earlier.find(|other| *other != filter && names::filters_overlap(other, filter)) {
            return Err(overlapping(filter, other));
        }
    }
    Ok(())
}

fn overdue() -> Error {
    Error::internal("an operation stayed open past its deadline")
}
