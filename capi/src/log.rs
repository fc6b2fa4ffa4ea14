//! The library's log.

use std::ffi::{c_char, c_void};

use aliyun_mqtt_bindings::log_queue::{self, OtherLogger, Record, Sink};
use log::{Level, LevelFilter};

use crate::callback::{self, User, amq_destroy_callback};
use crate::error::amq_error;
use crate::guard::{call, plain};
use crate::input::Failure;
use crate::lent::with_nul;
use crate::status::amq_status;
use crate::threads;

/// The level of a log record.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_log_level {
    /// Nothing.
    Off = 0,
    /// Faults.
    Error = 1,
    /// Lost connections, refusals, a full inbox, and other things to look at.
    Warn = 2,
    /// Connects and notices.
    Info = 3,
    /// Details.
    Debug = 4,
    /// Everything. The crates below this library show secrets at this level.
    Trace = 5,
}

/// A function that receives records of the log: `level`, an amq_log_level; `target`, the part of the library; `text`.
/// Both texts are valid during the call, and a NUL follows them.
///
/// It runs on a thread of its own, never twice at a time for one registration, may block, and may call every function
/// of this library; what it makes the library log on that thread is not recorded. It must not end the thread, nor leave
/// by longjmp or a C++ exception.
pub type amq_log_callback = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        level: i32,
        target: *const c_char,
        target_len: usize,
        text: *const c_char,
        text_len: usize,
    ),
>;

/// Calls `callback` for each record of the log of this level or a more severe one, for all clients of the process, in
/// place of the callback that was set before. `level` is an amq_log_level; AMQ_LOG_LEVEL_OFF, or NULL as the callback,
/// ends that only. `user` is passed to it. `destroy` may be NULL; it is called after the last call, or before this call
/// returns if it fails. Does not wait for a running call of the earlier callback.
///
/// Records wait in a queue of up to 1,000 records and 1 MiB; beyond that the oldest are dropped and counted
/// (amq_log_dropped). A forked child begins without a callback. Fails if the library was linked into a Rust program
/// that has a logger.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_log_set_callback(
    level: i32,
    callback: amq_log_callback,
    user: *mut c_void,
    destroy: amq_destroy_callback,
    error: *mut *mut amq_error,
) -> amq_status {
    let user = User::new(user, destroy);
    unsafe {
        call(error, move || {
            let level = filter(level)?;
            let sink = callback.filter(|_| level != LevelFilter::Off).map(|callback| -> Sink {
                Box::new(move |record: &Record| {
                    let (target, text) = (with_nul(&record.target), with_nul(&record.text));
                    let number = number(record.level);
                    callback::run(|| {
                        callback(
                            user.pointer(),
                            number,
                            target.as_ptr().cast(),
                            target.len() - 1,
                            text.as_ptr().cast(),
                            text.len() - 1,
                        );
                    });
                })
            });
            threads::without_signals(|| log_queue::set_sink(level, sink)).map_err(|OtherLogger| {
                Failure::misuse("this program has a logger of its own for the log of Rust libraries")
            })?;
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Returns the number of log records that were dropped because the callback was too slow.
#[unsafe(no_mangle)]
pub extern "C" fn amq_log_dropped() -> u64 {
    plain(0, log_queue::dropped)
}

fn filter(level: i32) -> Result<LevelFilter, Failure> {
    let levels = [
        (amq_log_level::Off, LevelFilter::Off),
        (amq_log_level::Error, LevelFilter::Error),
        (amq_log_level::Warn, LevelFilter::Warn),
        (amq_log_level::Info, LevelFilter::Info),
        (amq_log_level::Debug, LevelFilter::Debug),
        (amq_log_level::Trace, LevelFilter::Trace),
    ];
    let found = levels.into_iter().find(|(number, _)| *number as i32 == level);
    found
        .map(|(_, filter)| filter)
        .ok_or_else(|| Failure::misuse(format!("level is {level}; it must be an amq_log_level, from 0 to 5")))
}

fn number(level: Level) -> i32 {
    let number = match level {
        Level::Error => amq_log_level::Error,
        Level::Warn => amq_log_level::Warn,
        Level::Info => amq_log_level::Info,
        Level::Debug => amq_log_level::Debug,
        Level::Trace => amq_log_level::Trace,
    };
    number as i32
}
