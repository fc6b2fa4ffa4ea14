//! A configuration from environment variables.

use std::ffi::OsString;

use super::builder::{ConfigBuilder, Given};
use super::environment::{self, Variables};
use super::network::Network;
use super::protocol;
use crate::error::Result;
use crate::limits::Limits;

impl ConfigBuilder {
    /// Creates a builder from the environment variables of [`Config::from_env`](crate::Config::from_env), which are
    /// read now.
    ///
    /// The credentials come from the environment, too, unless the program calls
    /// [`credentials`](ConfigBuilder::credentials); the variables of the credentials are then not needed.
    /// [`build`](ConfigBuilder::build) reports what is missing or invalid.
    pub fn from_env() -> Self {
        environment::warn_of_unread();
        ConfigBuilder::from_variables(Variables::of_process())
    }

    /// Like [`from_env`](ConfigBuilder::from_env), with variables from a function instead of those of the process: for
    /// tests, and for programs that keep such settings elsewhere.
    ///
    /// ```
    /// use aliyun_mqtt::ConfigBuilder;
    /// use std::collections::HashMap;
    ///
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// let variables = HashMap::from([
    ///     ("ALIYUN_MQTT_ENDPOINT", "mqtt://127.0.0.1:1883"),
    ///     ("ALIYUN_MQTT_INSTANCE_ID", "post-cn-xxxx"),
    ///     ("ALIYUN_MQTT_GROUP_ID", "GID_demo"),
    ///     ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
    ///     ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret"),
    /// ]);
    /// let config = ConfigBuilder::from_vars(|name| variables.get(name).copied()).build()?;
    /// assert_eq!(config.instance_id(), "post-cn-xxxx");
    /// # Ok(()) }
    /// ```
    pub fn from_vars<V: Into<OsString>>(lookup: impl Fn(&str) -> Option<V>) -> Self {
        ConfigBuilder::from_variables(Variables::from_lookup(|name| lookup(name).map(Into::into)))
    }

    pub(crate) fn from_variables(variables: Variables) -> Self {
        let mut builder = ConfigBuilder::default();
        builder.fault = builder.fill(&variables).err();
        builder.variables = Some(variables);
        builder
    }

    fn fill(&mut self, variables: &Variables) -> Result<()> {
        let given = |name| Ok(variables.text(name)?.map(|text| Given { text: text.to_string(), name }));
        self.endpoint = given(environment::ENDPOINT)?;
        self.instance_id = given(environment::INSTANCE_ID)?;
        self.group_id = given(environment::GROUP_ID)?;
        self.device_id = given(environment::DEVICE_ID)?;
        if let Some(clean) = variables.parsed(environment::CLEAN_SESSION, "true or false", |text| text.parse().ok())? {
            self.settings.clean_session = clean;
        }
        let protocol = variables.parsed(environment::PROTOCOL, protocol::ACCEPTED, |text| text.parse().ok())?;
        if let Some(protocol) = protocol {
            self.settings.protocol = protocol;
        }
        if let Some(timeout) = variables.timeout()? {
            self.settings.timeout = timeout;
        }
        let accepted = format!("a number of bytes from 1 to {}", Limits::MAX_PAYLOAD);
        let bytes = variables.parsed(environment::MAX_PAYLOAD, &accepted, |text| {
            text.parse().ok().filter(|bytes| (1..=Limits::MAX_PAYLOAD).contains(bytes))
        })?;
        if let Some(bytes) = bytes {
            self.settings.limits = std::mem::take(&mut self.settings.limits).payload_len(bytes);
        }
        self.network = Network::from_variables(variables)?;
        Ok(())
    }
}
