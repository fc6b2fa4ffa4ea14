//! The filters this client has subscribed to, to be restored when the broker lost the session.

use std::collections::BTreeSet;

use crate::message::QoS;

/// Two drops shortly after a filter was subscribed again make it a suspect; a third, alone, and it is given up.
const DROPS: u32 = 2;

/// Filters in one SUBSCRIBE: with names of the service's length, some 13 KB.
const PER_PACKET: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Subscription {
    filter: String,
    qos: QoS,
    drops: u32,
}

/// Filters in the order they were granted.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    list: Vec<Subscription>,
    /// Those the client itself asked for, not only one of its streams.
    own: BTreeSet<String>,
}

impl Subscriptions {
    /// SUBACK granted this.
    pub(super) fn granted(&mut self, filter: &str, qos: QoS) {
        match self.list.iter_mut().find(|subscription| subscription.filter == filter) {
            Some(subscription) => {
                subscription.qos = qos;
                subscription.drops = 0;
            }
            None => self.list.push(Subscription { filter: filter.to_string(), qos, drops: 0 }),
        }
    }

    /// The client itself wants it, whatever its streams do.
    pub(super) fn owned(&mut self, filter: &str) {
        self.own.insert(filter.to_string());
    }

    /// It was subscribed again, and counts if it is still wanted.
    pub(super) fn restored(&mut self, filter: &str, qos: QoS) {
        if self.filters().any(|subscribed| subscribed == filter) {
            self.granted(filter, qos);
        }
    }

    /// The broker may have it, though it did not say so in time.
    pub(super) fn doubtful(&mut self, filter: &str, qos: QoS) {
        if !self.filters().any(|subscribed| subscribed == filter) {
            self.granted(filter, qos);
        }
    }

    /// Whether a filter has to be unsubscribed now that its last stream is gone.
    pub(super) fn only_for_streams(&self, filter: &str) -> bool {
        !self.own.contains(filter) && self.filters().any(|subscribed| subscribed == filter)
    }

    pub(super) fn remove(&mut self, filter: &str) {
        self.own.remove(filter);
        self.list.retain(|subscription| subscription.filter != filter);
    }

    pub(super) fn filters(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|subscription| subscription.filter.as_str())
    }

    /// Whether any filter is under suspicion.
    pub(super) fn has_suspects(&self) -> bool {
        self.list.iter().any(|subscription| subscription.drops >= DROPS)
    }

    /// The line drops on its own: nobody is to blame.
    pub(super) fn acquit(&mut self) {
        self.list.iter_mut().for_each(|subscription| subscription.drops = 0);
    }

    /// How to subscribe again: everything together, but each suspect in a packet of its own.
    pub(super) fn packets(&self) -> Vec<Vec<(String, QoS)>> {
        let pair = |subscription: &Subscription| (subscription.filter.clone(), subscription.qos);
        let (suspects, clean): (Vec<_>, Vec<_>) =
            self.list.iter().partition(|subscription| subscription.drops >= DROPS);
        let clean: Vec<_> = clean.into_iter().map(pair).collect();
        let mut packets: Vec<_> = clean.chunks(PER_PACKET).map(<[_]>::to_vec).collect();
        packets.extend(suspects.into_iter().map(|subscription| vec![pair(subscription)]));
        packets
    }

    /// The connection dropped while these were being subscribed again. `proven`: the service said that it was one of
    /// them. Returns the filter that is given up.
    pub(super) fn dropped(&mut self, filters: &[(String, QoS)], proven: bool) -> Option<String> {
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

    fn filters(list: &[&str]) -> Vec<(String, QoS)> {
        list.iter().map(|filter| ((*filter).to_string(), QoS::AtLeastOnce)).collect()
    }

    #[test]
    fn a_filter_that_cuts_the_line_is_isolated_and_given_up() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a", "b"] {
            subscriptions.granted(filter, QoS::AtLeastOnce);
        }
        assert_eq!(subscriptions.packets(), [filters(&["a", "b"])]);
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), false), None);
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), false), None);
        assert_eq!(subscriptions.packets(), [filters(&["a"]), filters(&["b"])]);
        subscriptions.granted("a", QoS::AtLeastOnce);
        assert_eq!(subscriptions.dropped(&filters(&["b"]), false), Some("b".to_string()));
        assert_eq!(subscriptions.packets(), [filters(&["a"])]);
    }
    #[test]
    fn where_the_service_said_so_one_drop_is_enough() {
        let mut subscriptions = Subscriptions::default();
        for filter in ["a", "b"] {
            subscriptions.granted(filter, QoS::AtLeastOnce);
        }
        assert_eq!(subscriptions.dropped(&filters(&["a", "b"]), true), None);
        assert_eq!(subscriptions.packets(), [filters(&["a"]), filters(&["b"])]);
        assert_eq!(subscriptions.dropped(&filters(&["a"]), true), Some("a".to_string()));
        let mut single = Subscriptions::default();
        single.granted("c", QoS::AtLeastOnce);
        assert_eq!(single.dropped(&filters(&["c"]), true), Some("c".to_string()));
    }
}
