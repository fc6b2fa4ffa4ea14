//! The CONNECT: read for the front desk, and rewritten for the broker inside.

use bytes::{Buf as _, Bytes, BytesMut};
use rmqtt::codec::{v3, v5};
use tokio_util::codec::Encoder as _;

use super::decode::{Fault, decode, has_wildcards};
use super::publish::MAX_ALIASES;
use crate::log::Version;

/// A CONNECT, with the fields that the front desk needs.
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Bytes>,
    pub(crate) clean_session: bool,
    pub(crate) keep_alive: u16,
    whole: WholeConnect,
}

enum WholeConnect {
    V3(Box<v3::Connect>),
    V5(Box<v5::Connect>),
}

/// A first packet that is refused.
pub(crate) enum BadConnect {
    /// A CONNECT of a protocol version that the service does not support.
    Version,
    /// A CONNECT without a client id, which 3.1.1 forbids for a persistent session.
    NoClientId(Version),
    /// A CONNECT of MQTT 5 that is malformed or breaks a rule of MQTT 5.
    Forbidden(Fault),
    /// Not a CONNECT, or a malformed one of MQTT 3.1.1.
    Garbage,
}

impl Connect {
    pub(crate) fn parse(frame: &Bytes) -> Result<Self, BadConnect> {
        let level = connect_level(frame).ok_or(BadConnect::Garbage)?;
        match level {
            4 => match decode(&mut v3::Codec::new(0), frame) {
                Ok(v3::Packet::Connect(whole)) => Ok(Self {
                    version: Version::V311,
                    client_id: whole.client_id.to_string(),
                    username: whole.username.as_ref().map(ToString::to_string),
                    password: whole.password.clone(),
                    clean_session: whole.clean_session,
                    keep_alive: whole.keep_alive,
                    whole: WholeConnect::V3(whole),
                }),
                Err(rmqtt::codec::error::DecodeError::InvalidClientId) => Err(BadConnect::NoClientId(Version::V311)),
                _ => Err(BadConnect::Garbage),
            },
            5 => match decode(&mut v5::Codec::new(0, 0), frame) {
                Ok(v5::Packet::Connect(whole)) => match forbidden_in_connect(&whole) {
                    Some(fault) => Err(BadConnect::Forbidden(fault)),
                    None => Ok(Self {
                        version: Version::V5,
                        client_id: whole.client_id.to_string(),
                        username: whole.username.as_ref().map(ToString::to_string),
                        password: whole.password.clone(),
                        clean_session: whole.clean_start,
                        keep_alive: whole.keep_alive,
                        whole: WholeConnect::V5(whole),
                    }),
                },
                Err(rmqtt::codec::error::DecodeError::InvalidClientId) => Err(BadConnect::NoClientId(Version::V5)),
                Err(error) => Err(BadConnect::Forbidden(Fault::of(&error))),
                Ok(_) => Err(BadConnect::Garbage),
            },
            _ => Err(BadConnect::Version),
        }
    }

    /// Returns true if the session ends with the connection.
    pub(crate) fn ends_with_connection(&self) -> bool {
        match &self.whole {
            WholeConnect::V3(connect) => connect.clean_session,
            WholeConnect::V5(connect) => connect.session_expiry_interval_secs == 0,
        }
    }

    /// Returns the Maximum Packet Size of the client, if it sets one.
    pub(crate) fn max_packet(&self) -> Option<u32> {
        match &self.whole {
            WholeConnect::V3(_) => None,
            WholeConnect::V5(connect) => connect.max_packet_size.map(std::num::NonZero::get),
        }
    }

    /// Returns the CONNECT for the broker inside: without credentials (they are checked already), will (the service has
    /// none) and Maximum Packet Size, and with the keep-alive, session expiry and topic aliases that the service
    /// grants.
    pub(crate) fn for_broker(self) -> Option<Bytes> {
        const MAX_KEEP_ALIVE: u16 = 480;
        const MIN_SESSION_EXPIRY: u32 = 600;
        let mut frame = BytesMut::new();
        match self.whole {
            WholeConnect::V3(mut connect) => {
                connect.username = None;
                connect.password = None;
                connect.last_will = None;
                connect.keep_alive = connect.keep_alive.min(MAX_KEEP_ALIVE);
                v3::Codec::new(0).encode(v3::Packet::Connect(connect), &mut frame).ok()?;
            }
            WholeConnect::V5(mut connect) => {
                connect.username = None;
                connect.password = None;
                connect.last_will = None;
                // The size of a packet must be known before the broker inside chooses an alias for it.
                if connect.topic_alias_max > MAX_ALIASES || connect.max_packet_size.is_some() {
                    connect.topic_alias_max = 0;
                }
                // The broker inside would close the connection instead of dropping the message.
                connect.max_packet_size = None;
                if connect.session_expiry_interval_secs > 0 {
                    connect.session_expiry_interval_secs = connect.session_expiry_interval_secs.max(MIN_SESSION_EXPIRY);
                }
                v5::Codec::new(0, 0).encode(v5::Packet::Connect(connect), &mut frame).ok()?;
            }
        }
        Some(frame.freeze())
    }
}

/// Returns the rule of MQTT 5 that a well-formed CONNECT breaks.
fn forbidden_in_connect(connect: &v5::Connect) -> Option<Fault> {
    const BAD_AUTHENTICATION_METHOD: u8 = 0x8C;
    if connect.auth_method.is_some() {
        let why = "authentication methods are not supported".into();
        return Some(Fault { reason: BAD_AUTHENTICATION_METHOD, why });
    }
    if connect.auth_data.is_some() {
        return Some(Fault::protocol("authentication data without a method"));
    }
    let response_topic = connect.last_will.as_ref().and_then(|will| will.response_topic.as_ref());
    response_topic.is_some_and(has_wildcards).then(|| Fault::protocol("the will's response topic has wildcards"))
}

/// Returns the protocol level of a CONNECT; `None` for anything else.
fn connect_level(frame: &Bytes) -> Option<u8> {
    if frame.first() != Some(&0x10) {
        return None;
    }
    let header = frame.iter().skip(1).position(|byte| byte & 0x80 == 0)? + 2;
    let mut rest = frame.slice(header..);
    if rest.len() < 2 {
        return None;
    }
    let name = usize::from(rest.get_u16());
    let name_is_known = matches!(rest.get(..name), Some(b"MQTT" | b"MQIsdp"));
    name_is_known.then(|| rest.get(name).copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connect_has_a_level() {
        for bytes in [&[][..], &[0x10], &[0x10, 0], &[0x10, 0x80], &[0x10, 2, 0, 9], &[0xC0, 0]] {
            assert_eq!(connect_level(&Bytes::copy_from_slice(bytes)), None, "{bytes:x?}");
            assert!(Connect::parse(&Bytes::copy_from_slice(bytes)).is_err());
        }
        assert_eq!(connect_level(&Bytes::from_static(b"\x10\x08\0\x04MQTT\x05\x02")), Some(5));
    }
}
