//! The counters and gauges of a client.

use aliyun_mqtt::Stats;

use crate::client::amq_client;
use crate::error::amq_error;
use crate::guard::call;
use crate::input::{choice, number_place, object};
use crate::status::amq_status;

/// A counter or gauge of a client. Counters begin at 0 when the client is made.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_stat {
    /// Connections made (CONNACKs with code 0).
    Connections = 0,
    /// Messages accepted for sending.
    Published = 1,
    /// QoS 1 and 2 messages acknowledged by the server.
    Acknowledged = 2,
    /// Messages and requests sent again on a later connection.
    Retransmitted = 3,
    /// Messages put into the inbox.
    Received = 4,
    /// Redeliveries that were recognised and not queued again.
    Redelivered = 5,
    /// Replies given to the requests that waited for them.
    Replies = 6,
    /// Replies, including repetitions, that no request waited for any longer. They were dropped.
    LateReplies = 7,
    /// QoS 0 messages dropped because the inbox was full.
    DroppedFull = 8,
    /// QoS 1 and 2 messages neither queued nor acknowledged because the inbox was full. The server sends them again.
    RefusedFull = 9,
    /// Messages above AMQ_LIMIT_PACKET_LEN, acknowledged and discarded.
    SetAside = 10,
    /// Messages refused without being sent, since the service refuses their topic.
    RefusedTopic = 11,
    /// Messages and requests in the outbox: accepted and not settled.
    OutboxMessages = 12,
    /// Memory of the outbox, in bytes, without the copies that the connection holds of messages in flight.
    OutboxBytes = 13,
    /// The window: how many messages and requests may be unacknowledged at this moment. It grows on a long line
    /// (amq_config_set_max_window), and is 1 while the client searches for a message that makes the server close
    /// connections.
    Window = 14,
    /// Records in the spool's file, including those of settled messages that are not removed yet. 0 without a spool.
    SpooledMessages = 15,
    /// Size of these records, in bytes, as amq_config_set_spool counts them.
    SpooledBytes = 16,
    /// Requests that wait for their reply.
    WaitingRequests = 17,
    /// Messages in the inbox.
    InboxMessages = 18,
    /// Memory of the inbox, in bytes.
    InboxBytes = 19,
    /// Received messages that are not acknowledged on the wire yet.
    Unacknowledged = 20,
    /// Unacknowledged messages whose acknowledgement was given, but waits for that of an earlier message:
    /// acknowledgements are sent in the order of receipt.
    HeldBack = 21,
    /// Messages in the inbox when the client ended, which the program had not taken by then. 0 before the end.
    Untaken = 22,
    /// Threads of this process, of any client, that were left behind in a call of the operating system, such as a name
    /// lookup or a blocked write. Each ends when its call returns.
    StrandedWorkers = 23,
}

/// Sets `*value` to the present value of a counter or gauge: an amq_stat. Does not block. In a forked child all are 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_client_stats_value(
    client: *const amq_client,
    which: i32,
    value: *mut u64,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        call(error, || {
            let value = number_place("value", value, 0)?;
            *value = choice("which", which, &values(object("client", client)?.client().stats()))?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

fn values(stats: Stats) -> [(i32, u64); 24] {
    [
        (amq_stat::Connections as i32, stats.connections),
        (amq_stat::Published as i32, stats.published),
        (amq_stat::Acknowledged as i32, stats.acknowledged),
        (amq_stat::Retransmitted as i32, stats.retransmitted),
        (amq_stat::Received as i32, stats.received),
        (amq_stat::Redelivered as i32, stats.redelivered),
        (amq_stat::Replies as i32, stats.replies),
        (amq_stat::LateReplies as i32, stats.late_replies),
        (amq_stat::DroppedFull as i32, stats.dropped_full),
        (amq_stat::RefusedFull as i32, stats.refused_full),
        (amq_stat::SetAside as i32, stats.set_aside),
        (amq_stat::RefusedTopic as i32, stats.refused_topic),
        (amq_stat::OutboxMessages as i32, stats.outbox_messages),
        (amq_stat::OutboxBytes as i32, stats.outbox_bytes),
        (amq_stat::Window as i32, stats.window),
        (amq_stat::SpooledMessages as i32, stats.spooled_messages),
        (amq_stat::SpooledBytes as i32, stats.spooled_bytes),
        (amq_stat::WaitingRequests as i32, stats.waiting_requests),
        (amq_stat::InboxMessages as i32, stats.inbox_messages),
        (amq_stat::InboxBytes as i32, stats.inbox_bytes),
        (amq_stat::Unacknowledged as i32, stats.unacknowledged),
        (amq_stat::HeldBack as i32, stats.held_back),
        (amq_stat::Untaken as i32, stats.untaken),
        (amq_stat::StrandedWorkers as i32, stats.stranded_workers),
    ]
}
