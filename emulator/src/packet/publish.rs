//! The PUBLISH as the front desk sees it, and the topic aliases of a connection.

use std::collections::HashMap;

use bytes::BytesMut;
use rmqtt::codec::v5;
use tokio_util::codec::Encoder as _;

use super::decode::Fault;
use crate::log::Payload;

pub(crate) struct Publish {
    pub(crate) topic: String,
    pub(crate) qos: u8,
    pub(crate) dup: bool,
    pub(crate) packet_id: Option<u16>,
    pub(crate) payload: Payload,
    pub(crate) alias: Option<u16>,
}

/// The topic aliases of one direction of an MQTT 5 connection.
#[derive(Default)]
pub(crate) struct Aliases(HashMap<u16, String>);

/// The maximum number of topic aliases per connection and direction.
pub(crate) const MAX_ALIASES: u16 = 30;

/// The reason code for a higher alias.
pub(crate) const TOPIC_ALIAS_INVALID: u8 = 0x94;

impl Aliases {
    /// Fills in the topic of a known alias, or remembers the topic of a new one.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), Fault> {
        let Some(alias) = publish.alias else {
            let is_named = !publish.topic.is_empty();
            return is_named.then_some(()).ok_or_else(|| Fault::protocol("a PUBLISH has neither topic nor alias"));
        };
        if alias == 0 || alias > MAX_ALIASES {
            let why = format!("topic alias {alias} is not within 1 to {MAX_ALIASES}");
            return Err(Fault { reason: TOPIC_ALIAS_INVALID, why });
        }
        if publish.topic.is_empty() {
            let known = self.0.get(&alias).cloned();
            publish.topic = known.ok_or_else(|| Fault::protocol(format!("topic alias {alias} is unknown")))?;
        } else {
            self.0.insert(alias, publish.topic.clone());
        }
        Ok(())
    }
}

/// Returns the size of the packet that carries this message to an MQTT 5 client, with its full topic.
pub(crate) fn publish_size(publish: &rmqtt::codec::types::Publish) -> u64 {
    let mut publish = publish.clone();
    if publish.qos != rmqtt::codec::types::QoS::AtMostOnce {
        publish.packet_id = publish.packet_id.or(Some(std::num::NonZero::<u16>::MIN));
    }
    if let Some(properties) = &mut publish.properties {
        properties.topic_alias = None;
    }
    let mut frame = BytesMut::new();
    // A message that cannot be encoded cannot be sent, whatever the limit.
    match v5::Codec::new(0, 0).encode(v5::Packet::Publish(Box::new(publish)), &mut frame) {
        Ok(()) => frame.len() as u64,
        Err(_) => u64::MAX,
    }
}

pub(super) fn from_publish(publish: &rmqtt::codec::types::Publish) -> Publish {
    Publish {
        topic: publish.topic.to_string(),
        qos: publish.qos.value(),
        dup: publish.dup,
        packet_id: publish.packet_id.map(std::num::NonZero::get),
        payload: Payload::from(&publish.payload[..]),
        alias: publish.properties.as_ref().and_then(|properties| properties.topic_alias).map(std::num::NonZero::get),
    }
}
