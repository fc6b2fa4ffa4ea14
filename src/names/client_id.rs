//! Client ids, and the group and device ids that they consist of.

use std::fmt;
use std::str::FromStr;

use super::{check_characters, shown};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::random;

/// The separator between group id and device id.
const SEPARATOR: &str = "@@@";

/// A client id: `GroupID@@@DeviceID`.
///
/// It must be unique in the instance at any time: of two connections with the same id the service closes one. The whole
/// has at most 64 characters. The group must exist in the console; its id has 7 to 64 characters and begins with `GID_`
/// or `GID-`. The device id is any name. Both consist of letters, digits, `-` and `_`.
///
/// Sources: help page "Limits" (help.aliyun.com/document_detail/63620.html); API operation `CreateGroupId`; product FAQ
/// and glossary (connections with one id).
///
/// ```
/// use aliyun_mqtt::ClientId;
/// # fn main() -> aliyun_mqtt::Result<()> {
/// let id = ClientId::new("GID_demo", "0001")?;
/// assert_eq!(id.as_str(), "GID_demo@@@0001");
/// assert_eq!(ClientId::parse("GID_demo@@@0001")?, id);
/// assert_eq!((id.group(), id.device()), (Some("GID_demo"), Some("0001")));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

impl ClientId {
    /// Creates a client id from its two parts.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid): a part or the whole breaks a rule above. The limit is 64 characters here; for
    /// an instance that allows more, pass the parts to the [`ConfigBuilder`](crate::ConfigBuilder), which applies the
    /// [`Limits`].
    pub fn new(group: &str, device: &str) -> Result<Self> {
        ClientId::within(group, device, &Limits::default()).map_err(invalid)
    }

    /// Reads `GroupID@@@DeviceID`.
    ///
    /// # Errors
    /// As [`new`](ClientId::new); or there is no `@@@`.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once(SEPARATOR) {
            Some((group, device)) => ClientId::new(group, device),
            None => Err(invalid(format!(
                "client id {} has no {SEPARATOR}: it must have the form GroupID{SEPARATOR}DeviceID",
                shown(text)
            ))),
        }
    }

    /// Creates a client id of any form, for custom authentication.
    ///
    /// The documentation does not say if custom authentication requires `GroupID@@@DeviceID`, so only length (1 to 64)
    /// and characters (letters, digits, `-`, `_` and `@`) are checked.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid): it is empty, too long, or has another character.
    pub fn custom(text: &str) -> Result<Self> {
        ClientId::custom_within(text, &Limits::default()).map_err(invalid)
    }

    /// Returns the whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the group id; `None` for a custom id without `@@@`.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        Some(self.0.split_once(SEPARATOR)?.0)
    }

    /// Returns the device id; `None` for a custom id without `@@@`.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        Some(self.0.split_once(SEPARATOR)?.1)
    }

    /// As [`new`](ClientId::new), under these limits. The error is the broken rule.
    pub(crate) fn within(group: &str, device: &str, limits: &Limits) -> Result<Self, String> {
        check_group(group, limits)?;
        check_device(device, limits)?;
        let whole = format!("{group}{SEPARATOR}{device}");
        check_client_id_len(&whole, limits)?;
        Ok(ClientId(whole))
    }

    /// As [`custom`](ClientId::custom), under these limits. The error is the broken rule.
    pub(crate) fn custom_within(text: &str, limits: &Limits) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the client id is empty".to_string());
        }
        check_client_id_len(text, limits)?;
        check_characters("client id", text, "@", limits)?;
        Ok(ClientId(text.to_string()))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({:?})", self.0)
    }
}

impl FromStr for ClientId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ClientId::parse(text)
    }
}

impl AsRef<str> for ClientId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Returns a globally unique device id of lower-case letters and digits.
///
/// It fills the default length of a client id, with at most 26 characters, but is never too short to be unique: with an
/// over-long group, the whole id is refused because of its length.
pub(crate) fn unique_device_id(group: &str) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    const LENGTHS: (usize, usize) = (12, 26);
    let mut bits = u128::from_be_bytes(random::bytes());
    let room = Limits::default().client_id_len.saturating_sub(group.chars().count() + SEPARATOR.len());
    let mut id = String::new();
    for _ in 0..room.clamp(LENGTHS.0, LENGTHS.1) {
        id.push(char::from(DIGITS[(bits % 32) as usize]));
        bits /= 32;
    }
    id
}

/// Checks the rules for a group id.
pub(crate) fn check_group(group: &str, limits: &Limits) -> Result<(), String> {
    if group.is_empty() {
        return Err("the group id is empty".to_string());
    }
    check_characters("group id", group, "", limits)?;
    if !limits.strict_names {
        return Ok(());
    }
    if !(group.starts_with("GID_") || group.starts_with("GID-")) {
        return Err(format!("group id {} does not begin with GID_ or GID-", shown(group)));
    }
    match group.chars().count() {
        7..=64 => Ok(()),
        length => Err(format!("group id {} has {length} characters; it must have 7 to 64", shown(group))),
    }
}

/// Checks the rules for a device id.
pub(crate) fn check_device(device: &str, limits: &Limits) -> Result<(), String> {
    if device.is_empty() {
        return Err("the device id is empty".to_string());
    }
    check_characters("device id", device, "", limits)
}

fn check_client_id_len(whole: &str, limits: &Limits) -> Result<(), String> {
    let (length, max) = (whole.chars().count(), limits.client_id_len);
    if length > max || whole.len() > crate::limits::MQTT_TEXT_LEN {
        return Err(format!(
            "client id {} has {length} characters; at most {max} are allowed for group id, {SEPARATOR} and device id \
             together",
            shown(whole)
        ));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn client_ids_have_two_parts() {
        let id = ClientId::new("GID_Test", "0001").unwrap();
        assert_eq!(id.to_string(), "GID_Test@@@0001");
        assert_eq!("GID-abc@@@a-b_C9".parse::<ClientId>().unwrap().device(), Some("a-b_C9"));
        for bad in ["", "GID_Test", "GID_Test@@@", "@@@0001", "GID_Test@@@a@@@b", "GID_Test@@@@b"] {
            assert_eq!(ClientId::parse(bad).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn forbidden_characters_are_named() {
        for (group, device, bad) in
            [("GID_a/b", "1", "'/'"), ("GID_abc", "a:b", "':'"), ("GID_abc", "a,b", "','"), ("GID_abc", "%", "'%'")]
        {
            let error = ClientId::new(group, device).unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("letters"), "{error}");
        }
        assert!(ClientId::new("GID_abc", "设备").is_err());
        assert!(ClientId::new("GID_abc", "a\n").unwrap_err().to_string().contains("\\n"));
    }

    #[test]
    fn a_group_id_has_its_own_rules() {
        assert!(ClientId::new("GID_abc", "1").is_ok());
        assert!(ClientId::new("GID-abc", "1").is_ok());
        for bad in ["", "GID_ab", "GID_", "gid_abc", "CID_abc", "Test_abc"] {
            assert!(ClientId::new(bad, "1").is_err(), "{bad}");
        }
        let loose = Limits::default().strict_names(false);
        assert!(ClientId::within("anything at all", "设备", &loose).is_ok());
        assert!(ClientId::within("", "1", &loose).is_err());
        assert!(ClientId::within("a\0b", "1", &loose).is_err());
    }

    #[test]
    fn the_whole_has_at_most_64_characters() {
        let device = "x".repeat(64 - "GID_Test@@@".len());
        assert!(ClientId::new("GID_Test", &device).is_ok());
        let error = ClientId::new("GID_Test", &format!("{device}x")).unwrap_err().to_string();
        assert!(error.contains("65") && error.contains("64"), "{error}");
        assert!(ClientId::within("GID_Test", &"x".repeat(100), &Limits::default().client_id_len(128)).is_ok());
    }

    #[test]
    fn a_custom_id_needs_no_form() {
        let id = ClientId::custom("thermometer-7").unwrap();
        assert_eq!((id.group(), id.device()), (None, None));
        assert_eq!(ClientId::custom("GID_Test@@@1").unwrap().group(), Some("GID_Test"));
        for bad in ["", "a/b", "a b", "a:b"] {
            assert!(ClientId::custom(bad).is_err(), "{bad}");
        }
        assert!(ClientId::custom(&"x".repeat(65)).is_err());
    }

    #[test]
    fn made_device_ids_are_legal_and_unique() {
        let mut seen = HashSet::new();
        for group in ["GID_abc", "GID_demo", &format!("GID_{}", "x".repeat(45))] {
            for _ in 0..1_000 {
                let device = unique_device_id(group);
                assert!(ClientId::new(group, &device).is_ok(), "{group} {device}");
                assert!(seen.insert(device));
            }
        }
        let long = format!("GID_{}", "x".repeat(46));
        assert!(ClientId::new(&long, &unique_device_id(&long)).is_err());
    }

    #[test]
    fn long_names_are_cut_in_messages() {
        let error = ClientId::custom(&"中".repeat(100_000)).unwrap_err().to_string();
        assert!(error.len() < 1_000);
    }
}
