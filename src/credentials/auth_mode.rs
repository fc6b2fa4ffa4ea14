//! The authentication modes that the environment can choose.

use std::fmt;
use std::str::FromStr;

use crate::config::environment::{self, Variables};
use crate::error::{Error, Result};

/// The texts that are parsed as a mode.
const ACCEPTED: &str = "signature, token or device";

/// The authentication modes that the environment can choose, with `ALIYUN_MQTT_AUTH`.
///
/// It is parsed from `signature`, `token` or `device`, and displayed as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMode {
    /// `signature`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`.
    Signature,
    /// `token`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIYUN_MQTT_TOKEN`. Without that token, the library applies for one
    /// for everything below `ALIYUN_MQTT_TOPIC` and renews it (feature `openapi`), with the variables of
    /// `openapi::Api::from_env`.
    Token,
    /// `device`: `ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID` and `ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET`.
    Device,
}

impl AuthMode {
    /// Reads the mode from the environment variable `ALIYUN_MQTT_AUTH` (`signature`, `token` or `device`); signature
    /// mode if it is not set.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the variable has another value.
    pub fn from_env() -> Result<Self> {
        AuthMode::read(&Variables::of_process())
    }

    pub(crate) fn read(variables: &Variables) -> Result<Self> {
        const OTHERS: [&str; 3] =
            [environment::TOKEN, environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET];
        if let Some(mode) = variables.parsed(environment::AUTH, ACCEPTED, |text| text.parse().ok())? {
            return Ok(mode);
        }
        if let Some(name) = variables.first_set(&OTHERS) {
            log::warn!(
                "the environment variable {name} is not used: {} is not set, and the login is by signature",
                environment::AUTH
            );
        }
        Ok(AuthMode::Signature)
    }
}

impl FromStr for AuthMode {
    type Err = Error;

    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the text is not `signature`, `token` or `device`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "signature" => Ok(AuthMode::Signature),
            "token" => Ok(AuthMode::Token),
            "device" => Ok(AuthMode::Device),
            _ => Err(Error::invalid(format!("the authentication mode is {text:?}; it must be {ACCEPTED}"))),
        }
    }
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AuthMode::Signature => "signature",
            AuthMode::Token => "token",
            AuthMode::Device => "device",
        })
    }
}
