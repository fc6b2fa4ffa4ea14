//! The settings file, in TOML. An unknown key is an error that names it, and no error shows a value.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::limit;
use crate::account::SignMode;
use crate::builder::Builder;
use crate::error::Error;
use crate::settings::Limits;
use crate::token::Permission;

/// The lifetime of a token without one: that of the tokens in the printed environment.
const THIRTY_DAYS: f64 = 30.0 * 86_400.0;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) instance_id: Option<String>,
    pub(super) group_ids: Vec<String>,
    pub(super) parent_topics: Vec<String>,
    ordered_topics: Vec<String>,
    forbid: Vec<String>,
    pub(super) time_scale: Option<f64>,
    pub(super) strict: bool,
    pub(super) listen: Option<IpAddr>,
    tls_names: Vec<String>,
    ram_role: Option<String>,
    /// Relative to the file.
    client_ca: Option<PathBuf>,
    acknowledge_violations: Option<bool>,
    token_notice_lead: Option<f64>,
    retransmit_after: Option<f64>,
    inflight: Option<u16>,
    queue: Option<usize>,
    pub(super) ports: Ports,
    log: Log,
    limits: BTreeMap<String, Limit>,
    pub(super) control: Control,
    access_keys: Vec<AccessKey>,
    sts_keys: Vec<StsKey>,
    tokens: Vec<Token>,
    device_credentials: Vec<Credential>,
    custom_identities: Vec<CustomIdentity>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ports {
    tcp: u16,
    tls: u16,
    ws: u16,
    wss: u16,
    api: u16,
    api_tls: u16,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Log {
    entries: Option<usize>,
    bytes: Option<usize>,
}

/// A number, or `true` or `false`.
#[derive(Clone, Copy)]
struct Limit(limit::Value);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Control {
    pub(super) port: Option<u16>,
    pub(super) listen: Option<IpAddr>,
    token: Option<String>,
    hosts: Vec<String>,
    pub(super) web: bool,
}

impl Control {
    /// Returns true if any key is there.
    pub(super) fn is_asked_for(&self) -> bool {
        let Self { port, listen, token, hosts, web } = self;
        port.is_some() || listen.is_some() || token.is_some() || !hosts.is_empty() || *web
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessKey {
    id: String,
    secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StsKey {
    id: String,
    secret: String,
    security_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
    permission: String,
    resources: Vec<String>,
    /// In seconds.
    lifetime: Option<f64>,
    access_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    client_id: String,
    access_key_id: String,
    access_key_secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomIdentity {
    username: String,
    secret: String,
    #[serde(rename = "type", default)]
    kind: IdentityKind,
    client_id: Option<String>,
    sign_mode: FileSignMode,
}

#[derive(Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum IdentityKind {
    #[default]
    User,
    Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum FileSignMode {
    Origin,
    Signed,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {shown}"), error))?;
        Self::parse(&text).map_err(|why| Error::Invalid(format!("{shown}, {why}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("line {line}: {}", without_value(error.message()))
        })
    }

    /// Returns true if the file has a secret.
    pub(super) fn has_secrets(&self) -> bool {
        self.control.token.is_some()
            || !(self.access_keys.is_empty()
                && self.sts_keys.is_empty()
                && self.tokens.is_empty()
                && self.device_credentials.is_empty()
                && self.custom_identities.is_empty())
    }

    /// Sets the limits of the file.
    pub(super) fn limits(&self, path: &Path, limits: &mut Limits) -> Result<(), Error> {
        self.limits.iter().try_for_each(|(name, value)| {
            limit::set(limits, name, value.0).map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
        })
    }

    /// Applies all settings for which there is no option, and the ports, which options replace.
    pub(super) fn apply(self, path: &Path, mut builder: Builder) -> Result<Builder, Error> {
        let bad = |why: String| Error::Invalid(format!("{}: {why}", path.display()));
        let seconds = |name: &str, number: f64| {
            Duration::try_from_secs_f64(number).map_err(|_| bad(format!("{name} is {number}, not a number of seconds")))
        };
        let Ports { tcp, tls, ws, wss, api, api_tls } = self.ports;
        builder = builder.tcp_port(tcp).tls_port(tls).ws_port(ws).wss_port(wss).api_port(api).api_tls_port(api_tls);
        builder = self.ordered_topics.into_iter().fold(builder, Builder::ordered_topic);
        builder = self.forbid.into_iter().fold(builder, Builder::forbid);
        builder = self.tls_names.into_iter().fold(builder, Builder::tls_name);
        if let Some(role) = self.ram_role {
            builder = builder.ram_role(role);
        }
        builder = self.control.hosts.into_iter().fold(builder, Builder::control_host);
        for AccessKey { id, secret } in self.access_keys {
            builder = builder.access_key(id, secret);
        }
        for StsKey { id, secret, security_token } in self.sts_keys {
            builder = builder.sts_key(id, secret, security_token);
        }
        for Credential { client_id, access_key_id, access_key_secret } in self.device_credentials {
            builder = builder.device_credential(client_id, access_key_id, access_key_secret);
        }
        for Token { token, permission, resources, lifetime, access_key_id } in self.tokens {
            let permission = Permission::parse(&permission)
                .ok_or_else(|| bad("the permission of a token is not R, W or RW".into()))?;
            let lifetime = seconds("the lifetime of a token", lifetime.unwrap_or(THIRTY_DAYS))?;
            builder = builder.token_of(access_key_id, token, permission, resources, lifetime);
        }
        for CustomIdentity { username, secret, kind, client_id, sign_mode } in self.custom_identities {
            let mode = match sign_mode {
                FileSignMode::Origin => SignMode::Origin,
                FileSignMode::Signed => SignMode::Signed,
            };
            builder = match (kind, client_id) {
                (IdentityKind::User, None) => builder.custom_identity(username, secret, mode),
                (IdentityKind::Client, Some(id)) => builder.custom_client_identity(username, id, secret, mode),
                _ => {
                    let why = "has the type CLIENT and a client_id, or the type USER and none";
                    return Err(bad(format!("the custom identity {username:?} must be one that {why}")));
                }
            };
        }
        if let Some(ca) = self.client_ca {
            let ca = path.parent().unwrap_or(Path::new("")).join(ca);
            builder = builder.client_ca(read_ca(&ca)?);
        }
        if let Some(token) = self.control.token {
            builder = builder.control_token(token);
        }
        if let Some(yes) = self.acknowledge_violations {
            builder = builder.acknowledge_violations(yes);
        }
        if let Some(lead) = self.token_notice_lead {
            builder = builder.token_notice_lead(seconds("token_notice_lead", lead)?);
        }
        if let Some(interval) = self.retransmit_after {
            builder = builder.retransmit_after(seconds("retransmit_after", interval)?);
        }
        if let Some(messages) = self.inflight {
            builder = builder.inflight(messages);
        }
        if let Some(messages) = self.queue {
            builder = builder.queue(messages);
        }
        if let Some(entries) = self.log.entries {
            builder = builder.log_capacity(entries);
        }
        if let Some(bytes) = self.log.bytes {
            builder = builder.log_bytes(bytes);
        }
        Ok(builder)
    }
}

/// Reads the certificates of CAs of devices.
pub(super) fn read_ca(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::io(format!("read {}", path.display()), error))
}

/// Cuts the value out of an error about its type: it may be a secret.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((found, expected)) if ["invalid ", "unknown variant "].iter().any(|start| found.starts_with(start)) => {
            format!("expected {}", type_for_people(expected))
        }
        // The message of a syntax error can end with the text that it is about.
        None if message.starts_with("invalid ") || message.contains('\n') => {
            message.lines().next().unwrap_or_default().split(['`', ':']).next().unwrap_or_default().trim().to_owned()
        }
        _ => message.to_owned(),
    }
}

/// Replaces the name that a type has in Rust.
fn type_for_people(name: &str) -> &str {
    match name {
        "u16" => "a whole number from 0 to 65535",
        "usize" => "a whole number from 0 on",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text in quotes",
        "a sequence" => "a list",
        name if name.starts_with("struct ") => "a table",
        name => name,
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, true or false")
            }

            fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Limit, E> {
                Ok(Limit(if yes { limit::Value::On } else { limit::Value::Off }))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Limit, E> {
                let number = u32::try_from(number).map_err(|_| E::custom("a limit must be from 0 to 4294967295"))?;
                Ok(Limit(limit::Value::Number(number)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::Emulator;

    fn error(text: &str) -> String {
        match File::parse(text).map_err(Error::Invalid).and_then(|file| {
            file.limits(Path::new("x.toml"), &mut Limits::default())?;
            file.apply(Path::new("x.toml"), Emulator::builder())
        }) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn unknown_keys_are_named_with_their_line() {
        for (text, named) in [
            ("instance = 'x'", "unknown field `instance`"),
            ("\n[ports]\nmqtt = 1", "line 3: unknown field `mqtt`"),
            ("[[tokens]]\ntoken='t'\npermission='R'\nresources=['a']\nlife=1", "line 5: unknown field `life`"),
            ("[limits]\npayloads = 7", "no limit \"payloads\""),
            ("[[access_keys]]\nid='x'", "missing field `secret`"),
            ("[limits]\nrate = -1", "from 0 to"),
        ] {
            assert!(error(text).contains(named), "{text}: {}", error(text));
        }
    }

    #[test]
    fn no_error_shows_a_value() {
        for text in [
            "[[access_keys]]\nid='x'\nsecret=31337",
            "[control]\ntoken=31337",
            "[[tokens]]\ntoken='31337'\npermission='31337'\nresources=['a']",
            "access_keys='31337'",
            "[[access_keys]]\nid='x'\nsecret='31337",
            "[[access_keys]]\nid='x'\nsecret=x31337",
            "[[access_keys]]\nid='x'\nsecret='31337' x31337",
            "[[custom_identities]]\nusername='n'\nsecret='s'\nsign_mode='31337'",
            "[[custom_identities]]\nusername='n'\nsecret='s'\nsign_mode=x31337",
            "[[custom_identities]]\nusername='n'\nsecret='s'\nsign_mode='ORIGIN'\ntype='31337'",
            "[control]\ntoken=\"31337\\q31337\"",
            "listen='31337'",
            "queue='31337'",
            "[limits]\nrate='31337'",
        ] {
            assert!(!error(text).contains("31337"), "{}", error(text));
        }
    }

    #[test]
    fn errors_name_types_as_people_do() {
        for (text, named) in [
            ("[ports]\ntcp=70000", "line 2: expected a whole number from 0 to 65535"),
            ("[ports]\ntcp='x'", "expected a whole number from 0 to 65535"),
            ("queue=-1", "expected a whole number from 0 on"),
            ("queue='x'", "expected a whole number from 0 on"),
            ("strict=1", "expected true or false"),
            ("instance_id=1", "expected a text in quotes"),
            ("group_ids='x'", "expected a list"),
            ("time_scale='x'", "expected a number"),
            ("ports=1", "expected a table"),
            ("[limits]\npayload=false", "x.toml: the limit payload cannot be turned off"),
        ] {
            assert!(error(text).contains(named), "{text}: {}", error(text));
        }
    }

    #[test]
    fn identities_have_a_client_id_if_their_type_is_client() {
        let identity =
            |rest: &str| format!("[[custom_identities]]\nusername='n'\nsecret='s'\nsign_mode='ORIGIN'\n{rest}");
        assert!(File::parse(&identity("")).unwrap().apply(Path::new("x"), Emulator::builder()).is_ok());
        assert!(error(&identity("type='CLIENT'")).contains("client_id"));
        assert!(error(&identity("client_id='c'")).contains("client_id"));
        assert!(error(&identity("type='client'")).contains("CLIENT"));
    }
}
