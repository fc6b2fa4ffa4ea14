//! The form of keys and tokens, as the service creates them.

use crate::error::{Error, Hint, Result};

/// Checks a key or token: the service creates them without spaces and line breaks.
pub(crate) fn check_key(label: &str, value: &str) -> Result<()> {
    check_present(label, value)?;
    // The byte order mark, and other characters without width.
    let unseen = |c: char| matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
    if value.chars().any(|c| c.is_whitespace() || c.is_control() || unseen(c)) {
        let message = format!("{label} contains a space, line break, control character or byte order mark");
        return Err(Error::config(message).with_hint(Hint::CopiedWithMore));
    }
    Ok(())
}

pub(crate) fn check_present(label: &str, value: &str) -> Result<()> {
    if value.is_empty() { Err(Error::config(format!("{label} is empty"))) } else { Ok(()) }
}
