//! The characters of names, and names in error messages.

use crate::limits::Limits;

/// Allows letters, digits, `-`, `_` and these others; if names are not strict, anything but control characters.
pub(super) fn check_characters(what: &str, text: &str, others: &str, limits: &Limits) -> Result<(), String> {
    let fine = |c: char| if limits.strict_names { is_name_char(c) || others.contains(c) } else { !c.is_control() };
    match text.chars().find(|c| !fine(*c)) {
        None => Ok(()),
        Some(bad) if limits.strict_names => {
            Err(format!("{what} {} contains {bad:?}; only letters, digits, '-' and '_' are allowed", shown(text)))
        }
        Some(bad) => Err(format!("{what} {} contains the control character {bad:?}", shown(text))),
    }
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Returns a name for an error message: quoted, with control characters escaped, and shortened if it is very long.
pub(super) fn shown(text: &str) -> String {
    const LENGTH: usize = 160;
    match text.char_indices().nth(LENGTH) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", &text[..end]),
    }
}
