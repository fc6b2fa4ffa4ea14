//! The program `aliyun-mqtt-emulator`: runs an emulator in the foreground and prints the environment its clients need.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use aliyun_mqtt_emulator::program::{Configured, Given, Options};
use aliyun_mqtt_emulator::{Error, Transport};
use clap::{Command, CommandFactory as _, FromArgMatches as _, Parser};

const EXAMPLES: &str = "\
Prints environment variables for a shell, and the line `ready` on stderr once everything listens. Programs built on \
aliyun-mqtt that run with the variables use this emulator. Write them to a file, and source the file in another \
terminal:

  aliyun-mqtt-emulator --env-file emulator.env       (in one terminal; Ctrl-D ends it)
  source emulator.env                                (in the other)

The token among them is valid for 30 days, for all topics below the parent topic.";

/// A local emulator of ApsaraMQ for MQTT. Runs until its standard input ends or it is killed
#[derive(Debug, Parser)]
#[command(name = "aliyun-mqtt-emulator", version, after_help = EXAMPLES)]
struct Arguments {
    /// Read settings from this TOML file; options take precedence
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Instance id [default: post-cn-emulator]
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// Group id; may be repeated [default: GID_emulator]
    #[arg(long, value_name = "ID")]
    group_id: Vec<String>,
    /// Parent topic; may be repeated [default: emulator]
    #[arg(long, value_name = "TOPIC")]
    parent_topic: Vec<String>,
    /// Short for --transport tls
    #[arg(long, conflicts_with = "transport")]
    tls: bool,
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match run(parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("aliyun-mqtt-emulator: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the command line. Options have a second name here that means something else for `aliyun-mqtt`.
fn command() -> Command {
    Arguments::command()
        .mut_arg("write_ca", |argument| argument.visible_alias("ca-file"))
        .mut_arg("env_format", |argument| argument.visible_alias("env"))
}

fn parse() -> Arguments {
    Arguments::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

fn run(mut arguments: Arguments) -> Result<(), Error> {
    if arguments.tls {
        arguments.options.transport = Transport::Tls;
    }
    let Arguments { config, instance_id, group_id: group_ids, parent_topic: parent_topics, options, .. } = arguments;
    let Configured { builder, warnings, .. } =
        options.configure(Given { config, instance_id, group_ids, parent_topics })?;
    for warning in warnings {
        eprintln!("aliyun-mqtt-emulator: warning: {warning}");
    }
    let emulator = builder.start()?;
    let environment = options.environment(&emulator)?;
    if let Some(url) = emulator.page_url() {
        // A closed stderr is not a reason to end.
        let _ = writeln!(io::stderr(), "page: {url}");
    }
    let failed = |source| Error::Io { what: "write the variables".into(), source };
    let mut out = io::stdout().lock();
    write!(out, "{}", environment.text(options.env_format)).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    let _ = writeln!(io::stderr(), "ready");
    // Runs until the end of standard input, whose content is ignored.
    let read = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
    read.map_err(|source| Error::Io { what: "read standard input".into(), source })?;
    emulator.stop()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        let words = ["aliyun-mqtt-emulator"].iter().chain(arguments);
        command().try_get_matches_from(words).and_then(|matches| Arguments::from_arg_matches(&matches))
    }

    #[test]
    fn options() {
        command().debug_assert();
        assert!(parse(&["--log-entries", "10", "--log-bytes", "1000"]).is_ok());
        let arguments =
            parse(&["--ca-file", "ca.pem", "--port", "0", "--api-tls-port", "0", "--transport", "ws"]).unwrap();
        assert_eq!(arguments.options.write_ca, Some("ca.pem".into()));
        assert_eq!(arguments.options.transport, Transport::Ws);
        assert_eq!(parse(&["--env=powershell"]).unwrap().options.env_format.to_string(), "powershell");
        for bad in [
            &["--port"][..],
            &["--port", "70000"],
            &["--api-port", "x"],
            &["--transport"],
            &["--log-bytes", "0"],
            &["--log-entries", "many"],
            &["--transport", "quic"],
            &["--env=bash"],
            &["--listen", "localhost"],
            &["--unknown"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
