//! The manual: one page per subject. It contains no code.
//!
//! * [`sending`]: what `Ok` and an error say about a message, order, refusals
//! * [`receiving`]: the inbox, subscriptions, acknowledgements
//! * [`connections`]: the thread of a client, reconnects, WebSocket
//! * [`logging_in`]: credentials, and what happens when they are refused
//! * [`tokens`]: tokens that renew themselves
//! * [`requests`]: requests and replies
//! * [`ordered`]: ordered messages
//! * [`mqtt5`]: what MQTT 5 adds
//! * [`spool`]: messages that survive the process
//! * [`tls_and_proxy`]: certificates and HTTP proxies
//! * [`features`]: cargo features, log levels, versions
//! * [`known_problems`]: symptoms, and what causes them
//!
//! The book of the repository, `docs/book/en` (中文: `docs/book/zh`), shows the same by examples, with the command line
//! and the rules of the service.

pub mod connections;
pub mod features;
pub mod known_problems;
pub mod logging_in;
pub mod mqtt5;
pub mod ordered;
pub mod receiving;
pub mod requests;
pub mod sending;
pub mod spool;
pub mod tls_and_proxy;
pub mod tokens;
