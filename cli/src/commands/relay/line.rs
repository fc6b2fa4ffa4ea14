//! The threads between the client, whose calls block, and the runtime.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use aliyun_mqtt::{Client, Config, ErrorKind, Message, QoS};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::event::Event;
use super::inbox::Arrived;
use super::room::Room;
use super::store::{self, Command, Store};
use crate::exit::{Failure, Result};
use crate::{report, threads};

/// The pauses between attempts to make the first connection.
const PAUSES: [u64; 5] = [1, 2, 5, 10, 30];

/// How many received messages one write takes at most.
const BATCH: usize = 200;

/// The pause before a write that failed is repeated.
const RETRY: Duration = Duration::from_secs(1);

/// The messages that the relay receives.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) filters: Vec<String>,
    pub(super) qos: QoS,
    /// `None`: messages that arrive nevertheless are dropped and counted.
    pub(super) store: Option<Stored>,
}

/// Where received messages go.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) store: Store,
    pub(super) room: Arc<Room>,
    /// The id of the next message.
    pub(super) next: u64,
}

/// Connects, for as long as it takes, and keeps the runtime informed. Dropping the sender ends it.
pub(super) fn start(
    config: Config,
    receiving: Receiving,
    to: UnboundedSender<Event>,
    discarded: impl Fn() + Send + 'static,
) -> Result<mpsc::Sender<()>> {
    let (end, ended) = mpsc::channel();
    threads::needed("relay-line", move || {
        let Some(client) = connect(&config, &to, &ended) else { return };
        let events = client.events();
        let _ = to.send(Event::Client(client.clone()));
        let Receiving { filters, qos, store } = receiving;
        let (taking, reporting) = (client.clone(), to.clone());
        let receive = move || take(&taking, store, &reporting, discarded);
        let watching = to.clone();
        let watch = move || {
            while let Some(event) = events.recv() {
                if let aliyun_mqtt::Event::Ended { reason, .. } = &event {
                    let _ = watching.send(Event::Ended(reason.clone()));
                }
                let _ = watching.send(Event::Connection(Box::new(event)));
            }
        };
        for started in [threads::needed("relay-receive", receive), threads::needed("relay-events", watch)] {
            if let Err(failure) = started {
                let _ = to.send(Event::Fatal(failure));
                return;
            }
        }
        subscribe(&client, &filters, qos, &to);
    })?;
    Ok(end)
}

/// Passes on what the client reports. The receiver fails once all senders are dropped and every report is passed on.
pub(super) fn forward<T: Send + 'static>(
    thread: &'static str,
    to: UnboundedSender<Event>,
    event: impl Fn(T) -> Event + Send + 'static,
) -> Result<(mpsc::Sender<T>, oneshot::Receiver<()>)> {
    let (reports, from) = mpsc::channel();
    let (end, ended) = oneshot::channel();
    threads::needed(thread, move || {
        let _end: oneshot::Sender<()> = end;
        for report in from {
            if to.send(event(report)).is_err() {
                return;
            }
        }
    })?;
    Ok((reports, ended))
}

fn connect(config: &Config, to: &UnboundedSender<Event>, ended: &mpsc::Receiver<()>) -> Option<Client> {
    let mut pauses = PAUSES.into_iter();
    let mut pause = 0;
    loop {
        let error = match Client::connect(config.clone()) {
            Ok(client) => return Some(client),
            Err(error) => error,
        };
        // A relay may start before the network, or while the server is away.
        if !error.is_retryable() && error.kind() != ErrorKind::Protocol {
            let _ = to.send(Event::Fatal(Failure::from(&error)));
            return None;
        }
        pause = pauses.next().unwrap_or(pause);
        report::warning(format!("no connection yet, the next attempt is in {pause} s: {}", error.message()));
        match ended.recv_timeout(Duration::from_secs(pause)) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            _ => return None,
        }
    }
}

fn subscribe(client: &Client, filters: &[String], qos: QoS, to: &UnboundedSender<Event>) {
    if !filters.is_empty() {
        let asked: Vec<_> = filters.iter().map(|filter| (filter.as_str(), qos)).collect();
        loop {
            match client.subscribe_many(&asked) {
                Ok(granted) => {
                    for (filter, granted) in filters.iter().zip(granted).filter(|(_, granted)| *granted < qos) {
                        report::warning(format!("{filter}: the server grants only {granted}"));
                    }
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Closed => return,
                Err(error) if error.is_retryable() => {
                    report::warning(format!("not subscribed yet, trying again: {}", error.message()));
                }
                Err(error) => return drop(to.send(Event::Fatal(Failure::from(&error)))),
            }
        }
    }
    let _ = to.send(Event::Subscribed);
}

/// Stores received messages, and only then acknowledges them. Takes no more than there is room for.
fn take(client: &Client, store: Option<Stored>, to: &UnboundedSender<Event>, discarded: impl Fn()) {
    let Some(mut stored) = store else {
        while let Ok(message) = client.recv() {
            log::warn!(
                "a message to {} was dropped: this relay does not receive",
                aliyun_mqtt::printable(message.topic())
            );
            discarded();
            let _ = message.ack();
        }
        return;
    };
    let mut batch: Vec<(Message, Vec<u8>)> = Vec::new();
    loop {
        if batch.is_empty() {
            let Ok(message) = client.recv() else { return };
            batch.push(recorded(message));
        }
        while batch.len() < BATCH {
            let Ok(Some(message)) = client.try_recv() else { break };
            batch.push(recorded(message));
        }
        let sizes: Vec<usize> = batch.iter().map(|(_, record)| record.len()).collect();
        let count = stored.room.wait(&sizes);
        if count == 0 {
            return;
        }
        let rest = batch.split_off(count);
        let part = std::mem::replace(&mut batch, rest);
        let first = stored.next;
        stored.next += count as u64;
        let arrived: Vec<Arrived> = (first..)
            .zip(&part)
            .map(|(id, (message, record))| Arrived { id, topic: message.topic().to_string(), size: record.len() })
            .collect();
        let (messages, records): (Vec<Message>, Vec<Vec<u8>>) = part.into_iter().unzip();
        let records: Vec<(u64, Vec<u8>)> = (first..).zip(records).collect();
        while let Err(error) = stored.store.ask_blocking(|done| Command::Receive { records: records.clone(), done }) {
            report::warning(format!("received messages cannot be stored, and are not acknowledged: {error}"));
            if stored.room.is_closed() {
                return;
            }
            std::thread::sleep(RETRY);
        }
        let _ = to.send(Event::Received(arrived));
        for message in &messages {
            // An acknowledgement that cannot be sent makes the server send the message again.
            if let Err(error) = message.ack() {
                log::debug!("an acknowledgement had no effect: {error}");
            }
        }
    }
}

fn recorded(message: Message) -> (Message, Vec<u8>) {
    let record = store::received(&message);
    (message, record)
}
