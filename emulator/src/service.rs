//! The state that all parts of an emulator share and that survives a restart: settings, accounts, tokens, switches and
//! the log; and the live connections.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rmqtt::codec::v5::PublishProperties;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::account::Directory;
use crate::log::{DisconnectReason, Listener, Log, Version, What};
use crate::login::{Identity, Login, LoginMode, Refusal};
use crate::names;
use crate::nonces::Nonces;
use crate::random::random_hex;
use crate::rate::ApiRates;
use crate::settings::Settings;
use crate::switches::Switches;
use crate::token::{Permission, TokenBook, TokenFault};

/// The state that all parts of an emulator share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) log: Log,
    pub(crate) tokens: Mutex<TokenBook>,
    pub(crate) directory: Mutex<Directory>,
    pub(crate) switches: Mutex<Switches>,
    pub(crate) nonces: Mutex<Nonces>,
    pub(crate) api_rates: Mutex<ApiRates>,
    /// Distinguishes the message ids of this emulator from those of another.
    pub(crate) born: SystemTime,
    /// The token of the metadata service.
    pub(crate) metadata_token: String,
    links: Mutex<HashMap<String, Link>>,
    stored: Mutex<HashMap<String, Vec<StoredMessage>>>,
    /// The packet ids of QoS 2 messages that wait for their PUBREL, by client; part of its session.
    qos2: Mutex<HashMap<String, HashSet<u16>>>,
    left: Notify,
}

/// A live connection, as the other parts see it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// Distinguishes the connections of one client.
    pub(crate) number: u64,
    pub(crate) version: Version,
    pub(crate) listener: Listener,
    pub(crate) login: LoginMode,
    pub(crate) clean_session: bool,
    pub(crate) since: SystemTime,
    pub(crate) orders: UnboundedSender<Order>,
}

/// An order to a live connection.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send a QoS 0 message of the service.
    Push { topic: String, payload: Vec<u8> },
    /// Close the connection at once.
    Cut(DisconnectReason),
    /// Another login uses this client id; the broker inside is about to close the connection for it.
    Superseded,
    /// Check the tokens again.
    TokensChanged,
}

/// A P2P message for a target that is offline.
#[derive(Debug, Clone)]
pub(crate) struct StoredMessage {
    pub(crate) topic: String,
    pub(crate) payload: bytes::Bytes,
    /// The properties of MQTT 5, such as response topic and correlation data.
    pub(crate) properties: PublishProperties,
}

/// A publish or subscribe that is not allowed.
pub(crate) struct Denial {
    pub(crate) reason: String,
    /// The notice that a token holder receives first.
    pub(crate) fault: Option<TokenFault>,
}

impl Service {
    pub(crate) fn new(settings: Settings) -> Self {
        let switches = Switches { forbidden: settings.forbidden.clone(), ..Switches::default() };
        let mut tokens = TokenBook::default();
        let first = settings.directory.access_keys.first().map_or("", |(id, _)| id);
        for given in &settings.tokens {
            let key = given.access_key_id.as_deref().unwrap_or(first);
            tokens.add(&given.token, key, given.permission, given.resources.iter().cloned(), given.lifetime);
        }
        Self {
            log: Log::new(settings.log),
            tokens: Mutex::new(tokens),
            api_rates: Mutex::default(),
            directory: Mutex::new(settings.directory.clone()),
            switches: Mutex::new(switches),
            nonces: Mutex::default(),
            born: SystemTime::now(),
            metadata_token: random_hex(),
            links: Mutex::default(),
            stored: Mutex::default(),
            qos2: Mutex::default(),
            left: Notify::new(),
            settings,
        }
    }

    /// Decides on a login. Refusals that a test has ordered come before any check.
    pub(crate) fn login(&self, login: &Login<'_>) -> Result<Identity, Refusal> {
        let ordered = lock(&self.switches).take_refusal();
        if let Some(code) = ordered {
            return Err(Refusal { code, reason: "refused by order of the test".into() });
        }
        let mut directory = lock(&self.directory);
        if login.certificate.is_some_and(|certificate| !directory.is_active(certificate)) {
            return Err(Refusal { code: 5, reason: "the device certificate is deactivated".into() });
        }
        let identity = login.check(&directory, &lock(&self.tokens))?;
        if let Some(certificate) = login.certificate {
            directory.meet_certificate(certificate, login.client_id);
        }
        Ok(identity)
    }

    pub(crate) fn may_publish(&self, identity: &Identity, topic: &str, size: usize) -> Result<(), Denial> {
        let limits = &self.settings.limits;
        let parent = names::parent_of_topic(topic, limits.topic_length).map_err(deny)?;
        if size > limits.payload {
            return Err(deny(format!("invalid param: the payload has {size} bytes, more than {}", limits.payload)));
        }
        self.may_use(identity, parent, topic, Permission::Write)
    }

    /// Checks the size of a message that the service itself sends, which clients could not receive otherwise.
    pub(crate) fn check_size(&self, topic: &str, payload: usize) -> Result<(), String> {
        /// A header, the length of the topic, a packet id and no properties.
        const OVERHEAD: usize = 10;
        let max = self.settings.limits.packet;
        let size = topic.len() + payload + OVERHEAD;
        if size > max { Err(format!("the packet would have {size} bytes, more than {max}")) } else { Ok(()) }
    }

    pub(crate) fn may_subscribe(&self, identity: &Identity, filter: &str) -> Result<(), Denial> {
        let parent = names::parent_of_filter(filter, self.settings.limits.topic_length).map_err(deny)?;
        self.may_use(identity, parent, filter, Permission::Read)
    }

    pub(crate) fn knows_parent(&self, parent: &str) -> bool {
        self.settings.knows_parent(parent)
    }

    /// Returns true if the topic belongs to a parent topic for ordered messages.
    pub(crate) fn is_ordered(&self, topic: &str) -> bool {
        let ordered = &self.settings.ordered_topics;
        ordered.is_empty() || ordered.iter().any(|parent| parent == names::first_level(topic))
    }

    /// Adds a connection, in place of an older one of the same client (which the broker inside closes).
    pub(crate) fn enter(&self, client_id: &str, link: Link) {
        lock(&self.links).insert(client_id.to_owned(), link);
    }

    /// Removes a connection, unless a newer one has replaced it. Returns true if it was removed.
    pub(crate) fn leave(&self, client_id: &str, number: u64) -> bool {
        let mut links = lock(&self.links);
        let is_own = links.get(client_id).is_some_and(|link| link.number == number);
        if is_own {
            links.remove(client_id);
            self.left.notify_one();
        }
        is_own
    }

    /// Waits until no client is connected.
    pub(crate) async fn all_left(&self) {
        while !lock(&self.links).is_empty() {
            self.left.notified().await;
        }
    }

    /// Removes a connection, so that the client is offline from now on.
    fn take_link(&self, client_id: &str) -> Option<Link> {
        lock(&self.links).remove(client_id)
    }

    pub(crate) fn link(&self, client_id: &str) -> Option<Link> {
        lock(&self.links).get(client_id).cloned()
    }

    /// Revokes a token and makes all connections check theirs. Returns true if it was ever issued.
    pub(crate) fn revoke_token(&self, token: &str) -> bool {
        let known = lock(&self.tokens).revoke(token);
        self.order_all(|| Order::TokensChanged);
        known
    }

    /// Closes the connection of a client. Returns true if there was one.
    pub(crate) fn kick(&self, client_id: &str) -> bool {
        let Some(link) = self.take_link(client_id) else { return false };
        self.log.write(client_id, What::Kicked);
        // Fails only for a connection that has just ended.
        let _ = link.orders.send(Order::Cut(DisconnectReason::Kicked));
        true
    }

    /// Sends a QoS 0 message to one connected client. Returns true if the client was connected.
    pub(crate) fn push_notice(&self, client_id: &str, topic: String, payload: Vec<u8>) -> bool {
        self.link(client_id).is_some_and(|link| link.orders.send(Order::Push { topic, payload }).is_ok())
    }

    /// Lets a token expire now, and makes all connections check theirs. Returns true if the token was ever issued.
    pub(crate) fn expire_token(&self, token: &str) -> bool {
        let known = lock(&self.tokens).expire(token);
        self.order_all(|| Order::TokensChanged);
        known
    }

    pub(crate) fn order_all(&self, order: impl Fn() -> Order) {
        for link in lock(&self.links).values() {
            // Fails only for a connection that has just ended.
            let _ = link.orders.send(order());
        }
    }

    /// Stores a P2P message for a client that is offline.
    pub(crate) fn store(&self, client_id: &str, message: StoredMessage) {
        self.log.write(client_id, What::Stored { topic: message.topic.clone() });
        lock(&self.stored).entry(client_id.to_owned()).or_default().push(message);
    }

    /// Logs that a P2P message for an offline client is dropped.
    pub(crate) fn drop_offline(&self, client_id: &str, topic: &str) {
        let reason = "the P2P target is offline".to_owned();
        self.log.write(client_id, What::Dropped { topic: topic.to_owned(), reason });
    }

    pub(crate) fn take_stored(&self, client_id: &str) -> Vec<StoredMessage> {
        lock(&self.stored).remove(client_id).unwrap_or_default()
    }

    /// Remembers a QoS 2 message of a client, which waits for its PUBREL.
    pub(crate) fn begin_qos2(&self, client_id: &str, packet_id: u16) {
        lock(&self.qos2).entry(client_id.to_owned()).or_default().insert(packet_id);
    }

    /// Handles the PUBREL of a client. Returns true if a message waited for it.
    pub(crate) fn end_qos2(&self, client_id: &str, packet_id: u16) -> bool {
        let mut all = lock(&self.qos2);
        let Some(ids) = all.get_mut(client_id) else { return false };
        let was_held = ids.remove(&packet_id);
        if ids.is_empty() {
            all.remove(client_id);
        }
        was_held
    }

    pub(crate) fn forget_qos2(&self, client_id: &str) {
        lock(&self.qos2).remove(client_id);
    }

    /// Deletes what a stop does not keep.
    pub(crate) fn forget_sessions(&self) {
        lock(&self.links).clear();
        lock(&self.stored).clear();
        lock(&self.qos2).clear();
    }

    fn may_use(&self, identity: &Identity, parent: &str, topic: &str, wanted: Permission) -> Result<(), Denial> {
        if !self.knows_parent(parent) {
            return Err(deny(format!("resource auth failed: no parent topic {parent:?}")));
        }
        if lock(&self.switches).forbidden.iter().any(|forbidden| names::covers(forbidden, topic)) {
            return Err(deny("resource auth failed: forbidden".into()));
        }
        let Identity::Tokens { access_key_id, held } = identity else { return Ok(()) };
        lock(&self.tokens)
            .allow(access_key_id, held, wanted, topic)
            .map_err(|fault| Denial { reason: format!("resource auth failed: {fault}"), fault: Some(fault) })
    }
}

/// Locks a mutex, even if a holder panicked: every change under these locks is a single step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deny(reason: String) -> Denial {
    Denial { reason, fault: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_ends_late_does_not_take_its_successor_along() {
        let service = Service::new(Settings::default());
        let (orders, _taken) = tokio::sync::mpsc::unbounded_channel();
        for number in [1, 2] {
            let link = Link {
                number,
                version: Version::V5,
                listener: Listener::Tcp,
                login: LoginMode::Signature,
                clean_session: true,
                since: SystemTime::now(),
                orders: orders.clone(),
            };
            service.enter("a", link);
        }
        service.leave("a", 1);
        assert_eq!(service.link("a").map(|link| link.number), Some(2));
        service.leave("a", 2);
        assert!(service.link("a").is_none());
    }
}
