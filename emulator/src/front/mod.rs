//! The front desk: accepts connections of all four transports, checks every packet, and forwards to the broker inside
//! what the service would accept.

mod check;
mod connection;
mod desk;
mod frames;
mod login;
mod packets;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(crate) use self::desk::Desk;
use self::desk::HANDSHAKE_TIMEOUT;
use crate::log::Listener;

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
        Listener::Tcp => connection::serve(stream, kind, desk).await,
        Listener::Ws => {
            if let Some(stream) = websocket::accept(stream).await {
                connection::serve(stream, kind, desk).await;
            }
        }
        Listener::Tls | Listener::Wss => {
            let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, desk.acceptor.accept(stream)).await else { return };
            if kind == Listener::Tls {
                connection::serve(stream, kind, desk).await;
            } else if let Some(stream) = websocket::accept(stream).await {
                connection::serve(stream, kind, desk).await;
            }
        }
    }
}
