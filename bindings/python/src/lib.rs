//! The native part of the Python package `aliyun_mqtt`.
//!
//! * `wait`: blocking without the GIL, open to signals.
//! * `error`, `convert`, `settings`: errors, values and keywords, from one language to the other.
//! * The others: the classes of the package, or the native parts of those that are written in Python.
//!
//! # Locks
//!
//! No call of the library that may block runs with the GIL: a provider written in Python may be what it waits for. Calls
//! that only take a lock for a moment keep the GIL, since no thread holds a lock of the library while it waits for the
//! GIL: providers and log handlers run on threads of Python, without a lock, and a Python object that is dropped without
//! the GIL is given to Python later.

mod client;
mod config;
mod convert;
mod credentials;
mod delivery;
mod error;
mod events;
mod log;
mod message;
mod openapi;
mod outgoing;
mod settings;
mod subscription;
mod wait;

/// The native part of `aliyun_mqtt`.
#[pyo3::pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use crate::client::{Client, Closer, p2p_topic, topic_matches};
    #[pymodule_export]
    use crate::config::Config;
    #[pymodule_export]
    use crate::credentials::{Answer, Credentials, Token, interpreter_ends};
    #[pymodule_export]
    use crate::delivery::{Delivery, PublishEach, Receipt};
    #[pymodule_export]
    use crate::error::Failure;
    #[pymodule_export]
    use crate::events::Events;
    #[pymodule_export]
    use crate::log::{LogReader, end_log, set_log_level, stop_log};
    #[pymodule_export]
    use crate::message::{Message, Request};
    #[pymodule_export]
    use crate::openapi::{Api, ClientIdIterator, DeviceCredential};
    #[pymodule_export]
    use crate::outgoing::Outgoing;
    #[pymodule_export]
    use crate::subscription::Subscription;
}
