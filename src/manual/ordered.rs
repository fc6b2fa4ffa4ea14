//! Ordered messages.
//!
//! With [`ConfigBuilder::ordered`] the client publishes `{"order":"true"}` to `$SYS/enableOrderMsg` after each connect,
//! and waits for the acknowledgement before anything else is sent. The flag holds for one connection, and the parent
//! topic must be of the ordered type (official demos).
//!
//! Only RocketMQ consumers of the parent topic see this order; the service promises none to MQTT receivers (help page
//! "Limits"). For what this client promises by itself, see [order](super::sending#order).

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
