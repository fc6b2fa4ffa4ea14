//! The session manager of the broker inside: a session that resumes another starts with its messages.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::inflight::OutInflight;
use rmqtt::session::{DefaultSessionManager, SessionLike, SessionManager};
use rmqtt::types::{
    ConnectInfoType, DisconnectInfo, FitterType, Id, ListenerConfig, MessageQueue, MessageQueueType, OutInflightType,
    SessionSubs, TimestampMillis,
};

use super::handover::{Handovers, Kept};
use crate::service::lock;

/// Creates sessions, and fills those that resume another.
pub(super) struct Resume {
    pub(super) handovers: Handovers,
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
            // Messages that were sent before do not use up the room for waiting ones.
            let room = (deliver_queue.capacity() + resent).max(messages.len());
            deliver_queue = Arc::new(MessageQueue::new(room));
        }
        let last_sent = messages.iter().take(resent).next_back().and_then(|(_, publish)| publish.packet_id);
        for message in messages {
            // Cannot fail: there is room.
            let _ = deliver_queue.push(message);
        }
        {
            let mut inflight = outinflight.write().await;
            let capacity = usize::from(fitter.max_inflight().get());
            if received.len() > capacity {
                // rmqtt computes the free room by a subtraction.
                *inflight = OutInflight::new(received.len(), millis(listen_cfg.message_retry_interval), 0);
            }
            // New messages use the ids after those in use.
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
