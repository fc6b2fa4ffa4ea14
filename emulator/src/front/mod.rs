//! The front desk: accepts connections of all four transports, checks every packet, and forwards to the broker inside
//! what the service would accept.

mod check;
mod connection;
mod desk;
mod frames;
mod login;
mod orders;
mod packets;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use self::desk::Desk;
use self::desk::HANDSHAKE_TIMEOUT;
use crate::log::Listener;
use crate::tls::PeerCertificate;

/// Accepts connections until the future is dropped.
pub(crate) async fn listen(listener: TcpListener, kind: Listener, desk: Arc<Desk>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move { handle(stream, kind, &desk).await });
            }
            // The process is out of descriptors, for example: try again a little later.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn handle(stream: TcpStream, kind: Listener, desk: &Desk) {
    // A failure only costs speed.
    let _ = stream.set_nodelay(true);
    match kind {
        Listener::Tcp => connection::serve(stream, kind, None, desk).await,
        Listener::Tls => {
            let Some(stream) = handshake(&desk.mutual, stream).await else { return };
            let certificate = PeerCertificate::of(stream.get_ref().1);
            connection::serve(stream, kind, certificate, desk).await;
        }
        Listener::Ws => {
            if let Some(stream) = websocket::accept(stream).await {
                connection::serve(stream, kind, None, desk).await;
            }
        }
        Listener::Wss => {
            let Some(stream) = handshake(&desk.acceptor, stream).await else { return };
            if let Some(stream) = websocket::accept(stream).await {
                connection::serve(stream, kind, None, desk).await;
            }
        }
    }
}

async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await.ok()?.ok()
}
