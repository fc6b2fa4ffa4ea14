//! The register of sessions of the broker inside, which delivers messages to them.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::session::Session;
use rmqtt::shared::{DefaultShared, Entry, Shared};
use rmqtt::types::{
    ForwardedCount, ForwardedRecipients, From, Id, Message, MsgID, Publish, Reason, SessionStatus, SubRelations,
    SubRelationsMap, SubsSearchParams, SubsSearchResult, SubscriptionIdentifier, SubscriptionOptions, To,
};

use super::desk::DeskAddresses;
use super::entry::RegisterEntry;
use super::handover::Handovers;
use crate::service::lock;

/// A message that could not be delivered to a receiver, and the reason.
type Undelivered = (To, From, Publish, Reason);

/// The register of sessions. During a handover, it sets aside the messages for that client.
pub(super) struct Register {
    pub(super) inner: DefaultShared,
    pub(super) context: ServerContext,
    pub(super) handovers: Handovers,
    pub(super) desk: DeskAddresses,
}

#[async_trait]
impl Shared for Register {
    fn entry(&self, id: Id) -> Box<dyn Entry> {
        let (handovers, desk) = (Arc::clone(&self.handovers), Arc::clone(&self.desk));
        Box::new(RegisterEntry { inner: self.inner.entry(id), handovers, desk, hands_over: false })
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
            // Fails only for an invalid topic, which the front desk does not let pass.
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

impl Register {
    /// Delivers a message to its receivers, and sets it aside for those with a handover in progress.
    ///
    /// Holds one lock throughout, so that each handover happens either before or after the message.
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
                // A clean session does not inherit subscriptions; P2P needs none.
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

/// Returns the message as the receiver with this subscription receives it.
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
