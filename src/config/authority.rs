//! The part of a URL that names a host: `[user info@]host[:port]`, with an IPv6 address in brackets. Endpoints, the
//! API's URL and proxies are read by this parser only.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// The host name or address; an IPv6 address without brackets.
    pub(crate) host: String,
    /// The port, if one is given: 1 to 65,535.
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Parses `host[:port]`. The error is the broken rule.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, port) = rest.split_once(']').ok_or_else(|| format!("the host {text:?} has no closing ']'"))?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(format!("the host {host:?} in brackets is not an IPv6 address"));
            }
            match port.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if port.is_empty() => (host, None),
                None => return Err(format!("{port:?} after the host {host:?} is not a port")),
            }
        } else {
            if text.parse::<Ipv6Addr>().is_ok() || text.matches(':').count() > 1 {
                return Err(format!("the host {text:?} has several ':'; write an IPv6 address in brackets: [::1]"));
            }
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            check_host(host)?;
            (host, port)
        };
        Ok(Authority { host: host.to_string(), port: port.map(parse_port).transpose()? })
    }
}

/// Splits user info from a host and port, at the last `@`: many people write an `@` of a password as it is.
pub(crate) fn split_user_info(text: &str) -> (Option<&str>, &str) {
    text.rsplit_once('@').map_or((None, text), |(info, rest)| (Some(info), rest))
}

/// Returns a host as it is written in a URL: an IPv6 address in brackets.
pub(crate) fn bracketed(host: &str) -> Cow<'_, str> {
    if host.contains(':') { Cow::Owned(format!("[{host}]")) } else { Cow::Borrowed(host) }
}

/// Returns true if this host, without brackets, is this machine: `localhost`, a name below it, or a loopback address.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let host = host.to_ascii_lowercase();
            let host = host.strip_suffix('.').unwrap_or(&host);
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

/// Checks a host name against the rules of DNS and TLS. The error is the broken rule.
pub(crate) fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("it has no host".to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    if let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        let advice = if bad.is_ascii() { "" } else { "; write international names in their xn-- form" };
        return Err(format!("the host {host:?} contains {bad:?}{advice}"));
    }
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(format!("the host {host:?} is not a host name: a part between dots is empty or too long"));
    }
    Ok(())
}

fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        // `parse` alone would accept "+1".
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(format!("the port {text:?} is not a number from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("host", "host", None),
            ("host:1", "host", Some(1)),
            ("Host_1.example.:65535", "Host_1.example.", Some(65_535)),
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("[::1]", "::1", None),
            ("[2001:db8::1]:8883", "2001:db8::1", Some(8883)),
        ] {
            let authority = Authority::parse(text).unwrap();
            assert_eq!((authority.host.as_str(), authority.port), (host, port), "{text}");
            let port = port.map_or(String::new(), |port| format!(":{port}"));
            assert_eq!(format!("{}{port}", bracketed(&authority.host)), text);
        }
    }

    #[test]
    fn broken_rules_are_told() {
        for (text, rule) in [
            ("", "no host"),
            (":1", "no host"),
            ("a b", "' '"),
            ("h\u{4e2d}", "xn--"),
            ("a..b", "empty or too long"),
            ("::1", "brackets"),
            ("host:1:2", "brackets"),
            ("[::1", "closing"),
            ("[host]:1", "not an IPv6 address"),
            ("[::1]x", "not a port"),
            ("host:", "1 to 65535"),
            ("host:0", "1 to 65535"),
            ("host:+1", "1 to 65535"),
            ("host:65536", "1 to 65535"),
        ] {
            let error = Authority::parse(text).unwrap_err();
            assert!(error.contains(rule), "{text}: {error}");
        }
    }

    #[test]
    fn user_info_ends_at_the_last_at_sign() {
        assert_eq!(split_user_info("host:1"), (None, "host:1"));
        assert_eq!(split_user_info("user:p@ss@host:1"), (Some("user:p@ss"), "host:1"));
        assert_eq!(split_user_info("@"), (Some(""), ""));
    }

    #[test]
    fn this_machine_has_several_names() {
        for host in ["localhost", "LocalHost.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "::2", "host"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
