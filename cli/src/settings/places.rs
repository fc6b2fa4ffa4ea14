//! The places of the chain, as the message of a search without success names them.

use crate::lang::{Phrase, phrase};

/// How the library's message begins, and what precedes the places that have nothing.
const NOTHING_FOUND: &str = "no AccessKey was found";
const EMPTY: &str = "; nothing in: ";

/// What follows a reason that says nothing about another service.
const STAGE: &str = " (stage: credentials)";

/// A place without a usable key.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    title: Phrase,
    reason: Phrase,
    /// It has nothing, so that nothing is wrong with it.
    pub(crate) is_empty: bool,
}

impl Place {
    pub(crate) fn title(&self) -> &Phrase {
        &self.title
    }

    pub(crate) fn reason(&self) -> &Phrase {
        &self.reason
    }

    /// Returns title and reason as one line.
    pub(crate) fn line(&self) -> Phrase {
        self.title.clone().because(&self.reason)
    }
}

/// Takes the message of a search without success apart: first the places with something that cannot be used, then
/// those with nothing. Returns none for any other message.
pub(super) fn read(message: &str) -> Vec<Place> {
    let Some(rest) = message.strip_prefix(NOTHING_FOUND) else { return Vec::new() };
    let (broken, empty) = rest.rsplit_once(EMPTY).unwrap_or((rest, ""));
    let broken = pieces(broken, "; ", ": ").map(|(title, reason)| (title, reason.to_string(), false));
    let empty = format!(", {empty}");
    let empty = pieces(&empty, ", ", " (")
        .map(|(title, reason)| (title, reason.strip_suffix(')').unwrap_or(reason).to_string(), true));
    let place = |(title, reason, is_empty): (_, String, _)| Place { title, reason: why(&reason), is_empty };
    broken.chain(empty).map(place).collect()
}

/// Returns the titles in a text, each with what follows it.
fn pieces<'a>(text: &'a str, before: &str, behind: &str) -> impl Iterator<Item = (Phrase, &'a str)> {
    let start = |title: Phrase| {
        let start = format!("{before}{}{behind}", title.english());
        text.find(&start).map(|at| (at, at + start.len(), title))
    };
    let mut starts: Vec<_> = titles().into_iter().filter_map(start).collect();
    starts.sort_by_key(|(at, ..)| *at);
    let ends: Vec<_> = starts.iter().skip(1).map(|(at, ..)| *at).chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(move |((_, from, title), to)| (title, &text[from..to]))
}

/// The places in the words of the library.
fn titles() -> [Phrase; 6] {
    [
        phrase!("the environment"),
        phrase!("the OIDC role"),
        Phrase::untranslated("~/.aliyun/config.json"),
        Phrase::untranslated("~/.alibabacloud/credentials"),
        phrase!("the RAM role of the ECS instance"),
        phrase!("the credentials URI"),
    ]
}

/// Returns the place of a key that was found.
pub(crate) fn place_of(place: &str) -> Phrase {
    let known = titles().into_iter().find(|title| title.english() == place);
    known.unwrap_or_else(|| Phrase::untranslated(place))
}

fn why(reason: &str) -> Phrase {
    let reason = reason.strip_suffix(STAGE).unwrap_or(reason);
    if let Some(variable) = reason.strip_suffix(" is not set") {
        phrase!("{variable} is not set", variable)
    } else if let Some(variable) = reason.strip_suffix(" is true") {
        phrase!("{variable} is true", variable)
    } else if let Some(path) = reason.strip_prefix("there is no ") {
        phrase!("there is no {path}", path)
    } else {
        Phrase::untranslated(reason)
    }
}

#[cfg(test)]
mod tests {
    use aliyun_mqtt::AccessKeyChain;

    use super::*;

    fn found(message: &str) -> Vec<(String, String, bool)> {
        let text = |phrase: &Phrase| phrase.english().to_string();
        read(message).iter().map(|place| (text(&place.title), text(&place.reason), place.is_empty)).collect()
    }

    /// The message is that of the library itself.
    #[test]
    fn each_place_of_the_chain_is_found_in_its_message() {
        let all: Vec<_> = titles().iter().map(|title| title.english().to_string()).collect();
        let with = |variables: &'static [(&str, &str)]| {
            let lookup = |name: &str| {
                let set = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"), ("HOME", "/nonexistent")];
                set.iter().chain(variables).find(|(known, _)| *known == name).map(|(_, value)| *value)
            };
            found(AccessKeyChain::from_vars(lookup).find().unwrap_err().message())
        };
        let nothing = with(&[]);
        assert_eq!(nothing.iter().map(|(title, ..)| title.clone()).collect::<Vec<_>>(), all);
        for (title, reason, is_empty) in &nothing {
            let known = reason.ends_with(" is not set") || reason.ends_with(" is true");
            assert!(*is_empty && (known || reason.starts_with("there is no /nonexistent/")), "{title}: {reason}");
        }
        let broken =
            with(&[("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nonexistent/token")]);
        let titles: Vec<_> = broken.iter().map(|(title, _, is_empty)| (title.as_str(), *is_empty)).collect();
        assert_eq!(
            titles,
            [
                (all[0].as_str(), false),
                (&all[1], false),
                (&all[2], true),
                (&all[3], true),
                (&all[4], true),
                (&all[5], true)
            ]
        );
        assert!(broken[0].1.contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "{broken:?}");
        assert!(broken.iter().all(|(_, reason, _)| !reason.contains("(stage")), "{broken:?}");
    }

    #[test]
    fn another_message_has_no_places() {
        assert_eq!(found("no AccessKey was found in time: the environment has not answered yet"), []);
        assert_eq!(found("the AccessKey of the environment cannot be used"), []);
    }
}
