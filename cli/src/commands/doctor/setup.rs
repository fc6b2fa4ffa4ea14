//! What can be told without the network: settings, names and lengths, and the login.

use std::net::IpAddr;
use std::time::Duration;

use aliyun_mqtt::{ClientId, Endpoint, p2p_topic};
use zeroize::Zeroizing;

use super::Patient;
use super::cause::Cause;
use super::show::{Outcome, Saw, Trouble};
use crate::exit::Failure;
use crate::settings::{Auth, Key};

/// Where no topic is given, this one below the parent topic is tried.
const TOPIC: &str = "aliyun-mqtt-doctor";

/// The longest topic of the demos, and of the help pages.
const TOPIC_LENGTHS: (usize, usize) = (128, 64);
const CLIENT_ID_LENGTH: usize = 64;

/// What a host name says of itself. Source of the forms: help pages "Use ApsaraMQ for MQTT SDK for Java" and 335178.
#[derive(Debug, PartialEq, Eq)]
enum Host<'a> {
    Instance {
        id: &'a str,
        vpc: bool,
    },
    /// For the cloud SDK of servers.
    Server,
    Api,
    Other,
}

impl<'a> Host<'a> {
    fn read(host: &'a str) -> Self {
        let Some(label) = host.strip_suffix(".mqtt.aliyuncs.com") else {
            let api = host.starts_with("onsmqtt") && host.ends_with(".aliyuncs.com");
            return if api { Host::Api } else { Host::Other };
        };
        if label.ends_with("-server-internet") || label.ends_with("-server-internal") {
            return Host::Server;
        }
        let inner = label.strip_suffix("-internal-vpc").or_else(|| label.strip_suffix("-internal"));
        Host::Instance { id: inner.unwrap_or(label), vpc: inner.is_some() }
    }
}

/// Whether it is reachable only from within a VPC.
pub(super) fn is_vpc(host: &str) -> bool {
    matches!(Host::read(&host.to_ascii_lowercase()), Host::Instance { vpc: true, .. })
}

fn outcome(checked: Result<Option<Trouble>, Trouble>) -> Outcome {
    match checked {
        Err(trouble) => trouble.into(),
        Ok(warning) => warning.map_or(Outcome::Ok, Outcome::Warning),
    }
}

/// The trouble of a setting.
pub(super) fn setting(failure: &Failure) -> Trouble {
    let cause = if failure.message.ends_with("is not given") { Cause::SettingMissing } else { Cause::SettingWrong };
    let hint = failure.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
    Trouble::new(cause, format!("{}{hint}", failure.message))
}

pub(super) fn settings(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    let read = read(patient, saw);
    patient.misconfigured |= read.is_err();
    outcome(read)
}

fn read(patient: &mut Patient<'_>, saw: &mut Saw) -> Result<Option<Trouble>, Trouble> {
    let settings = &patient.settings;
    if let Some((path, profile)) = settings.file() {
        saw.note("file", path.display().to_string());
        saw.note("profile", profile);
    }
    let text = settings.needed(Key::Endpoint).map_err(|failure| setting(&failure))?;
    let endpoint: Endpoint =
        text.parse().map_err(|error: aliyun_mqtt::Error| Trouble::of(Cause::EndpointMalformed, &error))?;
    let source = settings.source(Key::Endpoint).map(ToString::to_string);
    saw.note("endpoint", endpoint.to_string());
    saw.note("endpoint_from", source);
    let host = endpoint.host().to_ascii_lowercase();
    let about = |cause| Trouble::new(cause, format!("the endpoint is {endpoint}"));
    match Host::read(&host) {
        Host::Server => return Err(about(Cause::EndpointOfServerSdk)),
        Host::Api => return Err(about(Cause::EndpointOfApi)),
        Host::Instance { .. } | Host::Other => {}
    }
    let (address, loopback) = (host.parse::<IpAddr>().is_ok(), endpoint.is_loopback());
    let warning = match () {
        () if address && !loopback => Some(about(Cause::EndpointIsAddress)),
        () if !endpoint.transport().is_tls() && !loopback => Some(about(Cause::NotEncrypted)),
        () => None,
    };
    let proxy = settings.proxy();
    let instance = match settings.needs_no_instance() {
        Ok(true) => Ok(settings.text(Key::InstanceId).map(str::to_string)),
        _ => settings.needed(Key::InstanceId).map(|id| Some(id.to_string())),
    };
    let auth = settings.auth();
    let timeout = settings.seconds(Key::Timeout);
    patient.endpoint = Some(endpoint);
    patient.proxy = proxy.map_err(|failure| setting(&failure))?;
    saw.note("proxy", patient.proxy.as_ref().map(ToString::to_string));
    saw.note("instance_id", instance.map_err(|failure| setting(&failure))?);
    saw.note("auth", auth.map_err(|failure| setting(&failure))?.name());
    if let Some(timeout) = timeout.map_err(|failure| setting(&failure))? {
        // As the library takes it.
        patient.timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3600));
    }
    saw.note("timeout_s", patient.timeout.as_secs_f64());
    Ok(warning)
}

pub(super) fn names(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    let checked = check_names(patient, saw);
    patient.misconfigured |= checked.is_err();
    outcome(checked)
}

fn check_names(patient: &mut Patient<'_>, saw: &mut Saw) -> Result<Option<Trouble>, Trouble> {
    let settings = &patient.settings;
    let auth = settings.auth().unwrap_or(Auth::Signature);
    let mut client_id = None;
    if let Some(whole) = settings.text(Key::ClientId) {
        match whole.split_once("@@@") {
            Some((group, device)) if !auth.is_custom() => check_id(group, Some(device))?,
            _ if auth.is_custom() => {
                ClientId::custom(whole).map_err(|error| Trouble::of(Cause::DeviceIdMalformed, &error))?;
            }
            _ => {
                let message = format!("the client id is {whole:?}: it has no @@@");
                return Err(Trouble::new(Cause::GroupIdMalformed, message));
            }
        }
        client_id = Some(whole.to_string());
    } else {
        let group = settings.needed(Key::GroupId).map_err(|failure| setting(&failure))?;
        let device = settings.text(Key::DeviceId);
        check_id(group, device)?;
        match device {
            Some(device) => client_id = Some(format!("{group}@@@{device}")),
            None if auth == Auth::Device => {
                return Err(Trouble::new(Cause::DeviceIdMissing, "no device id is given"));
            }
            None => saw.note("group_id", group),
        }
    }
    match &client_id {
        Some(id) => {
            saw.note("client_id", id.as_str());
            saw.note("client_id_length", id.chars().count());
        }
        None => saw.note("device_id", "made for this run"),
    }
    patient.given_id.clone_from(&client_id);
    let warning = check_topics(patient, client_id.as_deref(), saw)?;
    Ok(patient.other_instance().or(warning))
}

/// Group and device id, and their length together.
fn check_id(group: &str, device: Option<&str>) -> Result<(), Trouble> {
    let wrong = |cause: Cause, error: &aliyun_mqtt::Error| Trouble::of(cause, error);
    let length = group.chars().count() + device.map_or(0, |device| device.chars().count() + 3);
    if length > CLIENT_ID_LENGTH {
        let message = format!("it has {length} characters; at most {CLIENT_ID_LENGTH} are allowed");
        return Err(Trouble::new(Cause::ClientIdTooLong, message));
    }
    // With short ones of the other kind, only this one can be at fault.
    let group: String = group.chars().take(CLIENT_ID_LENGTH - 4).collect();
    ClientId::new(&group, "0").map_err(|error| wrong(Cause::GroupIdMalformed, &error))?;
    match device {
        Some(device) => match ClientId::new(&group, device) {
            Err(error) => Err(wrong(Cause::DeviceIdMalformed, &error)),
            Ok(_) => Ok(()),
        },
        None => Ok(()),
    }
}

fn check_topics(patient: &mut Patient<'_>, client_id: Option<&str>, saw: &mut Saw) -> Result<Option<Trouble>, Trouble> {
    let settings = &patient.settings;
    let parent = settings.text(Key::Topic).map(str::to_string);
    let topic = patient.args.topic.clone().or_else(|| Some(format!("{}/{TOPIC}", parent.as_deref()?)));
    let Some(topic) = topic else { return Ok(None) };
    let length = topic.chars().count();
    saw.note("topic", topic.as_str());
    saw.note("topic_length", length);
    check_topic(&topic)?;
    let parent = parent.or_else(|| topic.split('/').next().map(str::to_string));
    let p2p = parent.as_deref().zip(client_id).and_then(|(parent, id)| p2p_topic(parent, id).ok());
    // It may be longer: with legal names it goes past what the help pages say, and works.
    if let Some(p2p) = p2p {
        saw.note("p2p_topic_length", p2p.chars().count());
        saw.note("p2p_topic", p2p);
    }
    (patient.topic, patient.parent) = (Some(topic), parent);
    let message = format!("{length} characters; the help pages say {}", TOPIC_LENGTHS.1);
    Ok((length > TOPIC_LENGTHS.1).then(|| Trouble::new(Cause::TopicLong, message)))
}

/// The service's rules for a topic (help page "Limits"); beyond 64 characters there is only a warning.
fn check_topic(topic: &str) -> Result<(), Trouble> {
    let length = topic.chars().count();
    if length > TOPIC_LENGTHS.0 {
        return Err(Trouble::new(Cause::TopicTooLong, format!("it has {length} characters")));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let bad = topic.chars().find(|c| *c != '/' && !fine(*c));
    let message = match bad {
        Some(bad) => format!("the topic {topic:?} contains {bad:?}"),
        None if length < 3 => format!("the topic {topic:?} has {length} characters; it needs at least 3"),
        None if topic.split('/').any(str::is_empty) => format!("the topic {topic:?} has an empty level"),
        None => return Ok(()),
    };
    Err(Trouble::new(Cause::TopicMalformed, message))
}

pub(super) fn login(patient: &mut Patient<'_>, saw: &mut Saw) -> Outcome {
    match check_login(patient, saw) {
        // That was told already.
        Err(Trouble { cause: Cause::SettingWrong | Cause::SettingMissing, .. }) if patient.misconfigured => {
            Outcome::skipped("a setting or a name is not as it must be")
        }
        other => outcome(other),
    }
}

/// A secret, or what is wrong with it.
fn secret(patient: &Patient<'_>, key: Key) -> Result<Zeroizing<String>, Trouble> {
    match patient.settings.secret(key) {
        Ok(secret) => Ok(secret),
        Err(failure) => {
            let trouble = setting(&failure);
            let cause = if trouble.cause == Cause::SettingMissing { trouble.cause } else { Cause::SecretUnreadable };
            Err(Trouble { cause, ..trouble })
        }
    }
}

fn check_login(patient: &mut Patient<'_>, saw: &mut Saw) -> Result<Option<Trouble>, Trouble> {
    let settings = &patient.settings;
    let auth = settings.auth().map_err(|failure| setting(&failure))?;
    let needed = |key| settings.needed(key).map(str::to_string).map_err(|failure| setting(&failure));
    let mut warning = None;
    let mut marked = |text: &str| {
        if text.ends_with(['&', ' ', '\t']) {
            warning.get_or_insert(Trouble::new(Cause::SecretMarked, "the secret's last character is no part of it"));
        }
    };
    let (word, id) = match auth {
        Auth::Signature => {
            let id = needed(Key::AccessKeyId)?;
            marked(&secret(patient, Key::AccessKeySecret)?);
            ("Signature", id)
        }
        Auth::Device => {
            let id = needed(Key::DeviceAccessKeyId)?;
            marked(&secret(patient, Key::DeviceAccessKeySecret)?);
            ("DeviceCredential", id)
        }
        Auth::Token => ("Token", needed(Key::AccessKeyId)?),
        Auth::CustomPlain | Auth::CustomSigned => {
            let user = needed(Key::User)?;
            secret(patient, Key::Password)?;
            ("", user)
        }
    };
    saw.note("form", if word.is_empty() { "user name of custom authentication" } else { word });
    saw.note("key_id", id.as_str());
    let about = |cause| Trouble::new(cause, format!("the AccessKey id is {id:?}"));
    match auth {
        Auth::Signature | Auth::Token if id.starts_with("DC.") => return Err(about(Cause::DeviceKeyInSignature)),
        Auth::Device if !id.starts_with("DC.") => {
            warning.get_or_insert(about(Cause::AccountKeyInDevice));
        }
        Auth::Signature if id.starts_with("STS.") => {
            warning.get_or_insert(about(Cause::StsInSignature));
        }
        _ => {}
    }
    if auth == Auth::Token {
        check_token(patient, saw)?;
    }
    patient.trust()?;
    let config = patient
        .settings
        .builder()
        .and_then(|builder| Ok(builder.backoff(super::BACKOFF.0, super::BACKOFF.1).build()?))
        .map_err(|failure| setting(&failure))?;
    if let Ok(login) = config.credentials().login(config.client_id(), config.instance_id()) {
        saw.note("username", login.username());
        saw.note("password_length", login.password().chars().count());
    }
    patient.config = Some(config);
    Ok(warning)
}

fn check_token(patient: &Patient<'_>, saw: &mut Saw) -> Result<(), Trouble> {
    let Some(text) =
        patient.token().map_err(|failure| Trouble { cause: Cause::SecretUnreadable, ..setting(&failure) })?
    else {
        saw.note("token", "none is given: one is applied for by the API");
        return secret(patient, Key::AccessKeySecret).map(drop);
    };
    super::api::check_form(&text)?;
    saw.note("token_kinds", super::api::tokens(&text).map(|(kind, _)| kind.to_string()).collect::<Vec<_>>());
    Ok(())
}

impl Patient<'_> {
    /// The endpoint's host names another instance.
    pub(super) fn other_instance(&self) -> Option<Trouble> {
        let host = self.endpoint.as_ref()?.host().to_ascii_lowercase();
        let instance = self.settings.text(Key::InstanceId)?;
        let Host::Instance { id, .. } = Host::read(&host) else { return None };
        let message = format!("the instance id is {instance}, the endpoint names {id}");
        (!id.eq_ignore_ascii_case(instance)).then(|| Trouble::new(Cause::InstanceNotOfEndpoint, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_whose_it_is() {
        let instance = |id, vpc| Host::Instance { id, vpc };
        for (host, expected) in [
            ("post-cn-x.mqtt.aliyuncs.com", instance("post-cn-x", false)),
            ("post-cn-x-internal-vpc.mqtt.aliyuncs.com", instance("post-cn-x", true)),
            ("post-cn-x-internal.mqtt.aliyuncs.com", instance("post-cn-x", true)),
            ("post-cn-x-server-internet.mqtt.aliyuncs.com", Host::Server),
            ("onsmqtt.cn-hangzhou.aliyuncs.com", Host::Api),
            ("mqtt.example.com", Host::Other),
            ("localhost", Host::Other),
        ] {
            assert_eq!(Host::read(host), expected, "{host}");
        }
    }
}
