//! The program `aliyun-mqtt-emulator`: runs an emulator in the foreground and prints the environment its clients need.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use aliyun_mqtt_emulator::{Builder, Emulator, Error, Transport};

const HELP: &str = "\
A local emulator of ApsaraMQ for MQTT. Runs until its standard input ends or it is killed.

Usage: aliyun-mqtt-emulator [OPTIONS]

  --port N          Listen for mqtt:// on this port of 127.0.0.1 [default: 0, a free one]
  --tls-port N      Listen for mqtts:// on this port
  --ws-port N       Listen for ws:// on this port
  --wss-port N      Listen for wss:// on this port
  --api-port N      Listen for the OpenAPI over http:// on this port
  --api-tls-port N  Listen for the OpenAPI over https:// on this port
  --web             Serve a page for the browser, and print the link to it on stderr
  --control-port N  Serve the control API, and the page, on this port
  --transport NAME  Print the environment for this transport: tcp (the default), tls, ws or wss; tls and wss need
                    --ca-file and use the OpenAPI over https://
  --tls             Short for --transport tls
  --ca-file PATH    Write the CA certificate to this file, as PEM
  --log-entries N   Keep at most N log entries, which the traces of the OpenAPI read [default: 1000000]
  --log-bytes N     Keep at most N bytes of log entries, payloads included [default: 134217728]
  --help            Print this help

Prints environment variables for a shell. Programs built on aliyun-mqtt that run with them use this emulator. Write them
to a file, and source the file in another terminal:

  aliyun-mqtt-emulator --ca-file ca.pem > emulator.env      (in one terminal; Ctrl-D ends it)
  source emulator.env                                       (in the other)

The token among them is valid for 30 days, for all topics below the parent topic.
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
    let environment =
        emulator.environment(options.transport, options.ca_file.as_deref()).map_err(|error| error.to_string())?;
    if let Some(url) = emulator.page_url() {
        eprintln!("page: {url}");
    }
    let mut out = io::stdout().lock();
    write!(out, "{environment}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    drop(out);
    // Runs until the end of standard input, whose content is ignored.
    io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink()).map_err(|error| error.to_string())?;
    emulator.stop().map_err(|error| error.to_string())
}

struct Options {
    builder: Builder,
    transport: Transport,
    ca_file: Option<PathBuf>,
}

impl Options {
    /// Parses the arguments; `None` stands for `--help`.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { builder: Emulator::builder(), transport: Transport::Tcp, ca_file: None };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                "--tls" => options.transport = Transport::Tls,
                "--transport" => options.transport = value()?.parse().map_err(|error: Error| error.to_string())?,
                "--ca-file" => options.ca_file = Some(value()?.into()),
                "--port" => options.builder = options.builder.tcp_port(port(&name, &value()?)?),
                "--tls-port" => options.builder = options.builder.tls_port(port(&name, &value()?)?),
                "--ws-port" => options.builder = options.builder.ws_port(port(&name, &value()?)?),
                "--wss-port" => options.builder = options.builder.wss_port(port(&name, &value()?)?),
                "--api-port" => options.builder = options.builder.api_port(port(&name, &value()?)?),
                "--api-tls-port" => options.builder = options.builder.api_tls_port(port(&name, &value()?)?),
                "--web" => options.builder = options.builder.page(),
                "--control-port" => options.builder = options.builder.control_port(port(&name, &value()?)?),
                "--log-entries" => options.builder = options.builder.log_capacity(count(&name, &value()?)?),
                "--log-bytes" => options.builder = options.builder.log_bytes(count(&name, &value()?)?),
                _ => return Err(format!("unknown option {name}; --help lists the options")),
            }
        }
        if options.transport.is_tls() && options.ca_file.is_none() {
            return Err(format!("{} needs --ca-file, or no client could verify the certificate", options.transport));
        }
        Ok(Some(options))
    }
}

fn count(name: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{name} needs a whole number above 0, not {value:?}"))
}

fn port(name: &str, value: &str) -> Result<u16, String> {
    value.parse().map_err(|_| format!("{name} needs a number from 0 to 65535, not {value:?}"))
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
        assert!(parse(&["--log-entries", "10", "--log-bytes", "1000"]).unwrap().is_some());
        let options = parse(&["--tls", "--ca-file", "ca.pem", "--port", "0", "--api-port", "0", "--api-tls-port", "0"])
            .unwrap()
            .unwrap();
        assert_eq!(options.transport, Transport::Tls);
        assert_eq!(options.ca_file, Some("ca.pem".into()));
        assert_eq!(parse(&["--transport", "ws"]).unwrap().unwrap().transport, Transport::Ws);
        for bad in [
            &["--port"][..],
            &["--port", "70000"],
            &["--api-port", "x"],
            &["--api-tls-port"],
            &["--tls"],
            &["--transport"],
            &["--log-bytes", "0"],
            &["--log-entries", "many"],
            &["--transport", "quic"],
            &["--transport", "wss"],
            &["--unknown"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
