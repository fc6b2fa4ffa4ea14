//! The account: AccessKeys, device credentials, custom identities and groups.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::SystemTime;

use crate::random::random_hex;
use crate::tls::PeerCertificate;

/// A device credential (一机一密), valid for one client id. Its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCredential {
    /// The id for the user name; starts with `DC.`.
    pub access_key_id: String,
    /// The secret that signs the client id; starts with `DC.`.
    pub access_key_secret: String,
}

impl fmt::Debug for DeviceCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCredential").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl DeviceCredential {
    fn random() -> Self {
        Self { access_key_id: format!("DC.{}", random_hex()), access_key_secret: format!("DC.{}", random_hex()) }
    }
}

/// How a custom identity authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignMode {
    /// `ORIGIN`: by the secret itself as the password.
    Origin,
    /// `SIGNED`: by base64(HMAC-SHA1(key = secret, message = client id)) as the password.
    Signed,
}

impl SignMode {
    /// Returns `ORIGIN` or `SIGNED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Origin => "ORIGIN",
            Self::Signed => "SIGNED",
        }
    }
}

/// The accounts that can log in, and the names that an instance knows.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) instance_id: String,
    pub(crate) groups: Vec<Group>,
    /// AccessKey ids with their secrets; the first is the default account.
    pub(crate) access_keys: Vec<(String, String)>,
    /// Temporary keys for the OpenAPI, by their id.
    pub(crate) sts_keys: HashMap<String, StsKey>,
    /// Custom identities by user name.
    pub(crate) custom: BTreeMap<String, Vec<CustomIdentity>>,
    /// Device certificates that have connected, by serial number.
    pub(crate) certificates: BTreeMap<String, DeviceCertificate>,
    /// Device credentials by client id.
    pub(crate) devices: BTreeMap<String, Device>,
}

/// A group id and the time of its creation.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) created: SystemTime,
}

impl Group {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), created: SystemTime::now() }
    }
}

/// A temporary key, valid only together with its security token.
#[derive(Clone)]
pub(crate) struct StsKey {
    pub(crate) secret: String,
    pub(crate) security_token: String,
    /// `None` for one that does not end.
    pub(crate) expires: Option<SystemTime>,
}

/// A client id with a device credential.
#[derive(Clone)]
pub(crate) struct Device {
    pub(crate) credential: DeviceCredential,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

#[derive(Clone)]
pub(crate) struct CustomIdentity {
    /// The client id that an identity of the type `CLIENT` is valid for; `None` for the type `USER`.
    pub(crate) client_id: Option<String>,
    pub(crate) secret: String,
    pub(crate) mode: SignMode,
}

/// A device certificate. It is registered when it first logs in, at the latest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCertificate {
    /// The serial number in hexadecimal digits.
    pub serial_number: String,
    /// The common name of its subject; empty if it has none.
    pub common_name: String,
    /// The client id of its latest login; empty before its first one.
    pub client_id: String,
    /// False after it was deactivated: its logins are refused.
    pub active: bool,
}

impl Directory {
    /// Registers a client id, or replaces its credential.
    pub(crate) fn register_device(&mut self, client_id: &str) -> DeviceCredential {
        let credential = DeviceCredential::random();
        self.set_device(client_id, credential.clone());
        credential
    }

    /// Registers a client id with this credential, or replaces its credential.
    pub(crate) fn set_device(&mut self, client_id: &str, credential: DeviceCredential) {
        let now = SystemTime::now();
        self.devices.insert(client_id.into(), Device { credential, created: now, updated: now });
    }

    /// Renews the credential of a client id; `None` if it has none.
    pub(crate) fn refresh_device(&mut self, client_id: &str) -> Option<&Device> {
        let device = self.devices.get_mut(client_id)?;
        device.credential = DeviceCredential::random();
        device.updated = SystemTime::now();
        Some(device)
    }

    /// Removes the credential of a client id. Returns true if there was one.
    pub(crate) fn unregister_device(&mut self, client_id: &str) -> bool {
        self.devices.remove(client_id).is_some()
    }

    /// Adds a custom identity, or replaces the one of the same user name and client id.
    pub(crate) fn set_custom(&mut self, username: &str, identity: CustomIdentity) {
        let identities = self.custom.entry(username.to_owned()).or_default();
        identities.retain(|known| known.client_id != identity.client_id);
        identities.push(identity);
    }

    /// Removes the custom identity of this user name and client id. Returns true if there was one.
    pub(crate) fn remove_custom(&mut self, username: &str, client_id: Option<&str>) -> bool {
        let Some(identities) = self.custom.get_mut(username) else { return false };
        let before = identities.len();
        identities.retain(|known| known.client_id.as_deref() != client_id);
        let removed = identities.len() < before;
        if identities.is_empty() {
            // The user name is then one like any other again.
            self.custom.remove(username);
        }
        removed
    }

    /// Adds an AccessKey, or changes its secret.
    pub(crate) fn set_access_key(&mut self, id: &str, secret: &str) {
        self.sts_keys.remove(id);
        match self.access_keys.iter_mut().find(|(known, _)| known == id) {
            Some((_, known)) => secret.clone_into(known),
            None => self.access_keys.push((id.to_owned(), secret.to_owned())),
        }
    }

    /// Adds a temporary key, or replaces the key of this id.
    pub(crate) fn set_sts_key(&mut self, id: &str, key: StsKey) {
        self.remove_access_key(id);
        self.sts_keys.insert(id.to_owned(), key);
    }

    /// Removes an AccessKey, temporary or not. Returns true if there was one.
    pub(crate) fn remove_access_key(&mut self, id: &str) -> bool {
        let before = self.access_keys.len();
        self.access_keys.retain(|(known, _)| known != id);
        self.access_keys.len() < before || self.sts_keys.remove(id).is_some()
    }

    /// Adds a group id. Returns true if it is new.
    pub(crate) fn add_group(&mut self, id: &str) -> bool {
        let is_new = !self.knows_group(id);
        if is_new {
            self.groups.push(Group::new(id));
        }
        is_new
    }

    /// Removes a group id. Returns true if there was one.
    pub(crate) fn remove_group(&mut self, id: &str) -> bool {
        let before = self.groups.len();
        self.groups.retain(|group| group.id != id);
        self.groups.len() < before
    }

    /// Returns true unless the certificate is deactivated.
    pub(crate) fn is_active(&self, seen: &PeerCertificate) -> bool {
        self.certificates.get(&seen.serial_number).is_none_or(|certificate| certificate.active)
    }

    /// Registers a device certificate that has logged in, unless it is known.
    pub(crate) fn meet_certificate(&mut self, seen: &PeerCertificate, client_id: &str) {
        if !self.certificates.contains_key(&seen.serial_number) {
            self.register_certificate(&seen.serial_number, &seen.common_name, true);
        }
        if let Some(certificate) = self.certificates.get_mut(&seen.serial_number) {
            client_id.clone_into(&mut certificate.client_id);
        }
    }

    /// Registers a device certificate, or replaces what is known of it.
    pub(crate) fn register_certificate(&mut self, serial_number: &str, common_name: &str, active: bool) {
        let certificate = DeviceCertificate {
            serial_number: serial_number.to_owned(),
            common_name: common_name.to_owned(),
            client_id: String::new(),
            active,
        };
        self.certificates.insert(serial_number.to_owned(), certificate);
    }

    /// Removes a device certificate. Returns true if it was registered.
    pub(crate) fn remove_certificate(&mut self, serial_number: &str) -> bool {
        self.certificates.remove(serial_number).is_some()
    }

    /// Activates or deactivates a certificate. Returns true if it is registered.
    pub(crate) fn activate_certificate(&mut self, serial_number: &str, active: bool) -> bool {
        self.certificates.get_mut(serial_number).map(|certificate| certificate.active = active).is_some()
    }

    /// Hands out a temporary key that ends then. Returns its id and the key.
    pub(crate) fn make_sts_key(&mut self, expires: SystemTime) -> (String, StsKey) {
        let id = format!("STS.{}", random_hex());
        let key = StsKey { secret: random_hex(), security_token: random_hex(), expires: Some(expires) };
        self.sts_keys.insert(id.clone(), key.clone());
        (id, key)
    }

    pub(crate) fn knows_group(&self, group: &str) -> bool {
        self.groups.iter().any(|known| known.id == group)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("instance_id", &self.instance_id)
            .field("groups", &self.groups.len())
            .field("access_keys", &self.access_keys.len())
            .field("sts_keys", &self.sts_keys.len())
            .field("custom", &self.custom.len())
            .field("devices", &self.devices.len())
            .finish()
    }
}
