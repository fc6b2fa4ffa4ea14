//! What is here in place of the options of other clients: mosquitto_pub, mosquitto_sub and mosquitto_rr (manuals of
//! version 2.0), mqttx, and paho_c_pub and paho_c_sub (their usage texts).
//!
//! Three kinds of them meet this program: options it does not have, which are errors anyway and get their counterpart
//! named; `-h` and `-V`, which would end it at once and with success; and options that mean something else here, which are
//! refused where what stands behind them can only be meant for the other program.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory as _, Parser as _};

use crate::commands::Cli;

/// Reads the command line. The error ends the program as clap has it: 0 after help and version, 2 for wrong usage.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut tree = Cli::command();
    tree.build();
    let line = Line::read(&tree, arguments);
    if let Some(message) = line.misunderstood() {
        return Err(clap::Error::raw(ErrorKind::UnknownArgument, message).with_cmd(line.command));
    }
    Cli::try_parse_from(arguments).map_err(|error| match error.kind() {
        ErrorKind::UnknownArgument => line.explain(error),
        ErrorKind::InvalidUtf8 => name_the_flag(arguments, error),
        _ => error,
    })
}

/// Options of others that nothing here is called, or not in every command, and what to type instead.
#[rustfmt::skip]
const ELSEWHERE: [(&[&str], &str); 48] = [
    (&["-p", "--port", "--host", "--hostname", "-L", "--url", "-c URL", "--connection"],
        "host and port are one: -e mqtts://HOST:PORT"),
    (&["-u", "--username", "--pw", "--password"],
        "user name and password are made of the AccessKey; custom authentication has --user and --password-file"),
    (&["--id", "--clientid", "-I", "--id-prefix"], "the client id is -i GroupID@@@DeviceID, or -g and --device-id"),
    (&["--capath", "--cafile", "--ca", "--tls-use-os-certs"],
        "--ca-file FILE; the system's certificates are trusted anyway"),
    (&["--cert", "--key", "--keyform", "--keypass"],
        "--client-cert-file and --client-key-file, both PEM and not encrypted"),
    (&["--insecure"], "certificates are always checked; give a private CA with --ca-file"),
    (&["--ciphers", "--tls-version", "--tls-alpn", "--alpn", "--tls-engine", "--tls-engine-kpass-sha1"],
        "TLS 1.2 or 1.3 is chosen by itself"),
    (&["--psk", "--psk-identity"], "the service has no pre-shared keys"),
    (&["-V", "--protocol-version", "--mqtt-version", "--MQTTversion"], "--protocol 3.1.1 or 5"),
    (&["-D", "--property"], "properties have options of their own, such as --user-property K=V; see --help"),
    (&["-k", "--keepalive"], "--keep-alive SECONDS"),
    (&["-x", "-se", "--session-expiry-interval"], "--session-expiry SECONDS"),
    (&["-c", "--disable-clean-session", "--no-clean"],
        "--clean-session false, with --device-id; the receiving commands have -c for it"),
    (&["-c COUNT"], "-C COUNT, and --clients NUMBER of connections"),
    (&["--clean"], "--clean-session true"),
    (&["-d", "--debug", "--trace"], "--log debug"),
    (&["-S", "--srv", "-A", "--bind-address", "--unix"], "give -e HOST, or a URL"),
    (&["--nodelay"], "small packets are never held back"),
    (&["-r", "--retain", "--retained", "-R", "--no-retained", "--remove-retained", "--retained-only",
        "--retain-as-published", "-rap", "-rh", "--retain-handling"],
        "the service has no retained messages"),
    (&["-M", "--max-inflight"], "--window COUNT; lines of stdin as messages are -l"),
    (&["--multiline"], "-l"),
    (&["-nl", "--no_local"], "--no-local"),
    (&["-o", "--options", "-lo", "--load-options", "-so", "--save-options"],
        "--config FILE, in this program's own format: `aliyun-mqtt config init`"),
    (&["-O", "--output-mode", "--pretty"], "--json, or -F FORMAT"),
    (&["-f", "--format"], "-F FORMAT, or --json; payloads are sent as they are"),
    (&["--file-read", "--filename"], "-f FILE"),
    (&["--file-write", "--file-save"], "--output-dir DIR"),
    (&["--delimiter", "--no-delimiter"], "-N prints no line end; -F FORMAT any other"),
    (&["--random-filter"], "nothing is filtered by chance; -T FILTER leaves out topics"),
    (&["-l", "--path", "-wh", "--ws-headers"], "WebSocket is a part of the endpoint: -e wss://HOST:PORT/PATH"),
    (&["-up", "--user-properties", "-Cup", "--conn-user-properties"], "--user-property K=V of messages"),
    (&["-pf", "--payload-format-indicator"], "--text"),
    (&["--message-expiry-interval"], "--message-expiry SECONDS"),
    (&["-rt"], "--response-topic TOPIC"),
    (&["-cd"], "--correlation-data TEXT"),
    (&["-ct"], "--content-type TYPE"),
    (&["-si", "--subscription-identifier"], "--subscription-id NUMBER"),
    (&["-ta", "--topic-alias", "--topic-alias-maximum"], "topic aliases are not used"),
    (&["--dup"], "the duplicate flag is set when a message is sent again"),
    (&["-rp", "--reconnect-period", "--maximum-reconnect-times"],
        "lost connections are made again by themselves, until --timeout"),
    (&["--rcv-max", "--receive-maximum", "--maximum-packet-size", "--req-response-info", "--no-req-problem-info"],
        "these are chosen by the program"),
    (&["--maxdatalen"], "--max-payload BYTES"),
    (&["-Pp", "--protobuf-path", "-Pmn", "--protobuf-message-name", "-Ap", "--avsc-path"],
        "payloads are sent and printed as they are"),
    (&["-im", "--message-interval", "--interval"], "--rate NUMBER, messages per second"),
    (&["--quiet"], "only `pub` has --quiet; 2>/dev/null hides all messages"),
    (&["-Wt", "-Wm", "-Wq", "-Wr", "-Wd", "-Wpf", "-We", "-Wct", "-Wrt", "-Wcd", "-Wup"], NO_WILLS),
    (&["-q", "--qos"], "there is no choice of QoS here"),
    (&["-s", "--stdin"], "-f - reads standard input, and -l its lines"),
];

const NO_WILLS: &str = "the service has no wills";

/// An option that means one thing here and another elsewhere.
struct Clash {
    /// `None`: everywhere.
    commands: Option<&'static [&'static str]>,
    names: &'static [&'static str],
    /// Whether what stands behind it can only be meant for the other program.
    theirs: fn(&str) -> bool,
    instead: &'static str,
}

const CLASHES: [Clash; 8] = [
    Clash {
        commands: Some(&["pub"]),
        names: &["-e"],
        theirs: is_number,
        instead: "-e SECONDS of mqttx is --message-expiry SECONDS here, and -se is --session-expiry; -e is the endpoint",
    },
    Clash {
        commands: Some(&["pub"]),
        names: &["-l"],
        theirs: is_transport,
        instead: "-l PROTOCOL of mqttx is a part of the endpoint here: -e wss://HOST:PORT; -l sends a message per line",
    },
    Clash {
        commands: Some(&["pub"]),
        names: &["-f"],
        theirs: |text| is_format(text) && !Path::new(text).exists(),
        instead: "-f FORMAT of mqttx has no counterpart: payloads are sent as they are; -f is a file to send",
    },
    Clash {
        commands: Some(&["sub", "rr", "p2p listen", "p2p request"]),
        names: &["-F", "--format"],
        theirs: is_format,
        instead: "--format of mqttx is --json here, or %x in a format; -F is a format of mosquitto_sub, such as '%t %p'",
    },
    Clash {
        commands: Some(&["sub", "rr reply", "p2p send", "p2p listen", "p2p reply"]),
        names: &["-c"],
        theirs: |text| text.contains("://"),
        instead: "-c URL of paho_c_sub is -e URL here; -c keeps the session",
    },
    Clash {
        commands: Some(&["rr", "rr reply", "p2p request"]),
        names: &["-e"],
        theirs: |text| text.contains('/') && !text.contains("://"),
        instead: "-e TOPIC of mosquitto_rr is --response-topic TOPIC here; -e is the endpoint",
    },
    Clash {
        commands: Some(&["bench publish", "bench subscribe", "bench connect"]),
        names: &["-i"],
        theirs: is_number,
        instead: "-i MILLISECONDS of mqttx is --rate NUMBER here, messages per second; -i is the client id",
    },
    Clash {
        commands: None,
        names: &["--protocol"],
        theirs: is_transport,
        instead: "--protocol of mqttx is a part of the endpoint here: -e mqtts://HOST:PORT; --protocol is the MQTT version",
    },
];

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_transport(text: &str) -> bool {
    ["mqtt", "mqtts", "ws", "wss", "tcp", "ssl", "tls"].contains(&text)
}

fn is_format(text: &str) -> bool {
    ["base64", "json", "hex", "binary", "cbor", "msgpack"].contains(&text)
}

/// A command line as far as it can be understood without knowing all of its options.
struct Line<'a> {
    /// The innermost command.
    command: &'a Command,
    /// Its name, without the program's.
    path: String,
    options: Vec<Found<'a>>,
}

/// An option on it.
struct Found<'a> {
    /// As typed, without a value that hangs on it: `-p`, `--port`; the whole word where several letters are not all known.
    name: String,
    argument: Option<&'a Arg>,
    /// The value; of what takes none here, and of what is unknown, the next word that is no option.
    value: Option<&'a OsStr>,
    /// What stands behind it on the command line.
    behind: Vec<&'a OsStr>,
}

impl<'a> Line<'a> {
    fn read(tree: &'a Command, arguments: &'a [OsString]) -> Self {
        let mut line = Line { command: tree, path: String::new(), options: Vec::new() };
        let words: Vec<&OsStr> = arguments.iter().skip(1).map(OsString::as_os_str).collect();
        let mut at = 0;
        while at < words.len() {
            let word = words[at];
            at += 1;
            let Some(text) = word.to_str() else { continue };
            if text == "--" {
                break;
            } else if text.starts_with("--") {
                at += line.long(text, word, &words[at..]);
            } else if text.starts_with('-') && text.len() > 1 {
                at += line.letters(text, word, &words[at..]);
            } else if let Some(command) = line.command.find_subcommand(text) {
                let space = if line.path.is_empty() { "" } else { " " };
                line.path = format!("{}{space}{}", line.path, command.get_name());
                line.command = command;
            }
        }
        line
    }

    /// Gives how many of the words behind it belong to it.
    fn long(&mut self, text: &str, word: &'a OsStr, behind: &[&'a OsStr]) -> usize {
        let (name, attached) = match text.split_once('=') {
            Some((name, _)) => (name, Some(tail(word, name.len() + 1))),
            None => (text, None),
        };
        let bare = name.trim_start_matches('-');
        let is = |argument: &&Arg| {
            argument.get_long() == Some(bare) || argument.get_all_aliases().is_some_and(|all| all.contains(&bare))
        };
        let argument = self.command.get_arguments().find(is);
        let takes = argument.is_some_and(|argument| argument.get_action().takes_values());
        let value = attached.or_else(|| next(behind, takes));
        let taken = usize::from(takes && attached.is_none());
        self.options.push(Found { name: name.to_string(), argument, value, behind: behind.to_vec() });
        taken
    }

    fn letters(&mut self, text: &str, word: &'a OsStr, behind: &[&'a OsStr]) -> usize {
        let start = self.options.len();
        for (at, letter) in text.char_indices().skip(1) {
            let rest = tail(word, at + letter.len_utf8());
            let argument = self.command.get_arguments().find(|argument| argument.get_short() == Some(letter));
            let Some(argument) = argument else {
                // Others have options of several letters: they are known as wholes.
                self.options.truncate(start);
                let value = next(behind, false);
                self.options.push(Found { name: text.to_string(), argument: None, value, behind: behind.to_vec() });
                return 0;
            };
            let takes = argument.get_action().takes_values();
            let mut all_behind = if rest.is_empty() { Vec::new() } else { vec![rest] };
            all_behind.extend(behind);
            let hangs = takes && !rest.is_empty();
            let value = if hangs { Some(rest) } else { next(behind, takes) };
            self.options.push(Found {
                name: format!("-{letter}"),
                argument: Some(argument),
                value,
                behind: all_behind,
            });
            if takes {
                return usize::from(!hangs);
            }
            if matches!(argument.get_action(), ArgAction::Help | ArgAction::Version) {
                // It acts at once, and no letter behind it is looked at.
                return 0;
            }
        }
        0
    }

    /// What this command would silently take for something else.
    fn misunderstood(&self) -> Option<String> {
        let mut tips = Vec::new();
        let mut what = None;
        for found in &self.options {
            let help = |word: &&OsStr| matches!(word.to_str(), Some("-h" | "--help"));
            let (tip, why) = match found.argument.map(Arg::get_action) {
                Some(ArgAction::Help | ArgAction::HelpShort) if found.name == "-h" => {
                    (self.host(), "-h asks for help here, and nothing can stand behind it")
                }
                Some(ArgAction::Version) if found.name == "-V" => (
                    "-V VERSION of other clients is --protocol 3.1.1 or 5 here".to_string(),
                    "-V asks for the version of this program here, and nothing can stand behind it",
                ),
                _ => continue,
            };
            if found.behind.is_empty() || found.behind.iter().all(help) {
                // What stands before it does not matter then.
                return None;
            }
            what = Some(why.to_string());
            tips.push(tip);
            break;
        }
        for found in &self.options {
            let Some(value) = found.value.and_then(OsStr::to_str) else { continue };
            let clash = CLASHES.iter().find(|clash| {
                clash.commands.is_none_or(|commands| commands.contains(&self.path.as_str()))
                    && clash.names.contains(&found.name.as_str())
                    && (clash.theirs)(value)
            });
            if let Some(clash) = clash {
                what.get_or_insert(format!("{} means something else here", found.name));
                tips.push(clash.instead.to_string());
            }
        }
        let what = what?;
        tips.extend(self.tips(true));
        let tips: String = tips.iter().map(|tip| format!("\n  tip: {tip}")).collect();
        Some(format!("{what}\n{tips}\n\nFor help: aliyun-mqtt {}--help\n", self.prefix()))
    }

    fn prefix(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{} ", self.path) }
    }

    fn host(&self) -> String {
        let program = match self.path.split(' ').next() {
            Some("pub") => "mosquitto_pub",
            Some("sub") => "mosquitto_sub",
            Some("rr" | "p2p") => "mosquitto_rr",
            _ => "other clients",
        };
        format!("-h HOST of {program} is --endpoint here: -e HOST, or a URL such as mqtts://HOST:PORT")
    }

    /// What to type in place of each option that is not known; `theirs` if it is clear that another program is meant.
    fn tips(&self, theirs: bool) -> Vec<String> {
        let mut tips = Vec::new();
        let unknown = self.options.iter().filter(|found| found.argument.is_none());
        for tip in unknown.filter_map(Found::instead) {
            if !tips.contains(&tip) {
                tips.push(tip);
            }
        }
        let password = |found: &&Found<'_>| found.name == "-P" && found.argument.is_some();
        if (theirs || !tips.is_empty()) && self.options.iter().any(|found| password(&found)) {
            tips.push(
                "-P PASSWORD of other clients is no option here, where a password is never one; -P is a profile".into(),
            );
        }
        tips
    }

    /// Adds what to type instead of the options of others.
    fn explain(&self, mut error: clap::Error) -> clap::Error {
        let tips = self.tips(false);
        if !tips.is_empty() {
            // Not the option that is spelled most alike, nor how that is used.
            error.remove(ContextKind::SuggestedArg);
            error.remove(ContextKind::Usage);
            let tips = tips.into_iter().map(StyledStr::from).collect();
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
        error
    }
}

impl Found<'_> {
    /// What to type instead, if it is an option of others.
    fn instead(&self) -> Option<String> {
        let value = self.value.and_then(OsStr::to_str).unwrap_or_default();
        let of = |name: &str| ELSEWHERE.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead);
        let first = self.name.chars().take(2).collect::<String>();
        let instead = match self.name.as_str() {
            "-c" if value.contains("://") => of("-c URL"),
            "-c" if is_number(value) => of("-c COUNT"),
            name if name.starts_with("--will-") => Some(NO_WILLS),
            name => of(name).or_else(|| if name.starts_with("--") { None } else { of(&first) }),
        };
        let name = if of(&self.name).is_none() && !self.name.starts_with("--") { &first } else { &self.name };
        instead.map(|instead| format!("{name}: {instead}"))
    }
}

/// The word that is a value, or may be one.
fn next<'a>(behind: &[&'a OsStr], takes: bool) -> Option<&'a OsStr> {
    behind.first().copied().filter(|word| takes || !word.as_encoded_bytes().starts_with(b"-"))
}

/// What hangs on an option; its name is ASCII, or at least UTF-8, since the whole word is.
fn tail(word: &OsStr, from: usize) -> &OsStr {
    OsStr::new(word.to_str().and_then(|text| text.get(from..)).unwrap_or_default())
}

/// Names what is no valid UTF-8: with all others replaced, it alone makes the command line wrong.
fn name_the_flag(arguments: &[OsString], error: clap::Error) -> clap::Error {
    let replaced = |but: usize| {
        arguments.iter().enumerate().map(move |(at, argument)| match at {
            at if at == but => argument.clone(),
            _ => argument.to_string_lossy().into_owned().into(),
        })
    };
    let bad = (0..arguments.len()).filter(|at| arguments[*at].to_str().is_none());
    let wrong = |at: &usize| Cli::try_parse_from(replaced(*at)).is_err_and(|one| one.kind() == ErrorKind::InvalidUtf8);
    let Some(at) = bad.into_iter().find(wrong) else { return error };
    let argument = arguments[at].to_string_lossy();
    let flag = match argument.split_once('=') {
        Some((name, _)) if name.starts_with("--") => name.to_string(),
        _ if argument.starts_with('-') => argument.chars().take(2).collect(),
        _ => arguments.get(at.wrapping_sub(1)).map_or(String::new(), |flag| flag.to_string_lossy().into_owned()),
    };
    let what = if flag.starts_with('-') { format!("the value of {flag}") } else { format!("what follows {flag}") };
    clap::Error::raw(ErrorKind::InvalidUtf8, format!("{what} is not valid UTF-8\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> = ["aliyun-mqtt"].iter().chain(arguments).map(OsString::from).collect();
        let error = parse(&arguments).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{arguments:?}: {error}");
        error.to_string()
    }

    fn taken(arguments: &[&str]) -> bool {
        let arguments: Vec<OsString> = ["aliyun-mqtt"].iter().chain(arguments).map(OsString::from).collect();
        parse(&arguments).is_ok()
    }

    #[test]
    fn who_types_an_option_of_mosquitto_is_told_the_one_here() {
        for (arguments, advice) in [
            (&["pub", "-t", "a/b", "-m", "x", "-p", "8883"][..], "-e mqtts://HOST:PORT"),
            (&["pub", "-t", "a/b", "-m", "x", "-u", "user"], "--password-file"),
            (&["pub", "-t", "a/b", "-m", "x", "--capath", "/etc/ssl"], "tip: --capath: --ca-file FILE"),
            (&["pub", "-t", "a/b", "-m", "x", "-r"], "no retained messages"),
            (&["pub", "-t", "a/b", "-m", "x", "--will-topic", "c"], "no wills"),
            (&["pub", "-t", "a/b", "-m", "x", "-c"], "--clean-session false"),
            (&["pub", "-t", "a/b", "-m", "x", "-c", "tcp://host"], "host and port are one"),
            (&["bench", "connect", "-c", "100"], "--clients"),
            (&["pub", "-t", "a/b", "-m", "x", "-M", "20"], "--window"),
            (&["pub", "-t", "a/b", "-m", "x", "-up", "k: v"], "--user-property"),
            (&["pub", "-t", "a/b", "-m", "x", "-rt", "c"], "--response-topic"),
            (&["sub", "-t", "a/b", "-V", "mqttv5"], "--protocol 3.1.1 or 5"),
            (&["sub", "-t", "a/b", "-k", "60"], "--keep-alive SECONDS"),
            (&["sub", "-t", "a/b", "-f", "json"], "--json"),
            (&["sub", "-t", "a/b", "-rap"], "no retained messages"),
            (&["rr", "-t", "a/b", "-m", "x", "-I", "prefix"], "GroupID@@@DeviceID"),
            (&["-p", "1883", "pub", "-t", "a/b", "-m", "x"], "-e mqtts://HOST:PORT"),
        ] {
            let text = told(arguments);
            assert!(text.contains(advice) && !text.contains("--auth"), "{arguments:?}: {text}");
        }
        assert!(!told(&["pub", "--nonsense"]).contains("tip"));
    }

    #[test]
    fn a_whole_line_of_mosquitto_is_explained_at_once() {
        let text = told(&["pub", "-p", "1883", "-u", "me", "-P", "not-a-secret", "-d", "-t", "a/b", "-m", "x"]);
        for word in ["-p: host and port", "-u: user name", "-P is a profile", "-d: --log debug"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("not-a-secret"), "{text}");
    }

    #[test]
    fn help_with_something_behind_it_is_a_host() {
        for (arguments, program) in [
            (&["pub", "-h", "host", "-t", "a/b", "-m", "x"][..], "mosquitto_pub"),
            (&["pub", "-t", "a/b", "-h", "host", "-m", "x"], "mosquitto_pub"),
            (&["pub", "-t", "a/b", "-m", "x", "-h", "host"], "mosquitto_pub"),
            (&["pub", "-t", "a/b", "-m", "x", "-hhost"], "mosquitto_pub"),
            (&["pub", "-lh", "host", "-t", "a/b"], "mosquitto_pub"),
            (&["pub", "-h", "-t", "a/b", "-m", "x"], "mosquitto_pub"),
            (&["sub", "-vh", "host", "-t", "a/b"], "mosquitto_sub"),
            (&["rr", "-h", "host", "-t", "a/b"], "mosquitto_rr"),
            (&["rr", "reply", "-h", "host"], "mosquitto_rr"),
            (&["bench", "publish", "-h", "host"], "other clients"),
            (&["-h", "host", "pub", "-t", "a/b", "-m", "x"], "mosquitto_pub"),
        ] {
            let text = told(arguments);
            assert!(text.contains(&format!("-h HOST of {program} is --endpoint here")), "{arguments:?}: {text}");
        }
        let text = told(&["pub", "-h", "host", "-p", "8883", "-P", "not-a-secret", "-t", "a/b", "-m", "x"]);
        assert!(text.contains("tip: -p: host and port are one") && text.contains("-P is a profile"), "{text}");
        let text = told(&["pub", "-h", "host", "-P", "not-a-secret", "-t", "a/b", "-m", "x"]);
        assert!(text.contains("-P is a profile") && !text.contains("not-a-secret"), "{text}");
        assert!(told(&["-V", "5", "pub", "-t", "a/b", "-m", "x"]).contains("--protocol 3.1.1 or 5"));
    }

    #[test]
    fn help_alone_is_help_and_a_value_is_no_option() {
        for arguments in [
            &["-h"][..],
            &["pub", "-h"],
            &["pub", "-t", "a/b", "-m", "x", "-h"],
            &["pub", "-h", "--help"],
            &["pub", "-h", "-h"],
            &["pub", "--help", "-t", "a/b"],
            &["help", "pub"],
            &["-V"],
        ] {
            let arguments: Vec<OsString> = ["aliyun-mqtt"].iter().chain(arguments).map(OsString::from).collect();
            assert_eq!(parse(&arguments).unwrap_err().exit_code(), 0, "{arguments:?}");
        }
        for arguments in [
            &["pub", "-t", "a/b", "-m", "-h"][..],
            &["pub", "-t", "a/b", "-m-h"],
            &["pub", "-t", "a/b", "-m", "-h host"],
            &["pub", "-t", "a/b", "--message=-h", "-e", "host"],
            &["sub", "-ct", "a/b", "--device-id", "1"],
            &["sub", "-t", "a/b", "-F", "%j"],
            &["pub", "-t", "a/b", "-se", "mqtt://host"],
            &["rr", "-t", "a/b", "-m", "x", "-e", "ws://host/mqtt"],
            &["pub", "-t", "a/b", "-m", "x", "-P", "demo"],
        ] {
            assert!(taken(arguments), "{arguments:?}");
        }
    }

    #[test]
    fn what_means_something_else_here_does_not_silently_do_that() {
        for (arguments, advice) in [
            (&["pub", "-t", "a/b", "-m", "x", "-e", "60"][..], "--message-expiry"),
            (&["pub", "-t", "a/b", "-se", "300"], "--session-expiry"),
            (&["pub", "-t", "a/b", "-m", "x", "-l", "wss"], "-e wss://HOST:PORT"),
            (&["pub", "-t", "a/b", "-f", "hex", "-m", "x"], "payloads are sent as they are"),
            (&["sub", "-t", "a/b", "--format", "json"], "--json here"),
            (&["sub", "-t", "a/b", "-c", "wss://host"], "-e URL"),
            (&["rr", "-t", "a/b", "-e", "a/reply", "-m", "x"], "--response-topic"),
            (&["bench", "publish", "-t", "a/b", "-i", "10"], "--rate"),
            (&["pub", "-t", "a/b", "-m", "x", "--protocol", "mqtts"], "-e mqtts://HOST:PORT"),
        ] {
            let text = told(arguments);
            assert!(text.contains(advice) && text.contains("means something else here"), "{arguments:?}: {text}");
        }
    }

    /// The words of a command line in a text, up to where the shell, a remark or prose goes on.
    fn words(line: &str) -> Vec<OsString> {
        let line = line.strip_suffix('"').filter(|line| line.ends_with(')')).unwrap_or(line);
        let mut words = vec![String::new()];
        let mut quote = None;
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            let last = words.last_mut().expect("there is one");
            match letter {
                _ if quote == Some(letter) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(letter),
                ' ' if quote.is_none() && letters.peek() == Some(&' ') => break,
                ' ' if quote.is_none() => words.push(String::new()),
                '|' | ';' | '&' | '>' | '#' | ')' if quote.is_none() => break,
                _ => last.push(letter),
            }
        }
        words.retain(|word| !word.is_empty());
        words.into_iter().map(OsString::from).collect()
    }

    #[test]
    fn every_example_of_help_and_readme_is_taken() {
        let mut texts = std::collections::BTreeSet::new();
        let mut open = vec![Cli::command()];
        while let Some(command) = open.pop() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            texts.extend(help.lines().filter(|line| line.starts_with("  ")).map(str::to_string));
            open.extend(command.get_subcommands().cloned());
        }
        for readme in [include_str!("../../README.md"), include_str!("../../README.zh-CN.md")] {
            texts.extend(readme.lines().filter(|line| !line.contains('`')).map(str::to_string));
            texts.extend(readme.split('`').skip(1).step_by(2).map(str::to_string));
        }
        let mut seen = 0;
        let lines = texts.iter().filter(|text| !text.contains(" = "));
        for line in lines.filter_map(|text| text.find("aliyun-mqtt ").map(|at| &text[at..])) {
            match parse(&words(line)) {
                Ok(_) => seen += 1,
                // A table leaves out what does not matter in it.
                Err(error) => {
                    let part = error.kind() == ErrorKind::MissingRequiredArgument;
                    assert!(part || error.exit_code() == 0, "{line}: {error}");
                }
            }
        }
        assert!(seen >= 40, "{seen}");
    }

    /// What stands in the table is called nothing here, at least in one command; else nobody would ever read it.
    #[test]
    fn the_table_is_about_what_is_not_here() {
        let mut names = std::collections::BTreeSet::new();
        for (name, instead) in
            ELSEWHERE.iter().flat_map(|(names, instead)| names.iter().map(move |name| (name, instead)))
        {
            assert!(names.insert(name), "{name} stands twice");
            assert!(!instead.is_empty() && name.starts_with('-'));
        }
    }
}
