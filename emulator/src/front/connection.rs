//! One connection, from its login to its end.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::check::{Asked, Checker, Handling, Terms};
use super::desk::{CLOSE_TIMEOUT, Desk};
use super::frames::Frames;
use super::login::log_in;
use super::packets::{as_v3_code, ping_request, unsubscribe_answer};
use crate::broker::{BrokerConnection, Pass};
use crate::log::{DisconnectReason, Listener, Version, What};
use crate::login::Identity;
use crate::packet::{Aliases, Packet};
use crate::service::{Link, Order, StoredMessage, lock};
use crate::tls::PeerCertificate;

/// Serves a client until its connection ends.
pub(super) async fn serve<S>(stream: S, listener: Listener, certificate: Option<PeerCertificate>, desk: &Desk)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (reader, mut to_client) = tokio::io::split(stream);
    let mut from_client = Frames::new(reader);
    let logged_in = log_in(&mut from_client, &mut to_client, certificate.as_ref(), desk).await;
    let Some((connect, identity)) = logged_in else { return };
    let client_id = connect.client_id.clone();
    if let Some(older) = desk.service.link(&client_id) {
        // Fails only if it has just ended.
        let _ = older.orders.send(Order::Superseded);
    }
    if connect.clean_session {
        desk.service.forget_qos2(&client_id);
    }
    let inside = desk.broker.connect(connect.max_packet()).await;
    let (orders, ordered) = unbounded_channel();
    let Ok(BrokerConnection { stream, pass }) = inside else { return };
    let connection = Connection {
        desk,
        version: connect.version,
        listener,
        client_id,
        clean_session: connect.clean_session,
        keep_alive: connect.keep_alive,
        number: desk.next_number(),
        identity: Mutex::new(identity),
        orders,
        pings: AtomicU64::new(0),
        heard: Mutex::new(Instant::now()),
        superseded: AtomicBool::new(false),
        max_packet: connect.max_packet(),
        ends_with_connection: connect.ends_with_connection(),
        sent: Mutex::default(),
        asked: Mutex::default(),
        pass,
    };
    let Some(connect) = connect.for_broker() else { return };
    if !connection.clean_session {
        // The broker inside distinguishes stored from new messages by the millisecond: let one pass.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (reader, mut to_broker) = tokio::io::split(stream);
    let mut from_broker = Frames::new(reader);
    if to_broker.write_all(&connect).await.is_err() {
        return;
    }

    let (out, outgoing) = unbounded_channel();
    let reason = tokio::select! {
        reason = connection.client_to_broker(&mut from_client, &mut to_broker, &out) => reason,
        reason = connection.broker_to_client(&mut from_broker, &mut to_client, outgoing) => reason,
        reason = connection.run_orders(ordered, &out) => reason,
    };

    connection.log(What::Disconnected { reason });
    let was_the_last = desk.service.leave(&connection.client_id, connection.number);
    if was_the_last && connection.ends_with_connection {
        desk.service.forget_qos2(&connection.client_id);
    }
    let client = async move {
        if reason == DisconnectReason::Violation {
            // Closing with unread bytes would reset the connection, and the client might not receive the notice.
            let _ = to_client.shutdown().await;
            from_client.drain().await;
        }
    };
    let pass = connection.pass;
    let broker = async move {
        // The broker inside processes what it has received; its responses are discarded.
        let _ = to_broker.shutdown().await;
        from_broker.drain().await;
        drop(pass);
    };
    let _ = tokio::join!(timeout(CLOSE_TIMEOUT, client), timeout(CLOSE_TIMEOUT, broker));
}

/// Packets for the client that do not come from the broker inside.
pub(super) enum Out {
    Frame(Bytes),
    /// The last bytes before the connection is closed. They follow the responses of the broker inside to all earlier
    /// packets: the broker is sent a PINGREQ after those, and `after_pings` counts the PINGREQs before it.
    Last {
        bytes: Bytes,
        after_pings: Option<u64>,
    },
}

/// The state that the three tasks of one connection share.
pub(super) struct Connection<'a> {
    pub(super) desk: &'a Desk,
    pub(super) version: Version,
    listener: Listener,
    client_id: String,
    clean_session: bool,
    keep_alive: u16,
    number: u64,
    pub(super) identity: Mutex<Identity>,
    orders: UnboundedSender<Order>,
    pings: AtomicU64,
    heard: Mutex<Instant>,
    pub(super) superseded: AtomicBool,
    /// The client's Maximum Packet Size.
    pub(super) max_packet: Option<u32>,
    ends_with_connection: bool,
    /// The QoS 2 messages sent to the client that it has not completed.
    sent: Mutex<HashSet<u16>>,
    asked: Mutex<Asked>,
    pass: Pass,
}

impl Connection<'_> {
    /// Forwards packets from the client to the broker inside.
    async fn client_to_broker<R, W>(
        &self,
        from_client: &mut Frames<R>,
        to_broker: &mut W,
        out: &UnboundedSender<Out>,
    ) -> DisconnectReason
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let terms = Terms {
            client_id: &self.client_id,
            version: self.version,
            ends_with_connection: self.ends_with_connection,
            identity: &self.identity,
            sent: &self.sent,
            asked: &self.asked,
        };
        let mut checker = Checker::new(&self.desk.service, terms);
        loop {
            let (frame, handling) = match from_client.next().await {
                Ok(Some(frame)) => {
                    *lock(&self.heard) = Instant::now();
                    let handling = checker.check(&frame);
                    (frame, handling)
                }
                Err(error) if error.kind() == ErrorKind::InvalidData => (Bytes::new(), checker.unreadable()),
                Ok(None) | Err(_) => return DisconnectReason::ClosedByClient,
            };
            let frame = match handling {
                Handling::Pass => frame,
                Handling::Instead(other) => other,
                Handling::Ping => {
                    self.pings.fetch_add(1, Ordering::Relaxed);
                    frame
                }
                Handling::TokensChanged(other) => {
                    let _ = self.orders.send(Order::TokensChanged);
                    other
                }
                Handling::Leave => {
                    let _ = to_broker.write_all(&frame).await;
                    return DisconnectReason::DisconnectedByClient;
                }
                Handling::Respond(bytes) => {
                    let _ = out.send(Out::Frame(bytes));
                    continue;
                }
                Handling::Cut(bytes) => {
                    let after_pings = Some(self.pings.load(Ordering::Relaxed));
                    let _ = out.send(Out::Last { bytes, after_pings });
                    let _ = to_broker.write_all(&ping_request()).await;
                    return std::future::pending().await;
                }
            };
            if to_broker.write_all(&frame).await.is_err() {
                // The other direction notices the end, too, and knows the reason.
                return std::future::pending().await;
            }
        }
    }

    /// Forwards packets from the broker inside, and those of the desk itself, to the client.
    async fn broker_to_client<R, W>(
        &self,
        from_broker: &mut Frames<R>,
        to_client: &mut W,
        mut outgoing: UnboundedReceiver<Out>,
    ) -> DisconnectReason
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut aliases = Aliases::default();
        let mut connected = false;
        let mut pongs = 0;
        let mut last: Option<(Bytes, u64)> = None;
        loop {
            let bytes = tokio::select! {
                biased;
                frame = from_broker.next() => match frame {
                    Ok(Some(frame)) => {
                        if frame[0] == 0xD0 {
                            pongs += 1;
                            if last.as_ref().is_some_and(|(_, pings)| pongs > *pings) {
                                return self.finish(to_client, last).await;
                            }
                        }
                        let frame = self.observe(frame, &mut aliases).await;
                        connected = true;
                        frame
                    }
                    Ok(None) | Err(_) if last.is_some() => return self.finish(to_client, last).await,
                    Ok(None) | Err(_) => return self.reason_of_close(),
                },
                // The first packet must be the CONNACK, which the broker inside sends.
                Some(next) = outgoing.recv(), if connected => match next {
                    Out::Frame(bytes) => bytes,
                    Out::Last { bytes, after_pings: Some(pings) } if pongs <= pings => {
                        last = Some((bytes, pings));
                        continue;
                    }
                    Out::Last { bytes, .. } => return self.finish(to_client, Some((bytes, 0))).await,
                },
            };
            // Fails if the client has closed the connection.
            if to_client.write_all(&bytes).await.is_err() || to_client.flush().await.is_err() {
                return DisconnectReason::ClosedByClient;
            }
        }
    }

    async fn finish<W: AsyncWrite + Unpin>(&self, to_client: &mut W, last: Option<(Bytes, u64)>) -> DisconnectReason {
        let bytes = last.map(|(bytes, _)| bytes).unwrap_or_default();
        let _ = timeout(CLOSE_TIMEOUT, async {
            let _ = to_client.write_all(&bytes).await;
            let _ = to_client.flush().await;
        })
        .await;
        DisconnectReason::Violation
    }

    /// Logs a packet of the broker inside; a CONNACK registers the client. Returns the packet to send.
    async fn observe(&self, frame: Bytes, aliases: &mut Aliases) -> Bytes {
        match Packet::parse(self.version, &frame) {
            Ok(Packet::ConnAck { code: 0, session_present }) => self.enter(session_present).await,
            Ok(Packet::ConnAck { code, .. }) => {
                let code = if self.version == Version::V5 { as_v3_code(code) } else { code };
                self.log(What::LoginRefused { code, reason: "refused by the broker inside".into() });
            }
            Ok(Packet::Publish(mut publish)) => {
                // Cannot fail: the broker inside uses aliases correctly.
                let _ = aliases.resolve(&mut publish);
                let (topic, qos, packet_id) = (publish.topic, publish.qos, publish.packet_id);
                lock(&self.sent).extend(packet_id.filter(|_| qos == 2));
                self.log(What::Delivered { topic, qos, packet_id, dup: publish.dup, payload: publish.payload });
            }
            Ok(Packet::PubAck { packet_id } | Packet::PubComp { packet_id }) => {
                self.log(What::PublishAcknowledged { packet_id });
            }
            Ok(Packet::PubRel { packet_id }) => {
                lock(&self.sent).insert(packet_id);
            }
            Ok(Packet::SubAck { packet_id, granted }) => {
                let entries = self.take_asked(packet_id).into_iter().zip(granted);
                entries.filter(|(_, granted)| *granted).for_each(|(entry, _)| self.log(entry));
            }
            Ok(Packet::UnsubAck { packet_id, filters }) => {
                self.take_asked(packet_id).into_iter().for_each(|entry| self.log(entry));
                let existed = self.pass.take_unsubscribed(filters);
                if self.version == Version::V5 && existed.len() == filters {
                    return unsubscribe_answer(packet_id, &existed);
                }
            }
            _ => {}
        }
        frame
    }

    /// Takes the entries of the SUBSCRIBE or UNSUBSCRIBE with this packet id.
    fn take_asked(&self, packet_id: u16) -> Vec<What> {
        let mut asked = lock(&self.asked);
        let place = asked.iter().position(|(known, _)| *known == packet_id);
        place.and_then(|place| asked.remove(place)).map_or_else(Vec::new, |(_, entries)| entries)
    }

    async fn enter(&self, session_present: bool) {
        let login = lock(&self.identity).mode();
        let link = Link {
            number: self.number,
            version: self.version,
            listener: self.listener,
            login,
            clean_session: self.clean_session,
            since: SystemTime::now(),
            orders: self.orders.clone(),
        };
        self.desk.service.enter(&self.client_id, link);
        self.log(What::Connected {
            version: self.version,
            listener: self.listener,
            login,
            clean_session: self.clean_session,
            session_present,
            keep_alive: self.keep_alive,
        });
        for StoredMessage { topic, payload, properties } in self.desk.service.take_stored(&self.client_id) {
            // Cannot fail: topic and QoS come from a publish that was accepted.
            let _ = self.desk.broker.forward(&topic, 1, payload, properties, Some(&self.client_id)).await;
        }
    }

    fn reason_of_close(&self) -> DisconnectReason {
        let silent = lock(&self.heard).elapsed();
        if self.superseded.load(Ordering::Relaxed) {
            DisconnectReason::ClientIdConflict
        } else if self.keep_alive > 0 && silent >= Duration::from_secs(self.keep_alive.into()) {
            DisconnectReason::NoHeartbeat
        } else {
            DisconnectReason::ClosedByBroker
        }
    }

    pub(super) fn log(&self, what: What) {
        self.desk.service.log.write(&self.client_id, what);
    }
}
