//! The answer of a place of the chain.

use super::found::ChainKey;
use super::place::Place;
use super::recipe::Recipe;
use crate::error::{Error, Result};

/// The answer of a place.
pub(super) enum Asked<T = ChainKey> {
    Found(T),
    /// There is nothing, for this reason.
    Absent(String),
    /// There is something, from which Alibaba Cloud's SDKs would not get a key either.
    Broken(Error),
    /// There is something, from which Alibaba Cloud's SDKs may get a key.
    Unusable(Error),
}

/// Returns the key that a place's own recipe gives.
pub(super) fn cook(recipe: &Recipe, place: &Place<'_>, whose: String) -> Result<Asked> {
    let fetched = recipe.fetch(place)?;
    let key = ChainKey::new(fetched.key, fetched.expires, recipe.provider(), whose);
    // What the SDKs take and sign with, but no service has ever made.
    Ok(match fetched.check {
        Ok(()) => Asked::Found(key),
        Err(error) => Asked::Unusable(error),
    })
}
