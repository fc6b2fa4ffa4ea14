//! Translates between rumqttc's types of MQTT 5 and those of the session.

use rumqttc::Outgoing as Out;
use rumqttc::v5::Event;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PubRelReason, Publish, PublishProperties};

use super::qos::from_wire;
use super::reasons;
use crate::error::Code;
use crate::message::{Properties, QoS};
use crate::printable::excerpt;
use crate::session::wire::dial;
use crate::session::wire::link::{self, Arrived, LinkEvent, Refusal, Sent, ServerLimits};
use crate::session::wire::oversized::HEAD;
use crate::session::wire::rules;

/// An event for the session, and its effect on rumqttc.
pub(super) struct Translated {
    pub(super) event: LinkEvent,
    /// rumqttc continues to count the message that this event ends as in flight.
    pub(super) leaks: bool,
}

/// Translates an event for the session. The error is the rule of MQTT that the server broke. A message of more than
/// `packet_len` bytes keeps only the head of its payload.
pub(super) fn translate(event: Event, packet_len: usize) -> Result<Translated, String> {
    let mut leaks = false;
    let event = match event {
        Event::Outgoing(Out::Publish(id)) => LinkEvent::Sent(Sent::Publish(id)),
        Event::Outgoing(Out::Subscribe(id)) => LinkEvent::Sent(Sent::Subscribe(id)),
        Event::Outgoing(Out::Unsubscribe(id)) => LinkEvent::Sent(Sent::Unsubscribe(id)),
        Event::Outgoing(Out::Disconnect) => LinkEvent::Sent(Sent::Disconnect),
        // Impossible with the session's choice of window and ids.
        Event::Outgoing(Out::AwaitAck(id)) => return Err(format!("packet id {id} is still in use")),
        Event::Outgoing(Out::PubComp(id)) => LinkEvent::Released(id),
        Event::Outgoing(Out::PubAck(_) | Out::PubRec(_)) => LinkEvent::Acknowledged,
        Event::Incoming(Packet::PubAck(ack)) => {
            let reason = said(ack.properties.and_then(|properties| properties.reason_string));
            match refusal(Code::PubAck(reasons::puback(ack.reason)), reason) {
                None => LinkEvent::PubAck(ack.pkid),
                Some(refusal) => LinkEvent::PublishRefused(ack.pkid, refusal),
            }
        }
        Event::Incoming(Packet::PubRec(ack)) => {
            let reason = said(ack.properties.and_then(|properties| properties.reason_string));
            match refusal(Code::PubRec(reasons::pubrec(ack.reason)), reason) {
                None => LinkEvent::PubRec(ack.pkid),
                Some(refusal) => {
                    leaks = true;
                    LinkEvent::PublishRefused(ack.pkid, refusal)
                }
            }
        }
        Event::Incoming(Packet::PubComp(ack)) => {
            let reason = said(ack.properties.and_then(|properties| properties.reason_string));
            match refusal(Code::PubComp(reasons::pubcomp(ack.reason)), reason) {
                None => LinkEvent::PubComp(ack.pkid),
                Some(refusal) => {
                    leaks = true;
                    LinkEvent::PublishRefused(ack.pkid, refusal)
                }
            }
        }
        Event::Incoming(Packet::SubAck(ack)) => {
            let reason = said(ack.properties.and_then(|properties| properties.reason_string));
            LinkEvent::SubAck(ack.pkid, ack.return_codes.iter().map(reasons::suback).collect(), reason)
        }
        Event::Incoming(Packet::UnsubAck(ack)) => {
            // The session sends one filter in each UNSUBSCRIBE.
            if let Some(fault) = link::count_fault("UNSUBACK", ack.pkid, ack.reasons.len(), 1) {
                return Err(fault);
            }
            let reason = said(ack.properties.and_then(|properties| properties.reason_string));
            let code = ack.reasons.first().map_or(0, |reason| reasons::unsuback(*reason));
            match refusal(Code::UnsubAck(code), reason) {
                None => LinkEvent::UnsubAck(ack.pkid),
                Some(refusal) => LinkEvent::UnsubRefused(ack.pkid, refusal),
            }
        }
        // rumqttc treats the id as released, and does not answer.
        Event::Incoming(Packet::PubRel(release)) if release.reason != PubRelReason::Success => {
            LinkEvent::Released(release.pkid)
        }
        Event::Incoming(Packet::Publish(mut publish)) => {
            let size = dial::remaining(publish.size());
            if size > packet_len {
                publish.payload.truncate(HEAD);
                LinkEvent::Oversized(arrived(publish)?, size)
            } else {
                LinkEvent::Publish(arrived(publish)?)
            }
        }
        Event::Outgoing(_) | Event::Incoming(_) => LinkEvent::Alive,
    };
    Ok(Translated { event, leaks })
}

/// The server's reason string, in printable form.
fn said(reason: Option<String>) -> Option<String> {
    reason.map(|reason| excerpt(&reason))
}

/// The refusal that a code means: codes from 0x80 refuse.
fn refusal(code: Code, reason: Option<String>) -> Option<Refusal> {
    (code.number() >= 0x80).then_some(Refusal { code, reason })
}

/// The limits that CONNACK sets. The error is the rule of MQTT that the server broke.
pub(super) fn limits(ack: &ConnAck) -> Result<ServerLimits, String> {
    let Some(properties) = &ack.properties else { return Ok(ServerLimits::default()) };
    if properties.receive_max == Some(0) {
        return Err("it sent CONNACK with a receive maximum of 0".to_string());
    }
    if properties.max_packet_size == Some(0) {
        return Err("it sent CONNACK with a maximum packet size of 0".to_string());
    }
    let flags = [
        ("maximum QoS", properties.max_qos),
        ("retain available", properties.retain_available),
        ("wildcard subscription available", properties.wildcard_subscription_available),
        ("subscription identifiers available", properties.subscription_identifiers_available),
        ("shared subscription available", properties.shared_subscription_available),
    ];
    if let Some((name, Some(value))) = flags.into_iter().find(|(_, value)| value.is_some_and(|value| value > 1)) {
        return Err(format!("it sent CONNACK with \"{name}\" {value}, where only 0 and 1 are allowed"));
    }
    Ok(ServerLimits {
        receive_maximum: properties.receive_max,
        max_qos: properties.max_qos.and_then(|qos| QoS::try_from(qos).ok()),
        packet_len: properties.max_packet_size.map(|size| size as usize),
        no_wildcards: properties.wildcard_subscription_available == Some(0),
        no_identifiers: properties.subscription_identifiers_available == Some(0),
    })
}

fn arrived(publish: Publish) -> Result<Arrived, String> {
    let topic =
        String::from_utf8(publish.topic.to_vec()).map_err(|_| "it sent PUBLISH to a topic that is not UTF-8")?;
    let qos = from_wire(publish.qos);
    let properties = publish.properties.as_ref();
    let fault = properties.and_then(|given| {
        rules::property_fault(given.topic_alias, given.payload_format_indicator, &given.subscription_identifiers)
    });
    if let Some(fault) = fault.or_else(|| rules::publish_fault(&topic, qos, publish.dup)) {
        return Err(fault);
    }
    Ok(Arrived {
        id: publish.pkid,
        topic,
        qos,
        duplicate: publish.dup,
        retained: publish.retain,
        payload: publish.payload.to_vec(),
        properties: publish.properties.map(|properties| Box::new(from_incoming(properties))),
    })
}

fn from_incoming(properties: PublishProperties) -> Properties {
    Properties {
        text: properties.payload_format_indicator == Some(1),
        expiry: properties.message_expiry_interval,
        response_topic: properties.response_topic,
        correlation_data: properties.correlation_data.map(|data| data.to_vec()),
        user: properties.user_properties,
        content_type: properties.content_type,
        identifiers: properties.subscription_identifiers.into_iter().filter_map(|id| u32::try_from(id).ok()).collect(),
    }
}

pub(super) fn from_outgoing(properties: &Properties) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: properties.text.then_some(1),
        message_expiry_interval: properties.expiry,
        response_topic: properties.response_topic.clone(),
        correlation_data: properties.correlation_data.clone().map(Into::into),
        user_properties: properties.user.clone(),
        content_type: properties.content_type.clone(),
        ..PublishProperties::default()
    }
}
