//! The part of the INI format that credentials files use, as Python's `configparser` reads it.

use std::collections::HashMap;

use zeroize::Zeroizing;

/// The keys of a section, in lower case, and their values.
pub(super) type Section = HashMap<String, Zeroizing<String>>;

/// The section whose keys all others have, too.
const DEFAULTS: &str = "DEFAULT";

/// Returns a section; `None` if there is none. The error is the broken rule, without the text of a line.
///
/// `key = value` and `key: value`; lines that begin with `#` or `;` are comments, and in a value `#` begins one. An
/// indented line continues the value above it.
pub(super) fn section(text: &str, name: &str) -> Result<Option<Section>, String> {
    let (mut sections, mut current, mut last) = (HashMap::<String, Section>::new(), None::<String>, None);
    for (number, line) in text.lines().enumerate() {
        let broken = |rule: &str| Err(format!("line {}: {rule}", number + 1));
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let continued = last.as_ref().filter(|(_, depth)| indent > *depth);
        if let (Some(section), Some((key, _))) = (&current, continued) {
            let value: Option<&mut Zeroizing<String>> = sections.get_mut(section).and_then(|all| all.get_mut(key));
            if let Some(value) = value {
                value.push('\n');
                value.push_str(content);
            }
            continue;
        }
        if let Some(title) = content.strip_prefix('[') {
            let Some((title, _)) = title.rsplit_once(']') else { return broken("the section has no closing ]") };
            if title != DEFAULTS && sections.contains_key(title) {
                return broken("the section is there twice");
            }
            sections.entry(title.to_string()).or_default();
            (current, last) = (Some(title.to_string()), None);
            continue;
        }
        let Some(section) = current.as_ref().and_then(|name| sections.get_mut(name)) else {
            return broken("it stands before the first section");
        };
        let Some((key, value)) = content.split_once(['=', ':']).filter(|(key, _)| !key.trim().is_empty()) else {
            return broken("it is not of the form key = value");
        };
        let key = key.trim().to_lowercase();
        if section.insert(key.clone(), Zeroizing::new(value.trim().to_string())).is_some() {
            return broken("the key is there twice");
        }
        last = Some((key, indent));
    }
    let defaults = sections.remove(DEFAULTS).unwrap_or_default();
    let Some(found) = sections.remove(name) else { return Ok(None) };
    let whole = defaults.into_iter().chain(found).map(|(key, value)| {
        let value = value.split_once('#').map_or(value.as_str(), |(value, _)| value).trim().to_string();
        (key, Zeroizing::new(value))
    });
    Ok(Some(whole.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str, key: &str) -> Option<String> {
        section(text, name).expect("valid")?.get(key).map(|value| value.to_string())
    }

    #[test]
    fn sections_and_values() {
        let text = "# comment\n[default]\ntype = access_key # comment\nAccess_Key_Id: id=x:y\n\n; comment\n\
                    [other]\n  type=a\n  two =\n[DEFAULT]\nshared = 1\n";
        assert_eq!(value(text, "default", "type").as_deref(), Some("access_key"));
        assert_eq!(value(text, "default", "access_key_id").as_deref(), Some("id=x:y"));
        assert_eq!(value(text, "default", "shared").as_deref(), Some("1"));
        assert_eq!(value(text, "other", "type").as_deref(), Some("a"));
        assert_eq!(value(text, "other", "two").as_deref(), Some(""));
        assert_eq!(value(text, "none", "type"), None);
        assert_eq!(value("[default]\na = 1\n  2\nb = 3", "default", "a").as_deref(), Some("1\n2"));
    }

    #[test]
    fn what_the_official_reader_refuses_is_refused() {
        for (text, rule) in [
            ("a = 1", "line 1: it stands before"),
            ("[x]\nsecret-text", "line 2: it is not of the form"),
            ("[x]\na = 1\na = 2", "line 3: the key is there twice"),
            ("[x]\n[x]", "line 2: the section is there twice"),
            ("[x", "line 1: the section has no closing"),
            ("[x]\n= 1", "line 2: it is not of the form"),
        ] {
            let error = section(text, "x").expect_err(text);
            assert!(error.contains(rule) && !error.contains("secret-text"), "{error}");
        }
    }
}
