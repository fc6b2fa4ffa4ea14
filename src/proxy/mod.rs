//! A tunnel through an HTTP proxy: asking for one, and what goes wrong with it. Its address is in `config::proxy`.

mod fault;
mod tunnel;

#[cfg(feature = "proxy")]
pub(crate) use fault::not_a_proxy;
pub(crate) use fault::{refused, silent, unreachable};
pub(crate) use tunnel::ask;
