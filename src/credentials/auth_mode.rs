//! The authentication modes that the environment can choose.

use std::fmt;
use std::str::FromStr;

use crate::config::environment::{self, Variables};
use crate::error::{Error, Result};

/// The texts that are parsed as a mode.
const ACCEPTED: &str = "signature, token, device or chain";

/// The authentication modes that the environment can choose, with `ALIYUN_MQTT_AUTH`.
///
/// It is parsed from `signature`, `token`, `device` or `chain`, and displayed as such.
///
/// With the feature `openapi`, a key that the environment does not have comes from an `AccessKeyChain`, in each mode
/// but `device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMode {
    /// `signature`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`. A temporary key is an error.
    Signature,
    /// `token`: `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIYUN_MQTT_TOKEN`. Without that token, the library applies for one
    /// for everything below `ALIYUN_MQTT_TOPIC` and renews it (feature `openapi`), with the variables of
    /// `openapi::Api::from_env`.
    Token,
    /// `device`: `ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID` and `ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET`.
    Device,
    /// `chain`: the first key that an `AccessKeyChain` finds (feature `openapi`). A permanent one signs the login; with
    /// a temporary one, the library applies for a token as in token mode.
    Chain,
}

impl AuthMode {
    /// Reads the mode from the environment variable `ALIYUN_MQTT_AUTH` (`signature`, `token`, `device` or `chain`).
    ///
    /// If it is not set: token mode with a temporary key (`ALIBABA_CLOUD_SECURITY_TOKEN`), which cannot sign a login;
    /// chain mode if no key, device key or token is set; otherwise signature mode. Without the feature `openapi`,
    /// always signature mode.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the variable has another value; or neither it nor an AccessKey is set, but
    /// a device key or a token is, so that nobody logs in as somebody else by mistake.
    pub fn from_env() -> Result<Self> {
        AuthMode::read(&Variables::of_process())
    }

    pub(crate) fn read(variables: &Variables) -> Result<Self> {
        const OTHERS: [&str; 3] =
            [environment::TOKEN, environment::DEVICE_ACCESS_KEY_ID, environment::DEVICE_ACCESS_KEY_SECRET];
        if let Some(mode) = variables.parsed(environment::AUTH, ACCEPTED, |text| text.parse().ok())? {
            return Ok(mode);
        }
        let other = variables.first_set(&OTHERS);
        let key = variables.first_set(&environment::KEY);
        match (key, other) {
            (None, Some(name)) => {
                let mode = if name == environment::TOKEN { AuthMode::Token } else { AuthMode::Device };
                let message = format!(
                    "the environment variable {name} is set, and neither {0} nor {1} is: set {0} to {mode}",
                    environment::AUTH,
                    environment::ACCESS_KEY_ID
                );
                return Err(Error::config(message).with_missing("auth"));
            }
            (None, None) if cfg!(feature = "openapi") => return Ok(AuthMode::Chain),
            (Some(_), _)
                if cfg!(feature = "openapi") && variables.first_set(&[environment::SECURITY_TOKEN]).is_some() =>
            {
                return Ok(AuthMode::Token);
            }
            _ => {}
        }
        if let Some(name) = other {
            log::warn!(
                "the environment variable {name} is not used: {} is not set, and the login is by signature",
                environment::AUTH
            );
        }
        Ok(AuthMode::Signature)
    }

    /// The error of chain mode in a build that has none.
    #[cfg(not(feature = "openapi"))]
    pub(super) fn no_chain() -> Error {
        Error::config("this build has no chain of keys; enable the cargo feature `openapi`")
    }
}

impl FromStr for AuthMode {
    type Err = Error;

    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the text is not `signature`, `token`, `device` or `chain`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "signature" => Ok(AuthMode::Signature),
            "token" => Ok(AuthMode::Token),
            "device" => Ok(AuthMode::Device),
            "chain" => Ok(AuthMode::Chain),
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
            AuthMode::Chain => "chain",
        })
    }
}
