//! Text that is lent to the caller.

use std::ffi::c_char;
use std::ptr;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::guard::plain;

/// A text of an object, in the form that C takes: made when it is first asked for, and valid until the object is freed.
///
/// A NUL follows the text, so that it can be used without its length.
#[derive(Debug, Default)]
pub(crate) struct Lent(OnceLock<Option<Box<[u8]>>>);

impl Lent {
    /// Returns the text and sets `*len`, if `len` is not NULL, to its bytes without the NUL. NULL and 0 for `None`.
    ///
    /// # Safety
    /// `len` is NULL or valid for a write.
    pub(crate) unsafe fn lend<T: AsRef<str>>(
        &self,
        len: *mut usize,
        text: impl FnOnce() -> Option<T>,
    ) -> *const c_char {
        let kept = self.0.get_or_init(|| text().map(|text| with_nul(text.as_ref())));
        let (pointer, bytes) = match kept {
            Some(kept) => (kept.as_ptr().cast(), kept.len() - 1),
            None => (ptr::null(), 0),
        };
        unsafe { set(len, bytes) };
        pointer
    }
}

/// Sets `*place` unless `place` is NULL.
///
/// # Safety
/// `place` is NULL or valid for a write.
pub(crate) unsafe fn set<T>(place: *mut T, value: T) {
    if !place.is_null() {
        unsafe { place.write(value) };
    }
}

pub(crate) fn with_nul(text: &str) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes.into_boxed_slice()
}

/// Lends a text of an object: `place` keeps it, `text` makes it. NULL and 0 if the object is NULL.
///
/// # Safety
/// `object` is NULL or valid, and `len` is NULL or valid for a write.
pub(crate) unsafe fn of<'a, O: 'a, T: AsRef<str>>(
    object: *const O,
    len: *mut usize,
    place: impl FnOnce(&'a O) -> &'a Lent,
    text: impl FnOnce(&'a O) -> Option<T>,
) -> *const c_char {
    unsafe { set(len, 0) };
    let lend = || unsafe { object.as_ref() }.map(|object| unsafe { place(object).lend(len, || text(object)) });
    plain(None, lend).unwrap_or(ptr::null())
}

/// Lends bytes of an object, without a NUL behind them. NULL and 0 if the object is NULL, or for `None`.
///
/// # Safety
/// `object` is NULL or valid, and `len` is NULL or valid for a write.
pub(crate) unsafe fn bytes<'a, O: 'a>(
    object: *const O,
    len: *mut usize,
    bytes: impl FnOnce(&'a O) -> Option<&'a [u8]>,
) -> *const u8 {
    let lent = plain(None, || unsafe { object.as_ref() }.and_then(bytes));
    unsafe { set(len, lent.map_or(0, <[u8]>::len)) };
    lent.map_or(ptr::null(), <[u8]>::as_ptr)
}

/// A secret text of an object, as [`Lent`]. It is wiped from memory when the object is freed.
#[derive(Default)]
pub(crate) struct SecretLent(OnceLock<Zeroizing<Box<[u8]>>>);

impl SecretLent {
    /// Returns the text and sets `*len`, if `len` is not NULL, to its bytes without the NUL.
    ///
    /// # Safety
    /// `len` is NULL or valid for a write.
    pub(crate) unsafe fn lend(&self, len: *mut usize, text: &str) -> *const c_char {
        let kept = self.0.get_or_init(|| Zeroizing::new(with_nul(text)));
        unsafe { set(len, kept.len() - 1) };
        kept.as_ptr().cast()
    }
}
