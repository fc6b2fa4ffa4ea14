//! The address of the API: by region, or from a URL.

use std::fmt;

use crate::config::authority::{Authority, bracketed, is_loopback};

/// Scheme, host and port of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    tls: bool,
    host: String,
    port: Option<u16>,
}

impl Address {
    /// Returns the service's own address in a region: `onsmqtt.{region}.aliyuncs.com`, or `onsmqtt-vpc.{region}...`
    /// (help page "Endpoints", alibabacloud.com/help/en/doc-detail/181438.htm; official SDK). The error is the broken
    /// rule.
    pub(super) fn of_region(region: &str, vpc: bool) -> Result<Self, String> {
        check_region(region)?;
        if vpc && region == PUBLIC {
            return Err(format!("the region {PUBLIC} has no VPC endpoint"));
        }
        let network = if vpc { "-vpc" } else { "" };
        Ok(Address { tls: true, host: format!("onsmqtt{network}.{region}.aliyuncs.com"), port: None })
    }

    /// Parses `https://host[:port]`; `http://` for this machine only. The error is the broken rule.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        // Before anything else, because no part of such a text may be shown: user info contains a password.
        if text.contains('@') {
            return Err("the URL contains '@'; keys go into access_key".to_string());
        }
        let (shown, _) = apart(text);
        let (scheme, rest) =
            shown.split_once("://").map_or(("", text), |(scheme, _)| (scheme, &text[scheme.len() + 3..]));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            "" => return Err(format!("{shown:?} is not a URL; write https://{shown}")),
            _ => return Err(format!("the URL {shown:?} has the scheme {scheme:?}; it must be https")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(format!("the URL of {shown} has a path or a query; the API has neither"));
        }
        let Authority { host, port } = Authority::parse(authority)?;
        if !tls && !is_loopback(&host) {
            return Err(format!("the URL {shown:?} is not encrypted; plain http is for this machine only"));
        }
        let port = port.filter(|port| *port != if tls { 443 } else { 80 });
        Ok(Address { tls, host, port })
    }

    /// Parses the URL of a file, `http://host[:port][/path][?query]` or the same with `https`, and returns its path and
    /// query, too. Plain `http` is for any host. The error is the broken rule.
    pub(super) fn of_file(text: &str) -> Result<(Self, String), String> {
        if text.contains('@') {
            return Err("the URL contains '@'; it cannot have a user name or a password".to_string());
        }
        let (shown, file) = apart(text);
        let (scheme, authority) = shown.split_once("://").unwrap_or(("", shown));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("{shown:?} is not a URL that begins with http:// or https://")),
        };
        let file = file.split_once('#').map_or(file, |(file, _)| file);
        let Authority { host, port } = Authority::parse(authority)?;
        let port = port.filter(|port| *port != if tls { 443 } else { 80 });
        let file = if file.starts_with('/') { file.to_string() } else { format!("/{file}") };
        Ok((Address { tls, host, port }, file))
    }

    /// Returns true if the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Returns true for https.
    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns the host without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port: as given, or the default of the scheme.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// Returns host and port as in the `Host` header: with the port, if it is not the default of the scheme.
    pub(super) fn authority(&self) -> String {
        let host = bracketed(&self.host);
        match self.port {
            Some(port) => format!("{host}:{port}"),
            None => host.into_owned(),
        }
    }

    /// Returns the region in one of the service's own host names.
    pub(super) fn region(&self) -> Option<&str> {
        let (service, rest) = self.host.split_once('.')?;
        let region = rest.strip_suffix(".aliyuncs.com")?;
        (matches!(service, "onsmqtt" | "onsmqtt-vpc") && check_region(region).is_ok()).then_some(region)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

/// Splits a URL, or what should be one, before its path and query: these may hold a token and are never shown.
fn apart(text: &str) -> (&str, &str) {
    let start = text.find(['/', '?', '#']).filter(|at| text[*at..].starts_with("//") && text[..*at].ends_with(':'));
    let start = start.map_or(0, |at| at + 2);
    text.split_at(text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at))
}

/// The "public network" region.
const PUBLIC: &str = "mq-internet-access";

/// The error is the broken rule.
pub(super) fn check_region(region: &str) -> Result<(), String> {
    if region.is_empty() {
        return Err("the region is empty".to_string());
    }
    match region.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        Some(bad) => Err(format!("region {region:?} contains {bad:?}; a region id is like cn-hangzhou")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_hosts() {
        let public = Address::of_region("cn-hangzhou", false).unwrap();
        assert_eq!(public.to_string(), "https://onsmqtt.cn-hangzhou.aliyuncs.com");
        assert_eq!((public.host(), public.port()), ("onsmqtt.cn-hangzhou.aliyuncs.com", 443));
        let vpc = Address::of_region("cn-hangzhou", true).unwrap();
        assert_eq!(vpc.to_string(), "https://onsmqtt-vpc.cn-hangzhou.aliyuncs.com");
        assert_eq!((public.region(), vpc.region()), (Some("cn-hangzhou"), Some("cn-hangzhou")));
        assert!(Address::of_region(PUBLIC, false).is_ok() && Address::of_region(PUBLIC, true).is_err());
        for bad in ["", "cn hangzhou", "CN-HANGZHOU", "cn.hangzhou", "evil.com/"] {
            assert!(Address::of_region(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn urls() {
        for (text, shown, authority) in [
            ("https://host", "https://host", "host"),
            ("HTTPS://host:443/", "https://host", "host"),
            ("https://host:8443", "https://host:8443", "host:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1"),
            ("http://localhost:8080", "http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080", "[::1]:8080"),
        ] {
            let address = Address::read(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.authority().as_str()), (shown, authority));
            assert_eq!(address.region(), None);
        }
        let own = Address::read("https://onsmqtt.cn-beijing.aliyuncs.com").unwrap();
        assert_eq!(own.region(), Some("cn-beijing"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, rule) in [
            ("host", "https://host"),
            ("http://example.com", "not encrypted"),
            ("http://10.0.0.1", "not encrypted"),
            ("ftp://host", "ftp"),
            ("https://host/path", "path"),
            ("https://host?x=y", "query"),
            ("https://", "no host"),
            ("https://host:0", "port"),
            ("https://ho st", "' '"),
        ] {
            let error = Address::read(text).unwrap_err();
            assert!(error.contains(rule), "{text}: {error}");
        }
        for text in ["https://user:geheim@host", "host/geheim?x=geheim", "https://host/geheim", "a?geheim=b://c"] {
            let error = Address::read(text).unwrap_err();
            assert!(!error.contains("geheim"), "{error}");
        }
        for text in
            ["127.0.0.1:80/geheim?token=geheim", "host?geheim=http://x", "ftp://host/geheim", "http://a b/geheim"]
        {
            let error = Address::of_file(text).unwrap_err();
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}
