//! `std` as the modelled library sees it, and the other side of its connections.
//!
//! The library's root says `extern crate aliyun_mqtt_model_ground as std`, so that every `std::sync::Mutex` in it is
//! the one below, without a word changed elsewhere. `sync`, `thread` and `time` are replaced, and the rest is std's.
#![forbid(unsafe_code)]

pub use ::std::*;

pub mod broker;
mod clock;
pub mod faults;
pub mod sync;
pub mod time;

/// Threads are shuttle's tasks.
pub mod thread {
    pub use shuttle::thread::*;
}

pub use clock::advance;

/// Begins one run of a model: the clock is set back.
pub fn begin() {
    clock::reset();
}
