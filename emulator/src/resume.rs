//! What a session takes over when its client comes back: all that was sent and not acknowledged, then all that waits,
//! in the order of publication (MQTT-4.6.0-1).
//!
//! rmqtt sends what an old session holds through the inbox of the new one when that is already open to others, the
//! unacknowledged messages last first, and loses it all if the connection ends before that. So the two places where
//! rmqtt lets its user in are taken: [`Sessions`] empties an old session before a new one takes its place, and
//! [`Resume`] gives the new one what it had, before anything else can reach it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::inflight::{MomentStatus, OutInflight, OutInflightMessage};
use rmqtt::session::{DefaultSessionManager, OfflineInfo, Session, SessionLike, SessionManager};
use rmqtt::shared::{DefaultShared, Entry, Shared};
use rmqtt::types::{
    ClientId, ConnectInfoType, DisconnectInfo, FitterType, ForwardedCount, ForwardedRecipients, From, Id, IsAdmin,
    ListenerConfig, Message, MessageQueue, MessageQueueType, MsgID, OfflineSession, OutInflightType, Publish, Reason,
    SessionStatus, SessionSubs, SubRelations, SubRelationsMap, SubsSearchParams, SubsSearchResult, Subscribe,
    SubscribeReturn, SubscriptionOptions, Subscriptions, TimestampMillis, To, Tx, Unsubscribe,
};

use crate::broker::DeskAddresses;
use crate::service::lock;

/// The sessions that are changing hands, by client.
type Handovers = Arc<Mutex<HashMap<ClientId, Handover>>>;

/// A session that is changing hands.
#[derive(Default)]
struct Handover {
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

fn millis(duration: std::time::Duration) -> TimestampMillis {
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
        msg_id: Option<MsgID>,
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
        let (late, relations) = self.keep_late(&from, &publish, relations);
        match self.inner.forwards_to(from, &publish, relations, msg_id).await {
            Ok(reached) => Ok(late + reached.len()),
            Err((reached, failed)) => Err((late + reached.len(), failed)),
        }
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
    /// Keeps a message aside for the clients among its receivers whose sessions are changing hands. Returns their number,
    /// and the other receivers.
    fn keep_late(&self, from: &From, publish: &Publish, relations: SubRelations) -> (usize, SubRelations) {
        let mut handovers = lock(&self.handovers);
        let (late, now): (Vec<_>, Vec<_>) =
            relations.into_iter().partition(|(_, client_id, ..)| handovers.contains_key(client_id));
        let count = late.len();
        for (_, client_id, options, subscription_ids, _) in late {
            let mut publish = publish.clone();
            publish.dup = false;
            publish.retain = publish.retain && options.retain_as_published() == Some(true);
            publish.qos = publish.qos.less_value(options.qos());
            publish.packet_id = None;
            if let (Some(ids), Some(properties)) = (subscription_ids, &mut publish.properties) {
                properties.subscription_ids = ids;
            }
            if let Some(handover) = handovers.get_mut(&client_id) {
                handover.late.push((from.clone(), publish));
            }
        }
        (count, now)
    }
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
    fn end_handover(&mut self) -> Option<Handover> {
        if std::mem::take(&mut self.hands_over) {
            lock(&self.handovers).remove(&self.inner.id().client_id)
        } else {
            None
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A login that failed after all takes the old session with it.
        self.end_handover();
    }
}

#[async_trait]
impl Entry for Seat {
    async fn try_lock(&self) -> rmqtt::Result<Box<dyn Entry>> {
        let (handovers, desk) = (Arc::clone(&self.handovers), Arc::clone(&self.desk));
        Ok(Box::new(Self { inner: self.inner.try_lock().await?, handovers, desk, hands_over: false }))
    }

    fn id(&self) -> Id {
        self.inner.id()
    }

    fn id_same(&self) -> Option<bool> {
        self.inner.id_same()
    }

    async fn set(&mut self, session: Session, tx: Tx) -> rmqtt::Result<()> {
        self.inner.set(session, tx.clone()).await?;
        for (from, publish) in self.end_handover().unwrap_or_default().late {
            // Fails only if the new session has ended by itself.
            let _ = tx.unbounded_send(Message::Forward(from, publish));
        }
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
        lock(&self.handovers).insert(client_id.clone(), Handover::default());
        let mut found = self.inner.kick(clean_start, clear_subscriptions, is_admin).await?;
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
