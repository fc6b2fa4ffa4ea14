//! A tunnel through an HTTP proxy: the request for one, and its errors. Its address is in `config::proxy`.

mod fault;
mod tunnel;

#[cfg(feature = "proxy")]
pub(crate) use fault::not_a_proxy;
pub(crate) use fault::{refused, silent, unreachable};
pub(crate) use tunnel::ask;
