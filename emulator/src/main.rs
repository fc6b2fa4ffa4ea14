//! Runs an emulator in the foreground and prints the environment its clients need.

use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use aliyun_mqtt_emulator::{Builder, Emulator, Permission};

const HELP: &str = "\
A local stand-in for ApsaraMQ for MQTT. Runs until its standard input ends or it is killed.

Usage: aliyun-mqtt-emulator [OPTIONS]

  --port N          port for mqtt:// on 127.0.0.1 (0, the default, chooses a free one)
  --tls-port N      port for mqtts://
  --ws-port N       port for ws://
  --wss-port N      port for wss://
  --api-port N      port for the OpenAPI over http://
  --api-tls-port N  port for the OpenAPI over https://
  --tls             print the mqtts:// and https:// endpoints (with --ca-file) instead of the plain ones
  --ca-file PATH    write the certificate of the CA to this file, as PEM
  --help            show this

It prints lines for a shell, and programs built on aliyun-mqtt that have them in their environment talk to it. Write
them to a file and source that in another terminal:

  aliyun-mqtt-emulator --ca-file ca.pem > emulator.env      (in one terminal; Ctrl-D ends it)
  source emulator.env                                       (in the other)

The token among them may do everything below the parent topic, for 30 days.
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("aliyun-mqtt-emulator: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let Some(options) = Options::parse(std::env::args().skip(1))? else {
        print!("{HELP}");
        return Ok(());
    };
    let emulator = options.builder.start().map_err(|error| error.to_string())?;
    if let Some(path) = &options.ca_file {
        std::fs::write(path, emulator.ca_pem()).map_err(|error| format!("cannot write {path}: {error}"))?;
    }
    let text = environment(&emulator, options.tls, options.ca_file.as_deref());
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    drop(out);
    // Until the end of standard input, whatever comes by it.
    io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink()).map_err(|error| error.to_string())?;
    emulator.stop().map_err(|error| error.to_string())
}

struct Options {
    builder: Builder,
    tls: bool,
    ca_file: Option<String>,
}

impl Options {
    /// `None` asks for help.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { builder: Emulator::builder(), tls: false, ca_file: None };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--tls" => options.tls = true,
                "--ca-file" => options.ca_file = Some(value()?),
                "--port" => options.builder = options.builder.tcp_port(port(&name, &value()?)?),
                "--tls-port" => options.builder = options.builder.tls_port(port(&name, &value()?)?),
                "--ws-port" => options.builder = options.builder.ws_port(port(&name, &value()?)?),
                "--wss-port" => options.builder = options.builder.wss_port(port(&name, &value()?)?),
                "--api-port" => options.builder = options.builder.api_port(port(&name, &value()?)?),
                "--api-tls-port" => options.builder = options.builder.api_tls_port(port(&name, &value()?)?),
                _ => return Err(format!("unknown option {name}; --help shows the known ones")),
            }
        }
        if options.tls && options.ca_file.is_none() {
            return Err("--tls needs --ca-file, or no client could check the certificate".into());
        }
        Ok(Some(options))
    }
}

fn port(name: &str, value: &str) -> Result<u16, String> {
    value.parse().map_err(|_| format!("{name} needs a number from 0 to 65535, not {value:?}"))
}

fn environment(emulator: &Emulator, tls: bool, ca_file: Option<&str>) -> String {
    let (endpoint, api_endpoint) = if tls {
        (emulator.tls_endpoint(), emulator.api_tls_endpoint())
    } else {
        (emulator.endpoint(), emulator.api_endpoint())
    };
    let mut lines = vec![
        ("ALIYUN_MQTT_ENDPOINT", endpoint),
        ("ALIYUN_MQTT_INSTANCE_ID", emulator.instance_id().to_owned()),
        ("ALIYUN_MQTT_GROUP_ID", emulator.group_id().to_owned()),
        ("ALIYUN_MQTT_TOPIC", emulator.parent_topic().to_owned()),
        ("ALIYUN_MQTT_API_ENDPOINT", api_endpoint),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", emulator.access_key_id().to_owned()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", emulator.access_key_secret().to_owned()),
        ("ALIYUN_MQTT_TOKEN", token(emulator)),
    ];
    if let Some(path) = ca_file {
        lines.push(("ALIYUN_MQTT_CA_FILE", path.to_owned()));
    }
    lines.into_iter().map(|(name, value)| format!("export {name}={}\n", quoted(&value))).collect()
}

/// A token for everything below the parent topic, for as long as the service gives one.
fn token(emulator: &Emulator) -> String {
    const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
    let everything = format!("{}/#", emulator.parent_topic());
    format!("RW|{}", emulator.issue_token(Permission::ReadWrite, &[&everything], LONGEST))
}

/// For a shell: as it is if it is harmless, else in single quotes.
fn quoted(value: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if value.bytes().all(harmless) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<Options>, String> {
        Options::parse(arguments.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn options() {
        assert!(parse(&["--help"]).unwrap().is_none());
        let options = parse(&["--tls", "--ca-file", "ca.pem", "--port", "0", "--api-port", "0", "--api-tls-port", "0"])
            .unwrap()
            .unwrap();
        assert!(options.tls && options.ca_file.as_deref() == Some("ca.pem"));
        for bad in [
            &["--port"][..],
            &["--port", "70000"],
            &["--api-port", "x"],
            &["--api-tls-port"],
            &["--tls"],
            &["--unknown"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn values_are_safe_in_a_shell() {
        assert_eq!(quoted("mqtt://127.0.0.1:1883"), "mqtt://127.0.0.1:1883");
        assert_eq!(quoted("a b'c"), r"'a b'\''c'");
    }
}
