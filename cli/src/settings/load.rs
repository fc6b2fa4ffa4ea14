//! Loads the settings. Flags have precedence over the environment, the environment over the file.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::{self, CONFIG, Environment, PROFILE};
use super::value::{Layer, Value, plain_secret, text_of, value_of};
use super::{GlobalArgs, Key, PATIENCE, Secret, Settings, Source, default_path, file};
use crate::exit::{Failure, Result};
use crate::lang::phrase;
use crate::{advice, report, values};

/// The separator of group id and device id in a client id.
const SEPARATOR: &str = "@@@";

impl Settings {
    /// Reads file, environment and flags. Secrets are not read yet.
    pub(crate) fn load(global: &GlobalArgs) -> Result<Self> {
        environment::warn_of_unknown(std::env::vars_os().map(|(name, _)| name));
        let settings = Settings::read(global, &Environment::process())?;
        advice::learn(settings.auth().ok(), settings.peek(Key::Topic), settings.peek(Key::Endpoint));
        Ok(settings)
    }

    pub(super) fn read(global: &GlobalArgs, environment: &Environment<'_>) -> Result<Self> {
        let used = global.settings.used().clone();
        used.set_loaded();
        let asked = global.config.clone().or_else(|| environment.path(CONFIG));
        let profile = match &global.profile {
            Some(name) => Some((name.clone(), None)),
            None => environment.text(PROFILE)?.map(|name| (name, Some(Source::Variable(PROFILE)))),
        };
        let mut settings = Settings {
            values: BTreeMap::new(),
            known: RefCell::default(),
            file: None,
            profile: None,
            other_profiles: Vec::new(),
            patience: PATIENCE,
            used,
            login_told: Cell::new(false),
            chain: OnceCell::new(),
            no_key: OnceCell::new(),
        };
        let mut flags = Layer::new();
        for (key, given) in global.settings.given() {
            let row = key.row();
            let source = Source::Flag(row.flag);
            let value = value_of(key, given.to_os_string(), &source, |place| Secret::at(place, Path::new("")))?;
            if let (Key::Proxy, Value::Text(text)) = (key, &value)
                && text.contains('@')
            {
                return Err(Failure::usage(
                    "--proxy takes no user name and password, since other users could see them",
                )
                .hint(phrase!("set the complete URL with ALIYUN_MQTT_PROXY or in the configuration file")));
            }
            flags.push((key, (value, source)));
        }
        let mut variables = Layer::new();
        for row in Key::table() {
            let Some(given) = environment.set(row.variable) else { continue };
            let source = Source::Variable(row.variable);
            let value = value_of(row.key, given, &source, |text| plain_secret(text_of(text, &source)?, &source))?;
            variables.push((row.key, (value, source)));
        }

        // The timeout for reading the file itself.
        let patience = patience(&[&flags, &variables]);
        if let Some(path) = place_of_file(asked, environment) {
            let content = file::read(&path, profile.as_ref().map(|(name, source)| (name.as_str(), source)), patience)?;
            for layer in content.layers {
                settings.add(layer)?;
            }
            settings.profile = content.profile;
            settings.other_profiles = content.others;
            settings.file = Some(path);
        } else if profile.is_some() {
            return Err(Failure::usage("a profile is selected, but there is no configuration file")
                .hint(phrase!("create one with `aliyun-mqtt config init`").and(&file::not_a_password())));
        }
        settings.add(variables)?;
        settings.add(flags)?;
        settings.patience = settings.seconds(Key::Timeout).ok().flatten().map_or(PATIENCE, within);
        Ok(settings)
    }

    /// Adds a layer of higher precedence.
    ///
    /// A client id consists of a group id and a device id, so a higher layer may also replace one of its halves.
    fn add(&mut self, layer: Layer) -> Result<()> {
        let find = |key| layer.iter().find(|(known, _)| *known == key).map(|(_, (value, source))| (value, source));
        let halves = [Key::GroupId, Key::DeviceId];
        match find(Key::ClientId) {
            Some((Value::Text(whole), source)) => {
                let Some((group, device)) = whole.split_once(SEPARATOR) else {
                    self.values.extend(layer);
                    return Ok(());
                };
                for (key, own) in halves.into_iter().zip([group, device]) {
                    if let Some((Value::Text(text), other)) = find(key)
                        && text != own
                    {
                        return Err(Failure::usage(format!("{source} is {whole:?}, but {other} is {text:?}"))
                            .hint(phrase!("give either the client id, or the group id and the device id")));
                    }
                }
            }
            _ if halves.into_iter().any(|key| find(key).is_some()) => self.split_client_id(),
            _ => {}
        }
        self.values.extend(layer);
        Ok(())
    }

    /// Replaces the client id by its halves, unless it is one of custom authentication that has none.
    fn split_client_id(&mut self) {
        let Some((Value::Text(whole), source)) = self.values.get(&Key::ClientId) else { return };
        let Some((group, device)) = whole.split_once(SEPARATOR) else { return };
        let halves = [(Key::GroupId, group), (Key::DeviceId, device)]
            .map(|(key, text)| (key, (Value::Text(text.to_string()), source.clone())));
        self.values.remove(&Key::ClientId);
        self.values.extend(halves);
    }
}

/// Returns the timeout set by the first of these layers that has one.
fn patience(layers: &[&Layer]) -> Duration {
    let values = layers.iter().flat_map(|layer| layer.iter());
    let times = values.filter_map(|(key, (value, _))| match value {
        Value::Text(text) if *key == Key::Timeout => values::seconds(text).ok(),
        _ => None,
    });
    times.map(within).next().unwrap_or(PATIENCE)
}

/// Limits a time to the range of the library's timeout.
fn within(time: Duration) -> Duration {
    time.clamp(Duration::from_secs(1), Duration::from_secs(3600))
}

/// Returns the path of the configuration file: the given one, or the default path if that file exists.
fn place_of_file(asked: Option<PathBuf>, environment: &Environment<'_>) -> Option<PathBuf> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    if asked.is_some() {
        return asked;
    }
    let usual = default_path(environment)?;
    match std::fs::metadata(&usual) {
        Ok(_) => Some(usual),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => None,
        Err(error) => {
            report::warning(format!("{} is not read: {error}", usual.display()));
            None
        }
    }
}
