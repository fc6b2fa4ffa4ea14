//! The ways from what a place says to a key.

use super::fault::{credentials, not_ok};
use super::fetched::Fetched;
use super::metadata::Failure;
use super::place::Place;
use super::role::{OidcRole, Role};
use super::{key_json, metadata};
use crate::config::environment;
use crate::error::Result;
use crate::openapi::access_key::AccessKey;
use crate::openapi::site::Site;

/// A way to a key.
pub(super) enum Recipe {
    Given(AccessKey),
    Oidc(OidcRole),
    /// A role that is assumed with another key.
    Assume {
        role: Role,
        with: Box<Recipe>,
    },
    /// The role of the ECS instance; the metadata service is asked for its name if it is not given.
    Metadata {
        role: Option<String>,
    },
    Uri(String),
}

impl Recipe {
    /// Returns the name that Alibaba Cloud's SDKs have for this way.
    pub(super) fn provider(&self) -> String {
        match self {
            Recipe::Given(key) if key.security_token.is_some() => "static_sts".to_string(),
            Recipe::Given(_) => "static_ak".to_string(),
            Recipe::Oidc(_) => "oidc_role_arn".to_string(),
            Recipe::Assume { with, .. } => format!("ram_role_arn/{}", with.provider()),
            Recipe::Metadata { .. } => "ecs_ram_role".to_string(),
            Recipe::Uri(_) => "credential_uri".to_string(),
        }
    }

    /// Returns true if the place itself has a secret.
    pub(super) fn holds_key(&self) -> bool {
        match self {
            Recipe::Given(_) => true,
            Recipe::Assume { with, .. } => with.holds_key(),
            Recipe::Oidc(_) | Recipe::Metadata { .. } | Recipe::Uri(_) => false,
        }
    }

    pub(super) fn fetch(&self, place: &Place<'_>) -> Result<Fetched> {
        match self {
            Recipe::Given(key) => Ok(Fetched::new(key.clone(), None)),
            Recipe::Oidc(role) => role.assume(place),
            Recipe::Assume { role, with } => {
                let with = with.fetch(place)?;
                // STS refuses it.
                with.check.map_err(|error| credentials("the key for the role".to_string()).with_reason(error))?;
                role.assume(&with.key, place)
            }
            Recipe::Metadata { role } => metadata::fetch(role.as_deref(), place).map_err(Failure::into_error),
            Recipe::Uri(uri) => from_uri(uri, place),
        }
    }
}

fn from_uri(uri: &str, place: &Place<'_>) -> Result<Fetched> {
    let site = Site::of_file(environment::CREDENTIALS_URI, uri, place.network, place.left()?)?;
    let answer = site.request("GET", site.file(), &[], place.left()?)?;
    let whose = "the credentials URI";
    if answer.status != 200 {
        return Err(not_ok(whose, answer.status));
    }
    key_json::read_flat(whose, &answer.body)
}
