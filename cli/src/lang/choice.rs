//! Which language this run has.

use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;

/// The variable that chooses the language, unless a flag does.
pub(crate) const VARIABLE: &str = "ALIYUN_MQTT_LANG";

/// The variables of the system, the first of which that is set has precedence over the others.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// A language of help, hints and doctor's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    En,
    Zh,
}

static IS_CHINESE: AtomicBool = AtomicBool::new(false);

/// Returns the language of this run.
pub(crate) fn current() -> Lang {
    if IS_CHINESE.load(Ordering::Relaxed) { Lang::Zh } else { Lang::En }
}

/// A value of [`VARIABLE`] that is not a language.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) OsString);

/// Sets the language of this run: that of the flag, or else that of the environment.
pub(crate) fn start(flag: Option<Lang>) -> Result<(), Unknown> {
    let lang = flag.map_or_else(|| of_environment(|name| std::env::var_os(name)), Ok)?;
    IS_CHINESE.store(lang == Lang::Zh, Ordering::Relaxed);
    Ok(())
}

/// Returns the value of `--lang` before clap has read the command line, so that help and errors of usage have it, too.
/// A wrong value is left to clap.
pub(crate) fn given(arguments: &[OsString]) -> Option<Lang> {
    let mut found = None;
    let mut words = arguments.iter().skip(1).map(OsString::as_os_str).take_while(|word| *word != "--").peekable();
    while let Some(word) = words.next() {
        let value = match word.to_str() {
            Some("--lang") => words.peek().and_then(|value| value.to_str()),
            Some(word) => word.strip_prefix("--lang="),
            None => None,
        };
        found = value.and_then(read).or(found);
    }
    found
}

fn read(text: &str) -> Option<Lang> {
    Lang::from_str(text, false).ok()
}

/// Returns the language of the environment. An empty variable counts as unset.
fn of_environment(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Lang, Unknown> {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    if let Some(value) = set(VARIABLE) {
        return value.to_str().and_then(read).ok_or(Unknown(value));
    }
    let locale = LOCALE.iter().find_map(|name| set(name));
    Ok(if locale.is_some_and(|locale| is_chinese(&locale)) { Lang::Zh } else { Lang::En })
}

/// Returns true for a locale such as `zh_CN.UTF-8`.
fn is_chinese(locale: &OsStr) -> bool {
    let language = locale.as_encoded_bytes().split(|byte| b"_-.@".contains(byte)).next();
    language.is_some_and(|language| language.eq_ignore_ascii_case(b"zh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_flag_is_found_anywhere_before_the_command_of_another_program() {
        for (line, expected) in [
            ("aliyun-mqtt --lang zh --help", Some(Lang::Zh)),
            ("aliyun-mqtt pub --lang=en", Some(Lang::En)),
            ("aliyun-mqtt --lang zh pub --lang en", Some(Lang::En)),
            ("aliyun-mqtt --lang fr", None),
            ("aliyun-mqtt pub --lang", None),
            ("aliyun-mqtt emulator -- tool --lang zh", None),
        ] {
            assert_eq!(given(&words(line)), expected, "{line}");
        }
    }

    #[test]
    fn our_variable_has_precedence_over_the_locale_and_lc_all_over_lang() {
        for (variables, expected) in [
            (&[][..], Lang::En),
            (&[("LANG", "zh_CN.UTF-8")], Lang::Zh),
            (&[("LANG", "zh")], Lang::Zh),
            (&[("LANG", "zhx_CN.UTF-8")], Lang::En),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], Lang::En),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], Lang::Zh),
            (&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_CN.UTF-8")], Lang::Zh),
            (&[("LC_ALL", "zh_CN.UTF-8"), (VARIABLE, "en")], Lang::En),
            (&[("LC_ALL", "C"), (VARIABLE, "zh")], Lang::Zh),
            (&[("LANG", "zh_CN.UTF-8"), (VARIABLE, "")], Lang::Zh),
        ] {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(of_environment(lookup).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_wrong_value_of_our_variable_is_an_error() {
        let wrong = of_environment(|name| (name == VARIABLE).then(|| "zh_CN".into()));
        assert_eq!(wrong, Err(Unknown("zh_CN".into())));
    }
}
