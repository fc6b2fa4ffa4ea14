//! The front desk's connections to the broker inside.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpStream;

use crate::service::lock;

/// The connections of the front desk by local address. The broker inside accepts no others.
pub(crate) type DeskAddresses = Arc<Mutex<HashMap<SocketAddr, DeskConnection>>>;

/// The state of one connection that the broker inside and the front desk share.
#[derive(Debug, Default)]
pub(crate) struct DeskConnection {
    /// The client's Maximum Packet Size.
    pub(super) max_packet: Option<u32>,
    /// The reason for dropping the current message, if the broker inside would give another one.
    pub(super) drop_reason: Option<&'static str>,
    /// For each filter of the UNSUBSCRIBEs without an UNSUBACK yet, in order: true if it was subscribed.
    pub(crate) unsubscribed: VecDeque<bool>,
}

/// A connection of the front desk to the broker.
pub(crate) struct BrokerConnection {
    pub(crate) stream: TcpStream,
    pub(crate) pass: Pass,
}

/// Admits one connection of the front desk until it is dropped.
pub(crate) struct Pass {
    pub(super) address: SocketAddr,
    pub(super) desk: DeskAddresses,
}

impl Pass {
    /// Takes the next `count` entries of [`DeskConnection::unsubscribed`].
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
