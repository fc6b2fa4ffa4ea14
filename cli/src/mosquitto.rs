//! What is here in place of the options of `mosquitto_pub` and `mosquitto_sub` that this program does not have.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Adds what to type instead, where an unknown option is one of theirs.
pub(crate) fn explain(mut error: clap::Error) -> clap::Error {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) if error.kind() == ErrorKind::UnknownArgument => option.as_str(),
        _ => return error,
    };
    if let Some(advice) = instead_of(unknown) {
        // Not the option that is spelled most alike, nor how that is used.
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::Usage);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(advice)]));
    }
    error
}

fn instead_of(option: &str) -> Option<&'static str> {
    Some(match option {
        "-p" | "--port" | "--host" | "-L" | "--url" => "host and port are one: -e mqtts://HOST:PORT",
        "-u" | "--username" | "--pw" => {
            "user name and password are made of the AccessKey; custom authentication has --user and --password-file"
        }
        "--id" | "-I" | "--id-prefix" => "the client id is -i GroupID@@@DeviceID, or -g and --device-id",
        "--capath" | "--cafile" => "--ca-file FILE",
        "--cert" | "--key" => "--client-cert-file and --client-key-file",
        "--insecure" => "certificates are always checked; give a private CA with --ca-file",
        "-V" | "--protocol-version" => "--protocol 3.1.1 or 5",
        "-D" | "--property" => "properties have options of their own, such as --user-property K=V; see --help",
        "-k" | "--keepalive" => "--keep-alive SECONDS",
        "-x" => "--session-expiry SECONDS",
        "--disable-clean-session" => "-c, or --clean-session false",
        "-d" | "--debug" => "--log debug",
        "-S" | "-A" | "--unix" => "give -e HOST, or a URL",
        "-r" | "--retain" | "-R" | "--remove-retained" | "--retained-only" | "--retain-as-published" => {
            "the service has no retained messages"
        }
        will if will.starts_with("--will-") => "the service has no wills",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn told(arguments: &[&str]) -> String {
        explain(Cli::try_parse_from([&["aliyun-mqtt"], arguments].concat()).unwrap_err()).to_string()
    }

    #[test]
    fn who_types_an_option_of_mosquitto_is_told_the_one_here() {
        for (arguments, advice) in [
            (&["pub", "-t", "a/b", "-m", "x", "-p", "8883"][..], "-e mqtts://HOST:PORT"),
            (&["pub", "-t", "a/b", "-m", "x", "-u", "user"], "--password-file"),
            (&["pub", "-t", "a/b", "-m", "x", "--capath", "/etc/ssl"], "tip: --ca-file FILE"),
            (&["pub", "-t", "a/b", "-m", "x", "-r"], "no retained messages"),
            (&["pub", "-t", "a/b", "-m", "x", "--will-topic", "c"], "no wills"),
            (&["sub", "-t", "a/b", "-V", "mqttv5"], "--protocol 3.1.1 or 5"),
            (&["sub", "-t", "a/b", "-k", "60"], "--keep-alive SECONDS"),
        ] {
            let text = told(arguments);
            assert!(text.contains(advice) && !text.contains("--auth"), "{arguments:?}: {text}");
        }
        assert!(!told(&["pub", "--nonsense"]).contains("tip"));
    }
}
