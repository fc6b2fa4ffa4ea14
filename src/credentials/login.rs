//! The login made from credentials: user name and password of CONNECT.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{Credentials, Kind};
use crate::error::{Error, Result};
use crate::limits::MQTT_TEXT_LEN;
use crate::names::ClientId;
use crate::session::token_store;

/// User name and password of CONNECT. `Debug` hides the password, which is wiped from memory when the value is dropped.
#[derive(Clone)]
pub struct Login {
    username: String,
    password: Zeroizing<String>,
}

// Written out, because not each version of `Zeroizing` hides its value.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Login {
    /// Returns the user name, such as `Signature|{access key id}|{instance id}`.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// Returns the password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Creates the login with tokens that are kept elsewhere.
    pub(crate) fn with_tokens(key_id: &str, instance_id: &str, password: Zeroizing<String>) -> Result<Self> {
        Login::checked(token_username(key_id, instance_id), password)
    }

    fn checked(username: String, password: Zeroizing<String>) -> Result<Self> {
        for (what, length) in [("user name", username.len()), ("password", password.len())] {
            if length > MQTT_TEXT_LEN {
                return Err(Error::config(format!("the {what} has {length} bytes; MQTT allows {MQTT_TEXT_LEN}")));
            }
        }
        Ok(Login { username, password })
    }
}

impl Credentials {
    /// Returns the user name and password for this client id in this instance.
    ///
    /// The password of the signing modes is base64(HMAC-SHA1(secret, client id)).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): a value is empty or malformed, the mode needs a client id of the form
    /// `GroupID@@@DeviceID`, or these credentials are a provider, which must be called first.
    pub fn login(&self, client_id: &ClientId, instance_id: &str) -> Result<Login> {
        self.check()?;
        if !self.is_custom() && client_id.group().is_none() {
            return Err(Error::config(format!(
                "client id \"{client_id}\" has no group: only custom authentication accepts such an id"
            )));
        }
        let username = |word: &str, key_id: &str| format!("{word}|{key_id}|{instance_id}");
        let (username, password) = match &self.0 {
            Kind::Signature { key_id, secret } => (username("Signature", key_id), sign(secret, client_id)?),
            Kind::Device { key_id, secret } => (username("DeviceCredential", key_id), sign(secret, client_id)?),
            Kind::Token { key_id, tokens } => {
                (token_username(key_id, instance_id), token_store::join(tokens.as_ref().map_err(Clone::clone)?))
            }
            Kind::Plain { user, secret } => (user.clone(), Zeroizing::clone(secret)),
            Kind::Signed { user, secret } => (user.clone(), sign(secret, client_id)?),
            Kind::Provider(_) | Kind::TokenProvider { .. } => return Err(ask_first()),
            #[cfg(feature = "openapi")]
            Kind::Chain { .. } => return Err(ask_first()),
        };
        Login::checked(username, password)
    }
}

fn ask_first() -> Error {
    Error::config("a credentials provider must be asked first")
}

fn token_username(key_id: &str, instance_id: &str) -> String {
    format!("Token|{key_id}|{instance_id}")
}

fn sign(secret: &str, client_id: &ClientId) -> Result<Zeroizing<String>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
        .map_err(|_| Error::internal("HMAC-SHA1 does not accept this key"))?;
    mac.update(client_id.as_str().as_bytes());
    Ok(Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes())))
}
