//! What runs on the emulator's thread: a runtime, the broker inside, the front desk, and the program's questions.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::mpsc::Sender as Reply;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::broker::{Broker, SessionInfo};
use crate::error::Error;
use crate::front::{Desk, listen};
use crate::log::{DisconnectReason, Listener, What};
use crate::rules;
use crate::service::{Order, Service};

/// How long connections may take to end when the emulator stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a program can ask of the thread. An answer nobody waits for any more is lost, which is fine.
pub(crate) enum Ask {
    Publish { topic: String, qos: u8, payload: Bytes, reply: Reply<Result<(), Error>> },
    Sessions { reply: Reply<Vec<SessionInfo>> },
    Stop,
}

/// Runs until it is told to stop, or nobody can ask any more.
pub(crate) fn run(
    service: &Arc<Service>,
    acceptor: TlsAcceptor,
    listeners: Vec<StdListener>,
    mut asks: UnboundedReceiver<Ask>,
    ready: &Reply<Result<(), Error>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(Error::io("start a runtime", error)));
            return;
        }
    };
    runtime.block_on(async {
        let (broker, desks) = match open(service, acceptor, listeners).await {
            Ok(opened) => opened,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        service.log.write("", What::Started);
        let _ = ready.send(Ok(()));
        answer(service, &broker, &mut asks).await;
        close(service, &broker, desks).await;
        service.log.write("", What::Stopped);
    });
}

async fn open(
    service: &Arc<Service>,
    acceptor: TlsAcceptor,
    listeners: Vec<StdListener>,
) -> Result<(Arc<Broker>, JoinSet<()>), Error> {
    let broker = Arc::new(Broker::start(service).await?);
    let desk = Arc::new(Desk::new(Arc::clone(service), Arc::clone(&broker), acceptor));
    let mut desks = JoinSet::new();
    for (listener, kind) in listeners.into_iter().zip([Listener::Tcp, Listener::Tls, Listener::Ws, Listener::Wss]) {
        let listener = TcpListener::from_std(listener).map_err(|error| Error::io("listen", error))?;
        desks.spawn(listen(listener, kind, Arc::clone(&desk)));
    }
    Ok((broker, desks))
}

async fn answer(service: &Service, broker: &Broker, asks: &mut UnboundedReceiver<Ask>) {
    while let Some(ask) = asks.recv().await {
        match ask {
            Ask::Publish { topic, qos, payload, reply } => {
                let target = rules::p2p_target(&topic).map(|(_, target)| target);
                let done = match target {
                    Some(target) if service.line(target).is_none() => {
                        service.drop_offline(target, &topic);
                        Ok(())
                    }
                    _ => broker.forward(&topic, qos, payload, target).await,
                };
                let _ = reply.send(done);
            }
            Ask::Sessions { reply } => {
                let _ = reply.send(broker.sessions(service).await);
            }
            Ask::Stop => return,
        }
    }
}

async fn close(service: &Service, broker: &Broker, mut desks: JoinSet<()>) {
    desks.shutdown().await;
    service.order_all(|| Order::Cut(DisconnectReason::Stopped));
    // What does not end in time is dropped with the runtime.
    let _ = timeout(FAREWELL, service.all_left()).await;
    service.forget_sessions();
    broker.dismantle().await;
}
