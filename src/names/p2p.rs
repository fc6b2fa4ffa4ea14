//! The topics of P2P messages.

use super::shown;
use crate::error::{Error, Hint, Result};

/// Returns the topic of a message to one client: `{parent}/p2p/{client_id}`.
///
/// The receiver needs no subscription, only a connection (help.aliyun.com/document_detail/96176.htm). Names and lengths
/// are checked when a message is published.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid): `parent` is not one topic level, or `client_id` is empty or contains `/`,
/// `+`, `#` or NUL.
///
/// ```
/// # fn main() -> aliyun_mqtt::Result<()> {
/// assert_eq!(aliyun_mqtt::p2p_topic("demo", "GID_demo@@@0002")?, "demo/p2p/GID_demo@@@0002");
/// # Ok(()) }
/// ```
pub fn p2p_topic(parent: impl AsRef<str>, client_id: impl AsRef<str>) -> Result<String> {
    let (parent, client_id) = (parent.as_ref(), client_id.as_ref());
    for (what, text) in [("parent topic", parent), ("client id", client_id)] {
        if text.is_empty() {
            return Err(Error::invalid(format!("the {what} of the P2P message is empty")));
        }
        if let Some(bad) = text.chars().find(|c| matches!(c, '/' | '+' | '#' | '\0')) {
            let message = format!("the {what} {} of the P2P message contains {bad:?}", shown(text));
            return Err(Error::invalid(message).with_hint(Hint::P2pParts));
        }
    }
    Ok(format!("{parent}/p2p/{client_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn p2p_topics() {
        assert_eq!(p2p_topic("demo", "GID_Test@@@0001").unwrap(), "demo/p2p/GID_Test@@@0001");
        for (parent, id) in [("", "a"), ("demo", ""), ("demo/a", "b"), ("demo", "a/b"), ("+", "b"), ("demo", "#")] {
            assert_eq!(p2p_topic(parent, id).unwrap_err().kind(), ErrorKind::Invalid, "{parent} {id}");
        }
    }
}
