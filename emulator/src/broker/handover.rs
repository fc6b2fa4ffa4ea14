//! The handover from an old session to the one that resumes it: the messages sent and not acknowledged, then the
//! waiting ones, in the order of publication (MQTT-4.6.0-1).
//!
//! rmqtt itself sends the messages of an old session through the queue of the new one when that is already open to
//! others, the unacknowledged messages last first, and loses all of them if the connection ends before that. Therefore
//! the entry of the register empties an old session before a new one replaces it, and the session manager fills the new
//! one before anything else can reach it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use rmqtt::inflight::{MomentStatus, OutInflightMessage};
use rmqtt::session::OfflineInfo;
use rmqtt::types::{ClientId, From, Publish, Subscriptions};

/// The handovers in progress, by client.
pub(super) type Handovers = Arc<Mutex<HashMap<ClientId, Handover>>>;

/// A handover in progress.
#[derive(Default)]
pub(super) struct Handover {
    /// The new session starts clean: nothing of the old one is kept.
    pub(super) clean_start: bool,
    pub(super) kept: Kept,
    /// The messages published since the old session was asked to end.
    pub(super) late: Vec<(From, Publish)>,
}

/// The part of a session that the next one inherits.
#[derive(Default)]
pub(super) struct Kept {
    /// The QoS 2 messages that the client has received and not completed; each needs a PUBREL.
    pub(super) received: Vec<OutInflightMessage>,
    /// The number of the messages below that were sent before.
    pub(super) resent: usize,
    /// The messages to send: first those sent before, then the waiting ones.
    pub(super) messages: VecDeque<(From, Publish)>,
    pub(super) subscriptions: Subscriptions,
}

impl Kept {
    /// Takes the messages out of an old session. The pending PUBRELs stay, because rmqtt sends them.
    pub(super) fn of(old: &mut OfflineInfo) -> Self {
        let (mut received, unanswered): (Vec<_>, Vec<_>) = std::mem::take(&mut old.inflight_messages)
            .into_iter()
            .partition(|message| message.status == MomentStatus::UnComplete);
        for message in &mut received {
            mark_as_sent(&mut message.publish);
        }
        received.sort_by_key(|message| message.update_time);
        // A retransmission that the old connection did not get to is among the waiting messages.
        let (again, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut old.offline_messages).into_iter().partition(|(_, publish)| was_sent(publish));
        let mut resent: Vec<_> =
            unanswered.into_iter().map(|message| (message.from, message.publish)).chain(again).collect();
        resent.iter_mut().for_each(|(_, publish)| mark_as_sent(publish));
        in_order_of_sending(&mut resent);

        // rmqtt sends them from the end.
        old.inflight_messages = received.iter().rev().cloned().collect();
        Self {
            received,
            resent: resent.len(),
            messages: resent.into_iter().chain(waiting).collect(),
            subscriptions: old.subscriptions.clone(),
        }
    }
}

/// Returns true for a message that was sent before, on this or an earlier connection.
pub(super) fn was_sent(publish: &Publish) -> bool {
    publish.dup && publish.packet_id.is_some()
}

fn mark_as_sent(publish: &mut Publish) {
    publish.dup = true;
}

/// Sorts messages by packet id. Ids are assigned in ascending order and restart at 1 after the last one.
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
