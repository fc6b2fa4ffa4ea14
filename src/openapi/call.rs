//! A call of the API by the name of its operation, on which the typed methods are based.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// A call of an operation without a method of its own; pass it to [`Api::call`](super::Api::call).
///
/// The common parameters (version, time, signature) are added. **The instance id is not**, because not every operation
/// has one.
///
/// ```no_run
/// use aliyun_mqtt::openapi::{Api, Call};
/// # fn main() -> aliyun_mqtt::Result<()> {
/// # let api = Api::from_env()?;
/// let call = Call::new("AddCustomAuthIdentity")
///     .form("InstanceId", api.instance_id())
///     .form("Username", "camera-1")
///     .form("Secret", "0123456789")
///     .form("IdentityType", "USER")
///     .form("SignMode", "SIGNED")
///     .hide("Secret");
/// let answer = api.call(&call)?;
/// assert!(answer.get("RequestId").is_some());
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a call does nothing until `Api::call` makes it"]
pub struct Call {
    action: String,
    query: Vec<(String, Zeroizing<String>)>,
    form: Vec<(String, Zeroizing<String>)>,
    hidden: Vec<String>,
    get: bool,
    repeatable: bool,
}

impl Call {
    /// Creates a call of this operation, such as `ListInstances`.
    pub fn new(action: impl Into<String>) -> Self {
        Call {
            action: action.into(),
            query: Vec::new(),
            form: Vec::new(),
            hidden: Vec::new(),
            get: false,
            repeatable: false,
        }
    }

    /// Adds a parameter of the query. Numbers and booleans are given as text.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), Zeroizing::new(value.into())));
        self
    }

    /// Adds the parameters `name.1`, `name.2` and so on.
    pub fn list<T: Into<String>>(mut self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self.query.push((format!("{name}.{}", index + 1), Zeroizing::new(value.into())));
        }
        self
    }

    /// Adds a parameter of the body, which some operations require.
    pub fn form(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.form.push((name.into(), Zeroizing::new(value.into())));
        self
    }

    /// Treats the value of this parameter as a secret: if the service's response repeats it, errors show `***`.
    pub fn hide(mut self, name: impl Into<String>) -> Self {
        self.hidden.push(name.into());
        self
    }

    /// Sends the call as GET instead of POST, as the official SDK does for the operations on certificates
    /// (`GetRegisterCode`, `GetCaCertificate`, `ListDeviceCertificate` and so on) and for `QueryCustomAuth...`. A GET
    /// has no [`form`](Call::form).
    pub fn get(mut self) -> Self {
        self.get = true;
        self
    }

    /// Sets whether the call may be repeated if its outcome is unknown: after a timeout, a lost connection or an HTTP
    /// 5xx. Default `false`: it is repeated only if it was certainly not executed.
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }

    /// Returns the operation.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    pub(super) fn method(&self) -> &'static str {
        if self.get { "GET" } else { "POST" }
    }

    /// Returns the parameters of the query.
    pub(super) fn query(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Returns the parameters of the body.
    pub(super) fn form_fields(&self) -> Vec<(&str, &str)> {
        self.form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Returns the values that are secrets.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let all = self.query.iter().chain(&self.form);
        all.filter(|(name, _)| self.hidden.contains(name)).map(|(_, value)| value.as_str())
    }

    /// Refuses names that would be ambiguous in the signature, or mean something else.
    pub(super) fn check(&self) -> Result<()> {
        let action = &self.action;
        if action.is_empty() || !action.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Error::invalid(format!("{action:?} is not the name of an API operation")));
        }
        if self.get && !self.form.is_empty() {
            return Err(Error::invalid(format!("{action}: a GET cannot have parameters in the body")));
        }
        let mut seen: Vec<&str> = COMMON.to_vec();
        for (name, _) in self.query.iter().chain(&self.form) {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
                return Err(Error::invalid(format!("{action}: {name:?} is not the name of a parameter")));
            }
            if COMMON.contains(&name.as_str()) {
                return Err(Error::invalid(format!("{action}: the library itself sets the parameter {name}")));
            }
            if seen.contains(&name.as_str()) {
                return Err(Error::invalid(format!("{action}: the parameter {name} is given twice")));
            }
            seen.push(name);
        }
        Ok(())
    }
}

/// The parameters that signature V2 adds.
const COMMON: [&str; 10] = [
    "AccessKeyId",
    "Action",
    "Format",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// Shows only names: values may be secrets or messages.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.query.iter().chain(&self.form).map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Call")
            .field("action", &self.action)
            .field("parameters", &names)
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Fate};

    #[test]
    fn lists_are_numbered() {
        let call = Call::new("X").list("ClientIdList", ["a", "b"]).parameter("Y", "c");
        assert_eq!(call.query(), [("ClientIdList.1", "a"), ("ClientIdList.2", "b"), ("Y", "c")]);
        assert!(call.check().is_ok());
    }

    #[test]
    fn debug_shows_no_values() {
        let call = Call::new("X").parameter("Token", "geheim-1").form("Secret", "geheim-2").hide("Secret");
        let shown = format!("{call:?}");
        assert!(shown.contains("Token") && shown.contains("Secret") && !shown.contains("geheim"), "{shown}");
        assert_eq!(call.secrets().collect::<Vec<_>>(), ["geheim-2"]);
    }

    #[test]
    fn names_that_cannot_be_right_are_refused() {
        for bad in [
            Call::new(""),
            Call::new("List Instances"),
            Call::new("X\r\ny"),
            Call::new("X").parameter("", "v"),
            Call::new("X").parameter("a&b", "v"),
            Call::new("X").parameter("\u{4e2d}", "v"),
            Call::new("X").parameter("a", "v").form("a", "v"),
            Call::new("X").parameter("Signature", "v"),
            Call::new("X").form("a", "v").get(),
        ] {
            let error = bad.check().unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{bad:?}");
        }
    }
}
