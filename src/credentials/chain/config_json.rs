//! The file of the `aliyun` command, `~/.aliyun/config.json`.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::asked::{Asked, cook};
use super::fault::credentials;
use super::permissions::warn_if_open;
use super::place::Place;
use super::recipe::Recipe;
use super::role::{OidcRole, Role, RoleSession};
use super::wiped::Wiped;
use crate::config::environment;
use crate::error::Result;
use crate::openapi::access_key::AccessKey;
use crate::printable::excerpt;

/// How many profiles may refer to one another.
const DEPTH: usize = 8;

/// The way to a key that a profile describes.
enum Profile {
    Recipe(Recipe),
    /// Its mode is one that this library cannot use.
    Foreign(String),
}

pub(super) fn ask(place: &Place<'_>) -> Result<Asked> {
    let variables = place.variables;
    if variables.is_true(environment::CLI_PROFILE_DISABLED) {
        return Ok(Asked::absent(format!("{} is true", environment::CLI_PROFILE_DISABLED)));
    }
    let file = match variables.home() {
        Ok(home) => home.join(".aliyun").join("config.json"),
        Err(reason) => return Ok(Asked::absent(reason)),
    };
    let path = file.display();
    let Some(text) = place.read(&file)? else { return Ok(Asked::absent(format!("there is no {path}"))) };
    // The error of the parser could show a part of a secret.
    let document = serde_json::from_str(&text).ok().map(Wiped);
    let Some(config) = document.as_ref().and_then(|document| document.0.as_object()) else {
        return Err(credentials(format!("{path} is not a JSON object")));
    };
    let named = variables.text(environment::CLOUD_PROFILE)?.or(config.get("current").and_then(Value::as_str));
    let Some(name) = named.filter(|name| !name.is_empty()) else {
        return Err(credentials(format!(
            "{path} has no current profile, and {} is not set",
            environment::CLOUD_PROFILE
        )));
    };
    let whose = format!("the profile {} of {path}", excerpt(name));
    match profile(config, name, place, DEPTH).map_err(|error| credentials(whose.clone()).with_reason(error))? {
        Profile::Foreign(mode) => {
            let message = format!("{whose} has the mode {mode}, which this library cannot use");
            Ok(Asked::Unusable(credentials(message)))
        }
        Profile::Recipe(recipe) => {
            if recipe.holds_key() {
                warn_if_open(&file);
            }
            Ok(match cook(&recipe, place, whose)? {
                Asked::Found(key) => Asked::Found(key.within("cli_profile")),
                other => other,
            })
        }
    }
}

fn profile(config: &Map<String, Value>, name: &str, place: &Place<'_>, depth: usize) -> Result<Profile> {
    let profiles = config.get("profiles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let profile = profiles.iter().find(|profile| profile.get("name").and_then(Value::as_str) == Some(name));
    let Some(profile) = profile.and_then(Value::as_object).filter(|_| depth > 0) else {
        return Err(credentials(format!("there is no profile {}", excerpt(name))));
    };
    let fields = Fields(profile);
    let recipe = match fields.needed("mode")? {
        "AK" => Recipe::Given(fields.key(None)?),
        "StsToken" => Recipe::Given(fields.key(Some(fields.needed("sts_token")?))?),
        "RamRoleArn" => fields.assume(Recipe::Given(fields.key(None)?), place)?,
        "ChainableRamRoleArn" => match self::profile(config, fields.needed("source_profile")?, place, depth - 1)? {
            Profile::Recipe(with) => fields.assume(with, place)?,
            foreign => return Ok(foreign),
        },
        "EcsRamRole" => Recipe::Metadata { role: fields.text("ram_role_name")?.map(str::to_string) },
        "OIDC" => fields.oidc(place)?,
        foreign @ ("CloudSSO" | "OAuth" | "External") => return Ok(Profile::Foreign(foreign.to_string())),
        other => return Err(credentials(format!("the mode {} is unknown", excerpt(other)))),
    };
    Ok(Profile::Recipe(recipe))
}

/// The fields of a profile.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// Returns a field, `None` if it is null or not there. One of another type is an error: to leave out the policy of
    /// a session, for one, would give it more rights.
    fn typed<T>(&self, name: &str, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let value = self.0.get(name).filter(|value| !value.is_null());
        let read = value.map(|value| read(value).ok_or_else(|| credentials(format!("its {name} is not {what}"))));
        read.transpose()
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>> {
        Ok(self.typed(name, "a text", Value::as_str)?.filter(|text| !text.is_empty()))
    }

    fn needed(&self, name: &str) -> Result<&'a str> {
        self.text(name)?.ok_or_else(|| credentials(format!("it has no {name}")))
    }

    fn key(&self, security_token: Option<&str>) -> Result<AccessKey> {
        Ok(AccessKey {
            id: self.needed("access_key_id")?.to_string(),
            secret: Zeroizing::new(self.needed("access_key_secret")?.to_string()),
            security_token: security_token.map(|token| Zeroizing::new(token.to_string())),
        })
    }

    fn assume(&self, with: Recipe, place: &Place<'_>) -> Result<Recipe> {
        let session = self.session("ram_session_name", place)?;
        let external_id = self.text("external_id")?.map(str::to_string);
        Ok(Recipe::Assume { role: Role { session, external_id }, with: Box::new(with) })
    }

    fn oidc(&self, place: &Place<'_>) -> Result<Recipe> {
        let session = self.session("role_session_name", place)?;
        let from = |field: &str, variable| match self.text(field)? {
            Some(text) => Ok(text.to_string()),
            None => place.variables.needed(variable).map(str::to_string),
        };
        let provider = from("oidc_provider_arn", environment::OIDC_PROVIDER_ARN)?;
        let token_file = from("oidc_token_file", environment::OIDC_TOKEN_FILE)?.into();
        Ok(Recipe::Oidc(OidcRole { session, provider, token_file }))
    }

    fn session(&self, name: &str, place: &Place<'_>) -> Result<RoleSession> {
        let variables = place.variables;
        let arn = self.text("ram_role_arn")?.map_or_else(|| variables.needed(environment::ROLE_ARN), Ok)?;
        let lifetime = self.typed("expired_seconds", "a number of seconds", Value::as_u64)?;
        let mut session = RoleSession::of(variables, arn)?.lasting(lifetime)?;
        if let Some(name) = self.text(name)? {
            session.name = name.to_string();
        }
        session.policy = self.text("policy")?.map(str::to_string);
        session.region = self.text("sts_region")?.map(str::to_string);
        session.vpc = self.typed("enable_vpc", "true or false", Value::as_bool)?;
        Ok(session)
    }
}
