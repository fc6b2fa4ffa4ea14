//! The settings and their names in the file, in the environment and as flags.

use crate::lang::{Phrase, phrase};

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Endpoint,
    InstanceId,
    GroupId,
    DeviceId,
    ClientId,
    Topic,
    Auth,
    AccessKeyId,
    AccessKeySecret,
    SecurityToken,
    Token,
    DeviceAccessKeyId,
    DeviceAccessKeySecret,
    User,
    Password,
    CaFile,
    ClientCertFile,
    ClientKeyFile,
    Proxy,
    Protocol,
    CleanSession,
    SessionExpiry,
    KeepAlive,
    Timeout,
    MaxPayload,
    ApiEndpoint,
    RegionId,
}

/// The kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Taken byte for byte, since a path need not be UTF-8.
    Path,
    /// Read when it is needed and never printed. Its flag takes the path of a file.
    Secret,
}

/// The names of a setting.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Key,
    /// The key in the file. Secrets also have the keys `{name}_file`, `{name}_env` and `{name}_command`.
    pub(crate) name: &'static str,
    /// Another key in the configuration file: that of the PHP demo, or the name of the library's setting.
    pub(crate) old_name: Option<&'static str>,
    pub(crate) variable: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) kind: Kind,
    /// The name in messages.
    pub(crate) what: &'static str,
}

const fn row(key: Key, name: &'static str, variable: &'static str, flag: &'static str, what: &'static str) -> Row {
    Row { key, name, old_name: None, variable, flag, kind: Kind::Text, what }
}

const fn path(key: Key, name: &'static str, variable: &'static str, flag: &'static str, what: &'static str) -> Row {
    let mut row = row(key, name, variable, flag, what);
    row.kind = Kind::Path;
    row
}

const fn secret(key: Key, name: &'static str, variable: &'static str, flag: &'static str, what: &'static str) -> Row {
    let mut row = row(key, name, variable, flag, what);
    row.kind = Kind::Secret;
    row
}

const fn old(mut row: Row, old_name: &'static str) -> Row {
    row.old_name = Some(old_name);
    row
}

static TABLE: [Row; 27] = [
    old(row(Key::Endpoint, "endpoint", "ALIYUN_MQTT_ENDPOINT", "--endpoint", "the endpoint"), "end_point"),
    row(Key::InstanceId, "instance_id", "ALIYUN_MQTT_INSTANCE_ID", "--instance-id", "the instance id"),
    row(Key::GroupId, "group_id", "ALIYUN_MQTT_GROUP_ID", "--group-id", "the group id"),
    row(Key::DeviceId, "device_id", "ALIYUN_MQTT_DEVICE_ID", "--device-id", "the device id"),
    row(Key::ClientId, "client_id", "ALIYUN_MQTT_CLIENT_ID", "--client-id", "the client id"),
    row(Key::Topic, "topic", "ALIYUN_MQTT_TOPIC", "--parent-topic", "the parent topic"),
    row(Key::Auth, "auth", "ALIYUN_MQTT_AUTH", "--auth", "the way to log in"),
    old(
        row(Key::AccessKeyId, "access_key_id", "ALIBABA_CLOUD_ACCESS_KEY_ID", "--access-key-id", "the AccessKey id"),
        "access_key",
    ),
    old(
        secret(
            Key::AccessKeySecret,
            "access_key_secret",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "--access-key-secret-file",
            "the AccessKey secret",
        ),
        "secret_key",
    ),
    secret(
        Key::SecurityToken,
        "security_token",
        "ALIBABA_CLOUD_SECURITY_TOKEN",
        "--security-token-file",
        "the security token",
    ),
    secret(Key::Token, "token", "ALIYUN_MQTT_TOKEN", "--token-file", "the token"),
    row(
        Key::DeviceAccessKeyId,
        "device_access_key_id",
        "ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID",
        "--device-access-key-id",
        "the device's AccessKey id",
    ),
    secret(
        Key::DeviceAccessKeySecret,
        "device_access_key_secret",
        "ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET",
        "--device-access-key-secret-file",
        "the device's AccessKey secret",
    ),
    row(Key::User, "user", "ALIYUN_MQTT_USER", "--user", "the user name"),
    secret(Key::Password, "password", "ALIYUN_MQTT_PASSWORD", "--password-file", "the password"),
    path(Key::CaFile, "ca_file", "ALIYUN_MQTT_CA_FILE", "--ca-file", "the CA file"),
    path(
        Key::ClientCertFile,
        "client_cert_file",
        "ALIYUN_MQTT_CLIENT_CERT_FILE",
        "--client-cert-file",
        "the client certificate",
    ),
    path(
        Key::ClientKeyFile,
        "client_key_file",
        "ALIYUN_MQTT_CLIENT_KEY_FILE",
        "--client-key-file",
        "the key of the client certificate",
    ),
    row(Key::Proxy, "proxy", "ALIYUN_MQTT_PROXY", "--proxy", "the HTTP proxy"),
    row(Key::Protocol, "protocol", "ALIYUN_MQTT_PROTOCOL", "--protocol", "the MQTT version"),
    row(Key::CleanSession, "clean_session", "ALIYUN_MQTT_CLEAN_SESSION", "--clean-session", "clean session"),
    row(Key::SessionExpiry, "session_expiry", "ALIYUN_MQTT_SESSION_EXPIRY", "--session-expiry", "the session expiry"),
    row(Key::KeepAlive, "keep_alive", "ALIYUN_MQTT_KEEP_ALIVE", "--keep-alive", "the keep-alive"),
    row(Key::Timeout, "timeout", "ALIYUN_MQTT_TIMEOUT", "--timeout", "the timeout"),
    old(
        row(Key::MaxPayload, "max_payload", "ALIYUN_MQTT_MAX_PAYLOAD", "--max-payload", "the largest payload"),
        "payload_len",
    ),
    row(Key::ApiEndpoint, "api_endpoint", "ALIYUN_MQTT_API_ENDPOINT", "--api-endpoint", "the URL of the API"),
    row(Key::RegionId, "region_id", "ALIYUN_MQTT_REGION_ID", "--region-id", "the region"),
];

impl Key {
    /// Returns all settings.
    pub(crate) fn table() -> &'static [Row] {
        &TABLE
    }

    /// Returns the setting with this key in the file.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.key)
    }

    /// Returns all ways to give these settings.
    pub(crate) fn ways(keys: &[Self]) -> Phrase {
        let [flags, variables, names] = Key::names(keys);
        match keys {
            [_] => phrase!(
                "use {flags}, set {variables}, or write {names} in the configuration file (`aliyun-mqtt config init` \
                 creates one)",
                flags,
                variables,
                names
            ),
            _ => phrase!(
                "use {flags}; or set {variables}; or fill in the configuration file that `aliyun-mqtt config init` \
                 creates",
                flags,
                variables
            ),
        }
    }

    /// Returns all ways to give these settings, where another one was named before.
    pub(super) fn other_ways(keys: &[Self]) -> Phrase {
        let [flags, variables, names] = Key::names(keys);
        phrase!("or use {flags}, set {variables}, or write {names} in the configuration file", flags, variables, names)
    }

    /// Returns the flags, the variables and the names in the file.
    fn names(keys: &[Self]) -> [String; 3] {
        let joined = |name: fn(&Row) -> &'static str| keys.iter().map(|key| name(key.row())).collect::<Vec<_>>();
        [joined(|row| row.flag), joined(|row| row.variable), joined(|row| row.name)].map(|names| names.join(", "))
    }

    /// Returns the names of the setting.
    pub(crate) fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_finds_its_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, index, "{}", row.name);
        }
        assert_eq!(Key::RegionId as usize + 1, TABLE.len());
    }
}
