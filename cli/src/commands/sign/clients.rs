//! The login in the form that other MQTT clients take: a command, a connection to import, or a few lines of a program.

use std::path::Path;

use aliyun_mqtt::{Config, Endpoint, Login, Protocol, Transport};
use clap::ValueEnum;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::exit::{Failure, Result};
use crate::lang::phrase;
use crate::output::{MASKED, Out};
use crate::report;
use crate::settings::{Key, Settings};

/// The clients for which a login can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// The commands mosquitto_pub and mosquitto_sub
    Mosquitto,
    /// A connection that MQTTX imports, as JSON
    Mqttx,
    /// A program in Python with paho-mqtt 2
    Paho,
}

/// Prints the login for this client. Without `reveal` the password is masked.
pub(super) fn print(client: Client, settings: &Settings, login: &Login, reveal: bool) -> Result<()> {
    let config = settings.builder()?.build()?;
    if config.proxy().is_some() {
        report::warning("the proxy is left out: the other client would connect without it");
    }
    let connection = Connection {
        endpoint: config.endpoint(),
        username: login.username(),
        password: if reveal { login.password() } else { MASKED },
        ca: file(settings, Key::CaFile)?,
        certificate: file(settings, Key::ClientCertFile)?.zip(file(settings, Key::ClientKeyFile)?),
        config: &config,
    };
    let mut out = Out::new();
    match client {
        Client::Mosquitto => lines(&mut out, &connection.mosquitto(settings.needed(Key::Topic)?)?)?,
        Client::Paho => lines(&mut out, &connection.paho(settings.needed(Key::Topic)?))?,
        Client::Mqttx => out.json(&connection.mqttx()?)?,
    }
    if !reveal {
        report::note(format!("The password is shown as {MASKED}; --reveal writes it out."));
    }
    Ok(())
}

fn lines(out: &mut Out, lines: &[String]) -> Result<()> {
    lines.iter().try_for_each(|line| Ok(out.line(line)?))
}

/// The path of a file that is set, as text.
fn file(settings: &Settings, key: Key) -> Result<Option<&str>> {
    let text = |path: &Path| Failure::usage(format!("{} is not valid UTF-8", path.display()));
    settings.path(key).map(|path| path.to_str().ok_or_else(|| text(path))).transpose()
}

/// Everything a client needs to connect.
struct Connection<'a> {
    config: &'a Config,
    endpoint: &'a Endpoint,
    username: &'a str,
    password: &'a str,
    ca: Option<&'a str>,
    /// The files with the client certificate and its key.
    certificate: Option<(&'a str, &'a str)>,
}

impl Connection<'_> {
    fn client_id(&self) -> &str {
        self.config.client_id().as_str()
    }

    fn is_tls(&self) -> bool {
        self.endpoint.transport().is_tls()
    }

    fn is_websocket(&self) -> bool {
        matches!(self.endpoint.transport(), Transport::Ws | Transport::Wss)
    }

    fn is_mqtt_5(&self) -> bool {
        self.config.protocol() == Protocol::V5
    }

    /// Two commands for a POSIX shell.
    fn mosquitto(&self, parent: &str) -> Result<Vec<String>> {
        if self.is_websocket() {
            let failure = Failure::usage(format!("mosquitto_pub has no WebSocket, which {} is", self.endpoint));
            return Err(failure.hint(phrase!("give the endpoint as mqtt:// or mqtts://")));
        }
        let (port, keep_alive) = (self.endpoint.port().to_string(), self.config.keep_alive().as_secs().to_string());
        let mut arguments = vec!["-V", if self.is_mqtt_5() { "mqttv5" } else { "mqttv311" }];
        arguments.extend(["-h", self.endpoint.host(), "-p", &port, "-k", &keep_alive]);
        arguments.extend(["-i", self.client_id(), "-u", self.username, "-P", self.password]);
        if self.is_tls() {
            match self.ca {
                Some(ca) => arguments.extend(["--cafile", ca]),
                None => arguments.push("--tls-use-os-certs"),
            }
            if let Some((certificate, key)) = self.certificate {
                arguments.extend(["--cert", certificate, "--key", key]);
            }
        }
        let expiry = self.config.session_expiry().map(|expiry| expiry.as_secs().to_string());
        if !self.config.clean_session() {
            arguments.push("-c");
            if let Some(expiry) = &expiry {
                arguments.extend(["-x", expiry]);
            }
        }
        let (topic, filter) = (format!("{parent}/hello"), format!("{parent}/#"));
        let command = |name, own: &[&str]| {
            let words: Vec<String> = [&[name], &arguments[..], own].concat().into_iter().map(shell_word).collect();
            words.join(" ")
        };
        Ok(vec![
            "# One at a time: both have the same client id, and the service closes the older of two connections."
                .to_string(),
            "# While a command runs, other users of this machine can see its password in the list of processes."
                .to_string(),
            command("mosquitto_pub", &["-q", "1", "-t", &topic, "-m", "Hello"]),
            command("mosquitto_sub", &["-q", "1", "-v", "-t", &filter]),
        ])
    }

    /// A file for "Import Data" in MQTTX, which takes a list of connections in its own form.
    fn mqttx(&self) -> Result<Value> {
        let (certificate, key) = self.certificate.unwrap_or_default();
        if self.certificate.is_some() && self.ca.is_none() {
            let failure = Failure::usage("MQTTX takes a client certificate only together with a CA file");
            return Err(failure.hint(phrase!("give ca_file (--ca-file), too")));
        }
        let certificates = match (self.is_tls(), self.ca) {
            (false, _) => "",
            (true, None) => "server",
            (true, Some(_)) => "self",
        };
        Ok(json!([{
            // MQTTX tells connections apart by it: importing the same one again replaces it.
            "id": uuid(&format!("{} {}", self.endpoint, self.client_id())),
            "name": self.client_id(),
            "clientId": self.client_id(),
            "protocol": self.endpoint.transport().scheme(),
            "host": self.endpoint.host(),
            "port": self.endpoint.port(),
            "path": if self.endpoint.path().is_empty() { "/mqtt" } else { self.endpoint.path() },
            "username": self.username,
            "password": self.password,
            "clean": self.config.clean_session(),
            "keepalive": self.config.keep_alive().as_secs(),
            "connectTimeout": self.config.timeout().as_secs(),
            "reconnect": true,
            "mqttVersion": if self.is_mqtt_5() { "5.0" } else { "3.1.1" },
            "ssl": self.is_tls(),
            "certType": certificates,
            "rejectUnauthorized": true,
            "ca": self.ca.unwrap_or_default(),
            "cert": certificate,
            "key": key,
            // A time behind the client id would make another client id of it, and the login wrong.
            "clientIdWithTime": false,
            "properties": { "sessionExpiryInterval": self.config.session_expiry().map(|expiry| expiry.as_secs()) },
            "will": { "lastWillTopic": "", "lastWillPayload": "", "lastWillQos": 0, "lastWillRetain": false },
            "messages": [],
            "subscriptions": [],
            "unreadMessageCount": 0,
            "isCollection": false,
        }]))
    }

    /// A program that receives everything below the parent topic.
    fn paho(&self, parent: &str) -> Vec<String> {
        let text = |text: &str| Value::from(text).to_string();
        let truth = |truth: bool| if truth { "True" } else { "False" };
        let mut lines = vec!["import paho.mqtt.client as mqtt  # pip install \"paho-mqtt>=2\"".to_string()];
        let expiry = self.config.session_expiry().filter(|_| !self.config.clean_session());
        if expiry.is_some() {
            lines.push("from paho.mqtt.packettypes import PacketTypes".to_string());
            lines.push("from paho.mqtt.properties import Properties".to_string());
        }
        lines.extend([String::new(), "client = mqtt.Client(".to_string()]);
        lines.push("    mqtt.CallbackAPIVersion.VERSION2,".to_string());
        lines.push(format!("    client_id={},", text(self.client_id())));
        if self.is_mqtt_5() {
            lines.push("    protocol=mqtt.MQTTv5,".to_string());
        } else {
            lines.push(format!("    clean_session={},", truth(self.config.clean_session())));
        }
        if self.is_websocket() {
            lines.push("    transport=\"websockets\",".to_string());
        }
        lines.push(")".to_string());
        lines.push(format!("client.username_pw_set({}, {})", text(self.username), text(self.password)));
        if self.is_tls() {
            let files = [("ca_certs", self.ca), ("certfile", self.certificate.map(|(certificate, _)| certificate))];
            let files = files.into_iter().chain([("keyfile", self.certificate.map(|(_, key)| key))]);
            let given: Vec<String> = files.filter_map(|(name, path)| Some(format!("{name}={}", text(path?)))).collect();
            lines.push(format!("client.tls_set({})", given.join(", ")));
        }
        if self.is_websocket() {
            let path = if self.endpoint.path().is_empty() { "/mqtt" } else { self.endpoint.path() };
            lines.push(format!("client.ws_set_options(path={})", text(path)));
        }
        let filter = text(&format!("{parent}/#"));
        lines.extend(["", "", "def on_connect(client, userdata, flags, reason_code, properties):"].map(str::to_string));
        lines.push("    print(\"connected:\", reason_code)".to_string());
        lines.push("    if not reason_code.is_failure:".to_string());
        lines.push(format!("        client.subscribe({filter}, qos=1)"));
        lines.extend(["", "", "def on_message(client, userdata, message):"].map(str::to_string));
        lines.push("    print(message.topic, message.payload)".to_string());
        lines.extend(["", "", "client.on_connect = on_connect", "client.on_message = on_message"].map(str::to_string));
        let mut connect = format!(
            "client.connect({}, {}, keepalive={}",
            text(self.endpoint.host()),
            self.endpoint.port(),
            self.config.keep_alive().as_secs()
        );
        if self.is_mqtt_5() {
            connect.push_str(&format!(", clean_start={}", truth(self.config.clean_session())));
        }
        if let Some(expiry) = expiry {
            lines.push("properties = Properties(PacketTypes.CONNECT)".to_string());
            lines.push(format!("properties.SessionExpiryInterval = {}", expiry.as_secs()));
            connect.push_str(", properties=properties");
        }
        lines.extend([format!("{connect})"), "client.loop_forever()".to_string()]);
        lines
    }
}

/// A word as a POSIX shell takes it: whatever could mean something to it stands in single quotes.
fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A UUID that depends on the name alone (RFC 9562, version 5, in a namespace of zeros).
fn uuid(name: &str) -> String {
    let hash = Sha1::new().chain_update([0; 16]).chain_update(name).finalize();
    let mut bytes: Vec<u8> = hash.iter().copied().take(16).collect();
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_each_word_as_it_is() {
        for (word, quoted) in [
            ("GID_a@@@0001", "GID_a@@@0001"),
            ("Signature|id|mqtt-x", "'Signature|id|mqtt-x'"),
            ("vI0+9=", "'vI0+9='"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("demo/#", "'demo/#'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), quoted);
        }
    }

    /// As Python's `uuid.uuid5(uuid.UUID(int=0), "demo")` has it.
    #[test]
    fn a_name_has_always_the_same_uuid() {
        assert_eq!(uuid("demo"), "7c97e293-79e5-5680-b0c1-fd4301ac31b8");
    }
}
