//! Texts that a call returns.

use std::ffi::c_char;

use zeroize::Zeroizing;

use crate::guard::{free, plain};
use crate::lent::{set, with_nul};

/// A text that a call returned. It is wiped from memory when it is freed, since it may contain a secret.
pub struct amq_text {
    text: Zeroizing<Box<[u8]>>,
}

impl amq_text {
    /// Makes an object for the caller, who frees it.
    pub(crate) fn lend(text: &str) -> *mut amq_text {
        Box::into_raw(Box::new(amq_text { text: Zeroizing::new(with_nul(text)) }))
    }
}

/// Returns the text, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until it is
/// freed. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_text_data(text: *const amq_text, len: *mut usize) -> *const c_char {
    unsafe { set(len, 0) };
    let data = || {
        unsafe { text.as_ref() }.map(|text| {
            unsafe { set(len, text.text.len() - 1) };
            text.text.as_ptr().cast()
        })
    };
    plain(None, data).unwrap_or(std::ptr::null())
}

/// Frees a text. Does nothing if it is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amq_text_free(text: *mut amq_text) {
    unsafe { free(text) };
}
