//! The options of other clients, and what to type here instead.

use std::path::Path;

use crate::lang::Text;

/// Options of other clients that do not exist in this program or in some commands, and what to type instead.
#[rustfmt::skip]
pub(super) const ELSEWHERE: [(&[&str], Text); 49] = [
    (&["-p", "--port", "--host", "--hostname", "-L", "--url", "-c URL", "--connection"],
        Text::of("host and port are one: -e mqtts://HOST:PORT")),
    (&["-u", "--username", "--pw", "--password"],
        Text::of("user name and password are computed from the AccessKey; custom authentication has --user and \
                  --password-file")),
    (&["--access-key-secret", "--access-key", "--secret", "--secret-key", "--device-access-key-secret", "--token"],
        Text::of("no option takes a secret, which others could read in the list of processes: name a file \
                  (--access-key-secret-file, --device-access-key-secret-file, --token-file) or set its variable, such \
                  as ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
    (&["--id", "--clientid", "-I", "--id-prefix"],
        Text::of("the client id is -i GroupID@@@DeviceID, or -g and --device-id")),
    (&["--capath", "--cafile", "--ca", "--tls-use-os-certs"],
        Text::of("--ca-file FILE; the system's certificates are trusted anyway")),
    (&["--cert", "--key", "--keyform", "--keypass"],
        Text::of("--client-cert-file and --client-key-file, both PEM and not encrypted")),
    (&["--insecure"], Text::of("certificates are always verified; add a private CA with --ca-file")),
    (&["--ciphers", "--tls-version", "--tls-alpn", "--alpn", "--tls-engine", "--tls-engine-kpass-sha1"],
        Text::of("TLS 1.2 or 1.3 is chosen automatically")),
    (&["--psk", "--psk-identity"], Text::of("the service has no pre-shared keys")),
    (&["-V", "--protocol-version", "--mqtt-version", "--MQTTversion"], Text::of("--protocol 3.1.1 or 5")),
    (&["-D", "--property"],
        Text::of("each property has an option of its own, such as --user-property K=V; see --help")),
    (&["-k", "--keepalive"], Text::of("--keep-alive SECONDS")),
    (&["-x", "-se", "--session-expiry-interval"], Text::of("--session-expiry SECONDS")),
    (&["-c", "--disable-clean-session", "--no-clean"],
        Text::of("--clean-session false, with --device-id; the receiving commands also have -c")),
    (&["-c COUNT"], Text::of("-C COUNT, and --clients NUMBER of connections")),
    (&["--clean"], Text::of("--clean-session true")),
    (&["-d", "--debug", "--trace"], Text::of("--log debug")),
    (&["-S", "--srv", "-A", "--bind-address", "--unix"], Text::of("use -e HOST, or a URL")),
    (&["--nodelay"], Text::of("TCP_NODELAY is always set")),
    (&["-r", "--retain", "--retained", "-R", "--no-retained", "--remove-retained", "--retained-only",
        "--retain-as-published", "-rap", "-rh", "--retain-handling"],
        Text::of("the service has no retained messages")),
    (&["-M", "--max-inflight"], Text::of("--window COUNT; lines of stdin as messages are -l")),
    (&["--multiline"], Text::of("-l")),
    (&["-nl", "--no_local"], Text::of("--no-local")),
    (&["-o", "--options", "-lo", "--load-options", "-so", "--save-options"],
        Text::of("--config FILE, in this program's own format: `aliyun-mqtt config init`")),
    (&["-O", "--output-mode", "--pretty"], Text::of("--json, or -F FORMAT")),
    (&["-f", "--format"], Text::of("-F FORMAT, or --json; payloads are sent as they are")),
    (&["--file-read", "--filename"], Text::of("-f FILE")),
    (&["--file-write", "--file-save"], Text::of("--output-dir DIR")),
    (&["--delimiter", "--no-delimiter"], Text::of("-N prints no line end; -F FORMAT any other")),
    (&["--random-filter"], Text::of("there is no random filter; -T FILTER ignores topics")),
    (&["-l", "--path", "-wh", "--ws-headers"],
        Text::of("WebSocket is chosen by the endpoint: -e wss://HOST:PORT/PATH")),
    (&["-up", "--user-properties", "-Cup", "--conn-user-properties"], Text::of("--user-property K=V of messages")),
    (&["-pf", "--payload-format-indicator"], Text::of("--text")),
    (&["--message-expiry-interval"], Text::of("--message-expiry SECONDS")),
    (&["-rt"], Text::of("--response-topic TOPIC")),
    (&["-cd"], Text::of("--correlation-data TEXT")),
    (&["-ct"], Text::of("--content-type TYPE")),
    (&["-si", "--subscription-identifier"], Text::of("--subscription-id NUMBER")),
    (&["-ta", "--topic-alias", "--topic-alias-maximum"], Text::of("topic aliases are not used")),
    (&["--dup"], Text::of("the client sets the duplicate flag itself")),
    (&["-rp", "--reconnect-period", "--maximum-reconnect-times"],
        Text::of("lost connections are reestablished automatically, until --timeout")),
    (&["--rcv-max", "--receive-maximum", "--maximum-packet-size", "--req-response-info", "--no-req-problem-info"],
        Text::of("the program chooses these itself")),
    (&["--maxdatalen"], Text::of("--max-payload BYTES")),
    (&["-Pp", "--protobuf-path", "-Pmn", "--protobuf-message-name", "-Ap", "--avsc-path"],
        Text::of("payloads are sent and printed as they are")),
    (&["-im", "--message-interval", "--interval"], Text::of("--rate NUMBER, messages per second")),
    (&["--quiet"], Text::of("only `pub` has --quiet; 2>/dev/null hides all messages")),
    (&["-Wt", "-Wm", "-Wq", "-Wr", "-Wd", "-Wpf", "-We", "-Wct", "-Wrt", "-Wcd", "-Wup"], NO_WILLS),
    (&["-q", "--qos"], Text::of("this command has no choice of QoS")),
    (&["-s", "--stdin"], Text::of("-f - reads standard input, and -l its lines")),
];

pub(super) const NO_WILLS: Text = Text::of("the service has no wills");

/// An option that has another meaning in other clients.
pub(super) struct Clash {
    /// The commands concerned; `None` for all.
    pub(super) commands: Option<&'static [&'static str]>,
    pub(super) names: &'static [&'static str],
    /// Returns true if the value only makes sense for the other client.
    pub(super) theirs: fn(&str) -> bool,
    pub(super) instead: Text,
}

pub(super) const CLASHES: [Clash; 8] = [
    Clash {
        commands: Some(&["pub"]),
        names: &["-e"],
        theirs: is_number,
        instead: Text::of(
            "-e SECONDS of mqttx is --message-expiry here, and -se is --session-expiry; -e is the endpoint",
        ),
    },
    Clash {
        commands: Some(&["pub"]),
        names: &["-l"],
        theirs: is_transport,
        instead: Text::of(
            "-l PROTOCOL of mqttx is a part of the endpoint here: -e wss://HOST:PORT; -l sends a message per line",
        ),
    },
    Clash {
        commands: Some(&["pub"]),
        names: &["-f"],
        theirs: |text| is_format(text) && !Path::new(text).exists(),
        instead: Text::of("-f FORMAT of mqttx has no counterpart: payloads are sent as they are; -f is a file to send"),
    },
    Clash {
        commands: Some(&["sub", "rr", "p2p listen", "p2p request"]),
        names: &["-F", "--format"],
        theirs: is_format,
        instead: Text::of(
            "--format of mqttx is --json here, or %x in a format; -F is one of mosquitto_sub, such as '%t %p'",
        ),
    },
    Clash {
        commands: Some(&["sub", "rr reply", "p2p send", "p2p listen", "p2p reply"]),
        names: &["-c"],
        theirs: |text| text.contains("://"),
        instead: Text::of("-c URL of paho_c_sub is -e URL here; -c keeps the session"),
    },
    Clash {
        commands: Some(&["rr", "rr reply", "p2p request"]),
        names: &["-e"],
        theirs: |text| text.contains('/') && !text.contains("://"),
        instead: Text::of("-e TOPIC of mosquitto_rr is --response-topic TOPIC here; -e is the endpoint"),
    },
    Clash {
        commands: Some(&["bench publish", "bench subscribe", "bench connect"]),
        names: &["-i"],
        theirs: is_number,
        instead: Text::of("-i MILLISECONDS of mqttx is --rate NUMBER here, messages per second; -i is the client id"),
    },
    Clash {
        commands: None,
        names: &["--protocol"],
        theirs: is_transport,
        instead: Text::of(
            "--protocol of mqttx is part of the endpoint here: -e mqtts://HOST:PORT; --protocol is MQTT's version",
        ),
    },
];

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_transport(text: &str) -> bool {
    ["mqtt", "mqtts", "ws", "wss", "tcp", "ssl", "tls"].contains(&text)
}

fn is_format(text: &str) -> bool {
    ["base64", "json", "hex", "binary", "cbor", "msgpack"].contains(&text)
}
