//! The filters that this client has subscribed to, which are restored when the server has no session.

use std::collections::BTreeSet;

use crate::error::{Code, Error, ErrorKind, Fate};
use crate::message::number_len;
use crate::names;
use crate::session::core::op::{Kind, answered_hint};
use crate::subscribe_options::{FilterRequest, SubscribeOptions};

/// Cuts that make a filter a suspect (see `evidence`); one more, alone in its packet, convicts it.
const DROPS: u32 = 2;

/// The most filters in one SUBSCRIBE: with names of the service's length, some 13 KB.
const PER_PACKET: usize = 100;

/// Returns the length of a SUBSCRIBE with these filters in MQTT 5, which is at least that in 3.1.1.
pub(in crate::session) fn packet_len(filters: &[FilterRequest]) -> usize {
    let identifier = filters.first().and_then(|(_, asked)| asked.identifier);
    let properties = identifier.map_or(0, |id| 1 + number_len(id as usize));
    // Packet id and length of the properties; length and options of each filter.
    let rest = 2 + 1 + properties + filters.iter().map(|(filter, _)| filter.len() + 3).sum::<usize>();
    1 + number_len(rest) + rest
}

/// The error of a filter that the server refused. `said`: the server's reason string.
pub(in crate::session) fn refused_filter(filter: &str, code: u8, said: Option<&str>) -> Error {
    let code = Code::SubAck(code);
    let said = said.map(|said| format!("; the server says: {said}")).unwrap_or_default();
    Error::new(ErrorKind::Rejected, format!("the server refused the subscription to \"{filter}\": {code}{said}"))
        .with_code(code)
        .with_fate(Fate::Refused)
        .with_hint(answered_hint(Kind::Request, code))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Subscription {
    filter: String,
    asked: SubscribeOptions,
    drops: u32,
}

/// The granted filters, in the order they were granted.
#[derive(Debug, Default)]
pub(in crate::session) struct Subscriptions {
    list: Vec<Subscription>,
    /// The filters for the client's own queue, not only for the queue of a handle.
    own: BTreeSet<String>,
}

impl Subscriptions {
    /// Notes that SUBACK granted this filter.
    pub(in crate::session) fn granted(&mut self, filter: &str, asked: SubscribeOptions) {
        match self.list.iter_mut().find(|subscription| subscription.filter == filter) {
            Some(subscription) => {
                subscription.asked = asked;
                subscription.drops = 0;
            }
            None => self.list.push(Subscription { filter: filter.to_string(), asked, drops: 0 }),
        }
    }

    /// Keeps the filter for the client's own queue, whichever handles end.
    pub(in crate::session) fn owned(&mut self, filter: &str) {
        self.own.insert(filter.to_string());
    }

    /// Keeps the filter for the client's own queue, too, if it is subscribed. Returns true if it is.
    pub(in crate::session) fn own_if_subscribed(&mut self, filter: &str) -> bool {
        let subscribed = self.filters().any(|subscribed| subscribed == filter);
        if subscribed {
            self.owned(filter);
        }
        subscribed
    }

    /// Notes that the filter was subscribed again, if it is still wanted.
    pub(in crate::session) fn restored(&mut self, filter: &str, asked: SubscribeOptions) {
        if self.filters().any(|subscribed| subscribed == filter) {
            self.granted(filter, asked);
        }
    }

    /// Notes a filter that the server may have granted although its SUBACK did not arrive in time.
    pub(in crate::session) fn doubtful(&mut self, filter: &str, asked: SubscribeOptions) {
        if !self.filters().any(|subscribed| subscribed == filter) {
            self.granted(filter, asked);
        }
    }

    /// Returns true if a filter has to be unsubscribed now that its last handle is gone.
    pub(in crate::session) fn only_for_handles(&self, filter: &str) -> bool {
        !self.own.contains(filter) && self.filters().any(|subscribed| subscribed == filter)
    }

    pub(in crate::session) fn remove(&mut self, filter: &str) {
        self.own.remove(filter);
        self.list.retain(|subscription| subscription.filter != filter);
    }

    pub(in crate::session) fn filters(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|subscription| subscription.filter.as_str())
    }

    /// Returns another filter with an identifier that shares topics with `filter`, which has an identifier, too.
    pub(in crate::session) fn overlapping(&self, filter: &str) -> Option<&str> {
        let others = self.list.iter().filter(|other| other.asked.identifier.is_some() && other.filter != filter);
        others.map(|other| other.filter.as_str()).find(|other| names::filters_overlap(other, filter))
    }

    /// Returns true if any filter is a suspect.
    pub(in crate::session) fn has_suspects(&self) -> bool {
        self.list.iter().any(|subscription| subscription.drops >= DROPS)
    }

    /// Acquits all filters.
    pub(in crate::session) fn acquit(&mut self) {
        self.list.iter_mut().for_each(|subscription| subscription.drops = 0);
    }

    /// Returns the packets that restore the subscriptions: as few as possible within this length, at most one
    /// identifier in each, and each suspect in a separate packet.
    pub(in crate::session) fn packets(&self, longest: Option<usize>) -> Vec<Vec<FilterRequest>> {
        let pair = |subscription: &Subscription| (subscription.filter.clone(), subscription.asked);
        let (suspects, clean): (Vec<_>, Vec<_>) =
            self.list.iter().partition(|subscription| subscription.drops >= DROPS);
        let mut packets: Vec<Vec<FilterRequest>> = Vec::new();
        for asked in clean.into_iter().map(pair) {
            let fits = |packet: &&mut Vec<FilterRequest>| {
                let same = packet.first().is_some_and(|(_, first)| first.identifier == asked.1.identifier);
                let len = || packet_len(packet) + packet_len(std::slice::from_ref(&asked));
                same && packet.len() < PER_PACKET && longest.is_none_or(|longest| len() <= longest)
            };
            match packets.iter_mut().find(fits) {
                Some(packet) => packet.push(asked),
                None => packets.push(vec![asked]),
            }
        }
        packets.extend(suspects.into_iter().map(|subscription| vec![pair(subscription)]));
        packets
    }

    /// Handles a connection that was closed while these filters were being restored. `proven`: the service's notice
    /// says that one of them is at fault. Returns the filter that is given up.
    pub(in crate::session) fn dropped(&mut self, filters: &[FilterRequest], proven: bool) -> Option<String> {
        let alone = filters.len() == 1;
        for (filter, _) in filters {
            let Some(subscription) = self.list.iter_mut().find(|subscription| subscription.filter == *filter) else {
                continue;
            };
            if alone && (proven || subscription.drops >= DROPS) {
                self.remove(filter);
                return Some(filter.clone());
            }
            subscription.drops = if proven { DROPS } else { subscription.drops + 1 };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::QoS;

    const PLAIN: SubscribeOptions = SubscribeOptions { qos: QoS::AtLeastOnce, no_local: false, identifier: None };

    fn filters(list: &[&str]) -> Vec<FilterRequest> {
        list.iter().map(|filter| ((*filter).to_string(), PLAIN)).collect()
    }

    #[test]
    fn a_packet_has_one_identifier_and_a_bounded_length() {
        let mut subscriptions = Subscriptions::default();
        for (filter, identifier) in [("a", None), ("b", Some(1)), ("c", None), ("d", Some(1)), ("e", Some(2))] {
            subscriptions.granted(filter, SubscribeOptions { identifier, ..PLAIN });
        }
        let names = |longest| -> Vec<Vec<String>> {
            let packets = subscriptions.packets(longest);
            packets.iter().map(|packet| packet.iter().map(|(filter, _)| filter.clone()).collect()).collect()
        };
        assert_eq!(names(None), [vec!["a", "c"], vec!["b", "d"], vec!["e"]]);
        assert_eq!(names(Some(10)), [["a"], ["b"], ["c"], ["d"], ["e"]]);
        assert_eq!(subscriptions.overlapping("+"), Some("b"));
        assert_eq!(subscriptions.overlapping("a"), None, "it has no identifier");
        assert_eq!(subscriptions.overlapping("b"), None, "this replaces it");
    }

    #[test]
    fn a_filter_that_cuts_the_line_is_isolated_and_given_up() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a", "b"] {
            subscriptions.granted(filter, PLAIN);
        }
        assert_eq!(subscriptions.packets(None), [filters(&["a", "b"])]);
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), false), None);
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), false), None);
        assert_eq!(subscriptions.packets(None), [filters(&["a"]), filters(&["b"])]);
        subscriptions.granted("a", PLAIN);
        assert_eq!(subscriptions.dropped(&filters(&["b"]), false), Some("b".to_string()));
        assert_eq!(subscriptions.packets(None), [filters(&["a"])]);
    }
    #[test]
    fn where_the_service_said_so_one_drop_is_enough() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a", "b"] {
            subscriptions.granted(filter, PLAIN);
        }
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), true), None);
        assert_eq!(subscriptions.packets(None), [filters(&["a"]), filters(&["b"])]);
        assert_eq!(subscriptions.dropped(&filters(&["a"]), true), Some("a".to_string()));
        let mut single = Subscriptions::default();
        single.granted("c", PLAIN);
        assert_eq!(single.dropped(&filters(&["c"]), true), Some("c".to_string()));
    }
}
