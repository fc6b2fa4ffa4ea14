//! The broker inside: rmqtt with a single listener that only the front desk may use.
//!
//! It keeps sessions and routes, and performs the QoS handshakes. Its hooks add what ApsaraMQ does differently.

mod desk;
mod entry;
mod handover;
mod hooks;
mod register;
mod resume;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rmqtt::codec::types::Publish as CodecPublish;
use rmqtt::codec::v5::PublishProperties;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::router::DefaultRouter;
use rmqtt::server::MqttServer;
use rmqtt::session::SessionState;
use rmqtt::shared::DefaultShared;
use rmqtt::types::{ClientId, From, Id, Publish, QoS};
use tokio::net::TcpStream;

pub(crate) use self::desk::{BrokerConnection, Pass};
use self::desk::{DeskAddresses, DeskConnection};
use self::handover::Handovers;
pub(crate) use self::hooks::TOO_LARGE;
use self::hooks::{BEYOND_QUOTA, Hooks};
use self::register::Register;
use self::resume::Resume;
use crate::error::Error;
use crate::log::{Payload, What};
use crate::names;
use crate::packet::MAX_ALIASES;
use crate::service::{Service, lock};
use crate::time::unix_millis;

/// How long the service stores offline messages. Sessions are kept as long.
const THREE_DAYS: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long a client may take to accept a packet before its connection is closed.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Broker {
    context: ServerContext,
    address: SocketAddr,
    desk: DeskAddresses,
}

/// A session, as listed by [`Emulator::sessions`](crate::Emulator::sessions).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The client id.
    pub client_id: String,
    /// True if the client is connected.
    pub online: bool,
    /// The filters that receive messages, sorted.
    pub filters: Vec<String>,
}

impl Broker {
    pub(crate) async fn start(service: &Arc<Service>) -> Result<Self, Error> {
        let settings = &service.settings;
        // The check of the CPU load would refuse logins on a busy machine.
        let context = ServerContext::new().busy_check_enable(false).build().await;
        let desk = DeskAddresses::default();
        install(&context, &desk).await;
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
            // A default would appear in messages to MQTT 5 clients.
            .message_expiry_interval(Duration::ZERO)
            .message_retry_interval(settings.retransmit_after)
            .send_timeout(SEND_TIMEOUT)
            .bind()
            .and_then(rmqtt::net::Listener::tcp)
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let server = MqttServer::new(context.clone()).listener_by_id(listener, address.port()).build();
        tokio::spawn(server.run());
        Ok(Self { context, address, desk })
    }

    /// Connects the front desk, for a client with the Maximum Packet Size `max_packet`.
    pub(crate) async fn connect(&self, max_packet: Option<u32>) -> io::Result<BrokerConnection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let address = stream.local_addr()?;
        lock(&self.desk).insert(address, DeskConnection { max_packet, ..DeskConnection::default() });
        Ok(BrokerConnection { stream, pass: Pass { address, desk: Arc::clone(&self.desk) } })
    }

    /// Sends a message to the subscribers of its topic, or to `target` only.
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

    /// Sends a message of the service: to the subscribers of its topic, or to the target of a P2P topic if that is
    /// connected. Returns the sequence number of its log entry.
    pub(crate) async fn send(&self, service: &Service, topic: &str, qos: u8, payload: Bytes) -> Result<u64, Error> {
        if qos > 2 {
            return Err(Error::Invalid(format!("QoS {qos} is not 0, 1 or 2")));
        }
        let (topic_seen, payload_seen) = (topic.to_owned(), Payload::from(&payload[..]));
        let what = What::ServicePublished { topic: topic_seen, qos, payload: payload_seen };
        let number = service.log.write("", what);
        let target = names::p2p_target(topic).map(|(_, target)| target);
        match target {
            Some(target) if service.link(target).is_none() => service.drop_offline(target, topic),
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
            // Until the broker inside notices the end of a connection, it sends messages to it.
            let online = service.link(&client_id).is_some() || entry.is_connected().await;
            sessions.push(SessionInfo { online, client_id, filters });
        }
        sessions.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        sessions
    }

    /// Breaks the reference cycles of rmqtt's context, so that its memory is freed.
    pub(crate) async fn dismantle(&self) {
        *self.context.extends.shared_mut().await = Box::new(DefaultShared::new(None));
        *self.context.extends.router_mut().await = Box::new(DefaultRouter::new(None));
    }
}

/// Replaces the register of sessions and the session manager. Must be called before the first client connects.
async fn install(context: &ServerContext, desk: &DeskAddresses) {
    let handovers = Handovers::default();
    let resume = Resume { handovers: Arc::clone(&handovers) };
    *context.extends.session_mgr_mut().await = Box::new(resume);
    let shared = DefaultShared::new(Some(context.clone()));
    let register = Register { inner: shared, context: context.clone(), handovers, desk: Arc::clone(desk) };
    *context.extends.shared_mut().await = Box::new(register);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn only_the_front_desk_gets_in() {
        const CONNECT: [u8; 15] = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'a'];
        let service = Arc::new(Service::new(Settings::default()));
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
