//! The codes of the service and of a proxy on the way to it, with their meanings and cures.

use std::fmt;

use super::Hint;

/// A code from the service, or from a proxy on the way to it. `Display` adds its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Code of CONNACK: 1 to 5 in MQTT 3.1.1, from 0x80 in MQTT 5. The service does not document the cause of each
    /// code; 5 was seen for a wrong instance id.
    ConnAck(u8),
    /// Code of one filter in SUBACK; 0x80 is the refusal of MQTT 3.1.1, MQTT 5 has more.
    SubAck(u8),
    /// Reason code of PUBACK (MQTT 5).
    PubAck(u8),
    /// Reason code of PUBREC (MQTT 5).
    PubRec(u8),
    /// Reason code of PUBCOMP (MQTT 5).
    PubComp(u8),
    /// Reason code of UNSUBACK (MQTT 5).
    UnsubAck(u8),
    /// Reason code of the server's DISCONNECT (MQTT 5).
    Disconnect(u8),
    /// `code` in a `$SYS/tokenInvalidNotice`.
    TokenInvalid(i64),
    /// HTTP status with which a proxy refused a connection.
    Proxy(u16),
    /// HTTP status with which a server answered the request for a WebSocket; 101 if it agreed to a WebSocket, but not
    /// to MQTT on it.
    WebSocket(u16),
}

impl Code {
    /// Returns the bare number.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Code::ConnAck(code)
            | Code::SubAck(code)
            | Code::PubAck(code)
            | Code::PubRec(code)
            | Code::PubComp(code)
            | Code::UnsubAck(code)
            | Code::Disconnect(code) => i64::from(code),
            Code::TokenInvalid(code) => code,
            Code::Proxy(status) | Code::WebSocket(status) => i64::from(status),
        }
    }
}

impl Code {
    /// Returns true if the token itself is invalid, whatever it is used for.
    pub(crate) fn invalidates_token(self) -> bool {
        matches!(self, Code::TokenInvalid(code) if !matches!(code, RESOURCE | PERMISSION))
    }

    /// Returns true if the code, received after the upload of a token, can only be about that token. An accepted token
    /// is not forged. A wrong permission is about the token or about an operation sent before it: `operations` is true
    /// if there was one.
    pub(crate) fn is_sure_of_upload(self, operations: bool) -> bool {
        match self {
            Code::TokenInvalid(FORGED) => true,
            Code::TokenInvalid(PERMISSION) => !operations,
            _ => false,
        }
    }

    /// Returns true if the token does not permit an operation.
    pub(crate) fn forbids_operation(self) -> bool {
        matches!(self, Code::TokenInvalid(RESOURCE | PERMISSION))
    }

    /// Returns true if a refused login or connection may work later: the server is unavailable or busy, or there are
    /// too many requests.
    pub(super) fn is_temporary(self) -> bool {
        matches!(self, Code::ConnAck(3 | 0x88 | 0x89 | 0x97 | 0x9F) | Code::Proxy(408 | 429 | 500 | 502..=504))
    }

    /// Returns true if the usual cause is a topic that does not exist, or one that this client has no right to.
    pub(crate) fn may_be_about_rights(self) -> bool {
        matches!(self.reason(), Some(0x80 | 0x83 | 0x87 | 0x8F | 0x90))
    }

    /// Returns the cure for an operation that was refused with this code, or for a connection that was ended with it;
    /// `None` if the code alone does not determine it.
    pub(crate) fn cure(self) -> Option<Hint> {
        Some(match self.reason()? {
            0x8E => Hint::TakenOver,
            0x93 => Hint::FewerInFlight,
            0x95 => Hint::SmallerMessage,
            0x96 => Hint::SendMoreSlowly,
            0x97 => Hint::Quota,
            0x99 => Hint::NotUtf8,
            0x9B => Hint::LowerQos,
            0x9E => Hint::NoSharedSubscriptions,
            0xA1 => Hint::NoIdentifiers,
            0xA2 => Hint::NoWildcards,
            _ => return None,
        })
    }

    /// Returns the number of a reason code, which has one meaning in all packets of MQTT 5.
    fn reason(self) -> Option<u8> {
        match self {
            Code::SubAck(code)
            | Code::PubAck(code)
            | Code::PubRec(code)
            | Code::PubComp(code)
            | Code::UnsubAck(code)
            | Code::Disconnect(code) => Some(code),
            Code::ConnAck(_) | Code::TokenInvalid(_) | Code::Proxy(_) | Code::WebSocket(_) => None,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (packet, code, meaning) = match *self {
            Code::ConnAck(code @ ..0x80) => ("CONNACK", code, connack_meaning(code)),
            Code::SubAck(0x80) => ("SUBACK", 0x80, "subscription refused"),
            Code::ConnAck(code) => ("CONNACK", code, reason_meaning(code)),
            Code::SubAck(code) => ("SUBACK", code, reason_meaning(code)),
            Code::PubAck(code) => ("PUBACK", code, reason_meaning(code)),
            Code::PubRec(code) => ("PUBREC", code, reason_meaning(code)),
            Code::PubComp(code) => ("PUBCOMP", code, reason_meaning(code)),
            Code::UnsubAck(code) => ("UNSUBACK", code, reason_meaning(code)),
            Code::Disconnect(code) => ("DISCONNECT", code, reason_meaning(code)),
            Code::TokenInvalid(code) => return write!(f, "tokenInvalidNotice {code}: {}", token_meaning(code)),
            Code::Proxy(status) => return write!(f, "HTTP {status}: {}", proxy_meaning(status)),
            Code::WebSocket(101) => return f.write_str("HTTP 101: a WebSocket, but not for MQTT"),
            Code::WebSocket(status) => return write!(f, "HTTP {status}: no WebSocket was made"),
        };
        match code {
            ..0x80 => write!(f, "{packet} {code}: {meaning}"),
            _ => write!(f, "{packet} 0x{code:02X}: {meaning}"),
        }
    }
}

fn connack_meaning(code: u8) -> &'static str {
    match code {
        1 => "the server does not support this MQTT version",
        2 => "the client id is not accepted",
        3 => "the server is unavailable",
        4 => "bad user name or password",
        5 => "not authorized",
        _ => "refused with a code that MQTT 3.1.1 does not define",
    }
}

/// Source: MQTT 5, section 2.4.
fn reason_meaning(code: u8) -> &'static str {
    match code {
        0x00 => "success, or a normal end",
        0x04 => "the client wants its will to be published",
        0x10 => "no matching subscribers",
        0x11 => "no such subscription existed",
        0x80 => "unspecified error",
        0x81 => "malformed packet",
        0x82 => "protocol error",
        0x83 => "implementation-specific error",
        0x84 => "the server does not support this MQTT version",
        0x85 => "the client id is not accepted",
        0x86 => "bad user name or password",
        0x87 => "not authorized",
        0x88 => "the server is unavailable",
        0x89 => "the server is busy",
        0x8A => "this client is banned",
        0x8B => "the server is shutting down",
        0x8C => "bad authentication method",
        0x8D => "the server received nothing for one and a half times the keep-alive",
        0x8E => "another connection with the same client id has taken over",
        0x8F => "the filter is not accepted",
        0x90 => "the topic is not accepted",
        0x91 => "the packet id is in use",
        0x92 => "the packet id is unknown",
        0x93 => "more unacknowledged messages than the receive maximum allows",
        0x94 => "the topic alias is invalid",
        0x95 => "the packet is too large",
        0x96 => "the message rate is too high",
        0x97 => "a quota is exceeded",
        0x98 => "ended by an administrator",
        0x99 => "the payload does not match its format indicator",
        0x9A => "retained messages are not supported",
        0x9B => "the QoS is not supported",
        0x9C => "use another server for now",
        0x9D => "the server has moved",
        0x9E => "shared subscriptions are not supported",
        0x9F => "the connection rate is too high",
        0xA0 => "the connection reached its maximum duration",
        0xA1 => "subscription identifiers are not supported",
        0xA2 => "filters with wildcards are not supported",
        _ => "a code that MQTT 5 does not define",
    }
}

/// In `$SYS/tokenInvalidNotice`: the token does not cover the topic of an operation.
pub(crate) const RESOURCE: i64 = 4;
/// In `$SYS/tokenInvalidNotice`: the token does not permit an operation.
const PERMISSION: i64 = 5;
const FORGED: i64 = 1;

/// The meanings documented for `$SYS/tokenInvalidNotice`.
/// Source: help.aliyun.com/document_detail/54282.html.
fn token_meaning(code: i64) -> &'static str {
    match code {
        FORGED => "the token is forged or cannot be parsed",
        2 => "the token has expired",
        3 => "the token was revoked",
        RESOURCE => "the token does not cover this topic",
        PERMISSION => "the token does not give this permission (R, W or RW)",
        8 => "the signature is invalid",
        -1 => "the account is not permitted",
        _ => "a reason that the documentation does not list",
    }
}

/// Source: RFC 9110, section 15.
fn proxy_meaning(status: u16) -> &'static str {
    match status {
        400 => "the proxy did not understand the request",
        401 | 407 => "the proxy requires a login",
        403 => "the proxy does not allow this connection",
        404 => "the proxy does not know the server",
        405 | 501 => "the proxy does not support CONNECT",
        408 => "the request took too long",
        429 => "too many requests",
        500 => "the proxy failed",
        502 => "the proxy could not reach the server",
        503 => "the proxy is unavailable or overloaded",
        504 => "the server did not answer the proxy in time",
        _ => "the proxy made no connection",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_about_what_the_code_says() {
        for (code, cure) in [(0x97, "quotas"), (0x95, "smaller"), (0x99, "UTF-8"), (0x96, "max_publish_rate")] {
            for code in [Code::PubAck(code), Code::PubRec(code), Code::Disconnect(code)] {
                assert!(code.cure().is_some_and(|hint| hint.text().contains(cure)), "{code}");
                assert!(!code.may_be_about_rights(), "{code}");
            }
        }
        assert!((0..=u8::MAX).filter_map(|code| Code::PubAck(code).cure()).all(|hint| !hint.text().contains("  ")));
        // Neither a topic nor a quota.
        for code in [Code::Disconnect(0x81), Code::Disconnect(0x82), Code::PubComp(0x92), Code::PubAck(0x91)] {
            assert!(code.cure().is_none() && !code.may_be_about_rights(), "{code}");
        }
        for code in [Code::SubAck(0x80), Code::PubAck(0x87), Code::Disconnect(0x90)] {
            assert!(code.may_be_about_rights(), "{code}");
        }
    }

    #[test]
    fn a_code_explains_itself() {
        assert_eq!(Code::ConnAck(5).to_string(), "CONNACK 5: not authorized");
        assert_eq!(Code::ConnAck(0x87).to_string(), "CONNACK 0x87: not authorized");
        assert_eq!(Code::SubAck(0x80).to_string(), "SUBACK 0x80: subscription refused");
        assert_eq!(Code::PubAck(0x97).to_string(), "PUBACK 0x97: a quota is exceeded");
        assert_eq!(Code::Disconnect(0).to_string(), "DISCONNECT 0: success, or a normal end");
        assert_eq!(Code::Proxy(407).to_string(), "HTTP 407: the proxy requires a login");
        assert_eq!(Code::WebSocket(404).to_string(), "HTTP 404: no WebSocket was made");
        assert_eq!(Code::WebSocket(101).to_string(), "HTTP 101: a WebSocket, but not for MQTT");
        assert_eq!(Code::TokenInvalid(2).to_string(), "tokenInvalidNotice 2: the token has expired");
    }
}
