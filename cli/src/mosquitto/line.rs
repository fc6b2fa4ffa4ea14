//! Reads a command line although not all of its options are known.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};

use super::table::{CLASHES, ELSEWHERE, NO_WILLS, is_number};
use crate::lang::{Text, phrase};

const VERSION: Text = Text::of("-V VERSION of other clients is --protocol 3.1.1 or 5 here");
const PASSWORD: Text =
    Text::of("a password is never an option here, unlike -P PASSWORD of other clients; -P is a profile");
const PUBLISH: Text = Text::of("topic and text follow options: aliyun-mqtt pub -t TOPIC -m TEXT");
const SUBSCRIBE: Text = Text::of("the topic follows an option: aliyun-mqtt sub -t TOPIC");
const EMULATE: Text = Text::of(
    "the emulator starts without a word, and in the background with --env; a command to run with it follows --",
);

/// A command line, of which not all options may be known.
pub(super) struct Line<'a> {
    /// The root of the tree.
    root: &'a Command,
    /// The innermost command.
    pub(super) command: &'a Command,
    /// The name of the command, without that of the program.
    path: String,
    options: Vec<Found<'a>>,
}

/// An option of the command line.
struct Found<'a> {
    /// The name as typed, without an attached value: `-p`, `--port`; the whole word if not all of its letters are
    /// known.
    name: String,
    argument: Option<&'a Arg>,
    /// The value; for unknown options and those that take none here, the next word that is not an option.
    value: Option<&'a OsStr>,
    /// The rest of the command line.
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

    /// Reads a long option and returns how many of the words after it belong to it.
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
                // Other clients have options of several letters, which are recognized as a whole.
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
                // It takes effect at once, and clap ignores the letters after it.
                return 0;
            }
        }
        0
    }

    /// Returns the error for options that this command would silently misinterpret.
    pub(super) fn misunderstood(&self) -> Option<String> {
        let mut tips = Vec::new();
        let mut what = None;
        for found in &self.options {
            let help = |word: &&OsStr| matches!(word.to_str(), Some("-h" | "--help"));
            let (tip, why) = match found.argument.map(Arg::get_action) {
                Some(ArgAction::Help | ArgAction::HelpShort) if found.name == "-h" => {
                    (self.host(), "-h prints help here, and nothing can follow it")
                }
                Some(ArgAction::Version) if found.name == "-V" => (
                    VERSION.shown().to_string(),
                    "-V prints the version of this program here, and nothing can follow it",
                ),
                _ => continue,
            };
            if found.behind.is_empty() || found.behind.iter().all(help) {
                // Then the other arguments do not matter.
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
                tips.push(clash.instead.shown().to_string());
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
        let tip =
            phrase!("-h HOST of {program} is --endpoint here: -e HOST, or a URL such as mqtts://HOST:PORT", program);
        tip.shown().to_string()
    }

    /// Returns what to type instead of each unknown option; `theirs` if the command line is clearly meant for another
    /// program.
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
            tips.push(PASSWORD.shown().to_string());
        }
        tips
    }

    /// Returns why this command does not take an option that is a setting.
    fn setting(&self, found: &Found<'_>) -> Option<String> {
        let name = found.name.as_str();
        let is = |argument: &Arg| {
            argument.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long))
                || argument.get_short().is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str()))
        };
        // Options of the root are either settings or global, except help and version.
        let settings = self.root.get_arguments().filter(|argument| argument.get_action().takes_values());
        settings.filter(|argument| !argument.is_global_set()).find(|argument| is(argument))?;
        let tip = match self.path.as_str() {
            "config show" => phrase!("{name} goes before the command: aliyun-mqtt {name} ... config show", name),
            path => phrase!("{name} is a setting, and `{path}` does not depend on it", name, path),
        };
        Some(tip.shown().to_string())
    }

    /// Adds the command that was probably meant, where clap finds none: its letters are those of the word, in another
    /// order or with one too few or too many.
    pub(super) fn propose(&self, mut error: clap::Error) -> clap::Error {
        let found = |error: &clap::Error, kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        };
        let Some(word) = found(&error, ContextKind::InvalidSubcommand) else { return error };
        if error.get(ContextKind::SuggestedSubcommand).is_none()
            && let Some(name) = self.command.get_subcommands().map(Command::get_name).find(|name| is_near(name, &word))
        {
            let name = ContextValue::Strings(vec![name.to_string()]);
            error.insert(ContextKind::SuggestedSubcommand, name);
        }
        error
    }

    /// Returns what to type instead of words that follow no option.
    fn of_word(&self, error: &clap::Error) -> Option<Text> {
        let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
        if word.starts_with('-') {
            return None;
        }
        match self.path.as_str() {
            "pub" => Some(PUBLISH),
            "sub" => Some(SUBSCRIBE),
            "emulator" => Some(EMULATE),
            _ => None,
        }
    }

    /// Adds what to type instead of the options of other clients.
    pub(super) fn explain(&self, mut error: clap::Error) -> clap::Error {
        let mut tips = self.tips(false);
        tips.extend(self.of_word(&error).map(|tip| tip.shown().to_string()));
        if !tips.is_empty() {
            // Without clap's suggestion of a similar name and its usage.
            error.remove(ContextKind::SuggestedArg);
            error.remove(ContextKind::Usage);
            let tips = tips.into_iter().map(StyledStr::from).collect();
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
        error
    }
}

impl Found<'_> {
    /// Returns what to type instead of an option of other clients.
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
        instead.map(|instead| format!("{name}: {}", instead.shown()))
    }
}

/// Returns true if the words differ in the order of their letters, or in a single one.
fn is_near(name: &str, word: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let (name, word) = (sorted(name), sorted(word));
    let (short, long) = if name.len() < word.len() { (name, word) } else { (word, name) };
    let without = |at: usize| long.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, letter)| *letter);
    match long.len() - short.len() {
        0 => short == long,
        1 => short.len() > 1 && (0..long.len()).any(|at| without(at).eq(short.iter().copied())),
        _ => false,
    }
}

/// Returns the next word if it is, or may be, a value.
fn next<'a>(behind: &[&'a OsStr], takes: bool) -> Option<&'a OsStr> {
    behind.first().copied().filter(|word| takes || !word.as_encoded_bytes().starts_with(b"-"))
}

/// Returns the value attached to an option. The word is UTF-8.
fn tail(word: &OsStr, from: usize) -> &OsStr {
    OsStr::new(word.to_str().and_then(|text| text.get(from..)).unwrap_or_default())
}
