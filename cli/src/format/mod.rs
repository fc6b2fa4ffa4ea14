//! The output format of `-F`: the language of `mosquitto_sub`, read before anything is connected, and applied to each message.
//!
//! It follows the section "Output format" of the manual page mosquitto_sub(1) of mosquitto 2.0; a test compares the two. They
//! differ here: a sequence that says nothing is refused, where mosquitto_sub drops it; `%m` is refused, since packet ids are
//! not to be had; `%A` is always empty, since no aliases are asked for; a width counts characters, and holds for every field
//! but `%j` and `%J`; it never cuts anything; control characters of topics and properties are shown as escapes; a precision also holds for payloads, in bytes; and in `%j` and `%J` a payload that
//! is no UTF-8 stands under `payload_b64`, and user properties are pairs.

mod parse;
mod piece;
mod render;

pub(crate) use parse::parse;
pub(crate) use piece::Format;
pub(crate) use render::Target;
