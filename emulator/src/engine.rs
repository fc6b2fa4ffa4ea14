//! The emulator's thread: a runtime with the broker inside, the front desk and the OpenAPI, and the commands of the
//! program.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::api::{self, Api};
use crate::broker::{Broker, SessionInfo};
use crate::error::Error;
use crate::front::{Desk, listen};
use crate::log::{DisconnectReason, Listener, What};
use crate::service::{Order, Service};

/// How long connections may take to end when the emulator stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A command of the program to the thread.
pub(crate) enum Command {
    Publish { topic: String, qos: u8, payload: Bytes, respond_to: Sender<Result<(), Error>> },
    Sessions { respond_to: Sender<Vec<SessionInfo>> },
    Stop,
}

/// Runs until a [`Command::Stop`], or until all senders of commands are dropped.
pub(crate) fn run(
    service: &Arc<Service>,
    [acceptor, mutual]: [TlsAcceptor; 2],
    listeners: Vec<StdListener>,
    mut commands: UnboundedReceiver<Command>,
    ready: &Sender<Result<(), Error>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(Error::io("start a runtime", error)));
            return;
        }
    };
    runtime.block_on(async {
        let (broker, desks) = match open(service, [acceptor, mutual], listeners).await {
            Ok(opened) => opened,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        service.log.write("", What::Started);
        let _ = ready.send(Ok(()));
        answer(service, &broker, &mut commands).await;
        close(service, &broker, desks).await;
        service.log.write("", What::Stopped);
    });
}

async fn open(
    service: &Arc<Service>,
    [acceptor, mutual]: [TlsAcceptor; 2],
    listeners: Vec<StdListener>,
) -> Result<(Arc<Broker>, JoinSet<()>), Error> {
    let broker = Arc::new(Broker::start(service).await?);
    let desk = Arc::new(Desk::new(Arc::clone(service), Arc::clone(&broker), acceptor.clone(), mutual));
    let api = Arc::new(Api::new(Arc::clone(service), Arc::clone(&broker), acceptor));
    let mut listeners = listeners.into_iter().map(TcpListener::from_std);
    let mut desks = JoinSet::new();
    // In the order of the settings' ports.
    for kind in [Listener::Tcp, Listener::Tls, Listener::Ws, Listener::Wss] {
        let Some(listener) = listeners.next() else { break };
        desks.spawn(listen(listener.map_err(|error| Error::io("listen", error))?, kind, Arc::clone(&desk)));
    }
    for (listener, secure) in listeners.zip([false, true]) {
        let listener = listener.map_err(|error| Error::io("listen", error))?;
        desks.spawn(api::listen(listener, secure, Arc::clone(&api)));
    }
    Ok((broker, desks))
}

async fn answer(service: &Service, broker: &Broker, commands: &mut UnboundedReceiver<Command>) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Publish { topic, qos, payload, respond_to } => {
                let sent = broker.send(service, &topic, qos, payload).await;
                let _ = respond_to.send(sent.map(|_| ()));
            }
            Command::Sessions { respond_to } => {
                let _ = respond_to.send(broker.sessions(service).await);
            }
            Command::Stop => return,
        }
    }
}

async fn close(service: &Service, broker: &Broker, mut desks: JoinSet<()>) {
    desks.shutdown().await;
    service.order_all(|| Order::Cut(DisconnectReason::Stopped));
    // Connections that do not end in time are dropped with the runtime.
    let _ = timeout(CLOSE_TIMEOUT, service.all_left()).await;
    service.forget_sessions();
    broker.dismantle().await;
}
