//! The check of the settings before a start: what an emulator cannot use, no client could use either.

use std::collections::HashSet;

use crate::error::Error;
use crate::names::{check_group, check_length, check_parent, check_part, check_secret, group_of};
use crate::settings::{GivenToken, Settings};

/// Checks the settings, and removes names that are there twice.
pub(crate) fn check(settings: &mut Settings) -> Result<(), Error> {
    unique(&mut settings.parent_topics, String::as_str);
    unique(&mut settings.ordered_topics, String::as_str);
    unique(&mut settings.directory.groups, |group| group.id.as_str());
    check_names(settings).map_err(Error::Invalid)?;
    check_accounts(settings).map_err(Error::Invalid)?;
    check_tokens(settings).map_err(Error::Invalid)?;
    check_control(settings).map_err(Error::Invalid)?;
    if settings.log.entries == 0 {
        return Err(Error::Invalid("the log must keep at least 1 entry".into()));
    }
    let scale = settings.token_time_scale;
    // Also false for NaN.
    if !(scale > 0.0 && scale <= 1.0) {
        return Err(Error::Invalid(format!("token_time_scale is {scale}; it must be above 0 and at most 1")));
    }
    Ok(())
}

fn check_names(settings: &Settings) -> Result<(), String> {
    check_part("the instance id", &settings.directory.instance_id)?;
    if let Some(bad) = settings.directory.groups.iter().map(|group| &group.id).find(|id| check_group(id).is_err()) {
        return Err(format!(
            "{bad:?} is not a group id, which is GID_ or GID- and at least three letters, digits, - or _"
        ));
    }
    for name in &settings.parent_topics {
        check_parent(name, settings.limits.topic_length)?;
    }
    let (topics, most) = (settings.parent_topics.len(), settings.limits.parent_topics);
    if topics > most {
        return Err(format!("there are {topics} parent topics, more than {most}"));
    }
    if let Some(role) = &settings.ram_role {
        check_part("the name of the RAM role", role)?;
    }
    settings.forbidden.iter().try_for_each(|filter| settings.check_filter(filter))
}

fn check_accounts(settings: &Settings) -> Result<(), String> {
    let directory = &settings.directory;
    let mut seen = HashSet::new();
    for (id, secret) in &directory.access_keys {
        check_part("the id of an AccessKey", id)?;
        check_secret("the secret of an AccessKey", secret)?;
        if !seen.insert(id) {
            return Err(format!("the AccessKey {id} is there twice"));
        }
    }
    for (id, key) in &directory.sts_keys {
        check_part("the id of a temporary AccessKey", id)?;
        check_secret("the secret of a temporary AccessKey", &key.secret)?;
        check_secret("a security token", &key.security_token)?;
    }
    for (client_id, device) in &directory.devices {
        group_of(client_id).map_err(|why| format!("the device credential of {client_id:?}: {why}"))?;
        check_part("the id of a device credential", &device.credential.access_key_id)?;
        check_secret("the secret of a device credential", &device.credential.access_key_secret)?;
    }
    for (username, identities) in &directory.custom {
        check_part("the user name of a custom identity", username)?;
        for identity in identities {
            check_secret("the secret of a custom identity", &identity.secret)?;
            identity.client_id.as_deref().map_or(Ok(()), check_length)?;
        }
    }
    Ok(())
}

/// Checks that each given token can be used, and is there once.
fn check_tokens(settings: &Settings) -> Result<(), String> {
    let keys = &settings.directory;
    let mut seen = HashSet::new();
    for GivenToken { token, resources, access_key_id, .. } in &settings.tokens {
        // Never with the token itself.
        check_part("a token", token)?;
        if !seen.insert(token) {
            return Err("a token is there twice".into());
        }
        if resources.is_empty() {
            return Err("a token has no resources".into());
        }
        let checked = resources.iter().try_for_each(|resource| settings.check_filter(resource));
        checked.map_err(|why| format!("a token has the resource {why}"))?;
        let is_known =
            |id: &String| keys.sts_keys.contains_key(id) || keys.access_keys.iter().any(|(key, _)| key == id);
        if let Some(unknown) = access_key_id.as_ref().filter(|id| !is_known(id)) {
            return Err(format!("a token belongs to the AccessKey {unknown}, which is unknown"));
        }
    }
    Ok(())
}

fn check_control(settings: &Settings) -> Result<(), String> {
    let Some(control) = &settings.control else { return Ok(()) };
    if !is_token(control.token.as_deref()) {
        return Err("the control token must have 16 to 256 letters, digits and - . _ ~ + /".into());
    }
    match control.hosts.iter().find(|host| !is_host(host)) {
        Some(bad) => Err(format!("{bad:?} is not a host name or an address, without a scheme and a port")),
        None => Ok(()),
    }
}

/// Returns true for a bearer token that a header can carry and nobody guesses at once, and for none.
fn is_token(token: Option<&str>) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    token.is_none_or(|token| (16..=256).contains(&token.len()) && token.bytes().all(fits))
}

/// Returns true for a name that a `Host` header can have in front of a port.
fn is_host(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    }
}

/// Removes items whose name an earlier one has.
fn unique<T>(items: &mut Vec<T>, name: impl Fn(&T) -> &str) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(name(item).to_owned()));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::builder::Builder;
    use crate::emulator::Emulator;
    use crate::error::Error;
    use crate::log::Bounds;
    use crate::settings::Settings;
    use crate::{Permission, SignMode};

    fn why(build: impl FnOnce(Builder) -> Builder) -> String {
        match super::check(&mut build(Emulator::builder()).settings) {
            Err(Error::Invalid(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_that_no_client_could_use_are_refused() {
        let token = |text: &'static str, resource: &'static str| {
            move |builder: Builder| builder.token(text, Permission::Read, [resource], Duration::from_secs(9))
        };
        for (found, named) in [
            (why(|builder| builder.instance_id("a\nb")), "instance id"),
            (why(|builder| builder.instance_id("")), "instance id"),
            (why(|builder| builder.group_id("Test")), "group id"),
            (why(|builder| builder.parent_topic("a/b")), "\"a/b\""),
            (why(|builder| builder.parent_topic("has space")), "has space"),
            (why(|builder| builder.parent_topic("#")), "\"#\""),
            (why(|builder| builder.parent_topic("x".repeat(129))), "128"),
            (why(|builder| builder.forbid("emulator/#/x")), "emulator/#/x"),
            (why(|builder| builder.forbid("elsewhere/#")), "elsewhere"),
            (why(|builder| builder.access_key("a|b", "s")), "AccessKey"),
            (why(|builder| builder.access_key("a", "s\n")), "secret"),
            (why(|builder| builder.access_key("a", "s").access_key("a", "t")), "twice"),
            (why(|builder| builder.sts_key("a", "s", "")), "security token"),
            (why(|builder| builder.device_credential("bad id |", "DC.a", "s")), "bad id |"),
            (why(|builder| builder.device_credential("GID_emulator@@@a", "a|b", "s")), "device credential"),
            (why(|builder| builder.custom_identity("a|b", "s", SignMode::Origin)), "user name"),
            (why(|builder| builder.custom_client_identity("a", "x".repeat(65), "s", SignMode::Origin)), "65"),
            (why(token("a|b", "emulator/#")), "token"),
            (why(token("a", "#bad#")), "#bad#"),
            (why(|builder| builder.control_host("http://a:80")), "http://a:80"),
            (why(|builder| builder.control_host("a:80")), "a:80"),
            (why(|builder| builder.log_capacity(0)), "log"),
        ] {
            assert!(found.contains(named), "{found}: {named}");
        }
    }

    #[test]
    fn what_is_there_twice_counts_once() {
        let builder = Emulator::builder().parent_topic("demo").parent_topic("demo").ordered_topic("demo");
        let mut settings = builder.group_id("GID_a1b").group_id("GID_a1b").control_host("[::1]").settings;
        super::check(&mut settings).unwrap();
        assert_eq!(
            (&settings.parent_topics[..], &settings.ordered_topics[..]),
            (&["demo".into()][..], &["demo".into()][..])
        );
        assert_eq!(settings.directory.groups.len(), 1);
    }

    #[test]
    fn the_defaults_pass() {
        super::check(&mut Settings::default()).unwrap();
        let smallest = Bounds { entries: 1, bytes: 0 };
        super::check(&mut Settings { log: smallest, ..Settings::default() }).unwrap();
    }
}
