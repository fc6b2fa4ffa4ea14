//! The broker inside: rmqtt with a single listener that only the front desk may use.
//!
//! It keeps sessions, routes, and does the QoS handshakes. Its hooks add what ApsaraMQ does differently behind the
//! front desk: P2P, the `$SYS` topics, the quota of filters, and what is kept for a client that is offline.

mod resume;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use rmqtt::codec::types::Publish as CodecPublish;
use rmqtt::codec::v5::PublishProperties;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType, Type};
use rmqtt::router::DefaultRouter;
use rmqtt::server::MqttServer;
use rmqtt::session::{Session, SessionState};
use rmqtt::shared::DefaultShared;
use rmqtt::types::{AuthResult, ClientId, From, Id, Publish, QoS, TopicFilter, Unsubscribe};
use tokio::net::TcpStream;

use self::resume::was_sent;
use crate::error::Error;
use crate::log::{Payload, What};
use crate::names;
use crate::packet::{MAX_ALIASES, publish_size};
use crate::service::{Parked, Service, lock};
use crate::time::unix_millis;

/// Messages for this client id reach nobody: no login can use it, as it is longer than a client id may be.
const NOBODY: &str = "nobody: what is sent here was taken by the emulator itself, and no client may see it";

/// Filters beyond the quota are kept under this first level, to which nobody may publish.
const BEYOND_QUOTA: &str = "$beyond-quota/";

/// The service keeps offline messages, and here also sessions, for three days: no message can wait longer.
const THREE_DAYS: Duration = Duration::from_secs(3 * 24 * 3600);

/// Why a message is dropped that its client could not take.
pub(crate) const TOO_LARGE: &str = "larger than the client's Maximum Packet Size";

/// A client may be this long in taking a packet, before it counts as gone.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Broker {
    context: ServerContext,
    address: SocketAddr,
    desk: DeskAddresses,
}

/// The front desk's own connections, by their local addresses: nobody else gets in.
pub(crate) type DeskAddresses = Arc<Mutex<HashMap<SocketAddr, Place>>>;

/// What the broker and the front desk tell each other about one connection.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The client's Maximum Packet Size.
    max_packet: Option<u32>,
    /// Why the message that is being dropped is dropped, where the broker would give another reason.
    drop_reason: Option<&'static str>,
    /// Whether the filters of the UNSUBSCRIBEs that were not answered yet had been subscribed, in order.
    pub(crate) unsubscribed: VecDeque<bool>,
}

/// A connection of the front desk to the broker.
pub(crate) struct Inside {
    pub(crate) stream: TcpStream,
    pub(crate) pass: Pass,
}

/// Lets one connection of the front desk in, as long as it is held.
pub(crate) struct Pass {
    address: SocketAddr,
    desk: DeskAddresses,
}

impl Pass {
    /// Whether the next `count` filters that were given up had been subscribed.
    pub(crate) fn take_unsubscribed(&self, count: usize) -> Vec<bool> {
        let mut desk = lock(&self.desk);
        let Some(place) = desk.get_mut(&self.address) else { return Vec::new() };
        let count = count.min(place.unsubscribed.len());
        place.unsubscribed.drain(..count).collect()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        lock(&self.desk).remove(&self.address);
    }
}

/// A session the emulator knows, as [`Emulator::sessions`](crate::Emulator::sessions) lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its client.
    pub client_id: String,
    /// Whether the client is connected.
    pub online: bool,
    /// The filters that get messages, sorted.
    pub filters: Vec<String>,
}

impl Broker {
    pub(crate) async fn start(service: &Arc<Service>) -> Result<Self, Error> {
        let settings = &service.settings;
        // The check of the CPU load would refuse logins on a busy machine.
        let context = ServerContext::new().busy_check_enable(false).build().await;
        let desk = DeskAddresses::default();
        resume::install(&context, &desk).await;
        let register = context.extends.hook_mgr().register();
        for kind in [
            Type::ClientAuthenticate,
            Type::ClientSubscribe,
            Type::ClientUnsubscribe,
            Type::MessagePublish,
            Type::MessageExpiryCheck,
            Type::MessageDropped,
        ] {
            register.add(kind, Box::new(Hooks { service: Arc::clone(service), desk: Arc::clone(&desk) })).await;
        }
        register.start().await;

        let failed = |error: rmqtt::Error| Error::Broker(error.to_string());
        let listener = rmqtt::net::Builder::new()
            .name("inside")
            .laddr((Ipv4Addr::LOCALHOST, 0).into())
            .nodelay(true)
            .allow_anonymous(false)
            .max_packet_size(u32::try_from(settings.limits.packet).unwrap_or(u32::MAX))
            .max_keepalive(480)
            .max_inflight(NonZeroU16::new(settings.inflight).unwrap_or(NonZeroU16::MIN))
            .max_mqueue_len(settings.queue)
            .max_topic_aliases(MAX_ALIASES)
            .session_expiry_interval(THREE_DAYS)
            // One of its own would be shown to MQTT 5 clients.
            .message_expiry_interval(Duration::ZERO)
            .message_retry_interval(settings.retransmit_after)
            .send_timeout(PATIENCE)
            .bind()
            .and_then(rmqtt::net::Listener::tcp)
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = MqttServer::new(context.clone()).listener_by_id(listener, address.port()).build();
        tokio::spawn(server.run());
        Ok(Self { context, address, desk })
    }

    /// Lets the front desk in, for a client that takes packets up to `max_packet` bytes.
    pub(crate) async fn connect(&self, max_packet: Option<u32>) -> io::Result<Inside> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let address = stream.local_addr()?;
        lock(&self.desk).insert(address, Place { max_packet, ..Place::default() });
        Ok(Inside { stream, pass: Pass { address, desk: Arc::clone(&self.desk) } })
    }

    /// Hands a message of the service to the subscribers of its topic, or to one client.
    pub(crate) async fn forward(
        &self,
        topic: &str,
        qos: u8,
        payload: Bytes,
        properties: PublishProperties,
        target: Option<&str>,
    ) -> Result<(), Error> {
        let qos = QoS::try_from(qos).map_err(|_| Error::Invalid(format!("QoS {qos} is not 0, 1 or 2")))?;
        let message = CodecPublish {
            dup: false,
            retain: false,
            qos,
            topic: topic.to_owned().into(),
            packet_id: None,
            payload,
            properties: Some(properties),
        };
        let now = i64::try_from(unix_millis(SystemTime::now())).unwrap_or(i64::MAX);
        let mut message = Publish::from(message).create_time(now);
        if let Some(target) = target {
            message = message.target_clientid(ClientId::from(target.to_owned()));
        }
        let sender = Id::from(self.context.node.id(), ClientId::from_static("service"));
        SessionState::forwards(&self.context, From::from_system(sender), message, false, None)
            .await
            .map_err(|error| Error::Broker(error.to_string()))
    }

    /// Sends a message as the service: to the subscribers of its topic, or to the target of a P2P topic if that is
    /// connected. Returns the number of its log entry.
    pub(crate) async fn send(&self, service: &Service, topic: &str, qos: u8, payload: Bytes) -> Result<u64, Error> {
        if qos > 2 {
            return Err(Error::Invalid(format!("QoS {qos} is not 0, 1 or 2")));
        }
        let (topic_seen, payload_seen) = (topic.to_owned(), Payload::from(&payload[..]));
        let what = What::ServicePublished { topic: topic_seen, qos, payload: payload_seen };
        let number = service.log.write("", what);
        let target = names::p2p_target(topic).map(|(_, target)| target);
        match target {
            Some(target) if service.line(target).is_none() => service.drop_offline(target, topic),
            _ => self.forward(topic, qos, payload, PublishProperties::default(), target).await?,
        }
        Ok(number)
    }

    pub(crate) async fn sessions(&self, service: &Service) -> Vec<SessionInfo> {
        let entries: Vec<_> = self.context.extends.shared().await.iter().collect();
        let mut sessions = Vec::with_capacity(entries.len());
        for entry in entries {
            let client_id = entry.id().client_id.to_string();
            let mut filters: Vec<_> = entry
                .subscriptions()
                .await
                .unwrap_or_default()
                .into_iter()
                .map(|subscription| subscription.topic.to_string())
                .filter(|filter| !filter.starts_with(BEYOND_QUOTA))
                .collect();
            filters.sort();
            // A connection that is gone is not yet known to be everywhere: what is published until then goes its way.
            let online = service.line(&client_id).is_some() || entry.is_connected().await;
            sessions.push(SessionInfo { online, client_id, filters });
        }
        sessions.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        sessions
    }

    /// Breaks the circles through which rmqtt's context holds itself, so that its memory is freed.
    pub(crate) async fn dismantle(&self) {
        *self.context.extends.shared_mut().await = Box::new(DefaultShared::new(None));
        *self.context.extends.router_mut().await = Box::new(DefaultRouter::new(None));
    }
}

struct Hooks {
    service: Arc<Service>,
    desk: DeskAddresses,
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
    /// The name under which a filter beyond the quota is kept.
    async fn subscribe(&self, session: &Session, filter: &str) -> Option<String> {
        let known = filters(session).await;
        let counted = known.iter().filter(|known| !known.starts_with(BEYOND_QUOTA)).count();
        if known.contains(filter) || counted < self.service.settings.limits.filters {
            return None;
        }
        self.service.log.write(&session.id.client_id, What::FilterIgnored { filter: filter.to_owned() });
        Some(format!("{BEYOND_QUOTA}{filter}"))
    }

    /// True for a message that its client is not to get, as it makes a larger packet than the client takes; the client
    /// goes on with the next one (MQTT-3.1.2-25).
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

    /// Where a message goes if not to the subscribers of its topic.
    fn publish(&self, from: &From, publish: &Publish) -> Option<Publish> {
        let target = if publish.topic.starts_with("$SYS/") {
            NOBODY
        } else {
            let (_, target) = names::p2p_target(&publish.topic)?;
            if self.service.line(target).is_some() {
                target
            } else {
                let sender_is_kept = self.service.line(&from.id.client_id).is_some_and(|line| !line.clean_session);
                if publish.qos == QoS::AtLeastOnce && sender_is_kept {
                    let (topic, payload) = (publish.topic.to_string(), publish.payload.clone());
                    // An alias is one of the sender's connection.
                    let properties =
                        PublishProperties { topic_alias: None, ..publish.properties.clone().unwrap_or_default() };
                    self.service.park(target, Parked { topic, payload, properties });
                } else {
                    self.service.drop_offline(target, &publish.topic);
                }
                NOBODY
            }
        };
        Some(publish.clone().target_clientid(ClientId::from(target.to_owned())))
    }
}

/// Whether a message was waiting for its client to connect though its QoS is not one that is kept. One that was sent to
/// the client before did not wait for that.
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::builder::Builder;

    #[tokio::test]
    async fn only_the_front_desk_gets_in() {
        const CONNECT: [u8; 15] = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
        let service = Arc::new(Service::new(Builder::new().settings));
        let broker = Broker::start(&service).await.unwrap();
        let mut inside = broker.connect(None).await.unwrap();
        let mut intruder = TcpStream::connect(broker.address).await.unwrap();
        for (stream, expected) in [(&mut inside.stream, 0), (&mut intruder, 5)] {
            stream.write_all(&CONNECT).await.unwrap();
            let mut connack = [0; 4];
            stream.read_exact(&mut connack).await.unwrap();
            assert_eq!(connack, [0x20, 2, 0, expected]);
        }
        drop(inside.pass);
        assert!(lock(&broker.desk).is_empty());
        broker.dismantle().await;
    }
}
