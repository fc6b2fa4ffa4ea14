//! `relay`: one connection for programs that cannot keep one, behind HTTP/1.1 on a Unix socket or a loopback address.
//!
//! * `listen`, `guard`, `serve`, `patience`, `descriptors` are the HTTP server: sockets, who may call, connections and
//!   paths, callers that do not read, and how many connections the system allows.
//! * `options`, `intake`, `body`, `problem` read calls and write answers.
//! * `post` with `send` and `stream`, `take`, `ask`, `sse` are the calls.
//! * `outbox` has the messages to send, `inbox` the received ones, and `store` is the disk under both.
//! * `shared` is what all calls share. `line` has the threads between the client, whose calls block, and the runtime;
//!   `event` is what they tell.
//!
//! Everything but the disk and the client runs on one thread. No call has a thread.

mod args;
mod ask;
mod asks;
mod body;
mod descriptors;
mod event;
mod event_text;
mod filter;
mod guard;
mod inbox;
mod intake;
mod line;
mod listen;
mod metrics;
mod names;
mod options;
mod outbox;
mod patience;
mod post;
mod problem;
mod room;
mod send;
mod serve;
mod shared;
mod sse;
mod store;
mod stream;
mod take;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aliyun_mqtt::{AckMode, Config};
use sd_notify::NotifyState;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use crate::exit::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::lang::phrase;
use crate::report;
use crate::settings::{GlobalArgs, Key, PATIENCE, Secret, Settings};
use asks::Asks;
use event::Event;
use filter::Allowed;
use guard::Token;
use inbox::{Inbox, Rules};
use line::{Receiving, Stored};
use listen::Listener;
use metrics::Metrics;
use outbox::Outbox;
use room::{Bounds, Room};
use shared::{Phase, Relay};
use store::{Command, Store};

pub(crate) use args::RelayArgs;

/// How long connections get to take their last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// How long the end of the connection to the server may take.
const GOODBYE: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &RelayArgs, global: &GlobalArgs) -> Result<crate::exit::Exit> {
    let settings = Settings::load(global)?;
    check(args)?;
    let config = config(args, &settings)?;
    let token = token(args)?;
    let directory = directory(args)?;
    let interrupt = Interrupt::listen()?;
    let listeners = listen::open(&args.listen, args.group.as_deref())?;
    if token.is_none() && listeners.iter().any(|listener| matches!(listener, Listener::Tcp(..))) {
        let failure = Failure::usage("every process of this machine, of any user, can reach a loopback address");
        return Err(failure.hint(phrase!("use --bearer-token-file, or listen on a Unix socket")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("cannot start the relay", &error))?;
    let local = tokio::task::LocalSet::new();
    let parent = settings.text(Key::Topic).map(str::to_string);
    let ended = local.block_on(&runtime, serve(args, config, parent, token, &directory, listeners, &interrupt));
    runtime.shutdown_background();
    match ended? {
        None => Ok(crate::exit::Exit::Ok),
        Some(failure) => Err(failure),
    }
}

async fn serve(
    args: &RelayArgs,
    config: Config,
    parent: Option<String>,
    token: Option<Token>,
    directory: &Path,
    listeners: Vec<Listener>,
    interrupt: &Interrupt,
) -> Result<Option<Failure>> {
    let (to, mut events) = mpsc::unbounded_channel();
    let owner = format!("{} at {}", config.instance_id(), config.endpoint());
    let telling = to.clone();
    let told = move |report| drop(telling.send(Event::Store(report)));
    let metrics = Arc::new(Metrics::new());
    let (store, loaded, writer) = Store::start(directory, &owner, args.max_remembered, &metrics, told)?;
    let bounds = Bounds { messages: args.max_messages, bytes: args.max_bytes };
    let room = Arc::new(Room::new(bounds, metrics.blocked.clone()));
    let (settled, all_settled) = line::forward("relay-settled", to.clone(), Event::Settled)?;
    let (asked, _) = line::forward("relay-replies", to.clone(), Event::Asked)?;
    let stored = Stored { store: store.clone(), room: Arc::clone(&room), next: loaded.last_id + 1 };
    let receiving =
        Receiving { filters: args.subscribe.clone(), qos: args.qos, store: args.receives().then_some(stored) };
    let rules = Rules { lease: args.lease, max_leases: args.max_leases, dead: bounds };
    let relay = Rc::new(Relay {
        outbox: Outbox::new(store.clone(), settled, bounds, Arc::clone(&metrics), &loaded.outbox),
        inbox: Inbox::new(store.clone(), rules, Arc::clone(&room), Arc::clone(&metrics), &loaded),
        config: config.clone(),
        parent,
        publish: Allowed::new("--allow-publish", &args.allow_publish),
        subscribe: Allowed::new("--allow-subscribe", &args.allow_subscribe),
        receives: args.receives(),
        client: RefCell::new(None),
        events: broadcast::channel(event_text::KEPT).0,
        asks: Asks::new(asked),
        subscribed: Cell::new(false),
        max_waiting: args.max_waiting,
        client_timeout: args.client_timeout,
        calls: Rc::new(Cell::new(0)),
        lists: Arc::new(Semaphore::new(take::LISTS)),
        phase: watch::Sender::new(Phase::Running),
        metrics: Arc::clone(&metrics),
    });
    drop(loaded);

    let stop = to.clone();
    interrupt.on(move || drop(stop.send(Event::Stop)));
    interrupt.begin();
    for listener in &listeners {
        report::note(format!("listening on {}", listener.shown()));
    }
    let most = i64::try_from(descriptors::connections(args.max_connections)).unwrap_or(i64::MAX);
    for listener in listeners {
        tokio::task::spawn_local(serve::accept(Rc::clone(&relay), listener, token.clone(), most));
    }
    let (leases, deadlines) = (Rc::clone(&relay), Rc::clone(&relay));
    tokio::task::spawn_local(async move { leases.inbox.watch().await });
    tokio::task::spawn_local(async move { deadlines.outbox.watch().await });
    let discarded = Arc::clone(&metrics);
    let discard = move || {
        discarded.discarded.inc();
    };
    let line = line::start(config, receiving, to, discard)?;
    notify(&[NotifyState::Ready]);

    let ended = relay.run(&mut events).await;
    notify(&[NotifyState::Stopping]);
    if let Some(failure) = &ended {
        log::warn!("the relay ends: {}", failure.message);
    } else {
        report::note("draining (press Ctrl-C again to exit at once)");
    }
    let patience = if ended.is_some() { Duration::ZERO } else { args.drain };
    drain(&relay, &store, &mut events, patience).await;
    drop(line);
    room.close();
    let client = relay.client.borrow_mut().take();
    if let Some(client) = client {
        report::leave_untaken();
        log::info!("ending the connection to the server");
        let left = move || client.with_timeout(GOODBYE).disconnect();
        let left = tokio::task::spawn_blocking(left);
        // What it did not deliver is counted below.
        let _ = pumped(&relay, &mut events, left).await;
    }
    // Everything is settled now; what was acknowledged at the last moment must not be sent again.
    relay.outbox.leave_client();
    let _ = pumped(&relay, &mut events, tokio::time::timeout(GOODBYE, all_settled)).await;
    while let Ok(event) = events.try_recv() {
        let _ = relay.handle(event);
    }
    let kept = relay.outbox.open();
    if kept > 0 {
        report::note(format!("{kept} messages stay in the store for the next run"));
    }
    store.send(Command::Close);
    let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    Ok(ended)
}

/// Accepts nothing more, settles what is accepted, and leaves the rest on disk.
async fn drain(relay: &Rc<Relay>, store: &Store, events: &mut mpsc::UnboundedReceiver<Event>, patience: Duration) {
    relay.outbox.drain();
    relay.phase.send_replace(Phase::Draining);
    let emptied = async { tokio::join!(relay.outbox.emptied(), relay.asks.emptied()) };
    let _ = pumped(relay, events, tokio::time::timeout(patience, emptied)).await;
    relay.outbox.persist_all();
    let _ = pumped(relay, events, store.ask(|done| Command::Sync { done })).await;
    relay.phase.send_replace(Phase::Leaving);
    let closed = async {
        while relay.metrics.open_connections.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = pumped(relay, events, tokio::time::timeout(LAST_ANSWERS, closed)).await;
}

/// Waits for something while what happens on the other threads is handled.
async fn pumped<T>(relay: &Relay, events: &mut mpsc::UnboundedReceiver<Event>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = std::pin::pin!(wanted);
    loop {
        tokio::select! {
            biased;
            result = &mut wanted => return result,
            // The relay is ending: further reasons to end change nothing.
            _ = relay.run(events) => {}
        }
    }
}

/// Tells systemd, if it started the relay.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("systemd could not be notified: {error}");
    }
}

fn check(args: &RelayArgs) -> Result<()> {
    for filter in args.allow_publish.iter().chain(&args.allow_subscribe) {
        if filter::check_form(filter).is_err() {
            return Err(Failure::usage(format!("{filter:?} is not a topic filter")));
        }
    }
    if args.max_messages == 0 || args.max_bytes == 0 {
        return Err(Failure::usage("--max-messages and --max-bytes must be at least 1"));
    }
    for (flag, time) in [("--lease", args.lease), ("--client-timeout", args.client_timeout)] {
        if time.is_zero() {
            return Err(Failure::usage(format!("{flag} must be above 0")));
        }
    }
    Ok(())
}

fn config(args: &RelayArgs, settings: &Settings) -> Result<Config> {
    // The relay has bounds of its own.
    let limits = settings.limits()?.outbox(usize::MAX, usize::MAX);
    let mut builder = settings.builder()?.ack_mode(AckMode::Manual).ordered(args.order).limits(limits);
    if args.receives() {
        if settings.text(Key::CleanSession) == Some("true") {
            report::warning("with clean_session = true, messages that arrive while the relay is down are lost");
        } else {
            builder = builder.clean_session(false);
        }
    }
    Ok(builder.build()?)
}

fn token(args: &RelayArgs) -> Result<Option<Token>> {
    let Some(path) = &args.bearer_token_file else { return Ok(None) };
    let secret = Secret::at(path.into(), Path::new(""))?;
    let token = secret.get("the bearer token", &"--bearer-token-file", PATIENCE)?;
    if token.len() < 16 {
        return Err(Failure::usage("the bearer token has fewer than 16 characters")
            .hint(phrase!("make one with `head -c 24 /dev/urandom | base64`")));
    }
    Ok(Some(Token::new(token)))
}

/// Returns the directory of the store, which is made if it does not exist.
fn directory(args: &RelayArgs) -> Result<PathBuf> {
    let systemd = || {
        let all = std::env::var_os("STATE_DIRECTORY")?;
        std::env::split_paths(&all).next().filter(|path| !path.as_os_str().is_empty())
    };
    let Some(path) = args.store.clone().or_else(systemd) else {
        return Err(Failure::usage("there is no directory for the messages on disk").hint(phrase!("use --store DIR")));
    };
    let made = std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700).create(&path);
    made.map_err(|error| Failure::io(format!("cannot make the directory {}", path.display()), &error))?;
    Ok(path)
}
