//! No text without a translation, and no translation without a text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aliyun_mqtt::Code;
use clap::{Command, CommandFactory as _};

use super::help::{Piece, each_text, pieces};
use super::library::{by, translated};
use super::zh;
use crate::commands::Cli;

/// The catalogue of the library, which is not a part of its interface.
#[path = "../../../src/error/hint.rs"]
mod hint;

fn tree() -> Command {
    let mut tree = Cli::command();
    tree.build();
    tree
}

fn all_commands(tree: &Command) -> Vec<&Command> {
    let mut all = vec![tree];
    let mut at = 0;
    while at < all.len() {
        all.extend(all[at].get_subcommands());
        at += 1;
    }
    all
}

/// Returns the rows of some tables; panics if a text has two.
fn rows<'a>(
    tables: impl IntoIterator<Item = &'a &'a [(&'static str, &'static str)]>,
) -> BTreeMap<&'static str, &'static str> {
    let mut rows = BTreeMap::new();
    for (english, chinese) in tables.into_iter().copied().flatten() {
        assert!(rows.insert(*english, *chinese).is_none(), "in the catalogue twice: {english}");
    }
    rows
}

/// Compares the texts of the program with those of the catalogue.
fn compare(texts: &BTreeSet<String>, rows: &BTreeMap<&str, &str>) {
    let missing: Vec<_> = texts.iter().filter(|text| !rows.contains_key(text.as_str())).collect();
    assert!(missing.is_empty(), "without a translation, or changed since: {missing:#?}");
    let stale: Vec<_> = rows.keys().filter(|english| !texts.contains(**english)).collect();
    assert!(stale.is_empty(), "translated, but no text of the program: {stale:#?}");
}

#[test]
fn the_help_and_the_catalogue_have_the_same_texts() {
    let mut texts = BTreeSet::new();
    each_text(tree(), &mut |text| {
        let found = pieces(text).filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.to_string()),
            Piece::Verbatim(_) => None,
        });
        texts.extend(found);
        text.to_string()
    });
    // The tables of commands that are not built in.
    let left_out = |table: &&&[_]| {
        let of =
            |name: &str, own: &[(&str, &str)]| std::ptr::eq(**table, own) && tree().find_subcommand(name).is_none();
        of("relay", zh::RELAY) || of("emulator", zh::EMULATOR)
    };
    compare(&texts, &rows(zh::HELP.iter().filter(|table| !left_out(table))));
}

#[test]
fn headings_and_the_help_of_values_are_translated() {
    let tree = tree();
    let arguments = || all_commands(&tree).into_iter().flat_map(Command::get_arguments);
    if tree.find_subcommand("relay").is_some() && tree.find_subcommand("emulator").is_some() {
        let headings = arguments().filter_map(clap::Arg::get_help_heading).map(str::to_string).collect();
        compare(&headings, &rows(&[zh::HEADINGS]));
    }
    let values = arguments().flat_map(clap::Arg::get_possible_values);
    let values = values.filter_map(|value| value.get_help().map(ToString::to_string)).collect();
    compare(&values, &rows(&[zh::VALUES]));
}

/// Returns the program's sources, except the catalogue, with each literal as its text on one line.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("lang/zh") {
            all.push_str(&sources(&path));
        } else if path.is_file() {
            let source = std::fs::read_to_string(&path).unwrap();
            let mut parts = source.split("\\\n");
            all.push_str(parts.next().unwrap_or_default());
            parts.for_each(|part| all.push_str(part.trim_start_matches(' ')));
        }
    }
    all
}

/// The other direction is checked by the compiler.
#[test]
fn no_translation_of_a_constant_text_is_left_over() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let rows = rows(&zh::CONSTANTS);
    let literal = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    // A short text may well stand elsewhere.
    let used = |english: &str| match literal(english) {
        text if english.len() > 16 => sources.contains(&text),
        text => ["Text::of(", "phrase!("].iter().any(|call| sources.contains(&format!("{call}{text}"))),
    };
    let stale: Vec<_> = rows.keys().filter(|english| !used(english)).collect();
    assert!(stale.is_empty(), "translated, but no text of the program: {stale:#?}");
}

#[test]
fn the_hints_of_the_library_are_translated() {
    let mut texts: Vec<(&str, String)> = Vec::new();
    for hint in hint::Hint::samples() {
        // Its whole text is a parameter.
        if hint.key() != "token-notice" {
            texts.push((hint.key(), hint.text().into_owned()));
        }
    }
    texts.extend((-1..10).map(|code| ("token-notice", Code::TokenInvalid(code).to_string())));
    for (key, text) in &texts {
        let chinese = translated(key, text);
        assert!(chinese.is_some(), "{key} without a translation, or changed since: {text}");
        assert!(!chinese.unwrap().contains('{'), "{key}: {text}");
    }
    for row in zh::LIBRARY {
        let used = texts.iter().any(|(key, text)| *key == row.0 && by(row, text).is_some());
        assert!(used, "translated, but no hint of the library: {row:?}");
    }
}

/// Returns all rows of the catalogue.
fn everything() -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = zh::HELP.into_iter().chain(zh::CONSTANTS);
    let words = [zh::HEADINGS, zh::CLAPS_HEADINGS, zh::VALUES];
    let rows = tables.chain(words).flatten().copied();
    rows.chain(zh::LIBRARY.iter().map(|(_, english, chinese)| (*english, *chinese)))
}

#[test]
fn both_languages_have_the_same_placeholders_and_options() {
    // What help and causes have in braces is for people.
    let for_people: BTreeSet<_> = zh::HELP.into_iter().chain([zh::CAUSES]).flatten().map(|row| row.0).collect();
    let for_people = |english| for_people.contains(english);
    for (english, chinese) in everything() {
        let names = |text: &str| {
            let found = text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_string()));
            found.collect::<BTreeSet<_>>()
        };
        let (left, right) = (names(english), names(chinese));
        let fine = left == right || for_people(english) && left.len() == right.len();
        assert!(fine, "{english}\n{chinese}");
        let options = |text: &str| {
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
            words.filter(|word| word.starts_with("--") && word.len() > 3).map(str::to_string).collect::<BTreeSet<_>>()
        };
        assert_eq!(options(english), options(chinese), "{english}\n{chinese}");
    }
}

/// Full-width punctuation, and a space between Chinese and Latin.
#[test]
fn chinese_is_set_as_in_the_readme() {
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for (_, chinese) in everything() {
        for (left, right) in chinese.chars().zip(chinese.chars().skip(1)) {
            let latin = |c: char| c.is_ascii_alphanumeric();
            let close = is_han(left) && latin(right) || latin(left) && is_han(right);
            assert!(!close, "{left}{right} without a space: {chinese}");
            let half = is_han(left) && ",;:?!()".contains(right) || ",;:?!()".contains(left) && is_han(right);
            assert!(!half, "{left}{right} is half-width: {chinese}");
        }
        for word in ["帐号", "登陆", "微消息队列"] {
            assert!(!chinese.contains(word), "{word}: {chinese}");
        }
    }
}
