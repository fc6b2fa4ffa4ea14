//! What a session takes over when its client comes back: all that was sent and not acknowledged, then all that waits,
//! in the order of publication (MQTT-4.6.0-1).
//!
//! rmqtt sends what an old session holds through the inbox of the new one when that is already open to others, the
//! unacknowledged messages last first, and loses it all if the connection ends before that. So the two places where
//! rmqtt lets its user in are taken: [`Sessions`] empties an old session before a new one takes its place, and
//! [`Resume`] gives the new one what it had, before anything else can reach it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::inflight::{MomentStatus, OutInflight, OutInflightMessage};
use rmqtt::session::{DefaultSessionManager, OfflineInfo, Session, SessionLike, SessionManager};
use rmqtt::shared::{DefaultShared, Entry, Shared};
use rmqtt::types::{
    ClientId, ConnectInfoType, DisconnectInfo, FitterType, ForwardedCount, ForwardedRecipients, From, Id, IsAdmin,
    ListenerConfig, Message, MessageQueue, MessageQueueType, MsgID, OfflineSession, OutInflightType, Publish, Reason,
    SessionStatus, SessionSubs, SubRelations, SubRelationsMap, SubsSearchParams, SubsSearchResult, Subscribe,
    SubscribeReturn, SubscriptionIdentifier, SubscriptionOptions, Subscriptions, TimestampMillis, To, Tx, Unsubscribe,
};

use crate::broker::DeskAddresses;
use crate::service::lock;

/// How long a login may wait for another one of the same client.
const TURN: Duration = Duration::from_secs(10);

/// The sessions that are changing hands, by client.
type Handovers = Arc<Mutex<HashMap<ClientId, Handover>>>;

/// A message that could not be given to a receiver, and why.
type Undelivered = (To, From, Publish, Reason);

/// A session that is changing hands.
#[derive(Default)]
struct Handover {
    /// Nothing of the old session is kept.
    clean_start: bool,
    kept: Kept,
    /// What was published since the old session was asked to end.
    late: Vec<(From, Publish)>,
}

/// What a session has from the one before it.
#[derive(Default)]
struct Kept {
    /// QoS 2 messages the client has received and not completed: it is owed a PUBREL for each.
    received: Vec<OutInflightMessage>,
    /// How many of the messages below were sent before.
    resent: usize,
    /// The messages to send: those sent before, then those that waited.
    messages: VecDeque<(From, Publish)>,
    subscriptions: Subscriptions,
}

impl Kept {
    /// Takes out of an old session what its successor is to have from the start. The PUBRELs stay, for rmqtt to send.
    fn of(old: &mut OfflineInfo) -> Self {
        let (mut received, unanswered): (Vec<_>, Vec<_>) = std::mem::take(&mut old.inflight_messages)
            .into_iter()
            .partition(|message| message.status == MomentStatus::UnComplete);
        for message in &mut received {
            mark_as_sent(&mut message.publish);
        }
        received.sort_by_key(|message| message.update_time);
        // A message that was to be sent again on the old connection, and was not, waits among the new ones.
        let (again, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut old.offline_messages).into_iter().partition(|(_, publish)| was_sent(publish));
        let mut resent: Vec<_> =
            unanswered.into_iter().map(|message| (message.from, message.publish)).chain(again).collect();
        resent.iter_mut().for_each(|(_, publish)| mark_as_sent(publish));
        in_order_of_sending(&mut resent);

        // rmqtt takes them from the end.
        old.inflight_messages = received.iter().rev().cloned().collect();
        Self {
            received,
            resent: resent.len(),
            messages: resent.into_iter().chain(waiting).collect(),
            subscriptions: old.subscriptions.clone(),
        }
    }
}

/// True for a message that went out on an earlier connection, or on this one.
pub(crate) fn was_sent(publish: &Publish) -> bool {
    publish.dup && publish.packet_id.is_some()
}

fn mark_as_sent(publish: &mut Publish) {
    publish.dup = true;
}

/// Packet ids are given out in ascending order, and start again at 1 behind the last one.
fn in_order_of_sending(messages: &mut [(From, Publish)]) {
    const QUARTER: u32 = 0x4000;
    let id = |publish: &Publish| publish.packet_id.map_or(0, |id| u32::from(id.get()));
    let has_wrapped = messages.iter().any(|(_, publish)| id(publish) >= 3 * QUARTER)
        && messages.iter().any(|(_, publish)| id(publish) < QUARTER);
    messages.sort_by_key(|(_, publish)| match id(publish) {
        low if has_wrapped && low < QUARTER => low + 4 * QUARTER,
        id => id,
    });
}

/// Makes the sessions of `context` change hands in order. To be called before the first client comes.
pub(crate) async fn install(context: &ServerContext, desk: &DeskAddresses) {
    let handovers = Handovers::default();
    let resume = Resume { handovers: Arc::clone(&handovers) };
    *context.extends.session_mgr_mut().await = Box::new(resume);
    let shared = DefaultShared::new(Some(context.clone()));
    let sessions = Sessions { inner: shared, context: context.clone(), handovers, desk: Arc::clone(desk) };
    *context.extends.shared_mut().await = Box::new(sessions);
}

/// Makes sessions; one that resumes another begins with what that had.
struct Resume {
    handovers: Handovers,
}

#[async_trait]
impl SessionManager for Resume {
    async fn create(
        &self,
        id: Id,
        scx: ServerContext,
        listen_cfg: ListenerConfig,
        fitter: FitterType,
        subscriptions: SessionSubs,
        mut deliver_queue: MessageQueueType,
        outinflight: OutInflightType,
        conn_info: ConnectInfoType,
        created_at: TimestampMillis,
        connected_at: TimestampMillis,
        session_present: bool,
        superuser: bool,
        connected: bool,
        disconnect_info: Option<DisconnectInfo>,
        last_id: Option<Id>,
    ) -> rmqtt::Result<Arc<dyn SessionLike>> {
        let kept = lock(&self.handovers).get_mut(&id.client_id).map(|handover| std::mem::take(&mut handover.kept));
        let Kept { received, resent, messages, subscriptions: filters } = kept.unwrap_or_default();
        if !messages.is_empty() {
            // What was sent before does not count as waiting.
            let room = (deliver_queue.capacity() + resent).max(messages.len());
            deliver_queue = Arc::new(MessageQueue::new(room));
        }
        let last_sent = messages.iter().take(resent).next_back().and_then(|(_, publish)| publish.packet_id);
        for message in messages {
            // There is room.
            let _ = deliver_queue.push(message);
        }
        {
            let mut inflight = outinflight.write().await;
            let capacity = usize::from(fitter.max_inflight().get());
            if received.len() > capacity {
                // rmqtt subtracts.
                *inflight = OutInflight::new(received.len(), millis(listen_cfg.message_retry_interval), 0);
            }
            // New messages get the ids behind those that are in use.
            for id in received.iter().filter_map(|message| message.publish.packet_id).chain(last_sent) {
                inflight.advance_next_id(id.get());
            }
            for message in received {
                inflight.push_back(message);
            }
        }
        let session = DefaultSessionManager
            .create(
                id,
                scx,
                listen_cfg,
                fitter,
                subscriptions,
                deliver_queue,
                outinflight,
                conn_info,
                created_at,
                connected_at,
                session_present,
                superuser,
                connected,
                disconnect_info,
                last_id,
            )
            .await?;
        session.subscriptions_extend(filters).await?;
        Ok(session)
    }
}

fn millis(duration: Duration) -> TimestampMillis {
    TimestampMillis::try_from(duration.as_millis()).unwrap_or(TimestampMillis::MAX)
}

/// rmqtt's register of sessions. While a client's session changes hands, what is published for it is kept aside.
struct Sessions {
    inner: DefaultShared,
    context: ServerContext,
    handovers: Handovers,
    desk: DeskAddresses,
}

#[async_trait]
impl Shared for Sessions {
    fn entry(&self, id: Id) -> Box<dyn Entry> {
        let (handovers, desk) = (Arc::clone(&self.handovers), Arc::clone(&self.desk));
        Box::new(Seat { inner: self.inner.entry(id), handovers, desk, hands_over: false })
    }

    fn exist(&self, client_id: &str) -> bool {
        self.inner.exist(client_id)
    }

    async fn forwards(
        &self,
        _: Option<MsgID>,
        from: From,
        publish: Publish,
    ) -> Result<ForwardedCount, (ForwardedCount, Vec<(To, From, Publish, Reason)>)> {
        let relations = if let Some(target) = &publish.target_clientid {
            let mut options = SubscriptionOptions::default();
            options.set_qos(publish.qos);
            vec![(publish.topic.clone(), target.clone(), options, None, None)]
        } else {
            let found = self.context.extends.router().await.matches(from.id.clone(), &publish.topic).await;
            // It fails for a topic that is none, and such a topic does not come this far.
            found.ok().and_then(|mut nodes| nodes.remove(&self.context.node.id())).unwrap_or_default()
        };
        self.hand_out(&from, &publish, relations)
    }

    async fn forwards_and_get_shareds(
        &self,
        from: From,
        publish: Publish,
    ) -> Result<(SubRelationsMap, ForwardedRecipients), (ForwardedRecipients, Vec<(To, From, Publish, Reason)>)> {
        self.inner.forwards_and_get_shareds(from, publish).await
    }

    async fn forwards_to(
        &self,
        from: From,
        publish: &Publish,
        relations: SubRelations,
        msg_id: Option<MsgID>,
    ) -> Result<ForwardedRecipients, (ForwardedRecipients, Vec<(To, From, Publish, Reason)>)> {
        self.inner.forwards_to(from, publish, relations, msg_id).await
    }

    fn iter(&self) -> Box<dyn Iterator<Item = Box<dyn Entry>> + Sync + Send + '_> {
        self.inner.iter()
    }

    fn random_session(&self) -> Option<Session> {
        self.inner.random_session()
    }

    async fn session_status(&self, client_id: &str) -> Option<SessionStatus> {
        self.inner.session_status(client_id).await
    }

    async fn client_states_count(&self) -> usize {
        self.inner.client_states_count().await
    }

    fn sessions_count(&self) -> usize {
        self.inner.sessions_count()
    }

    async fn query_subscriptions(&self, q: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.inner.query_subscriptions(q).await
    }

    async fn subscriptions_count(&self) -> usize {
        self.inner.subscriptions_count().await
    }
}

impl Sessions {
    /// Gives a message to its receivers. What is for a session that is changing hands is kept aside.
    ///
    /// All under one lock: a session changes hands either before a message or behind it.
    fn hand_out(
        &self,
        from: &From,
        publish: &Publish,
        relations: SubRelations,
    ) -> Result<ForwardedCount, (ForwardedCount, Vec<Undelivered>)> {
        let (mut reached, mut failed) = (0, Vec::new());
        let mut handovers = lock(&self.handovers);
        for (_, client_id, options, subscription_ids, _) in relations {
            let publish = addressed(publish, &options, subscription_ids);
            if let Some(handover) = handovers.get_mut(&client_id) {
                // The subscriptions of the old session are not those of a clean one; P2P needs none.
                if !handover.clean_start || publish.target_clientid.is_some() {
                    handover.late.push((from.clone(), publish));
                    reached += 1;
                }
                continue;
            }
            let Some((tx, to)) = self.inner.tx(&client_id) else {
                let reason = Reason::from_static("the client has disconnected");
                failed.push((To::from(0, client_id), from.clone(), publish, reason));
                continue;
            };
            let Err(error) = tx.unbounded_send(Message::Forward(from.clone(), publish)) else {
                reached += 1;
                continue;
            };
            if let Message::Forward(from, publish) = error.into_inner() {
                failed.push((to, from, publish, Reason::from_static("the session has ended")));
            }
        }
        if failed.is_empty() { Ok(reached) } else { Err((reached, failed)) }
    }
}

/// A message as the receiver with this subscription gets it.
fn addressed(
    publish: &Publish,
    options: &SubscriptionOptions,
    subscription_ids: Option<Vec<SubscriptionIdentifier>>,
) -> Publish {
    let mut publish = publish.clone();
    publish.dup = false;
    publish.retain = publish.retain && options.retain_as_published() == Some(true);
    publish.qos = publish.qos.less_value(options.qos());
    publish.packet_id = None;
    if let (Some(ids), Some(properties)) = (subscription_ids, &mut publish.properties) {
        properties.subscription_ids = ids;
    }
    publish
}

/// One client's place in the register.
struct Seat {
    inner: Box<dyn Entry>,
    handovers: Handovers,
    desk: DeskAddresses,
    /// Whether this one has begun to replace the client's session.
    hands_over: bool,
}

impl Seat {
    /// Ends what [`Entry::kick`] has begun; `to` is the new session, which gets what was published meanwhile.
    fn end_handover(&mut self, to: Option<&Tx>) {
        if !std::mem::take(&mut self.hands_over) {
            return;
        }
        // Held until all is handed over: nothing that is published now may overtake it.
        let mut handovers = lock(&self.handovers);
        let Some(handover) = handovers.remove(&self.inner.id().client_id) else { return };
        let Some(to) = to else { return };
        for (from, publish) in handover.late {
            // Fails only if the new session has ended by itself.
            let _ = to.unbounded_send(Message::Forward(from, publish));
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A login that failed after all takes the old session with it.
        self.end_handover(None);
    }
}

#[async_trait]
impl Entry for Seat {
    async fn try_lock(&self) -> rmqtt::Result<Box<dyn Entry>> {
        // Another login of the same client holds it while it waits for the old session: this one comes after it.
        let inner = tokio::time::timeout(TURN, async {
            loop {
                match self.inner.try_lock().await {
                    Ok(inner) => return inner,
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        });
        let (handovers, desk) = (Arc::clone(&self.handovers), Arc::clone(&self.desk));
        Ok(Box::new(Self { inner: inner.await?, handovers, desk, hands_over: false }))
    }

    fn id(&self) -> Id {
        self.inner.id()
    }

    fn id_same(&self) -> Option<bool> {
        self.inner.id_same()
    }

    async fn set(&mut self, session: Session, tx: Tx) -> rmqtt::Result<()> {
        self.inner.set(session, tx.clone()).await?;
        self.end_handover(Some(&tx));
        Ok(())
    }

    async fn remove(&mut self) -> rmqtt::Result<Option<(Session, Tx)>> {
        self.inner.remove().await
    }

    async fn remove_with(&mut self, id: &Id) -> rmqtt::Result<Option<(Session, Tx)>> {
        self.inner.remove_with(id).await
    }

    async fn kick(
        &mut self,
        clean_start: bool,
        clear_subscriptions: bool,
        is_admin: IsAdmin,
    ) -> rmqtt::Result<OfflineSession> {
        let client_id = self.inner.id().client_id.clone();
        self.hands_over = true;
        lock(&self.handovers).insert(client_id.clone(), Handover { clean_start, ..Handover::default() });
        let mut found = match self.inner.kick(clean_start, clear_subscriptions, is_admin).await {
            // The old session has ended by itself, and did not answer any more; now there is none to wait for.
            Err(_) => self.inner.kick(clean_start, clear_subscriptions, is_admin).await?,
            Ok(found) => found,
        };
        if let OfflineSession::Exist(Some(old)) = &mut found
            && let Some(handover) = lock(&self.handovers).get_mut(&client_id)
        {
            handover.kept = Kept::of(old);
        }
        Ok(found)
    }

    async fn online(&self) -> bool {
        self.inner.online().await
    }

    async fn is_connected(&self) -> bool {
        self.inner.is_connected().await
    }

    fn session(&self) -> Option<Session> {
        self.inner.session()
    }

    fn exist(&self) -> bool {
        self.inner.exist()
    }

    fn tx(&self) -> Option<Tx> {
        self.inner.tx()
    }

    async fn subscribe(&self, subscribe: &Subscribe) -> rmqtt::Result<SubscribeReturn> {
        self.inner.subscribe(subscribe).await
    }

    async fn unsubscribe(&self, unsubscribe: &Unsubscribe) -> rmqtt::Result<bool> {
        let existed = self.inner.unsubscribe(unsubscribe).await?;
        let mut desk = lock(&self.desk);
        if let Some(place) = self.inner.id().remote_addr.and_then(|address| desk.get_mut(&address)) {
            place.unsubscribed.push_back(existed);
        }
        Ok(existed)
    }

    async fn publish(&self, from: From, p: Publish) -> Result<(), (From, Publish, Reason)> {
        self.inner.publish(from, p).await
    }

    async fn subscriptions(&self) -> Option<Vec<SubsSearchResult>> {
        self.inner.subscriptions().await
    }
}
