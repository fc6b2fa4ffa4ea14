//! The counters and gauges of a client.

/// Counters and gauges of a client; from [`Client::stats`](crate::Client::stats).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections made (CONNACKs with code 0).
    pub connections: u64,
    /// Messages accepted for sending.
    pub published: u64,
    /// QoS 1 and 2 messages acknowledged by the server.
    pub acknowledged: u64,
    /// Messages and requests sent again on a later connection.
    pub retransmitted: u64,
    /// Messages put into the inbox.
    pub received: u64,
    /// Redeliveries that were recognised and not queued again.
    pub redelivered: u64,
    /// Replies given to the requests that waited for them.
    pub replies: u64,
    /// Replies, including repetitions, that no request waited for any longer. They were dropped.
    pub late_replies: u64,
    /// QoS 0 messages dropped because the inbox was full.
    pub dropped_full: u64,
    /// QoS 1 and 2 messages neither queued nor acknowledged because the inbox was full. The server sends them again.
    pub refused_full: u64,
    /// Messages above [`Limits::packet_len`](crate::Limits::packet_len), acknowledged and discarded.
    pub set_aside: u64,
    /// Messages refused without being sent, since the service refuses their topic
    /// ([`Event::TopicRefused`](crate::Event::TopicRefused)).
    pub refused_topic: u64,
    /// Messages and requests in the outbox: accepted and not settled.
    pub outbox_messages: u64,
    /// Memory of the outbox, in bytes, without the copies that the connection holds of messages in flight.
    pub outbox_bytes: u64,
    /// The window: how many messages and requests may be unacknowledged now. It grows where the round trip is
    /// long ([`ConfigBuilder::max_window`](crate::ConfigBuilder::max_window)), and is 1 while the client searches for a
    /// message that makes the server close connections.
    pub window: u64,
    /// Records in the spool's file, including those of settled messages that are not removed yet. 0 without a spool.
    pub spooled_messages: u64,
    /// Size of these records, in bytes, as `Spool::max_bytes` counts them.
    pub spooled_bytes: u64,
    /// Requests that wait for their reply.
    pub waiting_requests: u64,
    /// Messages in the inbox.
    pub inbox_messages: u64,
    /// Memory of the inbox, in bytes.
    pub inbox_bytes: u64,
    /// Received messages that are not acknowledged on the wire yet.
    pub unacknowledged: u64,
    /// Unacknowledged messages whose acknowledgement was given, but waits for that of an earlier message:
    /// acknowledgements are sent in the order of receipt.
    pub held_back: u64,
    /// Messages in the inbox when the client ended, which the program had not taken by then. 0 before the end.
    pub untaken: u64,
    /// Threads of this process, of any client, that were left behind in a call of the operating system, such as a name
    /// lookup or a blocked write. Each ends when its call returns.
    pub stranded_workers: u64,
}
