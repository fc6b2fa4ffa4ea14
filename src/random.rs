//! Random numbers from the system's source, and tags made with a random key.

use std::hash::{BuildHasher, RandomState};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Returns unpredictable random bytes.
///
/// The system's source of randomness does not fail after the start on any system with a standard library. If it fails
/// nevertheless, the keys of `RandomState` are used, so that ids stay unique.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::getrandom(&mut bytes).is_err() {
        for (position, part) in bytes.chunks_mut(8).enumerate() {
            let number = RandomState::new().hash_one(position).to_be_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
    bytes
}

/// Returns a random number.
pub(crate) fn number() -> u64 {
    u64::from_be_bytes(bytes())
}

/// Returns a random number from 0 to less than 1.
pub(crate) fn fraction() -> f64 {
    // 53 bits, which an f64 represents exactly.
    (number() >> 11) as f64 / (1u64 << 53) as f64
}

/// A random key that marks numbers as those of its owner.
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn new() -> Self {
        Key(bytes())
    }

    /// Returns the tag of a number: HMAC-SHA1, of which 128 bits are kept. It cannot be made without the key.
    pub(crate) fn tag(&self, number: u64) -> [u8; 16] {
        let mut tag = [0; 16];
        // HMAC accepts a key of any length.
        if let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) {
            mac.update(&number.to_be_bytes());
            tag.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        tag
    }
}

/// A key that is not random, for tests.
#[cfg(any(test, fuzzing))]
impl From<[u8; 32]> for Key {
    fn from(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_another() {
        assert_ne!(bytes::<16>(), bytes::<16>());
        assert_eq!(bytes::<0>(), [0; 0]);
        let fractions: Vec<f64> = (0..1000).map(|_| fraction()).collect();
        assert!(fractions.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = fractions.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn a_tag_belongs_to_its_key_and_number() {
        let (one, other) = (Key::new(), Key::new());
        assert_eq!(one.tag(7), one.tag(7));
        assert_ne!(one.tag(7), one.tag(8));
        assert_ne!(one.tag(7), other.tag(7));
        // Computed with Python's hmac and hashlib: a key of 32 times 0x0b.
        let known = Key([0x0b; 32]).tag(1);
        assert_eq!(known.map(|byte| format!("{byte:02x}")).concat(), "53cb663ed633282a2c03591c1bc8762c");
    }
}
