//! Sending: what `Ok` and an error say about a message.
//!
//! [`publish`](Client::publish) returns `Ok` after the acknowledgement of that very message: PUBACK at QoS 1, PUBCOMP
//! at QoS 2. At QoS 0 it returns `Ok` once the message is written to the socket. [`Error::fate`] tells how a message
//! ended that failed; [`Fate`] lists the possibilities, and whether sending again can duplicate the message.
//!
//! [`enqueue`](Client::enqueue) queues a message and returns a [`Delivery`], which is settled exactly once, by its own
//! deadline at the latest. [`flush`](Client::flush) waits for all messages. The next `flush` or `disconnect` reports a
//! failure that no `Delivery` has shown. [`publish_each`](Client::publish_each) sends any number of messages, a window
//! of them at a time, and gives one result for each.
//!
//! # QoS 2
//!
//! A QoS 2 message is delivered exactly once as long as the server keeps the session (`CONNACK` says so). Across a lost
//! session the message is sent again, so it is at least once. The service keeps no sessions for QoS 2 (help page
//! "Receive offline messages").
//!
//! # Order
//!
//! Messages of one thread to one topic at one QoS arrive at the server in the order sent, counted by first arrival. For
//! the order that receivers and RocketMQ see, see [ordered messages](super::ordered).
//!
//! # Suspected refusals
//!
//! The service responds to a publish or subscribe without permission by closing the connection, without a reason. After
//! the connection has been closed twice within 10 s of sending the same operations, the client sends them one at a
//! time, each on a connection that has first lasted 250 ms without them. The operation that still makes the server
//! close the connection fails with [`ErrorKind::SuspectedRefusal`], which names its topic; everything else goes on.
//! This takes at least three connections and the pauses between them; a deadline that passes first gives a timeout. A
//! QoS 0 message to a forbidden topic cannot be found this way, because it is settled when it is written.
//!
//! # Refused topics
//!
//! A topic is refused as a whole if the service's notice says so, or if two messages to it were found in this way and
//! none was acknowledged with these credentials ([`Event::TopicRefused`]). Messages that wait for it fail as refused at
//! once (those in the spool stay there for the next run), and so do new messages for [`Config::refused_topic_pause`],
//! or until other credentials or a new token are in use.
//!
//! # Limits of the service
//!
//! Names, sizes and quotas are checked before anything is sent, because the service responds to a violation by closing
//! the connection; [`Limits`] lists them with their sources and can raise each. The service has no retained messages,
//! wills or shared subscriptions, so they are not offered.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
