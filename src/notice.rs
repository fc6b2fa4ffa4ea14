//! The service's own topics, below `$SYS/`, and their messages.
//!
//! | topic | direction | content |
//! |---|---|---|
//! | `$SYS/uploadToken` | to the service | a new token, on a connection that was made with tokens |
//! | `$SYS/enableOrderMsg` | to the service | keep the messages of this connection in order |
//! | `$SYS/tokenExpireNotice` | to the client | a token expires soon |
//! | `$SYS/tokenInvalidNotice` | to the client | a token is not accepted; a code says why |
//!
//! The codes and their meanings are those of [`Code::TokenInvalid`].

use std::fmt;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::error::Code;
use crate::message::{Outgoing, QoS, block};
use crate::printable::excerpt;
use crate::token::{Token, TokenKind};

/// The beginning of the service's own topics, which are exempt from the rules for names and lengths.
pub(crate) const SYSTEM: &str = "$SYS/";

/// Announces the end of a token. Source: help.aliyun.com/document_detail/54282.html.
pub(crate) const TOKEN_EXPIRE: &str = "$SYS/tokenExpireNotice";
/// The same topic as the service's FAQ shows it in a captured notice, with an extra "r" in the topic and in the field.
pub(crate) const TOKEN_EXPIRE_MISSPELT: &str = "$SYS/tokenExprireNotice";
/// Says why a token is not accepted. Source: help.aliyun.com/document_detail/54282.html.
pub(crate) const TOKEN_INVALID: &str = "$SYS/tokenInvalidNotice";
/// Takes a new token. Source: help.aliyun.com/document_detail/54282.html.
pub(crate) const UPLOAD_TOKEN: &str = "$SYS/uploadToken";
/// Takes the order flag.
/// Source: AliwareMQ/lmq-demo, MQ4IoTSendOrderMessageToRocketMQ.java and MQTTSendOrderMessage.php.
pub(crate) const ENABLE_ORDER: &str = "$SYS/enableOrderMsg";
const ORDER_FLAG: &str = r#"{"order":"true"}"#;

/// Returns the message that turns on ordered mode for a connection.
pub(crate) fn enable_order() -> Outgoing {
    Outgoing::new(ENABLE_ORDER, QoS::AtLeastOnce, ORDER_FLAG)
}

/// Returns the message that uploads a new token: `{"token":…,"type":…}`. Its payload is a secret and has to be wiped.
pub(crate) fn upload_token(token: &Token) -> Outgoing {
    // A text is always representable in JSON.
    let quoted = Zeroizing::new(serde_json::to_string(token.secret()).unwrap_or_default());
    let payload = Zeroizing::new(format!(r#"{{"token":{},"type":"{}"}}"#, *quoted, token.kind()));
    Outgoing::new(UPLOAD_TOKEN, QoS::AtLeastOnce, payload.as_bytes())
}

/// A notice that the service pushes without a subscription. Notices may be lost.
///
/// Source: help.aliyun.com/document_detail/54282.html.
///
/// The manual has more about [notices about tokens](crate::manual::tokens).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// `$SYS/tokenExpireNotice`: a token expires in about five minutes.
    #[non_exhaustive]
    TokenExpire {
        /// The time at which it expires, if the notice gives one.
        expires: Option<SystemTime>,
        /// The kind of the token; `None` if the notice names no known kind.
        kind: Option<TokenKind>,
    },
    /// `$SYS/tokenInvalidNotice`: a token is not accepted, and the service is about to close the connection.
    #[non_exhaustive]
    TokenInvalid {
        /// The reason: [`Code::TokenInvalid`].
        code: Code,
        /// The kind of the token; `None` if the notice names no known kind.
        kind: Option<TokenKind>,
    },
    /// A message on one of these topics with a payload that could not be understood.
    #[non_exhaustive]
    Other {
        /// The topic.
        topic: String,
        /// The payload, with replacement characters where it is not UTF-8.
        payload: String,
    },
}

impl Notice {
    /// Reads a message on one of the notice topics; `None` for any other topic.
    pub(crate) fn parse(topic: &str, payload: &[u8]) -> Option<Notice> {
        let json = || serde_json::from_slice::<serde_json::Value>(payload).ok();
        let kind = |value: &serde_json::Value| value["type"].as_str().and_then(TokenKind::parse);
        let notice = match topic {
            TOKEN_EXPIRE | TOKEN_EXPIRE_MISSPELT => json().map(|value| {
                let millis = value["expireTime"].as_i64().or_else(|| value["exprireTime"].as_i64());
                Notice::TokenExpire { expires: millis.and_then(instant), kind: kind(&value) }
            }),
            TOKEN_INVALID => json().and_then(|value| {
                let code = Code::TokenInvalid(value["code"].as_i64()?);
                Some(Notice::TokenInvalid { code, kind: kind(&value) })
            }),
            _ => return None,
        };
        Some(notice.unwrap_or_else(|| Notice::Other {
            topic: topic.to_string(),
            payload: String::from_utf8_lossy(payload).into_owned(),
        }))
    }

    /// Returns its approximate memory on the heap, in bytes.
    pub(crate) fn held(&self) -> usize {
        match self {
            Notice::TokenExpire { .. } | Notice::TokenInvalid { .. } => 0,
            Notice::Other { topic, payload } => block(topic.capacity()) + block(payload.capacity()),
        }
    }
}

/// Returns the time this many milliseconds after 1970; `None` if it cannot be represented or is before 1970.
pub(crate) fn instant(millis: i64) -> Option<SystemTime> {
    let since = Duration::from_millis(u64::try_from(millis).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |kind: &Option<TokenKind>| kind.map(|kind| format!(" of the kind {kind}")).unwrap_or_default();
        match self {
            Notice::TokenExpire { expires, kind } => {
                write!(f, "the token{} expires", of(kind))?;
                match expires.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()) {
                    Some(since) => write!(f, " at Unix time {}", since.as_secs()),
                    None => f.write_str(" soon"),
                }
            }
            Notice::TokenInvalid { code, kind } => write!(f, "a token{} is not accepted: {code}", of(kind)),
            Notice::Other { topic, .. } => write!(f, "a message on {} that could not be understood", excerpt(topic)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_read_in_both_spellings() {
        let body = br#"{"exprireTime":1655798142873,"type":"RW"}"#;
        for (topic, body) in
            [(TOKEN_EXPIRE_MISSPELT, &body[..]), (TOKEN_EXPIRE, &br#"{"expireTime":1655798142873,"type":"RW"}"#[..])]
        {
            let notice = Notice::parse(topic, body);
            let expires = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_655_798_142_873));
            assert_eq!(notice, Some(Notice::TokenExpire { expires, kind: Some(TokenKind::ReadWrite) }));
        }
        let invalid = Notice::parse(TOKEN_INVALID, br#"{"code":4,"type":"R"}"#);
        assert_eq!(invalid, Some(Notice::TokenInvalid { code: Code::TokenInvalid(4), kind: Some(TokenKind::Read) }));
        assert!(matches!(Notice::parse(TOKEN_INVALID, b"{"), Some(Notice::Other { .. })));
        assert!(matches!(Notice::parse(TOKEN_INVALID, br#"{"type":"R"}"#), Some(Notice::Other { .. })), "no code");
        assert_eq!(Notice::parse("$SYS/other", b"{}"), None);
    }

    #[test]
    fn what_a_notice_leaves_out_or_no_clock_shows_is_none() {
        for body in [
            r#"{}"#,
            r#"{"expireTime":-1,"type":"X"}"#,
            r#"{"expireTime":9223372036854775807.5,"type":7}"#,
            r#"{"expireTime":"1655798142873","type":"rw"}"#,
        ] {
            let notice = Notice::parse(TOKEN_EXPIRE, body.as_bytes());
            assert_eq!(notice, Some(Notice::TokenExpire { expires: None, kind: None }), "{body}");
        }
    }

    #[test]
    fn says_what_it_is_about() {
        let show = |topic, payload: &str| Notice::parse(topic, payload.as_bytes()).expect("a notice").to_string();
        let text = show(TOKEN_EXPIRE, r#"{"expireTime":1655798142873,"type":"RW"}"#);
        assert_eq!(text, "the token of the kind RW expires at Unix time 1655798142");
        assert_eq!(show(TOKEN_EXPIRE, "{}"), "the token expires soon");
        let text = show(TOKEN_INVALID, r#"{"code":2,"type":"R"}"#);
        assert_eq!(text, "a token of the kind R is not accepted: tokenInvalidNotice 2: the token has expired");
        assert!(!show(TOKEN_INVALID, "psst").contains("psst"));
    }

    #[test]
    fn an_uploaded_token_is_json() {
        let message = upload_token(&Token::new(TokenKind::Write, "a\"b"));
        assert_eq!((message.topic(), message.payload()), (UPLOAD_TOKEN, &br#"{"token":"a\"b","type":"W"}"#[..]));
        assert_eq!(enable_order().topic(), ENABLE_ORDER);
    }
}
