//! The hooks of the broker inside, for what ApsaraMQ does differently: P2P, the `$SYS` topics, the quota of filters,
//! and the messages stored for offline clients.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::PublishProperties;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{AuthResult, ClientId, From, Id, Publish, QoS, TopicFilter, Unsubscribe};

use super::desk::DeskAddresses;
use super::handover::was_sent;
use crate::log::What;
use crate::names;
use crate::packet::publish_size;
use crate::service::{Service, StoredMessage, lock};

/// A client id that no client can have, because it is too long. Messages addressed to it reach nobody.
const NOBODY: &str = "nobody: what is sent here was taken by the emulator itself, and no client may see it";

/// The first level under which filters beyond the quota are kept. Nobody can publish to it.
pub(super) const BEYOND_QUOTA: &str = "$beyond-quota/";

/// The reason for dropping a message that its client does not accept.
pub(crate) const TOO_LARGE: &str = "larger than the client's Maximum Packet Size";

pub(super) struct Hooks {
    pub(super) service: Arc<Service>,
    pub(super) desk: DeskAddresses,
}

#[async_trait]
impl Handler for Hooks {
    #[allow(elided_lifetimes_in_paths, reason = "async_trait accepts the trait's signature only as it stands there")]
    async fn hook(&self, parameter: &Parameter, _: Option<HookResult>) -> ReturnType {
        let result = match parameter {
            Parameter::ClientAuthenticate(connect) => {
                let known = connect.ipaddress().is_some_and(|address| lock(&self.desk).contains_key(&address));
                Some(HookResult::AuthResult(if known {
                    AuthResult::Allow(false, None)
                } else {
                    AuthResult::NotAuthorized
                }))
            }
            Parameter::ClientSubscribe(session, subscribe) => self
                .subscribe(session, &subscribe.topic_filter)
                .await
                .map(|filter| HookResult::TopicFilter(Some(TopicFilter::from(filter)))),
            Parameter::MessagePublish(_, from, publish) => self.publish(from, publish).map(HookResult::Publish),
            Parameter::ClientUnsubscribe(session, Unsubscribe { topic_filter, .. }) => {
                let kept_as = format!("{BEYOND_QUOTA}{topic_filter}");
                let is_beyond = filters(session).await.contains(&kept_as);
                is_beyond.then(|| HookResult::TopicFilter(Some(TopicFilter::from(kept_as))))
            }
            Parameter::MessageExpiryCheck(session, _, publish) => {
                let drops = waited_offline(session, publish).await || self.is_too_large(session, publish);
                drops.then_some(HookResult::MessageExpiry)
            }
            Parameter::MessageDropped(Some(to), _, publish, reason) if to.client_id != NOBODY => {
                let topic = publish.topic.to_string();
                let reason = self.drop_reason(to).map_or_else(|| reason.to_string(), str::to_owned);
                self.service.log.write(&to.client_id, What::Dropped { topic, reason });
                None
            }
            _ => None,
        };
        (true, result)
    }
}

impl Hooks {
    /// Returns the name under which a filter beyond the quota is kept; `None` for a filter within it.
    async fn subscribe(&self, session: &Session, filter: &str) -> Option<String> {
        let known = filters(session).await;
        let counted = known.iter().filter(|known| !known.starts_with(BEYOND_QUOTA)).count();
        let limits = &self.service.settings.limits;
        if known.contains(filter)
            || (counted < limits.filters && !self.is_beyond_wildcards(session, filter, limits.wildcards).await)
        {
            return None;
        }
        self.service.log.write(&session.id.client_id, What::FilterIgnored { filter: filter.to_owned() });
        Some(format!("{BEYOND_QUOTA}{filter}"))
    }

    /// Returns true for a filter with wildcards if the sessions have `max` of these under its first level already.
    async fn is_beyond_wildcards(&self, session: &Session, filter: &str, max: usize) -> bool {
        if max == usize::MAX || !names::has_wildcard(filter) {
            return false;
        }
        let level = names::first_level(filter);
        let entries: Vec<_> = session.scx.extends.shared().await.iter().collect();
        let mut count = 0;
        for entry in entries {
            let subscriptions = entry.subscriptions().await.unwrap_or_default();
            let counts = |known: &str| names::has_wildcard(known) && names::first_level(known) == level;
            count += subscriptions.iter().filter(|subscription| counts(&subscription.topic)).count();
        }
        count >= max
    }

    /// Returns true for a message that exceeds the Maximum Packet Size of its client. It is dropped, and the client
    /// receives the next one (MQTT-3.1.2-25).
    fn is_too_large(&self, session: &Session, publish: &Publish) -> bool {
        let mut desk = lock(&self.desk);
        let Some(place) = session.id.remote_addr.and_then(|address| desk.get_mut(&address)) else { return false };
        let is_larger = place.max_packet.is_some_and(|max| publish_size(publish) > u64::from(max));
        if is_larger {
            place.drop_reason = Some(TOO_LARGE);
        }
        is_larger
    }

    fn drop_reason(&self, to: &Id) -> Option<&'static str> {
        to.remote_addr.and_then(|address| lock(&self.desk).get_mut(&address)?.drop_reason.take())
    }

    /// Addresses a message that does not go to the subscribers of its topic: P2P and `$SYS`.
    fn publish(&self, from: &From, publish: &Publish) -> Option<Publish> {
        let target = if publish.topic.starts_with("$SYS/") {
            NOBODY
        } else {
            let (_, target) = names::p2p_target(&publish.topic)?;
            if self.service.link(target).is_some() {
                target
            } else {
                let sender_is_kept = self.service.link(&from.id.client_id).is_some_and(|link| !link.clean_session);
                if publish.qos == QoS::AtLeastOnce && sender_is_kept {
                    let (topic, payload) = (publish.topic.to_string(), publish.payload.clone());
                    // The alias belongs to the sender's connection.
                    let properties =
                        PublishProperties { topic_alias: None, ..publish.properties.clone().unwrap_or_default() };
                    self.service.store(target, StoredMessage { topic, payload, properties });
                } else {
                    self.service.drop_offline(target, &publish.topic);
                }
                NOBODY
            }
        };
        Some(publish.clone().target_clientid(ClientId::from(target.to_owned())))
    }
}

/// Returns true for a message that waited for its client to connect, although the service stores QoS 1 messages only.
/// A message that was sent to the client before is not one of them.
async fn waited_offline(session: &Session, publish: &Publish) -> bool {
    if publish.qos == QoS::AtLeastOnce || was_sent(publish) {
        return false;
    }
    match (publish.create_time, session.connected_at().await) {
        (Some(created), Ok(connected)) => created < connected,
        _ => false,
    }
}

async fn filters(session: &Session) -> HashSet<String> {
    match session.subscriptions().await {
        Ok(subscriptions) => subscriptions.to_topic_filters().await.iter().map(ToString::to_string).collect(),
        Err(_) => HashSet::new(),
    }
}
