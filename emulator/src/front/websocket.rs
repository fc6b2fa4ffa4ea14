//! WebSocket: the handshake, and the conversion of binary messages into a stream of bytes.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::desk::HANDSHAKE_TIMEOUT;

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
const CHUNK: usize = 64 * 1024;

/// Performs the handshake, for any path. Returns `None` if it fails.
pub(super) async fn accept<S>(stream: S) -> Option<DuplexStream>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = tokio_tungstenite::accept_hdr_async(stream, choose_protocol);
    let socket = timeout(HANDSHAKE_TIMEOUT, handshake).await.ok()?.ok()?;
    let (ours, theirs) = tokio::io::duplex(CHUNK);
    tokio::spawn(pump(socket, ours));
    Some(theirs)
}

/// Chooses the first MQTT sub-protocol that the client offers, if any.
#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "the handshake asks for this signature")]
fn choose_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let chosen = offered
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find_map(|name| ["mqtt", "mqttv3.1"].into_iter().find(|known| *known == name));
    if let Some(chosen) = chosen {
        response.headers_mut().insert(PROTOCOL, HeaderValue::from_static(chosen));
    }
    Ok(response)
}

async fn pump<S>(socket: WebSocketStream<S>, bytes: DuplexStream)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut to_client, mut from_client) = socket.split();
    let (mut from_desk, mut to_desk) = tokio::io::split(bytes);
    let inward = async {
        while let Some(Ok(message)) = from_client.next().await {
            let fine = match message {
                Message::Binary(data) => to_desk.write_all(&data).await.is_ok(),
                Message::Ping(_) | Message::Pong(_) => true,
                _ => false,
            };
            if !fine {
                break;
            }
        }
        // The desk notices the end, and can still send by the other half.
        let _ = to_desk.shutdown().await;
    };
    let outward = async {
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from_desk.read(&mut chunk).await {
            let message = Message::binary(chunk[..length].to_vec());
            if to_client.send(message).await.is_err() {
                break;
            }
        }
        let _ = to_client.close().await;
    };
    tokio::pin!(inward);
    tokio::select! {
        () = outward => {}
        () = async { inward.await; std::future::pending().await } => {}
    }
}
