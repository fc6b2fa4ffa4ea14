//! The setting of the spool.

use std::ffi::c_char;

use aliyun_mqtt::{ConfigBuilder, Spool, SyncPolicy};

use super::choices::{amq_spool_sync, spool_sync};
use super::{amq_config, set};
use crate::error::amq_error;
use crate::input::{Failure, duration, text};
use crate::status::amq_status;

/// Sets the spool, a file that keeps QoS 1 and 2 messages until they are acknowledged, so that they survive the
/// process: the next client with the same file sends what this one did not deliver. By default messages are in memory
/// only. The file is created if it does not exist; one client uses it at a time.
///
/// `max_bytes` bounds the size of all records: topic, payload and 24 bytes each; 0 means 67,108,864 (64 MiB). `sync` is
/// an amq_spool_sync; `sync_interval_ms`, 1 to 3,600,000, is used with AMQ_SPOOL_SYNC_INTERVAL only. With
/// `set_aside_damaged`, a damaged or foreign file is renamed to "<path>.damaged-<seconds since 1970>", and an empty spool
/// is started; without it, amq_client_connect fails and says what to do.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_config_set_spool(
    config: *mut amq_config,
    path: *const c_char,
    path_len: usize,
    max_bytes: u64,
    sync: i32,
    sync_interval_ms: i64,
    set_aside_damaged: bool,
    error: *mut *mut amq_error,
) -> amq_status {
    unsafe {
        set(config, error, || {
            let path = text("path", path, path_len)?;
            let policy = policy(sync, sync_interval_ms)?;
            let mut spool = Spool::at(path).sync(policy).set_aside_damaged(set_aside_damaged);
            if max_bytes != 0 {
                spool = spool.max_bytes(max_bytes);
            }
            Ok(move |builder: ConfigBuilder| builder.spool(spool))
        })
    }
}

fn policy(sync: i32, interval_ms: i64) -> Result<SyncPolicy, Failure> {
    Ok(match spool_sync(sync)? {
        amq_spool_sync::Each => SyncPolicy::Each,
        amq_spool_sync::Interval => SyncPolicy::Interval(duration("sync_interval_ms", interval_ms)?),
        amq_spool_sync::System => SyncPolicy::System,
    })
}
