//! The steps that need no network: `settings`, `names` and `login`.

use std::net::IpAddr;
use std::time::Duration;

use aliyun_mqtt::{ChainKey, ClientId, Endpoint, p2p_topic};
use zeroize::Zeroizing;

use super::cause::Cause;
use super::examination::{BACKOFF, Examination};
use super::host::Host;
use super::outcome::{Facts, Outcome, Problem};
use super::witness;
use crate::lang::{Phrase, phrase};
use crate::settings::{Auth, Key, Settings, end_of, place_of};
use crate::time;

/// The default topic, below the parent topic.
const TOPIC: &str = "aliyun-mqtt-doctor";

/// The longest topic according to the demos, and according to the help pages.
const TOPIC_LENGTHS: (usize, usize) = (128, 64);
const CLIENT_ID_LENGTH: usize = 64;

fn outcome(checked: Result<Outcome, Problem>) -> Outcome {
    checked.unwrap_or_else(Outcome::Failed)
}

/// Returns the outcome of a step without a failure: the warning, if there is one.
fn fine(warning: Option<Problem>, fact: Phrase) -> Outcome {
    warning.map_or(Outcome::Ok(fact), Outcome::Warning)
}

pub(super) fn settings(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let read = read(exam, facts);
    exam.misconfigured |= read.is_err();
    outcome(read)
}

fn read(exam: &mut Examination<'_>, facts: &mut Facts) -> Result<Outcome, Problem> {
    let settings = &exam.settings;
    if let Some((path, profile)) = settings.file() {
        facts.note("file", path.display().to_string());
        facts.note("profile", profile);
    }
    let text = settings.text(Key::Endpoint).ok_or_else(|| {
        let instance = (!settings.needs_no_instance().unwrap_or(false)).then_some(Key::InstanceId);
        let lacking = settings.lacking([Key::Endpoint].into_iter().chain(instance).collect());
        Problem::of_missing(settings, &lacking)
    })?;
    let endpoint: Endpoint =
        text.parse().map_err(|error: aliyun_mqtt::Error| Problem::of(Cause::EndpointMalformed, &error))?;
    let source = settings.source(Key::Endpoint).map(ToString::to_string);
    facts.note("endpoint", endpoint.to_string());
    facts.note("endpoint_from", source);
    let host = endpoint.host().to_ascii_lowercase();
    let about = |cause| Problem::new(cause, format!("the endpoint is {endpoint}"));
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
        _ => needed(settings, Key::InstanceId).map(|id| Some(id.to_string())),
    };
    let auth = settings.auth();
    let timeout = settings.seconds(Key::Timeout);
    let text = endpoint.to_string();
    exam.endpoint = Some(endpoint);
    exam.proxy = proxy.map_err(|failure| Problem::of_setting(&failure))?;
    facts.note("proxy", exam.proxy.as_ref().map(ToString::to_string));
    facts.note("instance_id", instance?);
    let auth = auth.map_err(|failure| Problem::of_setting(&failure))?.name();
    facts.note("auth", auth);
    if let Some(timeout) = timeout.map_err(|failure| Problem::of_setting(&failure))? {
        // The range that the library accepts.
        exam.timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(3600));
    }
    facts.note("timeout_s", exam.timeout.as_secs_f64());
    Ok(fine(warning, phrase!("{text}, login by {auth}", text, auth)))
}

pub(super) fn names(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let checked = check_names(exam, facts);
    exam.misconfigured |= checked.is_err();
    outcome(checked)
}

fn check_names(exam: &mut Examination<'_>, facts: &mut Facts) -> Result<Outcome, Problem> {
    let settings = &exam.settings;
    let mut fact = Phrase::untranslated("");
    let auth = settings.auth().unwrap_or(Auth::Signature);
    let mut client_id = None;
    if let Some(whole) = settings.text(Key::ClientId) {
        match whole.split_once("@@@") {
            Some((group, device)) if !auth.is_custom() => check_id(group, Some(device))?,
            _ if auth.is_custom() => {
                ClientId::custom(whole).map_err(|error| Problem::of(Cause::DeviceIdMalformed, &error))?;
            }
            _ => {
                let message = format!("the client id {whole:?} contains no @@@");
                return Err(Problem::new(Cause::GroupIdMalformed, message));
            }
        }
        client_id = Some(whole.to_string());
    } else {
        let group = needed(settings, Key::GroupId)?;
        let device = settings.text(Key::DeviceId);
        check_id(group, device)?;
        match device {
            Some(device) => client_id = Some(format!("{group}@@@{device}")),
            None if auth == Auth::Device => {
                return Err(Problem::new(Cause::DeviceIdMissing, "no device id is given"));
            }
            None => {
                facts.note("group_id", group);
                fact = phrase!("{group}, with a device id generated for this run", group);
            }
        }
    }
    match &client_id {
        Some(id) => {
            facts.note("client_id", id.as_str());
            facts.note("client_id_length", id.chars().count());
            fact = Phrase::untranslated(id.as_str());
        }
        None => facts.note("device_id", "made for this run"),
    }
    exam.given_id.clone_from(&client_id);
    let warning = check_topics(exam, client_id.as_deref(), facts)?;
    Ok(fine(exam.other_instance().or(warning), fact))
}

/// Checks the group id, the device id, and the length of the client id.
fn check_id(group: &str, device: Option<&str>) -> Result<(), Problem> {
    let wrong = |cause: Cause, error: &aliyun_mqtt::Error| Problem::of(cause, error);
    let length = group.chars().count() + device.map_or(0, |device| device.chars().count() + 3);
    if length > CLIENT_ID_LENGTH {
        let message = format!("the client id has {length} characters; at most {CLIENT_ID_LENGTH} are allowed");
        return Err(Problem::new(Cause::ClientIdTooLong, message));
    }
    // Checked with a short device id and then with a shortened group id, so that only one of them can be at fault.
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

fn check_topics(
    exam: &mut Examination<'_>,
    client_id: Option<&str>,
    facts: &mut Facts,
) -> Result<Option<Problem>, Problem> {
    let settings = &exam.settings;
    let parent = settings.text(Key::Topic).map(str::to_string);
    let topic = exam.args.topic.clone().or_else(|| Some(format!("{}/{TOPIC}", parent.as_deref()?)));
    let Some(topic) = topic else { return Ok(None) };
    let length = topic.chars().count();
    facts.note("topic", topic.as_str());
    facts.note("topic_length", length);
    check_topic(&topic)?;
    let parent = parent.or_else(|| topic.split('/').next().map(str::to_string));
    let p2p = parent.as_deref().zip(client_id).and_then(|(parent, id)| p2p_topic(parent, id).ok());
    // Its length is not checked: legal names exceed the documented limit, and work.
    if let Some(p2p) = p2p {
        facts.note("p2p_topic_length", p2p.chars().count());
        facts.note("p2p_topic", p2p);
    }
    (exam.topic, exam.parent) = (Some(topic), parent);
    let message = format!("the topic has {length} characters; the help pages allow {}", TOPIC_LENGTHS.1);
    Ok((length > TOPIC_LENGTHS.1).then(|| Problem::new(Cause::TopicLong, message)))
}

/// Checks the service's rules for a topic (help page "Limits").
fn check_topic(topic: &str) -> Result<(), Problem> {
    let length = topic.chars().count();
    if length > TOPIC_LENGTHS.0 {
        return Err(Problem::new(Cause::TopicTooLong, format!("the topic has {length} characters")));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let bad = topic.chars().find(|c| *c != '/' && !fine(*c));
    let message = match bad {
        Some(bad) => format!("the topic {topic:?} contains {bad:?}"),
        None if length < 3 => format!("the topic {topic:?} has {length} characters; it needs at least 3"),
        None if topic.split('/').any(str::is_empty) => format!("the topic {topic:?} has an empty level"),
        None => return Ok(()),
    };
    Err(Problem::new(Cause::TopicMalformed, message))
}

pub(super) fn login(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    match check_login(exam, facts) {
        // An earlier step reported this.
        Err(Problem { cause: Cause::SettingWrong | Cause::SettingMissing, .. }) if exam.misconfigured => {
            Outcome::skipped(phrase!("a setting or a name is invalid"))
        }
        other => outcome(other),
    }
}

/// Returns a value that is text.
fn needed(settings: &Settings, key: Key) -> Result<&str, Problem> {
    settings.text(key).ok_or_else(|| Problem::of_missing(settings, &[key]))
}

/// Reads a secret.
fn secret(exam: &Examination<'_>, key: Key) -> Result<Zeroizing<String>, Problem> {
    match exam.settings.secret(key) {
        Ok(secret) => Ok(secret),
        Err(failure) if !failure.missing.is_empty() => Err(Problem::of_missing(&exam.settings, &[key])),
        Err(failure) => Err(Problem { cause: Cause::SecretUnreadable, ..Problem::of_setting(&failure) }),
    }
}

fn check_login(exam: &mut Examination<'_>, facts: &mut Facts) -> Result<Outcome, Problem> {
    let settings = &exam.settings;
    let auth = settings.auth().map_err(|failure| Problem::of_setting(&failure))?;
    let needed = |key| needed(settings, key).map(str::to_string);
    if exam.args.offline && settings.logs_in_by_chain() {
        return Ok(Outcome::skipped(phrase!("no AccessKey is given, and with --offline nobody is asked for one")));
    }
    let (mut warning, mut chained) = (None, None);
    let mut marked = |text: &str| {
        if text.ends_with(['&', ' ', '\t']) {
            warning.get_or_insert(Problem::new(Cause::SecretMarked, "the secret ends with a space, a tab or &"));
        }
    };
    let (word, id) = match auth {
        _ if settings.logs_in_by_chain() => {
            let key = chain_key(exam, facts)?;
            if auth == Auth::Signature && key.is_temporary() {
                let message = format!("the AccessKey id is {:?}, of {}", key.access_key_id(), key.place());
                return Err(Problem::new(Cause::StsInSignature, message));
            }
            let id = key.access_key_id().to_string();
            let form = if key.is_temporary() { "Token" } else { "Signature" };
            chained = Some(key);
            (form, id)
        }
        Auth::Signature | Auth::Chain => {
            let id = needed(Key::AccessKeyId)?;
            if settings.source(Key::SecurityToken).is_some() {
                let message = format!("the AccessKey id is {id:?}, with a security token");
                return Err(Problem::new(Cause::StsInSignature, message));
            }
            marked(&secret(exam, Key::AccessKeySecret)?);
            ("Signature", id)
        }
        Auth::Device => {
            let id = needed(Key::DeviceAccessKeyId)?;
            marked(&secret(exam, Key::DeviceAccessKeySecret)?);
            ("DeviceCredential", id)
        }
        Auth::Token => ("Token", needed(Key::AccessKeyId)?),
        Auth::CustomPlain | Auth::CustomSigned => {
            let user = needed(Key::User)?;
            secret(exam, Key::Password)?;
            ("", user)
        }
    };
    facts.note("form", if word.is_empty() { "user name of custom authentication" } else { word });
    facts.note("key_id", id.as_str());
    let about = |cause| Problem::new(cause, format!("the AccessKey id is {id:?}"));
    match auth {
        Auth::Signature | Auth::Token if id.starts_with("DC.") => return Err(about(Cause::DeviceKeyInSignature)),
        Auth::Device if !id.starts_with("DC.") => {
            warning.get_or_insert(about(Cause::AccountKeyInDevice));
        }
        Auth::Signature if id.starts_with("STS.") && !settings.uses_chain() => {
            warning.get_or_insert(about(Cause::StsInSignature));
        }
        _ => {}
    }
    if auth == Auth::Token {
        check_token(exam, facts)?;
    }
    exam.trust()?;
    let config = exam
        .settings
        .builder()
        .and_then(|builder| Ok(builder.backoff(BACKOFF.0, BACKOFF.1).build()?))
        .map_err(|failure| Problem::of_setting(&failure))?;
    let mut fact = phrase!("as {id}", id);
    if let Ok(login) = config.credentials().login(config.client_id(), config.instance_id()) {
        facts.note("username", login.username());
        facts.note("password_length", login.password().chars().count());
        fact = Phrase::untranslated(login.username());
    }
    if let Some(key) = chained {
        let (place, end) = (place_of(key.place()), end_of(&key));
        let (place, end) = (place.shown(), end.shown());
        fact = fact.and(&phrase!("AccessKey of {place} ({end})", place, end));
    }
    exam.config = Some(config);
    Ok(fine(warning, fact))
}

/// Returns the key of the chain, and notes where it comes from and when it ends.
fn chain_key(exam: &Examination<'_>, facts: &mut Facts) -> Result<ChainKey, Problem> {
    let key = exam.settings.search().map_err(Problem::of_no_key)?;
    facts.note("key_from", key.place());
    facts.note("key_provider", key.provider());
    facts.note("key_expires", key.expires().map(time::rfc3339));
    if !key.passed_over().is_empty() {
        facts.note("places_passed_over", key.passed_over().join("; "));
    }
    Ok(key)
}

fn check_token(exam: &Examination<'_>, facts: &mut Facts) -> Result<(), Problem> {
    let Some(text) =
        exam.token().map_err(|failure| Problem { cause: Cause::SecretUnreadable, ..Problem::of_setting(&failure) })?
    else {
        facts.note("token", "none is given; the client applies for one");
        if exam.settings.uses_chain() {
            return Ok(());
        }
        return secret(exam, Key::AccessKeySecret).map(drop);
    };
    facts.note("token_kinds", witness::kinds(&witness::tokens(&text)?));
    Ok(())
}

impl Examination<'_> {
    /// Returns the problem if the endpoint's host belongs to another instance.
    pub(super) fn other_instance(&self) -> Option<Problem> {
        let host = self.endpoint.as_ref()?.host().to_ascii_lowercase();
        let instance = self.settings.text(Key::InstanceId)?;
        let Host::Instance { id, .. } = Host::read(&host) else { return None };
        let message = format!("the instance id is {instance}, but the endpoint belongs to {id}");
        (!id.eq_ignore_ascii_case(instance)).then(|| Problem::new(Cause::InstanceNotOfEndpoint, message))
    }
}
