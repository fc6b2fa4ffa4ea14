//! Command lines of other clients, and that every example of ours is valid.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::table::ELSEWHERE;
use super::{parse, understood};
use crate::commands::Cli;

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

#[test]
fn a_command_that_takes_no_settings_says_so() {
    for (arguments, advice) in [
        (&["man", "-e", "host"][..], "-e is a setting, and `man` does not depend on it"),
        (&["config", "path", "--group-id", "GID_demo"], "--group-id is a setting"),
        (&["config", "show", "-e", "host"], "aliyun-mqtt -e ... config show"),
    ] {
        let text = told(arguments);
        assert!(text.contains(advice), "{arguments:?}: {text}");
    }
    assert!(taken(&["-e", "host", "config", "show"]) && taken(&["-e", "host", "man"]));
}

/// Returns the words of a command line in a text, up to an operator of the shell, a comment or prose.
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
fn every_example_of_help_and_book_is_taken() {
    let mut texts = std::collections::BTreeSet::new();
    let mut open = vec![Cli::command()];
    while let Some(command) = open.pop() {
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        texts.extend(help.lines().filter(|line| line.starts_with("  ")).map(str::to_string));
        open.extend(command.get_subcommands().cloned());
    }
    // The blocks of these pages are run by the book's own check.
    for page in [
        include_str!("../../../README.md"),
        include_str!("../../../README.zh-CN.md"),
        include_str!("../../../docs/book/en/src/command-line.md"),
        include_str!("../../../docs/book/en/src/moving-over.md"),
        include_str!("../../../docs/book/zh/src/command-line.md"),
        include_str!("../../../docs/book/zh/src/moving-over.md"),
    ] {
        let prose = page.lines().filter(|line| !line.starts_with("```"));
        texts.extend(prose.flat_map(|line| line.split('`').skip(1).step_by(2)).map(str::to_string));
    }
    let mut seen = 0;
    let lines = texts.iter().filter(|text| !text.contains(" = "));
    // A command that this build does not have.
    let absent = |line: &&str| match line.split_whitespace().nth(1) {
        Some("emulator") => !cfg!(feature = "emulator"),
        Some("relay") => !cfg!(all(feature = "relay", unix)),
        _ => false,
    };
    let lines = lines.filter_map(|text| text.find("aliyun-mqtt ").map(|at| &text[at..]));
    for line in lines.filter(|line| !absent(line)) {
        match parse(&words(line)) {
            Ok(cli) => {
                seen += 1;
                // A tree with one command reads it, and in the same way as the whole tree.
                let (quick, whole) = (understood(&words(line)), Cli::try_parse_from(words(line)));
                assert_eq!(format!("{:?}", quick.as_ref()), format!("{:?}", whole.ok().as_ref()), "{line}");
                assert_eq!(format!("{:?}", quick.as_ref()), format!("{:?}", Some(&cli)), "{line}");
            }
            // Tables omit arguments that do not matter.
            Err(error) => {
                let part = error.kind() == ErrorKind::MissingRequiredArgument;
                assert!(part || error.exit_code() == 0, "{line}: {error}");
            }
        }
    }
    assert!(seen >= 40, "{seen}");
}

/// Each name has one entry.
#[test]
fn the_table_is_about_what_is_not_here() {
    let mut names = std::collections::BTreeSet::new();
    for (name, instead) in ELSEWHERE.iter().flat_map(|(names, instead)| names.iter().map(move |name| (name, instead))) {
        assert!(names.insert(name), "{name} stands twice");
        assert!(!instead.english().is_empty() && name.starts_with('-'));
    }
}
