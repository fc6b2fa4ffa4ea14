//! The numbers of reason codes, which rumqttc does not expose.
//! Source: MQTT 5, section 2.4.

use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, PubAckReason, PubCompReason, PubRecReason, SubscribeReasonCode, UnsubAckReason,
};

use super::qos::from_wire;
use crate::message::QoS;

pub(super) fn connack(code: ConnectReturnCode) -> u8 {
    use ConnectReturnCode as C;
    match code {
        C::Success => 0,
        // The codec of MQTT 5 never reads this code of MQTT 3.1.1.
        C::RefusedProtocolVersion | C::UnsupportedProtocolVersion => 0x84,
        C::BadClientId | C::ClientIdentifierNotValid => 0x85,
        C::ServiceUnavailable | C::ServerUnavailable => 0x88,
        C::UnspecifiedError => 0x80,
        C::MalformedPacket => 0x81,
        C::ProtocolError => 0x82,
        C::ImplementationSpecificError => 0x83,
        C::BadUserNamePassword => 0x86,
        C::NotAuthorized => 0x87,
        C::ServerBusy => 0x89,
        C::Banned => 0x8A,
        C::BadAuthenticationMethod => 0x8C,
        C::TopicNameInvalid => 0x90,
        C::PacketTooLarge => 0x95,
        C::QuotaExceeded => 0x97,
        C::PayloadFormatInvalid => 0x99,
        C::RetainNotSupported => 0x9A,
        C::QoSNotSupported => 0x9B,
        C::UseAnotherServer => 0x9C,
        C::ServerMoved => 0x9D,
        C::ConnectionRateExceeded => 0x9F,
    }
}

/// The counterpart in MQTT 3.1.1 of a code of CONNACK, where there is one; otherwise the code itself.
pub(super) fn plain(code: u8) -> u8 {
    match code {
        0x84 => 1,
        0x85 => 2,
        0x88 | 0x89 | 0x97 | 0x9F => 3,
        0x86 => 4,
        0x87 | 0x8A | 0x8C => 5,
        other => other,
    }
}

/// PUBACK and PUBREC have the same reasons, in two types.
macro_rules! publish_reason {
    ($name:ident, $reason:ident) => {
        pub(super) fn $name(reason: $reason) -> u8 {
            use $reason as R;
            match reason {
                R::Success => 0,
                R::NoMatchingSubscribers => 0x10,
                R::UnspecifiedError => 0x80,
                R::ImplementationSpecificError => 0x83,
                R::NotAuthorized => 0x87,
                R::TopicNameInvalid => 0x90,
                R::PacketIdentifierInUse => 0x91,
                R::QuotaExceeded => 0x97,
                R::PayloadFormatInvalid => 0x99,
            }
        }
    };
}

publish_reason!(puback, PubAckReason);
publish_reason!(pubrec, PubRecReason);

pub(super) fn pubcomp(reason: PubCompReason) -> u8 {
    match reason {
        PubCompReason::Success => 0,
        PubCompReason::PacketIdentifierNotFound => 0x92,
    }
}

/// The granted QoS, or the refusing code.
pub(super) fn suback(code: &SubscribeReasonCode) -> Result<QoS, u8> {
    use SubscribeReasonCode as C;
    Err(match code {
        C::Success(qos) => return Ok(from_wire(*qos)),
        C::Failure | C::Unspecified => 0x80,
        C::ImplementationSpecific => 0x83,
        C::NotAuthorized => 0x87,
        C::TopicFilterInvalid => 0x8F,
        C::PkidInUse => 0x91,
        C::QuotaExceeded => 0x97,
        C::SharedSubscriptionsNotSupported => 0x9E,
        C::SubscriptionIdNotSupported => 0xA1,
        C::WildcardSubscriptionsNotSupported => 0xA2,
    })
}

pub(super) fn unsuback(reason: UnsubAckReason) -> u8 {
    use UnsubAckReason as R;
    match reason {
        R::Success => 0,
        R::NoSubscriptionExisted => 0x11,
        R::UnspecifiedError => 0x80,
        R::ImplementationSpecificError => 0x83,
        R::NotAuthorized => 0x87,
        R::TopicFilterInvalid => 0x8F,
        R::PacketIdentifierInUse => 0x91,
    }
}
