//! Tokens: temporary permissions, which the client renews on the standing connection.
//!
//! [`Credentials::token_provider`] logs in with tokens from a function of your program; `Credentials::apply_tokens`
//! (feature `openapi`) with tokens that the library applies for. A client holds one token of each [`TokenKind`], and
//! keeps them across reconnects. [`Client::upload_token`] replaces a token by hand.
//!
//! # Renewal
//!
//! A token is renewed after 70 % to 80 % of its life, at random ([`ConfigBuilder::token_renewal`]), or at once on
//! `$SYS/tokenExpireNotice`. New tokens are published to `$SYS/uploadToken` ahead of everything else; no PUBLISH and no
//! SUBSCRIBE is sent before they are acknowledged (help.aliyun.com/document_detail/54282.html). The connection stays.
//!
//! A failed renewal is an [`Event`] and is tried again, with pauses that grow to 120 s and are short compared with the
//! remaining life. The connection lasts as long as its token. If the connection drops while a renewal is due, the
//! client first gets a new token.
//!
//! # Notices
//!
//! `$SYS/tokenInvalidNotice` gives the reason for which the service is about to close the connection ([`Notice`]).
//! Codes 4 and 5 concern an operation: it fails with [`ErrorKind::Rejected`], at once if only one is possible,
//! otherwise after the possible ones were sent one at a time. The other codes concern the token: the client gets a new
//! one, or, without a provider, is dead ([`ErrorKind::TokenInvalid`]).
//!
//! # Refused logins
//!
//! After a login refused with CONNACK 4 or 5, the client uses the previous token again if it has not expired; otherwise
//! it gets exactly one new token, also at the first connect. If that is refused, too, logins go on at the slowest pace,
//! as with other credentials, without another application.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
