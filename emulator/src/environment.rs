//! The environment variables that a client in any language needs to use an emulator, and their form for a shell.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use crate::emulator::Emulator;
use crate::error::Error;
use crate::settings::DEFAULT_REGION_ID;
use crate::token::Permission;

/// The longest lifetime of a token.
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a client connects to the emulator. Parsed from and displayed as `tcp`, `tls`, `ws` or `wss`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `mqtt://127.0.0.1:PORT`
    #[default]
    Tcp,
    /// `mqtts://localhost:PORT`
    Tls,
    /// `ws://127.0.0.1:PORT/mqtt`
    Ws,
    /// `wss://localhost:PORT/mqtt`
    Wss,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// Returns true for the transports over TLS, for which a client needs the CA certificate.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        })
    }
}

impl FromStr for Transport {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|transport| transport.to_string() == text);
        named
            .ok_or_else(|| Error::Invalid(format!("the transport {text:?} is unknown; it must be tcp, tls, ws or wss")))
    }
}

/// How variables are written. Parsed from and displayed as `shell`, `powershell` or `plain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `export NAME='VALUE'`, for a POSIX shell.
    #[default]
    Shell,
    /// `$env:NAME = 'VALUE'`, for PowerShell.
    PowerShell,
    /// `NAME=VALUE` as it is, for `docker run --env-file` and the like.
    Plain,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Shell, Self::PowerShell, Self::Plain];

    /// Returns the line that sets a variable.
    #[must_use]
    pub fn line(self, name: &str, value: &str) -> String {
        match self {
            Self::Shell => format!("export {name}={}", quoted(value)),
            Self::PowerShell => format!("$env:{name} = '{}'", powershell_quoted(value)),
            Self::Plain => format!("{name}={value}"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Shell => "shell",
            Self::PowerShell => "powershell",
            Self::Plain => "plain",
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let named = Self::ALL.into_iter().find(|format| format.to_string() == text);
        named.ok_or_else(|| {
            Error::Invalid(format!("the format {text:?} is unknown; it must be shell, powershell or plain"))
        })
    }
}

/// The names and values of environment variables, as programs built on `aliyun-mqtt` read them.
///
/// `Display` writes a line `export NAME=VALUE` for each, quoted so that a POSIX shell reads every value unchanged.
/// `Debug` hides the values. The secrets among them are made up, but give access to this emulator.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(&'static str, String)>,
}

impl Environment {
    /// Returns the variables, in the order of `Display`.
    #[must_use]
    pub fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }

    /// Returns the value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the lines that set the variables.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        self.variables.iter().map(|(name, value)| format.line(name, value) + "\n").collect()
    }

    pub(crate) fn push(&mut self, name: &'static str, value: String) {
        self.variables.push((name, value));
    }

    /// Adds a variable before all others.
    #[cfg(feature = "program")]
    pub(crate) fn push_front(&mut self, name: &'static str, value: String) {
        self.variables.insert(0, (name, value));
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Format::Shell))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.iter().map(|(name, _)| name)).finish()
    }
}

impl Emulator {
    /// Returns the environment for a client over this transport: the endpoints of MQTT and of the OpenAPI (over HTTPS
    /// if the transport is over TLS), region, instance, group, parent topic, AccessKey, and a new token for all topics
    /// below the parent topic, valid for 30 days; and URL and token of the control API, if there is one.
    ///
    /// With a `ca_file`, writes the CA certificate to it, as PEM, and sets `ALIYUN_MQTT_CA_FILE` to its absolute path.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a transport over TLS without a `ca_file`, because no client could verify the certificate,
    /// and for a path that is not UTF-8; [`Error::Io`] if the file cannot be written.
    pub fn environment(&self, transport: Transport, ca_file: Option<&Path>) -> Result<Environment, Error> {
        if transport.is_tls() && ca_file.is_none() {
            let why = "needs a file for the CA certificate, or no client could verify the server";
            return Err(Error::Invalid(format!("the transport {transport} {why}")));
        }
        let endpoint = match transport {
            Transport::Tcp => self.endpoint(),
            Transport::Tls => self.tls_endpoint(),
            Transport::Ws => self.ws_endpoint(),
            Transport::Wss => self.wss_endpoint(),
        };
        let api_endpoint = if transport.is_tls() { self.api_tls_endpoint() } else { self.api_endpoint() };
        let everything = format!("{}/#", self.parent_topic());
        let token = self.issue_token(Permission::ReadWrite, &[&everything], THIRTY_DAYS);
        let mut variables = vec![
            ("ALIYUN_MQTT_ENDPOINT", endpoint),
            ("ALIYUN_MQTT_INSTANCE_ID", self.instance_id().to_owned()),
            ("ALIYUN_MQTT_GROUP_ID", self.group_id().to_owned()),
            ("ALIYUN_MQTT_TOPIC", self.parent_topic().to_owned()),
            ("ALIYUN_MQTT_API_ENDPOINT", api_endpoint),
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", self.access_key_id().to_owned()),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", self.access_key_secret().to_owned()),
            ("ALIYUN_MQTT_TOKEN", format!("RW|{token}")),
        ];
        if let Some(path) = ca_file {
            variables.push(("ALIYUN_MQTT_CA_FILE", self.write_ca(path)?));
        }
        variables.push(("ALIYUN_MQTT_REGION_ID", DEFAULT_REGION_ID.to_owned()));
        if let (Some(url), Some(token)) = (self.control_url(), self.control_token()) {
            variables.push(("ALIYUN_MQTT_EMULATOR_CONTROL_URL", url));
            variables.push(("ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN", token.to_owned()));
        }
        if let Some((name, _)) = variables.iter().find(|(_, value)| value.contains(char::is_control)) {
            // The form `plain` has no way to write it, and no program expects it.
            return Err(Error::Invalid(format!("the value of {name} has a line break or another control character")));
        }
        Ok(Environment { variables })
    }

    /// Writes the CA certificate and returns the absolute path of the file.
    fn write_ca(&self, path: &Path) -> Result<String, Error> {
        let failed = |error| Error::io(format!("write {}", path.display()), error);
        let absolute = std::path::absolute(path).map_err(failed)?;
        let shown =
            absolute.to_str().ok_or_else(|| Error::Invalid(format!("the path {} is not UTF-8", absolute.display())))?;
        std::fs::write(&absolute, self.ca_pem()).map_err(failed)?;
        Ok(shown.to_owned())
    }
}

/// Doubles what PowerShell takes for the end of a text in single quotes: five characters.
fn powershell_quoted(value: &str) -> String {
    const QUOTES: [char; 5] = ['\'', '\u{2018}', '\u{2019}', '\u{201A}', '\u{201B}'];
    value.chars().flat_map(|c| std::iter::repeat_n(c, if QUOTES.contains(&c) { 2 } else { 1 })).collect()
}

/// Quotes a value for a shell, unless it has no special characters.
fn quoted(value: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if value.bytes().all(harmless) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_safe_in_a_shell() {
        assert_eq!(quoted("mqtt://127.0.0.1:1883"), "mqtt://127.0.0.1:1883");
        assert_eq!(quoted("a b'c"), r"'a b'\''c'");
        assert_eq!(quoted("$(x) `y` \"z\" !"), r#"'$(x) `y` "z" !'"#);
    }

    #[test]
    fn each_format_has_its_own_lines() {
        let environment = Environment { variables: vec![("A", "x".into()), ("B", "it's $1|2".into())] };
        assert_eq!(environment.text(Format::Shell), "export A=x\nexport B='it'\\''s $1|2'\n");
        assert_eq!(environment.text(Format::PowerShell), "$env:A = 'x'\n$env:B = 'it''s $1|2'\n");
        assert_eq!(environment.text(Format::Plain), "A=x\nB=it's $1|2\n");
        for quote in ['\u{2018}', '\u{2019}', '\u{201A}', '\u{201B}'] {
            let line = Format::PowerShell.line("A", &format!("x{quote}; calc; {quote}"));
            assert_eq!(line, format!("$env:A = 'x{quote}{quote}; calc; {quote}{quote}'"));
        }
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert!("bash".parse::<Format>().is_err());
    }

    #[test]
    fn transports_are_read_as_they_are_shown() {
        for transport in Transport::ALL {
            assert_eq!(transport.to_string().parse::<Transport>().unwrap(), transport);
        }
        for bad in ["", "TCP", "mqtts", "http"] {
            assert!(bad.parse::<Transport>().unwrap_err().to_string().contains("tcp, tls, ws or wss"), "{bad}");
        }
    }
}
