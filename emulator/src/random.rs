//! Random text from the system's generator, for tokens, secrets and ids that must not be guessable.

/// Returns 32 random hexadecimal digits.
///
/// # Panics
/// Panics if the system provides no random bytes: without them, no secret can be made.
pub(crate) fn random_hex() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system provides random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn texts_are_of_one_length_and_never_alike() {
        let texts: HashSet<_> = (0..1000).map(|_| random_hex()).collect();
        assert_eq!(texts.len(), 1000);
        for text in texts {
            assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        }
    }
}
