//! The output format of `-F`: the language of `mosquitto_sub`, parsed before anything is connected.
//!
//! It follows the section "Output format" of the manual page mosquitto_sub(1) of mosquitto 2.0; a test compares the
//! two. These are the differences:
//! - An unknown sequence is refused; mosquitto_sub drops it.
//! - `%m` is refused, since packet ids are not available; `%A` is always empty, since topic aliases are not used.
//! - A width counts characters, applies to every field except `%j` and `%J`, and never truncates.
//! - A precision also applies to payloads, in bytes.
//! - Control characters in topics and properties are printed as escapes.
//! - In `%j` and `%J`, a payload that is not UTF-8 has the key `payload_b64`, and user properties are pairs.

mod parse;
mod piece;
mod render;

pub(crate) use parse::parse;
pub(crate) use piece::Format;
pub(crate) use render::Target;
