//! The listening sockets of an emulator, those that reserve its ports, and what clients connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};

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

/// Returns an address that a client on this machine can connect to.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let loopback = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, address.port())
}

/// Returns the host, which the certificate names, and the port.
pub(crate) fn tls_authority(address: SocketAddr) -> String {
    match reachable(address) {
        address if address.ip().is_loopback() => format!("localhost:{}", address.port()),
        address => address.to_string(),
    }
}
