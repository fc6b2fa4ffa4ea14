//! Known problems, by symptom.
//!
//! * *"... was probably refused"*: see the topic in the error. Its parent topic must exist in the console, and the
//!   AccessKey, token or device needs the right to it.
//! * *Two programs disconnect each other in turn*: they use one client id. Leave out the device id, or give each its
//!   own.
//! * *"the service has ended the connection over its token"*: the token has expired or was revoked, and there is no
//!   provider for another: see [`tokens`](super::tokens).
//! * *[`Stats::stranded_workers`] is not 0*: a thread is in a call of the system that nothing can interrupt: a name
//!   lookup, a dial, a write that nobody reads, a file that delivers nothing. It ends when that call returns.
//! * *After a fork everything fails with [`ErrorKind::Forked`]*: create the client in the child.
//! * *A second connection while connecting*: when a handshake has taken 60 % of the timeout, or ended without CONNACK,
//!   the client dials the same address once more and sends an HTTP request, to find the stage that hangs or the
//!   protocol that the server speaks. Through a proxy that is a second tunnel.
//! * *A proxy's answer*: 200 is accepted, with up to 4 KiB in 16 header lines (`async-http-proxy` 1.2.5). If a proxy's
//!   answer is one line without an end, it is read until the deadline, into memory.
//! * *"... broke a rule of MQTT"*: the server sent something that MQTT forbids, which the error names. The connection
//!   ends and is made again; unacknowledged messages are sent again. Wrong flags, reserved bits and properties given
//!   twice cannot be detected (rumqttc 0.25.1), and are accepted.
//! * *An acknowledgement that comes twice in one segment ends the connection* (rumqttc 0.25.1). A server that always
//!   sends PUBREC twice gets QoS 2 messages only with a kept session (`clean_session(false)`).
//! * *An MQTT 5 packet with inconsistent lengths is dropped without an error* (rumqttc 0.25.1). It is not acknowledged.
//!   Packets behind it are read with the next bytes from the server, at the latest after a keep-alive period.
//!
//! The file `docs/upstream.md` of the repository lists the faults of the crates underneath, and the workaround for
//! each.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
