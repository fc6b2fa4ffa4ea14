//! A command line, read as far as it can be without knowing all of its options.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::table::{CLASHES, ELSEWHERE, NO_WILLS, is_number};

/// A command line as far as it can be understood without knowing all of its options.
pub(super) struct Line<'a> {
    /// The whole tree.
    root: &'a Command,
    /// The innermost command.
    pub(super) command: &'a Command,
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
    pub(super) fn read(tree: &'a Command, arguments: &'a [OsString]) -> Self {
        let mut line = Line { root: tree, command: tree, path: String::new(), options: Vec::new() };
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
    pub(super) fn misunderstood(&self) -> Option<String> {
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
        for tip in unknown.filter_map(|found| self.setting(found).or_else(|| found.instead())) {
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

    /// Says why an option that is a setting is none of this command.
    fn setting(&self, found: &Found<'_>) -> Option<String> {
        let name = found.name.as_str();
        let is = |argument: &Arg| {
            argument.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))
                || argument.get_short().is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str()))
        };
        // All others at the top are everywhere, but for help and version.
        let settings = self.root.get_arguments().filter(|argument| argument.get_action().takes_values());
        settings.filter(|argument| !argument.is_global_set()).find(|argument| is(argument))?;
        Some(match self.path.as_str() {
            "config show" => format!("{name} stands before the command: aliyun-mqtt {name} ... config show"),
            path => format!("{name} is a setting, and `{path}` does not depend on it"),
        })
    }

    /// Adds what to type instead of the options of others.
    pub(super) fn explain(&self, mut error: clap::Error) -> clap::Error {
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
