//! The entry of one client in the register of sessions, where a new session replaces an old one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::session::Session;
use rmqtt::shared::Entry;
use rmqtt::types::{
    From, Id, IsAdmin, Message, OfflineSession, Publish, Reason, SubsSearchResult, Subscribe, SubscribeReturn, Tx,
    Unsubscribe,
};

use super::desk::DeskAddresses;
use super::handover::{Handover, Handovers, Kept};
use crate::service::lock;

/// How long a login waits for another one of the same client.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// The entry of one client.
pub(super) struct RegisterEntry {
    pub(super) inner: Box<dyn Entry>,
    pub(super) handovers: Handovers,
    pub(super) desk: DeskAddresses,
    /// True while a new session is replacing the old one.
    pub(super) hands_over: bool,
}

impl RegisterEntry {
    /// Ends the handover that [`Entry::kick`] began. `to` is the new session; it receives what was published meanwhile.
    fn end_handover(&mut self, to: Option<&Tx>) {
        if !std::mem::take(&mut self.hands_over) {
            return;
        }
        // Held until the end: nothing that is published now may overtake the messages below.
        let mut handovers = lock(&self.handovers);
        let Some(handover) = handovers.remove(&self.inner.id().client_id) else { return };
        let Some(to) = to else { return };
        for (from, publish) in handover.late {
            // Fails only if the new session has ended already.
            let _ = to.unbounded_send(Message::Forward(from, publish));
        }
    }
}

impl Drop for RegisterEntry {
    fn drop(&mut self) {
        // A login that fails at this point deletes the old session.
        self.end_handover(None);
    }
}

#[async_trait]
impl Entry for RegisterEntry {
    async fn try_lock(&self) -> rmqtt::Result<Box<dyn Entry>> {
        // Another login of the same client holds the lock while it waits for the old session; this login waits for it.
        let inner = tokio::time::timeout(TURN_TIMEOUT, async {
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
            // The old session ended before it could respond; the second call finds none.
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
