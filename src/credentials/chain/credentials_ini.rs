//! The file of Alibaba Cloud's SDKs, `~/.alibabacloud/credentials.ini` (Python, Java) or `~/.alibabacloud/credentials`
//! (Go, Node.js, PHP).

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::asked::{Asked, cook};
use super::fault::credentials;
use super::ini::{self, Section};
use super::permissions::warn_if_open;
use super::place::Place;
use super::recipe::Recipe;
use super::role::{OidcRole, Role, RoleSession};
use crate::config::environment;
use crate::error::Result;
use crate::openapi::access_key::AccessKey;
use crate::printable::excerpt;

/// The files in the home directory, in the order of precedence.
const FILES: [&str; 2] = ["credentials.ini", "credentials"];

pub(super) fn ask(place: &Place<'_>) -> Result<Asked> {
    let variables = place.variables;
    let (file, text) = match variables.path(environment::CREDENTIALS_FILE) {
        Some(file) => match place.read(&file)? {
            Some(text) => (file, text),
            None => return Err(credentials(format!("{} does not exist", file.display()))),
        },
        None => match at_home(place)? {
            Ok(found) => found,
            Err(reason) => return Ok(Asked::absent(reason)),
        },
    };
    let path = file.display();
    let name = variables.text(environment::CLOUD_PROFILE)?.unwrap_or("default");
    let whose = format!("the section {} of {path}", excerpt(name));
    let Some(section) = ini::section(&text, name).map_err(|rule| credentials(format!("{path}: {rule}")))? else {
        return Err(credentials(format!("there is no section {} in {path}", excerpt(name))));
    };
    let kind = needed(&section, "type");
    if matches!(kind, Ok("rsa_key_pair")) {
        let message = format!("{whose} has the type rsa_key_pair, which this library cannot use");
        return Ok(Asked::Unusable(credentials(message)));
    }
    let recipe = kind.and_then(|kind| recipe(kind, &section, place));
    let recipe = recipe.map_err(|error| credentials(whose.clone()).with_reason(error))?;
    if recipe.holds_key() {
        warn_if_open(&file);
    }
    Ok(match cook(&recipe, place, whose)? {
        Asked::Found(key) => Asked::Found(key.within("profile")),
        other => other,
    })
}

/// Reads the first of the files in the home directory. The inner error is the reason why there is none.
fn at_home(place: &Place<'_>) -> Result<Result<(PathBuf, Zeroizing<String>), String>> {
    let folder = match place.variables.home() {
        Ok(home) => home.join(".alibabacloud"),
        Err(reason) => return Ok(Err(reason.to_string())),
    };
    let files = FILES.map(|file| folder.join(file));
    for file in &files {
        if let Some(text) = place.read(file)? {
            return Ok(Ok((file.clone(), text)));
        }
    }
    Ok(Err(format!("there is no {}", files[1].display())))
}

fn recipe(kind: &str, section: &Section, place: &Place<'_>) -> Result<Recipe> {
    Ok(match kind {
        "access_key" => Recipe::Given(key(section)?),
        "ram_role_arn" => {
            let role = Role { session: session(section, place)?, external_id: None };
            Recipe::Assume { role, with: Box::new(Recipe::Given(key(section)?)) }
        }
        "ecs_ram_role" => Recipe::Metadata { role: text(section, "role_name").map(str::to_string) },
        "oidc_role_arn" => Recipe::Oidc(OidcRole {
            session: session(section, place)?,
            provider: or_variable(section, "oidc_provider_arn", environment::OIDC_PROVIDER_ARN, place)?,
            token_file: or_variable(section, "oidc_token_file_path", environment::OIDC_TOKEN_FILE, place)?.into(),
        }),
        other => return Err(credentials(format!("the type {} is unknown", excerpt(other)))),
    })
}

fn session(section: &Section, place: &Place<'_>) -> Result<RoleSession> {
    let arn = or_variable(section, "role_arn", environment::ROLE_ARN, place)?;
    let mut session = RoleSession::of(place.variables, &arn)?;
    if let Some(name) = text(section, "role_session_name") {
        session.name = name.to_string();
    }
    session.policy = text(section, "policy").map(str::to_string);
    Ok(session)
}

fn key(section: &Section) -> Result<AccessKey> {
    Ok(AccessKey {
        id: needed(section, "access_key_id")?.to_string(),
        secret: Zeroizing::new(needed(section, "access_key_secret")?.to_string()),
        security_token: None,
    })
}

fn or_variable(section: &Section, name: &str, variable: &'static str, place: &Place<'_>) -> Result<String> {
    match text(section, name) {
        Some(text) => Ok(text.to_string()),
        None => place.variables.needed(variable).map(str::to_string),
    }
}

fn needed<'a>(section: &'a Section, name: &str) -> Result<&'a str> {
    text(section, name).ok_or_else(|| credentials(format!("it has no {name}")))
}

fn text<'a>(section: &'a Section, name: &str) -> Option<&'a str> {
    section.get(name).map(|text| text.as_str()).filter(|text| !text.is_empty())
}
