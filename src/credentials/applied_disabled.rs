//! Replaces `applied.rs` in a build without the cargo feature `openapi`: the library cannot apply for tokens.

use super::Credentials;
use crate::config::environment::{self, Variables};
use crate::error::{Error, Hint, Result};

pub(super) fn read(variables: &Variables) -> Result<Credentials> {
    let missing = variables.needed(environment::TOKEN).err();
    let missing = missing.unwrap_or_else(|| Error::internal("a token is set, but was not read"));
    Err(missing.with_hint(Hint::TokenNeeded))
}
