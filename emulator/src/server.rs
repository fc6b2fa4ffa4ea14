//! The server for examples and tests: the one the environment names, or an emulator started for them.

use std::ffi::OsString;
use std::fmt;

use crate::emulator::Emulator;
use crate::environment::{Environment, Transport};
use crate::error::Error;

const ENDPOINT: &str = "ALIYUN_MQTT_ENDPOINT";
const TOPIC: &str = "ALIYUN_MQTT_TOPIC";
pub(crate) const AUTH: &str = "ALIYUN_MQTT_AUTH";
const DEVICE_ID: &str = "ALIYUN_MQTT_DEVICE_ID";

/// The variables that describe the client and not the server, and therefore apply to an emulator, too. Others belong to
/// another server, such as a proxy, a CA or an STS token, and would make logins fail.
const OF_THE_CLIENT: [&str; 6] = [
    AUTH,
    DEVICE_ID,
    "ALIYUN_MQTT_CLEAN_SESSION",
    "ALIYUN_MQTT_MAX_PAYLOAD",
    "ALIYUN_MQTT_PROTOCOL",
    "ALIYUN_MQTT_TIMEOUT",
];

/// The server a program talks to: the one its environment names, or an emulator in this process.
///
/// Lets an example or a test run against both without a case distinction. Keep it until the program ends, and read
/// every setting with [`get`](Self::get).
///
/// ```
/// use aliyun_mqtt_emulator::Server;
///
/// # fn main() -> Result<(), aliyun_mqtt_emulator::Error> {
/// let server = Server::from_env_or_emulator()?;
/// println!("using {server}");
/// let topic = format!("{}/hello", server.parent_topic()?);
/// // let config = aliyun_mqtt::ConfigBuilder::from_vars(|name| server.get(name)).build()?;
/// # assert!(server.get("ALIYUN_MQTT_ENDPOINT").is_some() && topic.ends_with("/hello"));
/// # Ok(())
/// # }
/// ```
///
/// Several clients of one program use the same account, each with a device id of its own. Dropping the value stops the
/// emulator, if there is one. `Debug` and `Display` show no secrets.
#[must_use = "dropping it stops the emulator"]
pub struct Server {
    lookup: Box<Lookup>,
    started: Option<Started>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

struct Started {
    emulator: Emulator,
    environment: Environment,
}

impl Server {
    /// Returns the server that `ALIYUN_MQTT_ENDPOINT` names in the environment of this process. If the variable is not
    /// set or empty, starts an emulator.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Tls`] if the emulator cannot be started.
    pub fn from_env_or_emulator() -> Result<Self, Error> {
        Self::from_vars_or_emulator(|name| std::env::var_os(name))
    }

    /// Does the same with a function in place of the environment of this process, for tests.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Tls`] if the emulator cannot be started.
    pub fn from_vars_or_emulator(
        lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let is_named = lookup(ENDPOINT).is_some_and(|endpoint| !endpoint.is_empty());
        let started = if is_named { None } else { Some(Started::new(&lookup)?) };
        Ok(Self { lookup: Box::new(lookup), started })
    }

    /// Returns the value of an environment variable as the program should see it.
    ///
    /// With a named server, this is the environment of the process. With an emulator, it is what
    /// [`environment`](Self::environment) holds; the settings of the client itself (`ALIYUN_MQTT_AUTH`,
    /// `_CLEAN_SESSION`, `_DEVICE_ID`, `_MAX_PAYLOAD`, `_PROTOCOL` and `_TIMEOUT`) come from the process, and all other
    /// variables are `None`, because they belong to another server.
    pub fn get(&self, name: &str) -> Option<OsString> {
        let Some(started) = &self.started else { return (self.lookup)(name) };
        match started.environment.get(name) {
            Some(value) => Some(value.into()),
            None if OF_THE_CLIENT.contains(&name) => (self.lookup)(name),
            None => None,
        }
    }

    /// Returns the parent topic, from `ALIYUN_MQTT_TOPIC`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a named server comes without this variable, or its value is not UTF-8.
    pub fn parent_topic(&self) -> Result<String, Error> {
        let topic = self.get(TOPIC).filter(|topic| !topic.is_empty());
        let topic = topic.ok_or_else(|| Error::Invalid(format!("the environment variable {TOPIC} is not set")))?;
        topic.into_string().map_err(|_| Error::Invalid(format!("the environment variable {TOPIC} is not UTF-8")))
    }

    /// Returns the variables of the emulator, for a child process; `None` with a named server, whose variables a child
    /// inherits.
    pub fn environment(&self) -> Option<&Environment> {
        self.started.as_ref().map(|started| &started.environment)
    }

    /// Returns the emulator; `None` with a named server.
    pub fn emulator(&self) -> Option<&Emulator> {
        self.started.as_ref().map(|started| &started.emulator)
    }
}

impl fmt::Display for Server {
    /// Names the endpoint: `the server at mqtts://...`, or `an emulator at mqtt://127.0.0.1:1883, as
    /// ALIYUN_MQTT_ENDPOINT is not set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.started {
            Some(Started { emulator, .. }) => {
                write!(f, "an emulator at {}, as {ENDPOINT} is not set", emulator.endpoint())
            }
            None => write!(f, "the server at {}", self.get(ENDPOINT).unwrap_or_default().display()),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("emulator", &self.emulator()).finish_non_exhaustive()
    }
}

impl Started {
    fn new(lookup: &Lookup) -> Result<Self, Error> {
        let emulator = Emulator::start()?;
        let mut environment = emulator.environment(Transport::Tcp, None)?;
        if let (Some("device"), Some(device_id)) = (text(lookup, AUTH).as_deref(), text(lookup, DEVICE_ID)) {
            let credential = emulator.register_device(&format!("{}@@@{device_id}", emulator.group_id()));
            environment.push("ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID", credential.access_key_id);
            environment.push("ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET", credential.access_key_secret);
        }
        Ok(Self { emulator, environment })
    }
}

fn text(lookup: &Lookup, name: &str) -> Option<String> {
    lookup(name)?.into_string().ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_server_is_taken_with_its_whole_environment() {
        let server = Server::from_vars_or_emulator(|name| match name {
            ENDPOINT => Some("mqtt://named.example".into()),
            "ALIYUN_MQTT_TOKEN" => Some("RW|secret".into()),
            _ => None,
        })
        .unwrap();
        assert!(server.emulator().is_none() && server.environment().is_none());
        assert_eq!(server.get("ALIYUN_MQTT_TOKEN"), Some("RW|secret".into()));
        assert_eq!(server.get("ALIYUN_MQTT_GROUP_ID"), None);
        assert!(server.parent_topic().unwrap_err().to_string().contains(TOPIC));
        assert_eq!(server.to_string(), "the server at mqtt://named.example");
        assert!(!format!("{server:?}").contains("secret"));
    }

    #[test]
    fn an_emulator_gets_the_settings_of_the_client_only() {
        let server = Server::from_vars_or_emulator(|name| match name {
            ENDPOINT => Some(OsString::new()),
            other => Some(format!("{other} of the process").into()),
        })
        .unwrap();
        for name in OF_THE_CLIENT {
            assert_eq!(server.get(name), Some(format!("{name} of the process").into()));
        }
        for foreign in ["ALIBABA_CLOUD_SECURITY_TOKEN", "ALIYUN_MQTT_CA_FILE", "ALIYUN_MQTT_PROXY", "PATH"] {
            assert_eq!(server.get(foreign), None, "{foreign}");
        }
        let emulator = server.emulator().unwrap();
        assert_eq!(server.get(ENDPOINT), Some(emulator.endpoint().into()));
        assert_eq!(server.parent_topic().unwrap(), emulator.parent_topic());
        assert!(server.to_string().contains(&emulator.endpoint()), "{server}");
        for (name, value) in server.environment().unwrap().variables() {
            assert_eq!(server.get(name), Some(value.into()));
        }
        assert!(!format!("{server:?}{server}").contains(emulator.access_key_secret()));
    }
}
