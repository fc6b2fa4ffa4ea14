//! Traces of devices and messages, derived from the log.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::log::{DisconnectReason, Log, LogEntry, Payload, What};
use crate::names;
use crate::service::Service;
use crate::time::unix_millis;

/// An event of a connection, in the words of the service.
pub(super) struct DeviceEvent {
    pub(super) time: SystemTime,
    pub(super) action: &'static str,
    pub(super) info: &'static str,
    /// The sequence number of the log entry that began the connection.
    pub(super) channel: u64,
}

/// An event of a message.
pub(super) struct MessageEvent {
    pub(super) time: SystemTime,
    pub(super) action: MessageAction,
    /// The sequence number of the log entry that published the message.
    pub(super) message: u64,
    /// The client that published or received it; empty for the service itself.
    pub(super) client_id: String,
}

/// The kind of a message event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageAction {
    PubMqtt,
    PubMq,
    Sub,
    PushOffline,
}

impl MessageAction {
    pub(super) fn is_publish(self) -> bool {
        matches!(self, Self::PubMqtt | Self::PubMq)
    }

    /// Returns `Action`, `ActionCode` and `ActionInfo` as documented.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::PubMqtt => ("pub_mqtt", "mqtt.trace.action.msg.pub.mqtt", "Pub From Mqtt Client"),
            Self::PubMq => ("pub_mq", "mqtt.trace.action.msg.pub.mq", "Pub From MQ"),
            Self::Sub => ("sub", "mqtt.trace.action.msg.sub", "Push To Mqtt Client"),
            Self::PushOffline => {
                ("push_offline", "mqtt.trace.action.msg.push.offline", "Push Offline Msg To Mqtt Client")
            }
        }
    }
}

/// Returns the id of a message, from the sequence number of the log entry that published it.
pub(super) fn message_id(service: &Service, number: u64) -> String {
    format!("{:016X}{number:016X}", unix_millis(service.born))
}

pub(super) fn device_events(log: &Log, client_id: &str) -> Vec<DeviceEvent> {
    log.look(|entries| {
        let mut events = Vec::new();
        // The open connections: two while one replaces the other.
        let mut open = Vec::new();
        let mut violation = "";
        for entry in entries.iter().filter(|entry| entry.client_id == client_id) {
            let (action, info, channel) = match &entry.what {
                What::Connected { .. } => {
                    open.push(entry.sequence);
                    ("connect", "accepted", entry.sequence)
                }
                What::LoginRefused { .. } => ("close", "not authorized", entry.sequence),
                What::Violation { reason, .. } => {
                    violation = if reason.starts_with("resource auth failed") {
                        "resource auth failed"
                    } else {
                        "invalid param"
                    };
                    continue;
                }
                What::Disconnected { reason } => {
                    // The log may no longer hold the beginning.
                    let channel = if open.is_empty() { entry.sequence } else { open.remove(0) };
                    let (action, info) = end(*reason, violation);
                    (action, info, channel)
                }
                _ => continue,
            };
            events.push(DeviceEvent { time: entry.time, action, info, channel });
        }
        events
    })
}

/// Returns the events of all messages, in order. A delivered message is identified by topic and payload: of several
/// equal ones, the first to be published is assumed to arrive first.
pub(super) fn message_events(log: &Log) -> Vec<MessageEvent> {
    log.look(|entries| {
        let mut tracer = Tracer::default();
        entries.iter().filter_map(|entry| tracer.step(entry)).collect()
    })
}

fn end(reason: DisconnectReason, violation: &'static str) -> (&'static str, &'static str) {
    match reason {
        DisconnectReason::DisconnectedByClient => ("disconnect", "disconnected by client"),
        DisconnectReason::ClosedByClient => ("close", "closed by client"),
        DisconnectReason::Violation => ("close", violation),
        DisconnectReason::ClientIdConflict => ("close", "clientId conflict"),
        DisconnectReason::NoHeartbeat => ("close", "no heart"),
        DisconnectReason::Kicked | DisconnectReason::Stopped | DisconnectReason::ClosedByBroker => {
            ("close", "Socket IOException")
        }
    }
}

/// Reads the log from its start and tracks each message.
#[derive(Default)]
struct Tracer<'a> {
    /// The sequence numbers of the publishes with the same topic and payload.
    published: HashMap<(&'a str, &'a Payload), Vec<u64>>,
    /// The last payload on each topic.
    last_body: HashMap<&'a str, &'a Payload>,
    clients: HashMap<&'a str, Client<'a>>,
}

#[derive(Default)]
struct Client<'a> {
    connected: u64,
    /// The sequence number from which each filter is subscribed.
    filters: HashMap<&'a str, u64>,
    /// The number of equal messages that it has received or missed.
    had: HashMap<(&'a str, &'a Payload), usize>,
}

impl<'a> Tracer<'a> {
    fn step(&mut self, entry: &'a LogEntry) -> Option<MessageEvent> {
        let client_id = entry.client_id.as_str();
        let (action, message) = match &entry.what {
            What::Published { topic, payload, .. } => {
                self.publish(topic, payload, entry.sequence);
                (MessageAction::PubMqtt, entry.sequence)
            }
            What::ServicePublished { topic, payload, .. } => {
                self.publish(topic, payload, entry.sequence);
                (MessageAction::PubMq, entry.sequence)
            }
            What::Delivered { topic, payload, dup: false, .. } => {
                let message = self.receive(client_id, topic, payload)?;
                let waited = message < self.clients.entry(client_id).or_default().connected;
                (if waited { MessageAction::PushOffline } else { MessageAction::Sub }, message)
            }
            What::Dropped { topic, .. } => {
                // The log tells only the topic; most probably it was the last message on it.
                if let Some(payload) = self.last_body.get(topic.as_str()) {
                    self.receive(client_id, topic, payload);
                }
                return None;
            }
            What::Connected { session_present, .. } => {
                let client = self.clients.entry(client_id).or_default();
                client.connected = entry.sequence;
                if !session_present {
                    client.filters.clear();
                }
                return None;
            }
            What::Subscribed { filter, .. } => {
                let filters = &mut self.clients.entry(client_id).or_default().filters;
                filters.entry(filter).or_insert(entry.sequence);
                return None;
            }
            What::Unsubscribed { filter } => {
                self.clients.entry(client_id).or_default().filters.remove(filter.as_str());
                return None;
            }
            _ => return None,
        };
        Some(MessageEvent { time: entry.time, action, message, client_id: client_id.to_owned() })
    }

    fn publish(&mut self, topic: &'a str, payload: &'a Payload, number: u64) {
        self.published.entry((topic, payload)).or_default().push(number);
        self.last_body.insert(topic, payload);
    }

    /// Returns the message that a client receives.
    fn receive(&mut self, client_id: &'a str, topic: &'a str, payload: &'a Payload) -> Option<u64> {
        let candidates = self.published.get(&(topic, payload))?;
        let client = self.clients.entry(client_id).or_default();
        // Messages from before the subscription are ruled out. A P2P message needs no subscription.
        let since = if names::p2p_target(topic).is_some_and(|(_, target)| target == client_id) {
            0
        } else {
            let fitting = client.filters.iter().filter(|(filter, _)| names::covers(filter, topic));
            fitting.map(|(_, since)| *since).min().unwrap_or(0)
        };
        let had = client.had.entry((topic, payload)).or_default();
        *had = (*had).max(candidates.partition_point(|number| *number < since));
        let found = candidates.get(*had).or(candidates.last()).copied();
        *had += 1;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Bounds, Listener, Version};
    use crate::login::LoginMode;

    const LARGE: Bounds = Bounds { entries: 1000, bytes: usize::MAX };

    fn connected(log: &Log, client_id: &str, session_present: bool) {
        let (version, listener, login) = (Version::V311, Listener::Tcp, LoginMode::Signature);
        let (clean_session, keep_alive) = (!session_present, 60);
        let what = What::Connected { version, listener, login, clean_session, session_present, keep_alive };
        log.write(client_id, what);
    }

    fn published(log: &Log, topic: &str, payload: &[u8]) -> u64 {
        let (topic, payload) = (topic.into(), Payload::from(payload));
        log.write("p", What::Published { topic, qos: 1, packet_id: Some(1), dup: false, ordered: false, payload })
    }

    fn delivered(log: &Log, client_id: &str, topic: &str, payload: &[u8], dup: bool) {
        let (topic, payload) = (topic.into(), Payload::from(payload));
        log.write(client_id, What::Delivered { topic, qos: 1, packet_id: Some(1), dup, payload });
    }

    fn received(log: &Log, client_id: &str) -> Vec<(MessageAction, u64)> {
        message_events(log)
            .into_iter()
            .filter(|event| event.client_id == client_id && !event.action.is_publish())
            .map(|event| (event.action, event.message))
            .collect()
    }

    #[test]
    fn messages_alike_are_told_apart_by_their_order() {
        let log = Log::new(LARGE);
        connected(&log, "a", false);
        published(&log, "t/x", b"same");
        log.write("a", What::Subscribed { filter: "t/#".into(), qos: 1 });
        let numbers =
            [published(&log, "t/x", b"same"), published(&log, "t/x", b"other"), published(&log, "t/x", b"same")];
        for body in [&b"same"[..], b"other", b"same"] {
            delivered(&log, "a", "t/x", body, false);
        }
        delivered(&log, "a", "t/x", b"same", true);
        assert_eq!(received(&log, "a"), numbers.map(|number| (MessageAction::Sub, number)));
    }

    #[test]
    fn what_waited_is_told_from_what_is_new() {
        let log = Log::new(LARGE);
        connected(&log, "a", false);
        log.write("a", What::Subscribed { filter: "t".into(), qos: 1 });
        log.write("a", What::Disconnected { reason: DisconnectReason::ClosedByClient });
        let early = published(&log, "t", b"early");
        connected(&log, "a", true);
        delivered(&log, "a", "t", b"early", false);
        let late = published(&log, "t", b"late");
        delivered(&log, "a", "t", b"late", false);
        assert_eq!(received(&log, "a"), [(MessageAction::PushOffline, early), (MessageAction::Sub, late)]);
    }

    #[test]
    fn a_dropped_message_is_not_the_one_that_arrives_later() {
        let log = Log::new(LARGE);
        let (id, topic) = ("GID_Test@@@1", "t/p2p/GID_Test@@@1");
        published(&log, topic, b"x");
        log.write(id, What::Dropped { topic: topic.into(), reason: "offline".into() });
        connected(&log, id, false);
        let number = published(&log, topic, b"x");
        delivered(&log, id, topic, b"x", false);
        assert_eq!(received(&log, id), [(MessageAction::Sub, number)]);
    }

    #[test]
    fn connections_begin_and_end_in_the_words_of_the_service() {
        let log = Log::new(LARGE);
        let disconnected = |reason| log.write("a", What::Disconnected { reason });
        log.write("a", What::LoginRefused { code: 4, reason: String::new() });
        connected(&log, "a", false);
        connected(&log, "a", false);
        disconnected(DisconnectReason::ClientIdConflict);
        let action = crate::log::Action::Publish;
        log.write("a", What::Violation { action, topic: "x".into(), reason: "resource auth failed: forbidden".into() });
        disconnected(DisconnectReason::Violation);
        let events: Vec<_> =
            device_events(&log, "a").into_iter().map(|event| (event.action, event.info, event.channel)).collect();
        assert_eq!(
            events,
            [
                ("close", "not authorized", 0),
                ("connect", "accepted", 1),
                ("connect", "accepted", 2),
                ("close", "clientId conflict", 1),
                ("close", "resource auth failed", 2),
            ]
        );
    }
}
