//! The ids of received messages.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The ids that callers see: nobody can guess one, and each stays the same over restarts.
#[derive(Debug)]
pub(super) struct Names([u8; 32]);

impl Names {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Names(secret)
    }

    pub(super) fn name(&self, id: u64) -> String {
        let mut name = format!("{id:x}-");
        for byte in self.mark(id) {
            name.push_str(&format!("{byte:02x}"));
        }
        name
    }

    pub(super) fn id(&self, name: &str) -> Option<u64> {
        let (id, mark) = name.split_once('-')?;
        let id = u64::from_str_radix(id, 16).ok()?;
        let expected = self.name(id);
        let expected = expected.split_once('-')?.1;
        bool::from(expected.as_bytes().ct_eq(mark.as_bytes())).then_some(id)
    }

    fn mark(&self, id: u64) -> [u8; 8] {
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&id.to_be_bytes());
        let mut mark = [0; 8];
        mark.copy_from_slice(&mac.finalize().into_bytes()[..8]);
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_one_message_and_one_store() {
        let names = Names([7; 32]);
        assert_eq!(names.id(&names.name(18)), Some(18));
        assert_eq!(names.id(&Names([8; 32]).name(18)), None);
        assert_eq!(names.id(&names.name(18).replace("12-", "13-")), None);
        for bad in ["", "-", "12", "12-", "x-00"] {
            assert_eq!(names.id(bad), None, "{bad}");
        }
    }
}
