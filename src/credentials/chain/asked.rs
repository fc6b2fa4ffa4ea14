//! The answer of a place of the chain.

use super::fault::credentials;
use super::fetched::Fetched;
use super::found::ChainKey;
use super::place::Place;
use super::recipe::Recipe;
use crate::error::{Error, Result};

/// The answer of a place.
pub(super) enum Asked<T = ChainKey> {
    Found(T),
    /// There is nothing, for this reason.
    Absent(Error),
    /// There is something, from which Alibaba Cloud's SDKs would not get a key either.
    Broken(Error),
    /// There is something, from which Alibaba Cloud's SDKs may get a key.
    Unusable(Error),
}

impl<T> Asked<T> {
    pub(super) fn absent(reason: impl Into<String>) -> Self {
        Asked::Absent(credentials(reason.into()))
    }
}

/// Returns the key that a place's own recipe gives.
pub(super) fn cook(recipe: &Recipe, place: &Place<'_>, whose: String) -> Result<Asked> {
    Ok(serve(recipe.fetch(place)?, recipe.provider(), whose))
}

/// Returns a key that was obtained in this way.
pub(super) fn serve(fetched: Fetched, provider: String, whose: String) -> Asked {
    let key = ChainKey::new(fetched.key, fetched.expires, provider, whose);
    // What the SDKs take and sign with, but no service has ever made.
    match fetched.check {
        Ok(()) => Asked::Found(key),
        Err(error) => Asked::Unusable(error),
    }
}
