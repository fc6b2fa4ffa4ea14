//! Logging in: credentials, and what happens when they are refused.
//!
//! [`Credentials`] lists the ways to log in and what each is for: device credentials and tokens on devices, signatures
//! and tokens that the library applies for on servers of your own account. An account's AccessKey never belongs on a
//! device. [`Credentials::provider`] calls a function of your program at each connect.
//!
//! The client id is the group id and the device id, `GID_demo@@@0001` ([`ClientId`]); without a
//! [device id](ConfigBuilder::device_id) a unique one is generated. Of two connections with one client id, the service
//! closes one.
//!
//! [`ConfigBuilder::from_env`] reads settings and credentials from the environment, and lists the variables;
//! [`AuthMode`] has the modes of `ALIYUN_MQTT_AUTH`.
//!
//! # AccessKeys that nobody types
//!
//! Where no key is given, `from_env` logs in with the first AccessKey that Alibaba Cloud's own SDKs would find, such as
//! that of a RAM role (feature `openapi`); `AccessKeyChain` has the places and their order, `Credentials::chain` does
//! the same in a program. A temporary key cannot sign a login; with one, the client applies for tokens and renews them.
//!
//! # Refused logins
//!
//! The first connect fails at once, with the server's code and its usual cause ([`ErrorKind::Refused`]). For a later
//! refusal see [reconnects](super::connections#reconnects), and for tokens [`tokens`](super::tokens#refused-logins).

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
