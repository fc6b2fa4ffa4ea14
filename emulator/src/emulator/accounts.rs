//! The accounts that a test changes while the emulator runs.

use super::Emulator;
use crate::account::{CustomIdentity, DeviceCertificate, DeviceCredential, SignMode, StsKey};
use crate::error::Error;
use crate::names::check_group;
use crate::service::lock;

impl Emulator {
    /// Registers a client id for device credentials (一机一密) and returns its credential. Later logins with an earlier
    /// credential of this client id are refused.
    pub fn register_device(&self, client_id: &str) -> DeviceCredential {
        lock(&self.machine.service.directory).register_device(client_id)
    }

    /// Removes the credential of a client id; later logins with it are refused. Returns true if there was one.
    pub fn unregister_device(&self, client_id: &str) -> bool {
        lock(&self.machine.service.directory).unregister_device(client_id)
    }

    /// Returns the device certificates that have logged in, sorted by serial number. See
    /// [`Builder::client_ca`](crate::Builder::client_ca).
    #[must_use]
    pub fn device_certificates(&self) -> Vec<DeviceCertificate> {
        lock(&self.machine.service.directory).certificates.values().cloned().collect()
    }

    /// Deactivates a device certificate, or activates it again: later logins over a connection with it are refused with
    /// code 5. Returns true if there is a certificate with this serial number.
    pub fn set_certificate_active(&self, serial_number: &str, active: bool) -> bool {
        lock(&self.machine.service.directory).activate_certificate(serial_number, active)
    }

    /// Registers a device certificate before its first login, which would register it, or replaces what is known of it.
    /// One that is not active is refused from the start. The serial number is in hexadecimal digits, without zeros in
    /// front.
    pub fn register_certificate(&self, serial_number: &str, active: bool) {
        lock(&self.machine.service.directory).register_certificate(serial_number, "", active);
    }

    /// Removes a device certificate, which is registered again when it next logs in. Returns true if there was one.
    pub fn unregister_certificate(&self, serial_number: &str) -> bool {
        lock(&self.machine.service.directory).remove_certificate(serial_number)
    }

    /// Adds a custom identity, or replaces the one of this user name and client id. With a client id, it is of the type
    /// `CLIENT`; see [`Builder::custom_client_identity`](crate::Builder::custom_client_identity).
    pub fn set_custom_identity(&self, username: &str, client_id: Option<&str>, secret: &str, mode: SignMode) {
        let identity = CustomIdentity { client_id: client_id.map(str::to_owned), secret: secret.to_owned(), mode };
        lock(&self.machine.service.directory).set_custom(username, identity);
    }

    /// Removes a custom identity; later logins with it are refused. Returns true if there was one.
    pub fn remove_custom_identity(&self, username: &str, client_id: Option<&str>) -> bool {
        lock(&self.machine.service.directory).remove_custom(username, client_id)
    }

    /// Adds an AccessKey, or changes its secret.
    pub fn set_access_key(&self, id: &str, secret: &str) {
        lock(&self.machine.service.directory).set_access_key(id, secret);
    }

    /// Adds a temporary (STS) AccessKey, or replaces the key of this id. See
    /// [`Builder::sts_key`](crate::Builder::sts_key).
    pub fn set_sts_key(&self, id: &str, secret: &str, security_token: &str) {
        let key = StsKey { secret: secret.to_owned(), security_token: security_token.to_owned() };
        lock(&self.machine.service.directory).set_sts_key(id, key);
    }

    /// Removes an AccessKey, temporary or not: later logins and calls of the OpenAPI with it are refused. Returns true
    /// if there was one.
    pub fn remove_access_key(&self, id: &str) -> bool {
        lock(&self.machine.service.directory).remove_access_key(id)
    }

    /// Creates a group id, as `CreateGroupId` of the OpenAPI does. Returns true if it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no group id.
    pub fn create_group(&self, id: &str) -> Result<bool, Error> {
        check_group(id).map_err(Error::Invalid)?;
        Ok(lock(&self.machine.service.directory).add_group(id))
    }

    /// Deletes a group id: later logins of its clients are refused. Returns true if there was one.
    pub fn delete_group(&self, id: &str) -> bool {
        lock(&self.machine.service.directory).remove_group(id)
    }
}
