//! The listening sockets of an emulator, and those that reserve its ports.

use std::net::{SocketAddr, TcpListener as StdListener};

use crate::error::Error;

/// Binds sockets to these addresses that never listen, so that the system assigns these ports to nobody else. A program
/// that names such a port and sets `SO_REUSEADDR`, as the emulator's listeners do, can still listen on it. Port 0 is
/// replaced by the port that was found.
#[cfg(target_os = "linux")]
pub(crate) fn keep(addresses: &mut [SocketAddr]) -> Result<Vec<tokio::net::TcpSocket>, Error> {
    use tokio::net::TcpSocket;
    let keep = |address: &mut SocketAddr| -> std::io::Result<TcpSocket> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(*address)?;
        *address = socket.local_addr()?;
        Ok(socket)
    };
    let named = |address: &mut SocketAddr| keep(address).map_err(|error| cannot_listen(*address, error));
    addresses.iter_mut().map(named).collect()
}

/// Binds a listener to each address.
pub(crate) fn bind(addresses: &[SocketAddr]) -> Result<Vec<StdListener>, Error> {
    let listen = |address: &SocketAddr| {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    addresses.iter().map(|address| listen(address).map_err(|error| cannot_listen(*address, error))).collect()
}

fn cannot_listen(address: SocketAddr, error: std::io::Error) -> Error {
    Error::io(format!("listen on {address}"), error)
}
