//! The status that every fallible function returns.

/// The result of a call. 0: done. Positive: nothing failed, but there is nothing to return. Negative: the call failed,
/// and `*error`, if an `error` was given, is a new error object that the caller frees with amq_error_free. In the other
/// cases `*error` is set to NULL. Numbers never change their meaning; later versions may add some.
///
/// cbindgen:rename-all=None
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum amq_status {
    /// Done.
    AMQ_OK = 0,
    /// The timeout of this wait passed, and nothing has failed: no message or event came, or the delivery is not
    /// settled yet. The call can be repeated.
    AMQ_TIMEOUT = 1,
    /// There will be nothing more, since this program has disconnected or closed the client.
    AMQ_END = 2,
    /// The call failed; the error object says why.
    AMQ_ERROR = -1,
    /// The call failed because a deadline passed. The error object has the stage and, for a message, its fate.
    AMQ_ERROR_TIMEOUT = -2,
    /// An argument cannot be used: NULL, a wrong length, invalid UTF-8, a NUL character within a text, or a number that
    /// has no meaning. Nothing was done. The error object names the argument.
    AMQ_ERROR_MISUSE = -3,
    /// A fault in this library. Please report it. The error object has what is known.
    AMQ_ERROR_PANIC = -4,
}
