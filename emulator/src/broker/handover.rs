//! What a session takes over when its client comes back: all that was sent and not acknowledged, then all that waits,
//! in the order of publication (MQTT-4.6.0-1).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use rmqtt::inflight::{MomentStatus, OutInflightMessage};
use rmqtt::session::OfflineInfo;
use rmqtt::types::{ClientId, From, Publish, Subscriptions};

/// The sessions that are changing hands, by client.
pub(super) type Handovers = Arc<Mutex<HashMap<ClientId, Handover>>>;

/// A session that is changing hands.
#[derive(Default)]
pub(super) struct Handover {
    /// Nothing of the old session is kept.
    pub(super) clean_start: bool,
    pub(super) kept: Kept,
    /// What was published since the old session was asked to end.
    pub(super) late: Vec<(From, Publish)>,
}

/// What a session has from the one before it.
#[derive(Default)]
pub(super) struct Kept {
    /// QoS 2 messages the client has received and not completed: it is owed a PUBREL for each.
    pub(super) received: Vec<OutInflightMessage>,
    /// How many of the messages below were sent before.
    pub(super) resent: usize,
    /// The messages to send: those sent before, then those that waited.
    pub(super) messages: VecDeque<(From, Publish)>,
    pub(super) subscriptions: Subscriptions,
}

impl Kept {
    /// Takes out of an old session what its successor is to have from the start. The PUBRELs stay, for rmqtt to send.
    pub(super) fn of(old: &mut OfflineInfo) -> Self {
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
pub(super) fn was_sent(publish: &Publish) -> bool {
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
