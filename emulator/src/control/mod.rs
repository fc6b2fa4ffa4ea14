//! The control API: what tests in Rust do by calls, for tests in any language, over HTTP on loopback.
//!
//! It runs on a thread of its own, so that it outlives a stop of the emulator. [`routes`] is the one table of its
//! calls; [`gate`] decides who may call; [`page`] is the page in the browser, which uses the calls.

mod accounts;
mod answers;
mod entry;
mod feed;
mod field;
mod gate;
mod openapi;
mod operations;
mod page;
mod problem;
mod routes;
mod server;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::gate::Gate;
use self::server::Server;
use crate::error::Error;
use crate::machine::Machine;
use crate::random::random_hex;
use crate::settings::ControlSettings;
use crate::sockets::{self, reachable};

/// How long the thread waits at its end for calls that are being carried out.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of threads for calls that block, such as a restart. Waiting for the log needs none.
const BLOCKING_THREADS: usize = 2;

/// The running control API. Ends when it is dropped.
pub(crate) struct Control {
    address: SocketAddr,
    token: String,
    has_page: bool,
    /// Dropped to end the thread.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    pub(crate) fn start(settings: &ControlSettings, machine: Arc<Machine>) -> Result<Self, Error> {
        let listener = sockets::bind(&[settings.address])?.remove(0);
        let address = listener.local_addr().map_err(|error| Error::io("read a listener's address", error))?;
        let token = settings.token.clone().unwrap_or_else(random_hex);
        let gate = Gate { address, token: token.clone(), hosts: settings.hosts.clone() };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .map_err(|error| Error::io("start a runtime", error))?;
        let (end, ended) = oneshot::channel();
        let server = Arc::new(Server::new(gate, settings.page, machine));
        let thread = std::thread::Builder::new()
            .name("mqtt-emulator-control".into())
            .spawn(move || {
                runtime.block_on(run(listener, server, ended));
                runtime.shutdown_timeout(END_TIMEOUT);
            })
            .map_err(|error| Error::io("start a thread", error))?;
        Ok(Self { address, token, has_page: settings.page, end: Some(end), thread: Some(thread) })
    }

    /// Returns the URL that the paths of the calls follow, without a slash at its end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/control", reachable(self.address))
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Returns the link to the page, if it is served. Its fragment, which no request carries, is the token.
    pub(crate) fn page_url(&self) -> Option<String> {
        self.has_page.then(|| format!("http://{}/#{}", reachable(self.address), self.token))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(self.end.take());
        // Fails only if it has panicked, and then it has ended, too.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn run(listener: StdListener, server: Arc<Server>, ended: oneshot::Receiver<()>) {
    // Cannot fail: the socket is not blocking, and the runtime has its driver.
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    tokio::select! {
        () = server::listen(listener, server) => {}
        _ = ended => {}
    }
}
