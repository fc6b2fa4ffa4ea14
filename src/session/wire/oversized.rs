//! Messages from the server that are larger than the limit.
//!
//! rumqttc ends the connection before it decodes such a message, and loses the messages before it in the same batch. On
//! a kept session that would repeat forever. Therefore the next connection reads larger packets, up to [`LET_IN`], and
//! each message above the limit is acknowledged and discarded without its payload.

use crate::config::Config;
use crate::error::{Error, ErrorKind, Hint};
use crate::limits::LET_IN;
use crate::session::wire::link::{Cause, Failure};

/// The bytes of the payload that are kept: enough to identify the request that the message replies to.
pub(in crate::session) const HEAD: usize = 64;

/// The largest packet that a connection reads, in bytes. `let_in`: the connection expects messages above the limit.
pub(in crate::session) fn longest(config: &Config, let_in: bool) -> usize {
    let limit = config.limits().packet_len;
    if let_in { limit.max(LET_IN) } else { limit }
}

/// Returns true if the next connection can read the packet that ended the last.
pub(in crate::session) fn passes(failure: &Failure, config: &Config) -> bool {
    matches!(failure.cause, Cause::TooLarge(size) if size <= longest(config, true))
}

/// Adds the limit and the setting to the error of a connection that ended because of the size of a packet.
pub(in crate::session) fn explain(failure: Failure, config: &Config) -> Failure {
    let Cause::TooLarge(size) = failure.cause else { return failure };
    let limit = config.limits().packet_len;
    let server = config.route();
    let message = format!("{server} sent a packet of {size} bytes, more than packet_len ({limit})");
    let error = if passes(&failure, config) {
        let message = format!("{message}; the next connection reads it, in order to acknowledge and discard it");
        Error::new(ErrorKind::Protocol, message).with_hint(Hint::RaisePayloadLen { size })
    } else {
        let most = longest(config, true);
        let message = format!("{message}, and more than can be read and discarded ({most})");
        let again = !config.clean_session();
        let hint = if again { Hint::RedeliveredPacket { size } } else { Hint::RaisePayloadLen { size } };
        Error::new(ErrorKind::Protocol, message).with_hint(hint)
    };
    Failure { error: error.with_source(failure.error), cause: failure.cause }
}
