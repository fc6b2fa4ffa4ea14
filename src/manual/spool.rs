//! Messages that survive the process.
//!
//! With the feature `spool` and `ConfigBuilder::spool`, a QoS 1 or 2 message is on disk before it counts as accepted.
//! After a crash or `kill -9` the next run sends what was not acknowledged, in order, before any new message, and at
//! least once, at QoS 2, too. Such a message has the fate [`Fate::Spooled`] in the run that could not deliver it.
//!
//! `Spool` documents what is stored, for how long, its bounds, and the file; `SyncPolicy` what a power cut does.

#[allow(unused_imports, reason = "the links of the text")]
use crate::*;
