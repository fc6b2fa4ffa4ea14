//! A port at which nobody listens.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port of 127.0.0.1 that is ours as long as this value lives, so that no server which starts meanwhile is given it.
/// Connections to it are refused; a program that is told the port and sets `SO_REUSEADDR` can listen there.
#[derive(Debug)]
pub struct Port {
    addr: SocketAddr,
    _kept: Socket,
}

impl Port {
    pub fn reserve() -> Port {
        let kept = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        kept.set_reuse_address(true).expect("an option");
        kept.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        let addr = kept.local_addr().expect("an address").as_socket().expect("an address of TCP");
        Port { addr, _kept: kept }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn number(&self) -> u16 {
        self.addr.port()
    }
}
