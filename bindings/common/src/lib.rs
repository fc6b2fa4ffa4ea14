//! The parts that the bindings of `aliyun-mqtt` to other languages share.
//!
//! * [`per_process`]: state that a forked child does not inherit.
//! * [`log_queue`]: hands log records to a sink of another language, never on the thread that logs.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod log_queue;
pub mod per_process;
