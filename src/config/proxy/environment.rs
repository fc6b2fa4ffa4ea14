//! The proxy variables that many programs share: the proxy to use, and the exceptions.

use std::net::IpAddr;

use super::Proxy;
use crate::config::authority::{check_host, is_loopback};
use crate::config::environment::{HTTPS_PROXY, NO_PROXY, Variables};
use crate::error::{Error, Result};

/// The values of the shared variables at the time of reading.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Environment {
    /// The variable's name, and the parsed proxy or its fault.
    proxy: Option<(&'static str, Result<Proxy, String>)>,
    exceptions: Exceptions,
}

impl Environment {
    /// # Errors
    /// `Config`: a variable is not valid UTF-8.
    pub(super) fn read(variables: &Variables) -> Result<Self> {
        let first = |names: &[&'static str]| {
            let Some(name) = variables.first_set(names) else { return Ok(None) };
            variables.needed(name).map(|text| Some((name, text)))
        };
        let proxy = first(&HTTPS_PROXY)?.map(|(name, text)| (name, Proxy::read(text)));
        let exceptions = match first(&NO_PROXY)? {
            None => Exceptions::default(),
            Some((name, text)) => {
                let (exceptions, useless) = Exceptions::read(text);
                if proxy.is_some() {
                    for entry in useless {
                        log::warn!(
                            "{name}: the entry {entry:?} can never match; write a host name, an address or a network, \
                             each but a network also with :port"
                        );
                    }
                }
                exceptions
            }
        };
        Ok(Environment { proxy, exceptions })
    }

    /// Returns the proxy for this host (without brackets) and port; `None` for this machine, and if there is none.
    ///
    /// # Errors
    /// `Config`: the variable does not name a usable proxy.
    pub(super) fn proxy_for(&self, host: &str, port: u16) -> Result<Option<Proxy>> {
        match &self.proxy {
            Some((name, proxy)) if !is_loopback(host) && !self.exceptions.has(host, port) => {
                proxy.clone().map(Some).map_err(|rule| Error::config(format!("{name}: {rule}")))
            }
            _ => Ok(None),
        }
    }
}

/// `no_proxy`: entries separated by commas or spaces, each for all ports or for one.
#[derive(Debug, Clone, Default, PartialEq)]
struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone, PartialEq)]
struct Exception {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Everything,
    /// In lower case, without dots around it: this name, and those below it.
    Domain(String),
    /// The addresses that begin with these bits.
    Network(IpAddr, u32),
}

impl Exceptions {
    /// Parses a list. Returns also the entries that are invalid, which are ignored, as in other programs.
    fn read(text: &str) -> (Self, Vec<&str>) {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let (mut exceptions, mut useless) = (Vec::new(), Vec::new());
        for entry in entries {
            match Exception::read(entry) {
                Some(exception) => exceptions.push(exception),
                None => useless.push(entry),
            }
        }
        (Exceptions(exceptions), useless)
    }

    /// Names are not looked up, so a name is never part of a network.
    fn has(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        self.0.iter().any(|entry| entry.port.is_none_or(|own| own == port) && entry.what.has(host, address))
    }
}

impl Exception {
    fn read(entry: &str) -> Option<Self> {
        let entry = entry.to_ascii_lowercase();
        if let Some(what) = What::network(&entry) {
            return Some(Exception { what, port: None });
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (entry.as_str(), None),
        };
        let what = match What::network(name) {
            Some(what) => what,
            None if name == "*" => What::Everything,
            None => What::domain(name)?,
        };
        Some(Exception { what, port })
    }
}

impl What {
    /// `10.0.0.0/8`, `10.0.0.1`, `::1`, `[::1]`.
    fn network(text: &str) -> Option<Self> {
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= width(address))?;
            // Canonical, like the addresses it is compared with.
            return Some(match (address.to_canonical(), bits.checked_sub(128 - 32)) {
                (canonical @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => What::Network(canonical, bits),
                _ => What::Network(address, bits),
            });
        }
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let address = bare.parse::<IpAddr>().ok()?.to_canonical();
        Some(What::Network(address, width(address)))
    }

    /// `example.com`, `.example.com`, `*.example.com`: all the same.
    fn domain(text: &str) -> Option<Self> {
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        let name = name.strip_suffix('.').unwrap_or(name);
        // A name that no endpoint can have is useless; digits alone are part of an address, not a name.
        let number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (!number && check_host(name).is_ok()).then(|| What::Domain(name.to_string()))
    }

    fn has(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (What::Everything, _) => true,
            (What::Domain(name), None) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (What::Network(network, bits), Some(address)) => {
                let all = width(*network);
                // All bits shifted out would overflow.
                let cut = |address| number(address).checked_shr(all - bits).unwrap_or(0);
                all == width(address) && cut(*network) == cut(address)
            }
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    /// Returns the proxy of these variables for this target, as displayed, or the error.
    fn proxy(variables: &[(&str, &str)], host: &str, port: u16) -> Option<String> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let environment = Environment::read(&Variables::from_lookup(lookup)).unwrap();
        match environment.proxy_for(host, port) {
            Ok(proxy) => proxy.map(|proxy| proxy.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn the_first_variable_counts() {
        let order = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        for (at, name) in order.iter().enumerate() {
            let variables: Vec<_> = order[at..]
                .iter()
                .map(|other| (*other, if other == name { "first.example:1" } else { "later.example:1" }))
                .collect();
            assert_eq!(proxy(&variables, "h", 1).as_deref(), Some("http://first.example:1"), "{name}");
            // An empty one counts as not set.
            let emptied: Vec<_> = order[..at].iter().map(|empty| (*empty, "")).chain(variables).collect();
            assert_eq!(proxy(&emptied, "h", 1).as_deref(), Some("http://first.example:1"), "{name}");
        }
        for other in ["http_proxy", "HTTP_PROXY", "proxy"] {
            assert_eq!(proxy(&[(other, "x:1")], "h", 1), None);
        }
        let both = [("https_proxy", "x:1"), ("no_proxy", "a"), ("NO_PROXY", "b")];
        assert_eq!((proxy(&both, "a", 1), proxy(&both, "b", 1).is_some()), (None, true));
    }

    #[test]
    fn a_bad_variable_is_named_where_it_is_used() {
        let bad = [("HTTPS_PROXY", "socks5://user:geheim@x:1"), ("no_proxy", "h")];
        let text = proxy(&bad, "g", 1).unwrap();
        assert!(text.starts_with("HTTPS_PROXY: socks5://") && !text.contains("geheim"), "{text}");
        assert_eq!(proxy(&bad, "h", 1), None);
    }

    #[test]
    fn this_machine_is_reached_without_a_proxy() {
        for host in ["localhost", "a.localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(proxy(&[("https_proxy", "x:1")], host, 1883), None, "{host}");
        }
    }

    #[test]
    fn exceptions() {
        for (list, host, port, excepted) in [
            ("", "example.com", 1, false),
            ("*", "example.com", 1, true),
            ("a, *", "example.com", 1, true),
            ("example.com", "example.com", 1, true),
            ("example.com", "EXAMPLE.com.", 1, true),
            ("Example.COM.", "example.com", 1, true),
            ("example.com", "mqtt.example.com", 1, true),
            ("example.com", "myexample.com", 1, false),
            ("example.com", "example.com.cn", 1, false),
            (".example.com", "mqtt.example.com", 1, true),
            (".example.com", "example.com", 1, true),
            (".example.com", "myexample.com", 1, false),
            ("*.example.com", "mqtt.example.com", 1, true),
            ("com", "example.com", 1, true),
            ("ex*ple.com", "example.com", 1, false),
            ("a b,,c\t,example.com ", "example.com", 1, true),
            ("example.com:8883", "example.com", 8883, true),
            ("example.com:8883", "x.example.com", 8883, true),
            ("example.com:8883", "example.com", 443, false),
            ("*:8883", "example.com", 8883, true),
            ("*:8883", "example.com", 443, false),
            ("example.com:x", "example.com", 1, false),
            ("10.1.2.3", "10.1.2.3", 1, true),
            ("10.1.2.3", "10.1.2.30", 1, false),
            ("10.1.2.3:80", "10.1.2.3", 80, true),
            ("10.1.2.3:80", "10.1.2.3", 81, false),
            ("10.1.2.3", "::ffff:10.1.2.3", 1, true),
            ("2.3", "10.1.2.3", 1, false),
            ("10.0.0.0/8", "10.255.0.1", 1, true),
            ("10.0.0.0/8", "11.0.0.1", 1, false),
            ("10.1.2.3/8", "10.9.9.9", 1, true),
            ("0.0.0.0/0", "8.8.8.8", 1, true),
            ("0.0.0.0/0", "2001:db8::1", 1, false),
            ("0.0.0.0/0", "example.com", 1, false),
            ("10.0.0.0/33", "10.0.0.1", 1, false),
            ("10.0.0.0/x", "10.0.0.1", 1, false),
            ("2001:db8::1", "2001:db8::1", 1, true),
            ("[2001:DB8::1]", "2001:db8:0::1", 1, true),
            ("[2001:db8::1]:8883", "2001:db8::1", 8883, true),
            ("[2001:db8::1]:8883", "2001:db8::1", 443, false),
            ("2001:db8::/32", "2001:db8:ffff::1", 1, true),
            ("2001:db8::/32", "2001:db9::1", 1, false),
            ("::/0", "2001:db8::1", 1, true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", 1, true),
            ("::ffff:10.0.0.0/104", "11.9.9.9", 1, false),
        ] {
            let variables = [("https_proxy", "x:1"), ("no_proxy", list)];
            assert_eq!(proxy(&variables, host, port).is_none(), excepted, "{list:?} for {host}:{port}");
        }
    }

    #[test]
    fn what_can_never_match_is_found() {
        for (list, expected) in [
            ("a.example, *, .b, *.c.example, 10.0.0.0/8 ::1 [::1]:80 d:80 *:80 x_y 10.1.2.3:1", &[][..]),
            ("http://intranet/, a/b", &["http://intranet/", "a/b"]),
            ("10.0.0.0/33,10.0.0.0/x,2001:db8::/129", &["10.0.0.0/33", "10.0.0.0/x", "2001:db8::/129"]),
            ("192.168.*,192.168.,10.,256.1.1.1", &["192.168.*", "192.168.", "10.", "256.1.1.1"]),
            ("a:x,a:,a:0,a:65536", &["a:x", "a:", "a:0", "a:65536"]),
            ("ex*ple.com,a;b,<local>,fe80::1%eth0", &["ex*ple.com", "a;b", "<local>", "fe80::1%eth0"]),
            (".,a..b,user@host,例子", &[".", "a..b", "user@host", "例子"]),
        ] {
            assert_eq!(Exceptions::read(list).1, expected, "{list}");
        }
    }
}
