//! The numbers of settings that are one of several choices.

use aliyun_mqtt::{AckMode, Limits, Protocol};

use crate::input::{Failure, choice};

/// A version of MQTT: the protocol level of CONNECT.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_protocol {
    /// MQTT 3.1.1, which every instance of the service supports.
    V3_1_1 = 4,
    /// MQTT 5.
    V5 = 5,
}

/// When a received QoS 1 or 2 message is acknowledged. The server keeps the message until then. The service sends it
/// again after 5 to 10 s without an acknowledgement.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_ack_mode {
    /// When the program takes it (amq_client_recv, amq_subscription_recv). Messages that were received but not taken
    /// are delivered again after a crash.
    OnTake = 0,
    /// When it arrives. This gives the fewest duplicates, but a crash loses the messages that were not taken yet.
    OnArrival = 1,
    /// When the program calls amq_message_ack.
    Manual = 2,
}

/// A limit of the service, or a bound of the client's queues. The defaults are those of ordinary instances; Platinum
/// instances can have some of them raised. A limit that is too high only moves the refusal to the service, which closes
/// the connection instead of returning an error. Sources: help pages "Limits" and "MQTT 5.0 overview".
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_limit {
    /// Longest client id: 1 to 65,535 characters. Default 64.
    ClientIdLen = 0,
    /// Longest topic or filter: 1 to 65,535 characters. Default 128.
    TopicLen = 1,
    /// Largest payload to send: 1 to 209,715,200 bytes. Default 65,536. Raising it also raises AMQ_LIMIT_PACKET_LEN.
    PayloadLen = 2,
    /// Most filters of one client: at least 1. Default 30. The service accepts more, but sends nothing for them.
    Filters = 3,
    /// Largest packet from the server that reaches the program: 1 to 268,435,455 bytes. Default 262,144. A larger one
    /// is acknowledged and discarded, with an event.
    PacketLen = 4,
    /// Most messages and requests accepted for sending and not settled: at least 1. Default 10,000.
    OutboxMessages = 5,
    /// Most memory of those: at least 1 byte. Default 67,108,864.
    OutboxBytes = 6,
    /// Most received messages held until the program takes them: at least 1. Default 10,000.
    InboxMessages = 7,
    /// Most memory of those: at least 1 byte. Default 67,108,864.
    InboxBytes = 8,
}

/// When messages in the spool are synced to the disk. All of them survive the end of the process, kill -9 included; the
/// choices differ in what a power cut or a crash of the system does.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_spool_sync {
    /// Before a message counts as accepted; concurrent callers share one sync. A power cut loses nothing, provided that
    /// the disk honours syncs.
    Each = 0,
    /// At an interval. A power cut loses the messages accepted since the last sync, and may leave a damaged file.
    Interval = 1,
    /// When the system decides. A power cut loses the messages of about the last half minute, and may leave a damaged
    /// file.
    System = 2,
}

/// Reads a version of MQTT from a number of the caller.
pub(super) fn protocol(number: i32) -> Result<Protocol, Failure> {
    let choices = [(amq_protocol::V3_1_1 as i32, Protocol::V311), (amq_protocol::V5 as i32, Protocol::V5)];
    choice("protocol", number, &choices)
}

/// Reads an acknowledgement mode from a number of the caller.
pub(super) fn ack_mode(number: i32) -> Result<AckMode, Failure> {
    let choices = [
        (amq_ack_mode::OnTake as i32, AckMode::OnTake),
        (amq_ack_mode::OnArrival as i32, AckMode::OnArrival),
        (amq_ack_mode::Manual as i32, AckMode::Manual),
    ];
    choice("mode", number, &choices)
}

/// Returns the place of a limit.
pub(super) type Limit = fn(&mut Limits) -> &mut usize;

/// Reads a limit from a number of the caller.
pub(super) fn limit(number: i32) -> Result<Limit, Failure> {
    let choices: [(i32, Limit); 9] = [
        (amq_limit::ClientIdLen as i32, |limits| &mut limits.client_id_len),
        (amq_limit::TopicLen as i32, |limits| &mut limits.topic_len),
        (amq_limit::PayloadLen as i32, |limits| &mut limits.payload_len),
        (amq_limit::Filters as i32, |limits| &mut limits.filters),
        (amq_limit::PacketLen as i32, |limits| &mut limits.packet_len),
        (amq_limit::OutboxMessages as i32, |limits| &mut limits.outbox_messages),
        (amq_limit::OutboxBytes as i32, |limits| &mut limits.outbox_bytes),
        (amq_limit::InboxMessages as i32, |limits| &mut limits.inbox_messages),
        (amq_limit::InboxBytes as i32, |limits| &mut limits.inbox_bytes),
    ];
    choice("limit", number, &choices)
}

/// Reads a sync policy from a number of the caller.
pub(super) fn spool_sync(number: i32) -> Result<amq_spool_sync, Failure> {
    let choices = [amq_spool_sync::Each, amq_spool_sync::Interval, amq_spool_sync::System];
    choice("sync", number, &choices.map(|policy| (policy as i32, policy)))
}
