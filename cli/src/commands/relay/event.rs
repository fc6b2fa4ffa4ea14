//! Events that the relay's other threads send to its runtime.

use aliyun_mqtt::{Client, Error, Settled};

use super::inbox::Arrived;
use super::store::Report;
use crate::exit::Failure;

/// Something that happened on another thread.
pub(super) enum Event {
    /// The first connection is made.
    Client(Client),
    /// The subscriptions are made.
    Subscribed,
    /// A message given to the client is settled.
    Settled(Settled),
    /// A request has its reply, or has failed.
    Asked(u64),
    /// The store has done something.
    Store(Report),
    /// Received messages are on disk.
    Received(Vec<Arrived>),
    /// The connection was made, lost, and so on.
    Connection(Box<aliyun_mqtt::Event>),
    /// The client has ended.
    Ended(Error),
    /// The relay cannot go on.
    Fatal(Failure),
    /// The user wants the relay to end.
    Stop,
}
