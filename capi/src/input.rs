//! Checks of what the caller gives.

use std::ffi::{CStr, c_char, c_void};
use std::fmt::Display;
use std::mem::MaybeUninit;
use std::slice;
use std::time::Duration;

use aliyun_mqtt::{Error, ErrorKind};

/// The length of a text that ends with a NUL character.
pub(crate) const AMQ_NTS: usize = usize::MAX;

/// As a timeout: the one that the configuration has (30,000 ms unless it was set).
pub const AMQ_TIMEOUT_DEFAULT: i64 = -2;

/// As a timeout: as long as it takes. Only for calls that receive or wait for a delivery.
pub const AMQ_TIMEOUT_NONE: i64 = -1;

/// The reason why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the library.
    Library(Error),
    /// An argument cannot be used.
    Misuse(String),
}

impl Failure {
    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Failure::Misuse(message.into())
    }
}

impl Failure {
    /// An object that was made before a fork.
    pub(crate) fn forked(what: &str) -> Self {
        let message = format!("this {what} was made in another process: after a fork, the child has to make its own");
        Failure::Library(Error::of_binding(ErrorKind::Forked, &message))
    }

    /// The system does not do what it should.
    pub(crate) fn internal(message: &str) -> Self {
        Failure::Library(Error::of_binding(ErrorKind::Internal, message))
    }
}

/// Fails if an object was made in another process.
pub(crate) fn same_process(process: u32, what: &str) -> Result<(), Failure> {
    if process == std::process::id() { Ok(()) } else { Err(Failure::forked(what)) }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

/// Returns the object that the caller's pointer names.
///
/// # Safety
/// `pointer` is NULL or valid, and stays so while the result is used.
pub(crate) unsafe fn object<'a, T>(name: &str, pointer: *const T) -> Result<&'a T, Failure> {
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Returns the object that the caller's pointer names, to change it.
///
/// # Safety
/// `pointer` is NULL or valid, and nothing else uses the object meanwhile.
pub(crate) unsafe fn object_mut<'a, T>(name: &str, pointer: *mut T) -> Result<&'a mut T, Failure> {
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

/// Returns the place for a result, which it sets to NULL first: a failed call leaves no dangling pointer there.
///
/// # Safety
/// `place` is NULL or valid for writes while the result is used.
pub(crate) unsafe fn place<'a, T>(name: &str, place: *mut *mut T) -> Result<&'a mut *mut T, Failure> {
    let place = unsafe { object_mut(name, place) }?;
    *place = std::ptr::null_mut();
    Ok(place)
}

/// Returns the place for a number, which it sets to `value` first.
///
/// # Safety
/// `place` is NULL or valid for writes while the result is used.
pub(crate) unsafe fn number_place<'a, T: Copy>(name: &str, place: *mut T, value: T) -> Result<&'a mut T, Failure> {
    if place.is_null() {
        return Err(null(name));
    }
    unsafe { place.write(value) };
    Ok(unsafe { &mut *place })
}

/// Reads a text: `len` bytes of UTF-8 without NUL characters, or up to the first NUL character with AMQ_NTS.
///
/// # Safety
/// `data` is NULL, or valid for `len` bytes or up to its NUL character, while the result is used.
pub(crate) unsafe fn text<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a str, Failure> {
    let bytes = unsafe { raw_text(name, data, len) }?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Failure::misuse(format!("{name} is not valid UTF-8: byte {} is wrong", error.valid_up_to()))
    })?;
    match text.find('\0') {
        None => Ok(text),
        Some(at) => Err(Failure::misuse(format!("{name} contains a NUL character: byte {at}"))),
    }
}

/// Reads a text in any encoding: `len` bytes, or up to the first NUL character with AMQ_NTS.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn raw_text<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a [u8], Failure> {
    if data.is_null() {
        return Err(null(name));
    }
    if len == AMQ_NTS {
        return Ok(unsafe { CStr::from_ptr(data) }.to_bytes());
    }
    unsafe { bytes(name, data.cast(), len) }
}

/// Reads `len` bytes. NULL with a length of 0 is empty.
///
/// # Safety
/// `data` is NULL or valid for `len` bytes while the result is used.
pub(crate) unsafe fn bytes<'a>(name: &str, data: *const c_void, len: usize) -> Result<&'a [u8], Failure> {
    if len > isize::MAX as usize {
        return Err(Failure::misuse(format!("the length of {name} is {len} bytes, more than memory can hold")));
    }
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::misuse(format!("{name} is NULL, and its length is {len}"))),
        (false, _) => Ok(unsafe { slice::from_raw_parts(data.cast(), len) }),
    }
}

/// Reads `count` elements. NULL with a count of 0 is empty.
///
/// # Safety
/// `data` is NULL or valid for `count` elements while the result is used.
pub(crate) unsafe fn elements<'a, T>(name: &str, data: *const T, count: usize) -> Result<&'a [T], Failure> {
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Failure::misuse(format!("{name} has {count} elements, more than memory can hold")));
    }
    match (data.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::misuse(format!("{name} is NULL, and its count is {count}"))),
        (false, _) => Ok(unsafe { slice::from_raw_parts(data, count) }),
    }
}

/// Reads the objects that `count` pointers of the caller name.
///
/// # Safety
/// `data` is NULL or valid for `count` pointers, each NULL or valid, while the result is used.
pub(crate) unsafe fn objects<'a, T>(name: &str, data: *const *const T, count: usize) -> Result<Vec<&'a T>, Failure> {
    let pointers = unsafe { elements(name, data, count) }?.iter().enumerate();
    pointers.map(|(index, pointer)| unsafe { pointer.as_ref() }.ok_or_else(|| element_is_null(name, index))).collect()
}

/// Fills the places for `count` results with `value`, and returns them. NULL with a count of 0 is empty.
///
/// # Safety
/// `places` is NULL or valid for `count` writes while the result is used.
pub(crate) unsafe fn filled<'a, T: Copy>(
    name: &str,
    places: *mut T,
    count: usize,
    value: T,
) -> Result<&'a mut [T], Failure> {
    // Checks the arguments; a place has no value yet that could be read.
    unsafe { elements(name, places.cast_const().cast::<MaybeUninit<T>>(), count) }?;
    if count == 0 {
        return Ok(&mut []);
    }
    for index in 0..count {
        unsafe { places.add(index).write(value) };
    }
    Ok(unsafe { slice::from_raw_parts_mut(places, count) })
}

/// Fills the places for `count` results with `value`, as [`filled`], unless the caller does not want them (NULL).
///
/// # Safety
/// As [`filled`].
pub(crate) unsafe fn optional_filled<'a, T: Copy>(
    name: &str,
    places: *mut T,
    count: usize,
    value: T,
) -> Result<&'a mut [T], Failure> {
    let count = if places.is_null() { 0 } else { count };
    unsafe { filled(name, places, count, value) }
}

/// Reads a number that stands for one of some choices.
pub(crate) fn choice<T: Copy>(name: &str, number: i32, choices: &[(i32, T)]) -> Result<T, Failure> {
    let chosen = choices.iter().find(|(known, _)| *known == number).map(|(_, value)| *value);
    chosen.ok_or_else(|| {
        let known: Vec<String> = choices.iter().map(|(known, _)| known.to_string()).collect();
        Failure::misuse(format!("{name} is {number}; it must be one of {}", known.join(", ")))
    })
}

/// Reads a number that has to fit a smaller type.
pub(crate) fn number<W: Copy + Display, N: TryFrom<W>>(name: &str, value: W) -> Result<N, Failure> {
    N::try_from(value).map_err(|_| Failure::misuse(format!("{name} is {value}: out of range")))
}

/// Reads the timeout of an operation, in milliseconds. `None` for AMQ_TIMEOUT_DEFAULT; AMQ_TIMEOUT_NONE is invalid.
pub(crate) fn deadline(millis: i64) -> Result<Option<Duration>, Failure> {
    match millis {
        AMQ_TIMEOUT_DEFAULT => Ok(None),
        AMQ_TIMEOUT_NONE => Err(Failure::misuse(
            "timeout_ms is AMQ_TIMEOUT_NONE; only calls that receive or wait for a delivery may wait without a deadline",
        )),
        millis => duration("timeout_ms", millis).map(Some),
    }
}

/// The time that a call may wait to receive something, or for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The configured timeout.
    Configured,
    /// As long as it takes.
    Forever,
    /// This long.
    For(Duration),
}

/// Reads the timeout of a wait, in milliseconds.
pub(crate) fn wait(millis: i64) -> Result<Wait, Failure> {
    match millis {
        AMQ_TIMEOUT_DEFAULT => Ok(Wait::Configured),
        AMQ_TIMEOUT_NONE => Ok(Wait::Forever),
        millis => duration("timeout_ms", millis).map(Wait::For),
    }
}

/// Reads a time in milliseconds.
pub(crate) fn duration(name: &str, millis: i64) -> Result<Duration, Failure> {
    let millis = u64::try_from(millis).map_err(|_| Failure::misuse(format!("{name} is {millis}: a negative time")))?;
    Ok(Duration::from_millis(millis))
}

fn null(name: &str) -> Failure {
    Failure::misuse(format!("{name} is NULL"))
}

/// The failure of an array whose element at `index` is NULL.
pub(crate) fn element_is_null(name: &str, index: usize) -> Failure {
    Failure::misuse(format!("{name}[{index}] is NULL"))
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn message<T>(result: Result<T, Failure>) -> String {
        match result {
            Ok(_) => "ok".to_string(),
            Err(Failure::Misuse(message)) => message,
            Err(Failure::Library(error)) => error.to_string(),
        }
    }

    fn read(data: &[u8], len: usize) -> String {
        message(unsafe { text("topic", data.as_ptr().cast(), len) }.map(|text| assert_eq!(text, "ab")))
    }

    #[test]
    fn texts_are_checked() {
        assert_eq!(read(b"abc", 2), "ok");
        assert_eq!(read(b"ab\0c", AMQ_NTS), "ok");
        assert_eq!(read(b"a\0b", 3), "topic contains a NUL character: byte 1");
        assert_eq!(read(b"a\xFFb", 3), "topic is not valid UTF-8: byte 1 is wrong");
        assert_eq!(message(unsafe { text("topic", ptr::null(), 0) }), "topic is NULL");
        let absurd = message(unsafe { bytes("payload", ptr::dangling::<u8>().cast(), usize::MAX - 1) });
        assert!(absurd.starts_with("the length of payload is "), "{absurd}");
        assert_eq!(message(unsafe { bytes("payload", ptr::null(), 3) }), "payload is NULL, and its length is 3");
        assert_eq!(message(unsafe { bytes("payload", ptr::null(), 0) }), "ok");
    }

    #[test]
    fn timeouts_have_two_special_values() {
        assert_eq!(deadline(-2).unwrap(), None);
        assert_eq!(deadline(1_500).unwrap(), Some(Duration::from_millis(1_500)));
        assert!(message(deadline(-1)).contains("AMQ_TIMEOUT_NONE"));
        assert_eq!(message(deadline(-3)), "timeout_ms is -3: a negative time");
        assert_eq!(wait(-1).unwrap(), Wait::Forever);
        assert_eq!(wait(-2).unwrap(), Wait::Configured);
        assert_eq!(wait(0).unwrap(), Wait::For(Duration::ZERO));
    }
}
