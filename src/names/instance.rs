//! Instance ids.

/// Checks an instance id. Its form is not documented, so only characters that would break a user name or a request are
/// refused. The error is the broken rule.
pub(crate) fn check_instance(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("the instance id is empty".to_string());
    }
    match id.chars().find(|c| *c == '|' || c.is_whitespace() || c.is_control()) {
        Some(bad) => Err(format!("instance id {id:?} contains {bad:?}")),
        None => Ok(()),
    }
}
