//! The front desk's connections to the broker inside.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpStream;

use crate::service::lock;

/// The front desk's own connections, by their local addresses: nobody else gets in.
pub(crate) type DeskAddresses = Arc<Mutex<HashMap<SocketAddr, DeskConnection>>>;

/// What the broker and the front desk tell each other about one connection.
#[derive(Debug, Default)]
pub(crate) struct DeskConnection {
    /// The client's Maximum Packet Size.
    pub(super) max_packet: Option<u32>,
    /// Why the message that is being dropped is dropped, where the broker would give another reason.
    pub(super) drop_reason: Option<&'static str>,
    /// Whether the filters of the UNSUBSCRIBEs that were not answered yet had been subscribed, in order.
    pub(crate) unsubscribed: VecDeque<bool>,
}

/// A connection of the front desk to the broker.
pub(crate) struct BrokerConnection {
    pub(crate) stream: TcpStream,
    pub(crate) pass: Pass,
}

/// Lets one connection of the front desk in, as long as it is held.
pub(crate) struct Pass {
    pub(super) address: SocketAddr,
    pub(super) desk: DeskAddresses,
}

impl Pass {
    /// Whether the next `count` filters that were given up had been subscribed.
    pub(crate) fn take_unsubscribed(&self, count: usize) -> Vec<bool> {
        let mut desk = lock(&self.desk);
        let Some(place) = desk.get_mut(&self.address) else { return Vec::new() };
        let count = count.min(place.unsubscribed.len());
        place.unsubscribed.drain(..count).collect()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        lock(&self.desk).remove(&self.address);
    }
}
