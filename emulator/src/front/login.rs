//! The login of a connection: its CONNECT, and the CONNACK of a refused client.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::desk::{CLOSE_TIMEOUT, Desk, HANDSHAKE_TIMEOUT};
use super::frames::Frames;
use super::packets::{as_v3_code, refusal, refusal_for};
use crate::log::{Version, What};
use crate::login::{Identity, Login, Refusal};
use crate::packet::{BadConnect, Connect};
use crate::tls::PeerCertificate;

/// Reads the CONNECT and checks the login. Logs a refusal, sends its CONNACK, and returns `None`.
pub(super) async fn log_in<R, W>(
    from_client: &mut Frames<R>,
    to_client: &mut W,
    certificate: Option<&PeerCertificate>,
    desk: &Desk,
) -> Option<(Connect, Identity)>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let frame = timeout(HANDSHAKE_TIMEOUT, from_client.next()).await.ok()?.ok()??;
    let (version, client_id, refused) = match Connect::parse(&frame) {
        Ok(connect) => {
            let login = Login {
                client_id: &connect.client_id,
                username: connect.username.as_deref(),
                password: connect.password.as_deref(),
                certificate,
            };
            match desk.service.login(&login) {
                Ok(identity) => return Some((connect, identity)),
                Err(refused) => (connect.version, connect.client_id, refused),
            }
        }
        Err(BadConnect::Version) => {
            let reason = "the protocol version is neither 3.1.1 nor 5".into();
            (Version::V311, String::new(), Refusal { code: 1, reason })
        }
        Err(BadConnect::NoClientId(version)) => {
            (version, String::new(), Refusal { code: 2, reason: "no client id".into() })
        }
        Err(BadConnect::Forbidden(fault)) => {
            let refused = Refusal { code: as_v3_code(fault.reason), reason: fault.why };
            return refuse(from_client, to_client, desk, "", refused, refusal_for(fault.reason)).await;
        }
        Err(BadConnect::Garbage) => return None,
    };
    let answer = refusal(version, refused.code);
    refuse(from_client, to_client, desk, &client_id, refused, answer).await
}

async fn refuse<R, W>(
    from_client: &mut Frames<R>,
    to_client: &mut W,
    desk: &Desk,
    client_id: &str,
    refused: Refusal,
    answer: Bytes,
) -> Option<(Connect, Identity)>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    desk.service.log.write(client_id, What::LoginRefused { code: refused.code, reason: refused.reason });
    let _ = timeout(CLOSE_TIMEOUT, async {
        let _ = to_client.write_all(&answer).await;
        let _ = to_client.shutdown().await;
        from_client.drain().await;
    })
    .await;
    None
}
