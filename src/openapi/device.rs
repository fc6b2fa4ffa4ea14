//! Device credentials (一机一密): a key for one client id.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Api;
use super::json::{Fields, missing};
use super::message::check_given;
use crate::credentials::Credentials;
use crate::error::Result;

/// The key of one device. `Debug` hides its secret, which is wiped from memory when dropped.
#[derive(Clone)]
pub struct DeviceCredential {
    client_id: String,
    access_key_id: String,
    access_key_secret: Zeroizing<String>,
    created: Option<SystemTime>,
    updated: Option<SystemTime>,
}

impl DeviceCredential {
    /// Returns the client id that it is valid for.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Returns the device's AccessKey id.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Returns the device's AccessKey secret.
    #[must_use]
    pub fn access_key_secret(&self) -> &str {
        &self.access_key_secret
    }

    /// Returns when it was created.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Returns when it was last changed.
    #[must_use]
    pub fn updated(&self) -> Option<SystemTime> {
        self.updated
    }

    /// Returns the credentials for the login of the device.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::device(self.access_key_id.as_str(), self.access_key_secret.as_str())
    }
}

impl fmt::Debug for DeviceCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCredential")
            .field("client_id", &self.client_id)
            .field("access_key_id", &self.access_key_id)
            .field("created", &self.created)
            .field("updated", &self.updated)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// Creates a credential for a client id (`RegisterDeviceCredential`). **An existing one is replaced.** The call may
    /// be repeated after a failure; the last response counts.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the client id is empty. Otherwise as documented at [`Api`].
    pub fn register_device_credential(&self, client_id: &str) -> Result<DeviceCredential> {
        self.device("RegisterDeviceCredential", client_id, true)
    }

    /// Returns the credential of a client id (`GetDeviceCredential`).
    ///
    /// # Errors
    /// As [`register_device_credential`](Api::register_device_credential).
    pub fn device_credential(&self, client_id: &str) -> Result<DeviceCredential> {
        self.device("GetDeviceCredential", client_id, true)
    }

    /// Replaces the secret of a client id (`RefreshDeviceCredential`). The call is not repeated if its outcome is
    /// unknown; then query the [current one](Api::device_credential).
    ///
    /// # Errors
    /// As [`register_device_credential`](Api::register_device_credential).
    pub fn refresh_device_credential(&self, client_id: &str) -> Result<DeviceCredential> {
        self.device("RefreshDeviceCredential", client_id, false)
    }

    /// Deletes a credential (`UnRegisterDeviceCredential`). The call is not repeated if its outcome is unknown.
    ///
    /// # Errors
    /// As [`register_device_credential`](Api::register_device_credential).
    pub fn unregister_device_credential(&self, client_id: &str) -> Result<()> {
        self.about_device("UnRegisterDeviceCredential", client_id, false).map(drop)
    }

    /// Returns an iterator over the client ids of a group that have a credential (`ListDeviceCredentialClientId`),
    /// which are fetched page by page.
    ///
    /// ```no_run
    /// # fn main() -> aliyun_mqtt::Result<()> {
    /// # let api = aliyun_mqtt::openapi::Api::from_env()?;
    /// for client_id in api.list_device_credentials("GID_demo") {
    ///     println!("{}", client_id?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn list_device_credentials(&self, group_id: &str) -> ClientIds {
        ClientIds {
            api: self.clone(),
            group_id: group_id.to_string(),
            page: 1,
            next_token: None,
            taken: 0,
            ids: Vec::new().into_iter(),
            done: false,
        }
    }

    fn device(&self, action: &str, client_id: &str, repeatable: bool) -> Result<DeviceCredential> {
        let mut answer = self.about_device(action, client_id, repeatable)?;
        let Some(Value::Object(mut device)) = answer.get_mut("DeviceCredential").map(Value::take) else {
            return Err(missing(action, "DeviceCredential"));
        };
        // Moved out, not copied.
        let secret = match device.get_mut("DeviceAccessKeySecret").map(Value::take) {
            Some(Value::String(secret)) if !secret.is_empty() => Zeroizing::new(secret),
            _ => return Err(missing(action, "DeviceAccessKeySecret")),
        };
        let fields = Fields::new(action, &device);
        let time = |name| UNIX_EPOCH.checked_add(Duration::from_millis(fields.maybe_number(name)?));
        Ok(DeviceCredential {
            client_id: fields.text("ClientId")?,
            access_key_id: fields.text("DeviceAccessKeyId")?,
            access_key_secret: secret,
            created: time("CreateTime"),
            updated: time("UpdateTime"),
        })
    }

    fn about_device(&self, action: &str, client_id: &str, repeatable: bool) -> Result<Map<String, Value>> {
        self.same_process()?;
        check_given(action, "client id", client_id)?;
        self.run(|_| self.of_instance(action).parameter("ClientId", client_id).repeatable(repeatable))
    }
}

/// The client ids of a group that have a credential; from [`Api::list_device_credentials`].
///
/// `next` may fetch another page of 100, and blocks like any call. The iterator ends after an error.
#[derive(Debug)]
#[must_use = "nothing is requested until ids are taken"]
pub struct ClientIds {
    api: Api,
    group_id: String,
    page: u64,
    next_token: Option<String>,
    taken: u64,
    ids: std::vec::IntoIter<String>,
    done: bool,
}

impl ClientIds {
    fn next_page(&mut self) -> Result<Vec<String>> {
        const ACTION: &str = "ListDeviceCredentialClientId";
        self.api.same_process()?;
        check_given(ACTION, "group id", &self.group_id)?;
        let answer = self.api.run(|_| {
            let call = self
                .api
                .of_instance(ACTION)
                .parameter("GroupId", &self.group_id)
                .parameter("PageSize", "100")
                .parameter("PageNo", self.page.to_string())
                .repeatable(true);
            match &self.next_token {
                Some(token) => call.parameter("NextToken", token),
                None => call,
            }
        })?;
        let list = Fields::new(ACTION, &answer).object("DeviceCredentialClientIdList")?;
        let ids = list.texts("ClientIdList")?;
        self.page += 1;
        self.taken += ids.len() as u64;
        let token = list.maybe_text("NextToken").filter(|token| !token.is_empty());
        let more = match list.maybe_number("Total") {
            Some(total) => self.taken < total,
            None => token.is_some() && token != self.next_token,
        };
        // A page without ids is always the last one.
        self.done = ids.is_empty() || !more;
        self.next_token = token;
        Ok(ids)
    }
}

impl Iterator for ClientIds {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(id) = self.ids.next() {
                return Some(Ok(id));
            }
            if self.done {
                return None;
            }
            match self.next_page() {
                Ok(ids) => self.ids = ids.into_iter(),
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
