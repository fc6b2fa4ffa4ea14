//! The check of every packet that a connected client sends: it is logged, and forwarded or refused.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::packets::{
    INVALID_NOTICE, PUBCOMP, PUBREL, complete, disconnect, publish_answer, push, subscribe_answer, unknown_packet_id,
    without_body,
};
use crate::log::{Action, Version, What};
use crate::login::Identity;
use crate::packet::{Aliases, Fault, Packet, Publish, TOPIC_ALIAS_INVALID};
use crate::rate::Bucket;
use crate::service::{Denial, Service, lock};
use crate::token::{FORGED, Permission, TokenFault};

/// The handling of a packet.
pub(super) enum Handling {
    /// Forward it to the broker inside.
    Pass,
    /// Forward it; it is a PINGREQ.
    Ping,
    /// Forward this packet instead.
    Instead(Bytes),
    /// Forward this packet instead, and check the tokens of the connection, which have changed.
    TokensChanged(Bytes),
    /// Forward it and end the connection; it is a DISCONNECT.
    Leave,
    /// Do not forward it, and send this packet to the client.
    Respond(Bytes),
    /// Do not forward it, send these bytes to the client, and close its connection.
    Cut(Bytes),
}

/// The terms of a connection.
pub(super) struct Terms<'a> {
    pub(super) client_id: &'a str,
    pub(super) version: Version,
    /// True if the session ends with the connection.
    pub(super) ends_with_connection: bool,
    pub(super) identity: &'a Mutex<Identity>,
    /// The QoS 2 messages sent on this connection that the client has not completed.
    pub(super) sent: &'a Mutex<HashSet<u16>>,
    pub(super) asked: &'a Mutex<Asked>,
}

/// The SUBSCRIBEs and UNSUBSCRIBEs that the broker inside has not acknowledged, by packet id: the entries for the log,
/// one for each filter, which are true only once it has done what they say.
pub(super) type Asked = VecDeque<(u16, Vec<What>)>;

/// Checks the packets of one connection.
pub(super) struct Checker<'a> {
    service: &'a Service,
    terms: Terms<'a>,
    aliases: Aliases,
    ordered: bool,
    /// The rate at which the client may publish, if it is limited.
    rate: Option<Bucket>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(service: &'a Service, terms: Terms<'a>) -> Self {
        let rate = service.settings.limits.rate.map(|rate| Bucket::new(rate, Instant::now()));
        Self { service, terms, aliases: Aliases::default(), ordered: false, rate }
    }

    pub(super) fn check(&mut self, frame: &Bytes) -> Handling {
        let max = self.service.settings.limits.packet;
        match Packet::parse_of_client(self.terms.version, frame) {
            Ok(Packet::Publish(publish)) => self.publish(publish, frame.len()),
            Ok(_) if frame.len() > max => self.cut(Action::Packet, "", too_large(frame.len(), max), &[], None),
            Ok(Packet::Subscribe { packet_id, filters }) => self.subscribe(packet_id, filters),
            Ok(Packet::Unsubscribe { packet_id, filters }) => {
                let entries = filters.into_iter().map(|filter| What::Unsubscribed { filter }).collect();
                lock(self.terms.asked).push_back((packet_id, entries));
                Handling::Pass
            }
            Ok(Packet::PubAck { packet_id }) => {
                self.log(What::DeliveryAcknowledged { packet_id });
                Handling::Pass
            }
            Ok(Packet::PubRec { packet_id, refuses }) => self.received(packet_id, refuses),
            Ok(Packet::PubRel { packet_id }) => self.released(packet_id),
            Ok(Packet::PubComp { packet_id }) => {
                lock(self.terms.sent).remove(&packet_id);
                self.log(What::DeliveryAcknowledged { packet_id });
                Handling::Pass
            }
            Ok(Packet::PingReq) => Handling::Ping,
            Ok(Packet::Disconnect { keeps: true }) if self.terms.ends_with_connection => self.forbidden(
                Action::Packet,
                Fault::protocol("the DISCONNECT sets a session expiry that the CONNECT did not"),
            ),
            Ok(Packet::Disconnect { .. }) => Handling::Leave,
            Ok(Packet::ConnAck { .. } | Packet::SubAck { .. } | Packet::UnsubAck { .. } | Packet::PingResp) => {
                self.forbidden(Action::Packet, Fault::protocol("a packet that only a server sends"))
            }
            Ok(Packet::OutOfPlace) => {
                self.forbidden(Action::Packet, Fault::protocol("a packet that is not allowed after the CONNECT"))
            }
            Err(fault) => self.forbidden(Action::Packet, fault),
        }
    }

    /// Handles bytes that are not a packet.
    pub(super) fn unreadable(&self) -> Handling {
        self.forbidden(Action::Packet, Fault::malformed("the length of a packet is out of range"))
    }

    /// Handles a PUBREC. MQTT 5 answers an unknown packet id by a PUBREL with 0x92. A PUBREC that refuses the message
    /// ends the exchange, for which the broker inside needs a PUBCOMP.
    fn received(&self, packet_id: u16, refuses: bool) -> Handling {
        let was_sent = lock(self.terms.sent).contains(&packet_id);
        match self.terms.version {
            Version::V5 if refuses => {
                lock(self.terms.sent).remove(&packet_id);
                Handling::Instead(complete(packet_id))
            }
            Version::V5 if !was_sent => Handling::Respond(unknown_packet_id(PUBREL, packet_id)),
            _ => Handling::Pass,
        }
    }

    /// Handles a PUBREL. MQTT 5 answers an unknown packet id by a PUBCOMP with 0x92.
    fn released(&self, packet_id: u16) -> Handling {
        let was_received = self.service.end_qos2(self.terms.client_id, packet_id);
        match self.terms.version {
            Version::V5 if !was_received => {
                self.log(What::ReleaseUnknown { packet_id });
                Handling::Respond(unknown_packet_id(PUBCOMP, packet_id))
            }
            _ => Handling::Pass,
        }
    }

    fn publish(&mut self, mut publish: Publish, size: usize) -> Handling {
        let answer = publish_answer(self.terms.version, publish.qos, publish.packet_id);
        match self.aliases.resolve(&mut publish) {
            Ok(()) => {}
            // The number of aliases is a rule of the service.
            Err(Fault { reason: TOPIC_ALIAS_INVALID, why }) => {
                return self.cut(Action::Publish, "", why, &answer, None);
            }
            Err(fault) => return self.forbidden(Action::Publish, fault),
        }
        let max = self.service.settings.limits.packet;
        if size > max {
            return self.cut(Action::Publish, &publish.topic, too_large(size, max), &answer, None);
        }
        if publish.topic.starts_with("$SYS/") {
            let verdict = self.control(&publish, &answer);
            if !matches!(verdict, Handling::Cut(_)) {
                self.begin_qos2(&publish);
            }
            return verdict;
        }
        if self.rate.as_mut().is_some_and(|rate| !rate.take(Instant::now())) {
            let reason = "more messages in a second than a client may publish".into();
            return self.cut(Action::Publish, &publish.topic, reason, &answer, None);
        }
        let allowed = self.service.may_publish(&lock(self.terms.identity), &publish.topic, publish.payload.len());
        if let Err(Denial { reason, fault }) = allowed {
            return self.cut(Action::Publish, &publish.topic, reason, &answer, fault);
        }
        self.begin_qos2(&publish);
        let ordered = self.ordered && self.service.is_ordered(&publish.topic);
        self.log(What::Published {
            topic: publish.topic,
            qos: publish.qos,
            packet_id: publish.packet_id,
            dup: publish.dup,
            ordered,
            payload: publish.payload,
        });
        Handling::Pass
    }

    /// Remembers a QoS 2 message until its PUBREL.
    fn begin_qos2(&self, publish: &Publish) {
        if let (2, Some(packet_id)) = (publish.qos, publish.packet_id) {
            self.service.begin_qos2(self.terms.client_id, packet_id);
        }
    }

    fn subscribe(&mut self, packet_id: u16, filters: Vec<(String, u8)>) -> Handling {
        let answer = subscribe_answer(self.terms.version, packet_id, filters.len());
        for (filter, _) in &filters {
            let allowed = self.service.may_subscribe(&lock(self.terms.identity), filter);
            if let Err(Denial { reason, fault }) = allowed {
                return self.cut(Action::Subscribe, filter, reason, &answer, fault);
            }
        }
        let entries = filters.into_iter().map(|(filter, qos)| What::Subscribed { filter, qos }).collect();
        lock(self.terms.asked).push_back((packet_id, entries));
        Handling::Pass
    }

    /// Handles a publish to a `$SYS` topic. The broker inside acknowledges it and delivers it to nobody.
    fn control(&mut self, publish: &Publish, answer: &[u8]) -> Handling {
        let body: Value = serde_json::from_slice(&publish.payload).unwrap_or_default();
        match publish.topic.as_str() {
            "$SYS/enableOrderMsg" if body["order"] == "true" => {
                self.ordered = true;
                self.log(What::OrderEnabled);
                Handling::Pass
            }
            "$SYS/enableOrderMsg" => self.ignore(&publish.topic, r#"the payload is not {"order":"true"}"#),
            "$SYS/uploadToken" => self.upload_token(publish, &body, answer),
            "$SYS/getOfflineMsg" => {
                self.ignore(&publish.topic, "the emulator sends offline messages without being asked")
            }
            topic => self.cut(Action::Publish, topic, "no such system topic".into(), answer, None),
        }
    }

    fn upload_token(&mut self, publish: &Publish, body: &Value, answer: &[u8]) -> Handling {
        const TOPIC: &str = "$SYS/uploadToken";
        let (Some(token), Some(permission)) =
            (body["token"].as_str(), body["type"].as_str().and_then(Permission::parse))
        else {
            let fault = TokenFault { code: FORGED, permission: Permission::ReadWrite };
            let reason = r#"the payload is not {"token":…,"type":…}"#.into();
            return self.cut(Action::UploadToken, TOPIC, reason, answer, Some(fault));
        };
        let mut identity = lock(self.terms.identity);
        let Identity::Tokens { access_key_id, held } = &mut *identity else {
            self.ignore(TOPIC, "the client did not log in with a token");
            return Handling::Instead(without_body(self.terms.version, publish));
        };
        let checked = lock(&self.service.tokens).check(access_key_id, permission, token);
        if let Err(fault) = checked {
            return self.cut(Action::UploadToken, TOPIC, fault.to_string(), answer, Some(fault));
        }
        held.retain(|(known, _)| *known != permission);
        held.push((permission, token.to_owned()));
        self.log(What::TokenUploaded { permission });
        Handling::TokensChanged(without_body(self.terms.version, publish))
    }

    fn ignore(&self, topic: &str, reason: &str) -> Handling {
        self.log(What::ControlIgnored { topic: topic.into(), reason: reason.into() });
        Handling::Pass
    }

    /// Ends the connection of a client that breaks a rule of MQTT itself; for MQTT 5 with a DISCONNECT.
    fn forbidden(&self, action: Action, Fault { reason, why }: Fault) -> Handling {
        self.log(What::Violation { action, topic: String::new(), reason: why });
        Handling::Cut(disconnect(self.terms.version, reason))
    }

    fn cut(&self, action: Action, topic: &str, reason: String, answer: &[u8], fault: Option<TokenFault>) -> Handling {
        self.log(What::Violation { action, topic: topic.to_owned(), reason });
        let mut bytes = BytesMut::new();
        if let Some(fault) = fault {
            self.log(What::NoticePushed { topic: INVALID_NOTICE.into() });
            bytes.extend_from_slice(&push(self.terms.version, INVALID_NOTICE, fault.notice().as_bytes()));
        }
        if self.service.settings.acknowledge_violations {
            bytes.extend_from_slice(answer);
        }
        Handling::Cut(bytes.freeze())
    }

    fn log(&self, what: What) {
        self.service.log.write(self.terms.client_id, what);
    }
}

fn too_large(size: usize, max: usize) -> String {
    format!("invalid param: the packet has {size} bytes, more than {max}")
}
