//! Which language this run has.

use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;

/// The variable that chooses the language, unless a flag does.
pub(crate) const VARIABLE: &str = "ALIYUN_MQTT_LANG";

/// The variables of the system, the first of which that is set has precedence over the others.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The languages in the order of preference, as gettext reads it: only beside a locale.
const PREFERRED: &str = "LANGUAGE";

/// A language of help, hints and doctor's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    #[value(aliases = ["en_US", "en-US"])]
    En,
    #[value(aliases = ["zh_CN", "zh-CN"])]
    Zh,
}

static IS_CHINESE: AtomicBool = AtomicBool::new(false);

/// Returns the language of this run.
pub(crate) fn current() -> Lang {
    if IS_CHINESE.load(Ordering::Relaxed) { Lang::Zh } else { Lang::En }
}

/// A value of [`VARIABLE`] that is not a language; it is ignored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown(pub(crate) OsString);

/// Sets the language of this run: that of the flag, or else that of the environment.
pub(crate) fn start(flag: Option<Lang>) -> Result<(), Unknown> {
    let (lang, unknown) = match flag {
        Some(lang) => (lang, None),
        None => of_environment(|name| std::env::var_os(name)),
    };
    IS_CHINESE.store(lang == Lang::Zh, Ordering::Relaxed);
    unknown.map_or(Ok(()), Err)
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
    Lang::from_str(text, true).ok()
}

/// Returns the language of the environment, and the value of our variable if it is not one. An empty variable counts as
/// unset.
fn of_environment(lookup: impl Fn(&str) -> Option<OsString>) -> (Lang, Option<Unknown>) {
    let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
    let ours = set(VARIABLE);
    if let Some(lang) = ours.as_deref().and_then(of_locale) {
        return (lang, None);
    }
    let locale = LOCALE.iter().find_map(|name| set(name)).filter(|locale| is_usable(locale));
    let lang = locale.map(|locale| match set(PREFERRED) {
        Some(list) => list.to_str().and_then(|list| list.split(':').find_map(|name| of_locale(OsStr::new(name)))),
        None => of_locale(&locale),
    });
    (lang.flatten().unwrap_or(Lang::En), ours.map(Unknown))
}

/// Returns the language of a locale such as `zh_CN.UTF-8`.
fn of_locale(locale: &OsStr) -> Option<Lang> {
    let language = locale.as_encoded_bytes().split(|byte| b"_-.@".contains(byte)).next()?;
    match language.to_ascii_lowercase().as_slice() {
        b"en" => Some(Lang::En),
        b"zh" => Some(Lang::Zh),
        _ => None,
    }
}

/// Returns true unless the locale is that of programs (C), or has another character set than UTF-8.
fn is_usable(locale: &OsStr) -> bool {
    let locale = locale.to_string_lossy();
    let (name, set) = locale.split_once('.').unwrap_or((&locale, "UTF-8"));
    let set = set.split('@').next().unwrap_or_default();
    !matches!(name, "C" | "POSIX") && (set.eq_ignore_ascii_case("UTF-8") || set.eq_ignore_ascii_case("UTF8"))
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
            ("aliyun-mqtt --lang ZH_cn", Some(Lang::Zh)),
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
            (&[(VARIABLE, "zh_CN")], Lang::Zh),
            (&[(VARIABLE, "zh-CN")], Lang::Zh),
            (&[(VARIABLE, "ZH_cn.UTF-8")], Lang::Zh),
            (&[("LANG", "zh_CN.UTF-8"), (VARIABLE, "en_US")], Lang::En),
            // Another character set would not show it.
            (&[("LANG", "zh_CN.GBK")], Lang::En),
            (&[("LANG", "zh_CN.utf8@pinyin")], Lang::Zh),
            // As gettext has it.
            (&[("LANG", "zh_CN.UTF-8"), (PREFERRED, "en")], Lang::En),
            (&[("LANG", "en_US.UTF-8"), (PREFERRED, "zh_CN:en")], Lang::Zh),
            (&[("LANG", "en_US.UTF-8"), (PREFERRED, "fr:zh_CN")], Lang::Zh),
            (&[("LANG", "zh_CN.UTF-8"), (PREFERRED, "fr")], Lang::En),
            (&[("LANG", "zh_CN.UTF-8"), (PREFERRED, "")], Lang::Zh),
            (&[("LC_ALL", "C"), (PREFERRED, "zh")], Lang::En),
            (&[("LC_ALL", "C.UTF-8"), (PREFERRED, "zh")], Lang::En),
            (&[(PREFERRED, "zh")], Lang::En),
        ] {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(of_environment(lookup), (expected, None), "{variables:?}");
        }
    }

    #[test]
    fn a_wrong_value_of_our_variable_is_reported_and_ignored() {
        let lookup = |name: &str| match name {
            VARIABLE => Some("fr".into()),
            "LANG" => Some("zh_CN.UTF-8".into()),
            _ => None,
        };
        assert_eq!(of_environment(lookup), (Lang::Zh, Some(Unknown("fr".into()))));
    }
}
