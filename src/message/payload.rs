//! The bytes of a message.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use zeroize::Zeroize;

use super::block;

/// The bytes of a message to be sent.
///
/// Every call that sends takes an `impl Into<Payload>`: texts (`&str`, `String`, `&String`), bytes (`Vec<u8>`,
/// `&Vec<u8>`, `&[u8]`, arrays) and [`Bytes`]. Owned values and `Bytes` are taken over without a copy; borrowed ones
/// are copied once. A clone shares the bytes.
///
/// A `Bytes` with an owner of its own ([`Bytes::from_owner`]) is dropped on any thread of the client, while it holds a
/// lock: the owner's `Drop` must not call the client, and must not wait for a thread that does.
///
/// ```
/// use aliyun_mqtt::{Outgoing, Payload, QoS};
/// let payload = Payload::from(vec![0; 10_000]);
/// let messages = ["demo/a", "demo/b"].map(|topic| Outgoing::new(topic, QoS::AtLeastOnce, payload.clone()));
/// assert_eq!(messages[1].payload().len(), 10_000);
/// ```
#[derive(Clone)]
pub struct Payload {
    bytes: Bytes,
    /// The memory allocated for the bytes, which may be more than their number.
    held: usize,
}

impl Payload {
    /// Returns the bytes without copying them.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Returns the memory allocated for the bytes.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Overwrites the bytes, unless a connection still shares them.
    pub(crate) fn wipe(self) {
        if let Ok(mut bytes) = self.bytes.try_into_mut() {
            bytes.zeroize();
        }
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Payload {}

/// Shows the length, not the bytes.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.bytes.len())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload { held: block(bytes.len()), bytes }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Payload { held: block(bytes.capacity()), bytes: bytes.into() }
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Box<[u8]>> for Payload {
    fn from(bytes: Box<[u8]>) -> Self {
        bytes.into_vec().into()
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

impl From<&Vec<u8>> for Payload {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&String> for Payload {
    fn from(text: &String) -> Self {
        text.as_bytes().into()
    }
}

impl<const N: usize> From<[u8; N]> for Payload {
    fn from(bytes: [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Payload {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<Cow<'_, [u8]>> for Payload {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        bytes.into_owned().into()
    }
}

impl From<Cow<'_, str>> for Payload {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_bytes_is_a_payload() {
        let text = String::from("hello");
        let bytes = b"hello".to_vec();
        let all: [Payload; 12] = [
            "hello".into(),
            (&text).into(),
            text.clone().into(),
            (&bytes).into(),
            bytes.clone().into(),
            bytes.as_slice().into(),
            b"hello".into(),
            (*b"hello").into(),
            Bytes::from_static(b"hello").into(),
            bytes.clone().into_boxed_slice().into(),
            Cow::Borrowed("hello").into(),
            Cow::Borrowed(b"hello".as_slice()).into(),
        ];
        for payload in all {
            assert_eq!(&*payload, b"hello");
        }
    }

    #[test]
    fn owned_bytes_are_not_copied_and_clones_share_them() {
        let bytes = vec![7; 1_000];
        let place = bytes.as_ptr();
        let payload = Payload::from(bytes);
        let shared = payload.clone();
        assert_eq!((payload.as_ptr(), shared.as_ptr()), (place, place));
        let bytes = payload.into_bytes();
        assert_eq!((bytes.as_ptr(), Payload::from(bytes).as_ptr()), (place, place));
    }

    #[test]
    fn the_bytes_are_not_shown() {
        assert_eq!(format!("{:?}", Payload::from("psst")), "Payload(4 bytes)");
    }
}
