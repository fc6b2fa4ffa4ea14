//! The frame of every function: errors become a status and an error object, panics are caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::error::amq_error;
use crate::input::{Failure, place};
use crate::status::amq_status;

/// Runs the body of a function that can fail. `Ok` is its status; on an error `*error` becomes a new error object,
/// otherwise NULL.
///
/// # Safety
/// `error` is NULL or valid for a write.
pub(crate) unsafe fn call(
    error: *mut *mut amq_error,
    body: impl FnOnce() -> Result<amq_status, Failure>,
) -> amq_status {
    let (status, object) = outcome(body);
    if !error.is_null() {
        unsafe { error.write(object.map_or(ptr::null_mut(), |object| Box::into_raw(Box::new(object)))) };
    }
    status
}

/// Runs the body of a function that makes an object: `*result` becomes the new object, which the caller frees, or NULL
/// if the call fails.
///
/// # Safety
/// `error` is NULL or valid for a write, and so is `result`.
pub(crate) unsafe fn make<T>(
    name: &str,
    result: *mut *mut T,
    error: *mut *mut amq_error,
    body: impl FnOnce() -> Result<T, Failure>,
) -> amq_status {
    unsafe {
        call(error, || {
            let result = place(name, result)?;
            *result = Box::into_raw(Box::new(body()?));
            Ok(amq_status::AMQ_OK)
        })
    }
}

/// Runs the body of a function that can fail, and returns its status and its error object.
pub(crate) fn outcome(body: impl FnOnce() -> Result<amq_status, Failure>) -> (amq_status, Option<amq_error>) {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(status)) => (status, None),
        Ok(Err(failure)) => {
            let error = amq_error::new(failure);
            (error.status(), Some(error))
        }
        Err(panic) => (amq_status::AMQ_ERROR_PANIC, Some(amq_error::panic(&words(&*panic)))),
    }
}

/// Runs the body of a function that cannot fail. Returns `otherwise` after a panic.
pub(crate) fn plain<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Frees an object. NULL is allowed.
///
/// # Safety
/// `pointer` is NULL or came from `Box::into_raw`, and is not used again.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        plain((), || drop(unsafe { Box::from_raw(pointer) }));
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a text").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_status_with_its_text() {
        let mut error = ptr::null_mut();
        let status = unsafe { call(&raw mut error, || panic!("no {}", "luck")) };
        assert_eq!(status, amq_status::AMQ_ERROR_PANIC);
        let error = unsafe { Box::from_raw(error) };
        assert!(error.message().contains("no luck"), "{}", error.message());
        assert_eq!(plain(7, || panic!("again")), 7);
    }
}
