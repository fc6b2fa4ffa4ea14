//! The places of the chain, in their order.

use zeroize::Zeroizing;

use super::asked::{Asked, cook, serve};
use super::metadata::Failure;
use super::place::Place;
use super::recipe::Recipe;
use super::role::{OidcRole, RoleSession};
use super::{config_json, credentials_ini, metadata};
use crate::config::environment;
use crate::error::{ErrorKind, Result};
use crate::openapi::access_key::AccessKey;

/// A place of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Environment,
    Oidc,
    ConfigJson,
    CredentialsIni,
    Metadata,
    Uri,
}

impl Source {
    pub(super) const ALL: [Source; 6] =
        [Source::Environment, Source::Oidc, Source::ConfigJson, Source::CredentialsIni, Source::Metadata, Source::Uri];

    /// Returns the name for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Source::Environment => "the environment",
            Source::Oidc => "the OIDC role",
            Source::ConfigJson => "~/.aliyun/config.json",
            Source::CredentialsIni => "~/.alibabacloud/credentials",
            Source::Metadata => "the RAM role of the ECS instance",
            Source::Uri => "the credentials URI",
        }
    }

    /// Returns true for a file, which may have changed.
    pub(super) fn is_file(self) -> bool {
        matches!(self, Source::ConfigJson | Source::CredentialsIni)
    }

    pub(super) fn ask(self, place: &Place<'_>) -> Asked {
        let answer = match self {
            Source::Environment => environment(place),
            Source::Oidc => oidc(place),
            Source::ConfigJson => config_json::ask(place),
            Source::CredentialsIni => credentials_ini::ask(place),
            Source::Metadata => of_instance(place),
            Source::Uri => uri(place),
        };
        answer.unwrap_or_else(|error| match error.kind() {
            // An invalid setting that only this library has, such as the CA file: those SDKs may get a key here.
            ErrorKind::Config if error.missing_setting().is_none() => Asked::Unusable(error),
            _ => Asked::Broken(error),
        })
    }
}

fn environment(place: &Place<'_>) -> Result<Asked> {
    let variables = place.variables;
    let names = [environment::ACCESS_KEY_ID, environment::ACCESS_KEY_SECRET];
    if variables.first_set(&names).is_none() {
        return Ok(Asked::absent(format!("{} is not set", names[0])));
    }
    let key = AccessKey {
        id: variables.needed(names[0])?.to_string(),
        secret: variables.secret(names[1])?,
        security_token: variables.text(environment::SECURITY_TOKEN)?.map(|text| Zeroizing::new(text.to_string())),
    };
    let mut asked = cook(&Recipe::Given(key), place, format!("the environment ({})", names[0]))?;
    if let Asked::Found(key) = asked {
        asked = Asked::Found(key.named("env"));
    }
    Ok(asked)
}

fn oidc(place: &Place<'_>) -> Result<Asked> {
    let variables = place.variables;
    let own = [environment::OIDC_PROVIDER_ARN, environment::OIDC_TOKEN_FILE];
    if variables.first_set(&own).is_none() {
        return Ok(Asked::absent(format!("{} is not set", own[1])));
    }
    let role = OidcRole {
        session: RoleSession::of(variables, variables.needed(environment::ROLE_ARN)?)?,
        provider: variables.needed(own[0])?.to_string(),
        token_file: variables.path(own[1]).ok_or_else(|| environment::not_set(own[1]))?,
    };
    let whose = format!("the OIDC role {}", role.session.role_arn);
    cook(&Recipe::Oidc(role), place, whose)
}

fn of_instance(place: &Place<'_>) -> Result<Asked> {
    if place.variables.is_true(environment::ECS_METADATA_DISABLED) {
        return Ok(Asked::absent(format!("{} is true", environment::ECS_METADATA_DISABLED)));
    }
    match metadata::fetch(None, place) {
        Ok(fetched) => {
            let provider = Recipe::Metadata { role: None }.provider();
            Ok(serve(fetched, provider, Source::Metadata.title().to_string()))
        }
        // Who names a role says that there is one, and who names an address that somebody is there.
        Err(Failure::Nobody(error))
            if place.variables.text(environment::ECS_METADATA)?.is_none()
                && (error.kind() == ErrorKind::Credentials
                    || place.variables.text(environment::METADATA_ENDPOINT)?.is_none()) =>
        {
            Ok(Asked::Absent(error))
        }
        Err(failure) => Err(failure.into_error()),
    }
}

fn uri(place: &Place<'_>) -> Result<Asked> {
    match place.variables.text(environment::CREDENTIALS_URI)? {
        None => Ok(Asked::absent(format!("{} is not set", environment::CREDENTIALS_URI))),
        Some(uri) => cook(&Recipe::Uri(uri.to_string()), place, format!("{} (a URI)", environment::CREDENTIALS_URI)),
    }
}
