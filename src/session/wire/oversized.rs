//! Messages from the server that are larger than the limit.
//!
//! rumqttc ends the connection over one, before it says what it is, and with it goes what came before it in the same
//! batch. On a kept session that would repeat itself for ever. So from the next connection on larger packets are read,
//! up to [`LET_IN`], and each that is above the limit is acknowledged and set aside, without its payload.

use crate::config::Config;
use crate::error::{Error, ErrorKind, Hint};
use crate::limits::LET_IN;
use crate::session::wire::link::{Cause, Failure};

/// Bytes of the payload that are looked at: enough to find out which request this is the reply to.
pub(in crate::session) const HEAD: usize = 64;

/// What a packet from the server may have on a connection, in bytes. `let_in`: larger ones are expected.
pub(in crate::session) fn longest(config: &Config, let_in: bool) -> usize {
    let limit = config.limits().packet_len;
    if let_in { limit.max(LET_IN) } else { limit }
}

/// Returns true if the next connection can read what this one was too small for.
pub(in crate::session) fn passes(failure: &Failure, config: &Config) -> bool {
    matches!(failure.cause, Cause::TooLarge(size) if size <= longest(config, true))
}

/// Names the limit and the setting, where a connection ended over the size of a packet.
pub(in crate::session) fn explain(failure: Failure, config: &Config) -> Failure {
    let Cause::TooLarge(size) = failure.cause else { return failure };
    let limit = config.limits().packet_len;
    let server = config.route();
    let message = format!("{server} sent a packet of {size} bytes, more than packet_len ({limit})");
    let error = if passes(&failure, config) {
        let message = format!("{message}; the next connection reads it, to acknowledge it and set it aside");
        Error::new(ErrorKind::Protocol, message).with_hint(Hint::RaisePayloadLen { size })
    } else {
        let most = longest(config, true);
        let message = format!("{message}, and more than can be read to be set aside ({most})");
        let again = !config.clean_session();
        let hint = if again { Hint::RedeliveredPacket { size } } else { Hint::RaisePayloadLen { size } };
        Error::new(ErrorKind::Protocol, message).with_hint(hint)
    };
    Failure { error: error.with_source(failure.error), cause: failure.cause }
}
