//! Requests and replies.
//!
//! [`request`](Client::request) and [`request_p2p`](Client::request_p2p) send a message and block until its reply
//! arrives. A replier reads the request with [`Message::request`] and answers with [`reply`](Client::reply). Any number
//! of threads may send requests; each gets its own reply.
//!
//! Over MQTT 5 requests carry a response topic and correlation data, over 3.1.1 an envelope, whose bytes are documented
//! at [`Request`]. Replies come by P2P and need no subscription; [`ConfigBuilder::response_topic`] is for brokers
//! without P2P.
//!
//! A reply never waits for room in the inbox or for the program; a late reply is dropped and counted
//! ([`Stats::late_replies`]). A timeout with [`Stage::Reply`] and [`Fate::Delivered`] means that the server had the
//! request. A lost connection does not end the wait; [`disconnect`](Client::disconnect), a [`Closer`] and the end of
//! the client do, at once.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
