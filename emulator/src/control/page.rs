//! The page in the browser: a few files that contain no data and no secret. The data comes by the control API, which
//! asks for the token that the link to the page carries in its fragment.

/// A file of the page.
#[derive(Debug)]
pub(super) struct File {
    /// The path of its URL.
    pub(super) path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: &[File] = &[
    File { path: "/", kind: HTML, text: include_str!("../web/index.html") },
    File { path: "/page.css", kind: CSS, text: include_str!("../web/page.css") },
    File { path: "/page.js", kind: JAVASCRIPT, text: include_str!("../web/page.js") },
    File { path: "/actions.js", kind: JAVASCRIPT, text: include_str!("../web/actions.js") },
    File { path: "/detail.js", kind: JAVASCRIPT, text: include_str!("../web/detail.js") },
    File { path: "/dom.js", kind: JAVASCRIPT, text: include_str!("../web/dom.js") },
    File { path: "/list.js", kind: JAVASCRIPT, text: include_str!("../web/list.js") },
    File { path: "/payload.js", kind: JAVASCRIPT, text: include_str!("../web/payload.js") },
    File { path: "/server.js", kind: JAVASCRIPT, text: include_str!("../web/server.js") },
    File { path: "/store.js", kind: JAVASCRIPT, text: include_str!("../web/store.js") },
    File { path: "/strings.js", kind: JAVASCRIPT, text: include_str!("../web/strings.js") },
    File { path: "/views.js", kind: JAVASCRIPT, text: include_str!("../web/views.js") },
];

/// Returns the file at this path.
pub(super) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names that would turn a text of a client into markup or code, or an address of a client into a request.
    const FORBIDDEN: &[&str] = &[
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "createContextualFragment",
        "DOMParser",
        "setHTML",
        "srcdoc",
        "eval(",
        "new Function",
        "import(",
        "setAttribute(\"on",
        "setAttribute(\"style",
        "javascript:",
        "http://",
        "https://",
        "style=",
        " onclick=",
        ".href =",
        ".src =",
        "localStorage.setItem(\"token",
    ];

    fn text(path: &str) -> &'static str {
        file(path).unwrap().text
    }

    #[test]
    fn texts_never_become_markup_or_code() {
        for file in FILES {
            for word in FORBIDDEN {
                assert!(!file.text.contains(word), "{} has {word}", file.path);
            }
        }
    }

    #[test]
    fn all_that_the_page_names_is_there() {
        for file in FILES {
            let names = file.text.split(['"', '\'']).filter(|word| word.ends_with(".js") || word.ends_with(".css"));
            for name in names.map(|name| format!("/{}", name.trim_start_matches("./"))) {
                assert!(super::file(&name).is_some(), "{} names {name}", file.path);
            }
        }
        // No script stands in the document itself: the Content-Security-Policy would not run it.
        assert_eq!(text("/").matches("<script").count(), text("/").matches("></script>").count());
    }

    /// The keys of each language in `strings.js`, which has one entry in each line.
    fn tables() -> Vec<(&'static str, Vec<&'static str>)> {
        let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text("/strings.js").lines() {
            if let Some(language) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(": {")) {
                tables.push((language, Vec::new()));
            } else if let Some(entry) = line.strip_prefix("    ") {
                let (key, value) = entry.split_once(": ").unwrap_or_else(|| panic!("no entry: {line}"));
                assert!(value.starts_with('"') && value.ends_with("\",") && value.len() > 3, "{line}");
                tables.last_mut().unwrap().1.push(key);
            }
        }
        tables
    }

    #[test]
    fn both_languages_have_the_same_texts_in_the_same_order() {
        let tables = tables();
        let languages: Vec<_> = tables.iter().map(|(language, _)| *language).collect();
        assert_eq!(languages, ["en", "zh"]);
        assert!(tables[0].1.len() > 50);
        assert_eq!(tables[0].1, tables[1].1);
        let once: BTreeSet<_> = tables[0].1.iter().collect();
        assert_eq!(once.len(), tables[0].1.len(), "a key is there twice");
    }

    #[test]
    fn placeholders_are_the_same_in_both_languages() {
        let placeholders = |line: &str| -> BTreeSet<String> {
            line.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_owned()).collect()
        };
        let mut lines: Vec<Vec<&str>> = Vec::new();
        for line in text("/strings.js").lines() {
            if line.starts_with("  ") && line.ends_with(": {") {
                lines.push(Vec::new());
            } else if line.starts_with("    ") {
                lines.last_mut().unwrap().push(line);
            }
        }
        for (english, chinese) in lines[0].iter().zip(&lines[1]) {
            assert_eq!(placeholders(english), placeholders(chinese), "{english} / {chinese}");
        }
    }

    #[test]
    fn every_text_is_used_and_every_used_text_is_there() {
        let (_, keys) = &tables()[0];
        let code: String = FILES.iter().filter(|file| file.path != "/strings.js").map(|file| file.text).collect();
        for key in keys {
            let (exact, attribute) = (format!("\"{key}\""), format!("=\"{key}\""));
            let family = key.split_once('_').map_or(String::new(), |(family, _)| format!("`{family}_${{"));
            let is_of_family = !family.is_empty() && code.contains(&family);
            assert!(code.contains(&exact) || code.contains(&attribute) || is_of_family, "{key} is not used");
        }
        for used in code.split("t(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(key, _)| key) {
            // `t` also ends the names of other functions.
            let is_key = used.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && used.contains('_');
            assert!(!is_key || keys.contains(&used), "{used} is in no table");
        }
    }
}
