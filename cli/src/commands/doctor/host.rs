//! Reads the host name of an endpoint: it names an instance, or another kind of address, or nothing known.

/// The kind of a host name. The forms are those of the help pages "Use ApsaraMQ for MQTT SDK for Java" and 335178.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host<'a> {
    Instance {
        id: &'a str,
        vpc: bool,
    },
    /// An endpoint for the cloud SDK.
    Server,
    Api,
    Other,
}

impl<'a> Host<'a> {
    pub(super) fn read(host: &'a str) -> Self {
        let Some(label) = host.strip_suffix(".mqtt.aliyuncs.com") else {
            let api = host.starts_with("onsmqtt") && host.ends_with(".aliyuncs.com");
            return if api { Host::Api } else { Host::Other };
        };
        if label.ends_with("-server-internet") || label.ends_with("-server-internal") {
            return Host::Server;
        }
        let inner = label.strip_suffix("-internal-vpc").or_else(|| label.strip_suffix("-internal"));
        Host::Instance { id: inner.unwrap_or(label), vpc: inner.is_some() }
    }
}

/// Returns true if the host is reachable only inside a VPC.
pub(super) fn is_vpc(host: &str) -> bool {
    matches!(Host::read(&host.to_ascii_lowercase()), Host::Instance { vpc: true, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_says_whose_it_is() {
        let instance = |id, vpc| Host::Instance { id, vpc };
        for (host, expected) in [
            ("post-cn-x.mqtt.aliyuncs.com", instance("post-cn-x", false)),
            ("post-cn-x-internal-vpc.mqtt.aliyuncs.com", instance("post-cn-x", true)),
            ("post-cn-x-internal.mqtt.aliyuncs.com", instance("post-cn-x", true)),
            ("post-cn-x-server-internet.mqtt.aliyuncs.com", Host::Server),
            ("onsmqtt.cn-hangzhou.aliyuncs.com", Host::Api),
            ("mqtt.example.com", Host::Other),
            ("localhost", Host::Other),
        ] {
            assert_eq!(Host::read(host), expected, "{host}");
        }
    }
}
