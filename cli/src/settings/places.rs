//! The places of the chain that have no key, in both languages.

use aliyun_mqtt::PassedOver;

use crate::lang::{Phrase, phrase};

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

impl From<&PassedOver> for Place {
    fn from(place: &PassedOver) -> Self {
        let is_empty = place.is_empty();
        let reason = if is_empty { why(place.reason()) } else { Phrase::untranslated(place.reason()) };
        Place { title: place_of(place.place()), reason, is_empty }
    }
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

    /// Returns the places that the chain of these variables has asked without success.
    fn without_key(variables: &'static [(&str, &str)]) -> Vec<PassedOver> {
        let chain = AccessKeyChain::from_vars(|name| {
            let set = [("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"), ("HOME", "/nonexistent")];
            set.iter().chain(variables).find(|(known, _)| *known == name).map(|(_, value)| *value)
        });
        chain.find().unwrap_err();
        chain.without_key()
    }

    /// The names of places and the reasons for having nothing are those that have a translation.
    #[test]
    fn each_place_of_the_chain_and_why_it_is_empty_is_known() {
        let places = without_key(&[]);
        let known: Vec<_> = titles().iter().map(|title| title.english().to_string()).collect();
        assert_eq!(places.iter().map(|place| place.place().to_string()).collect::<Vec<_>>(), known);
        for place in &places {
            let (reason, shown) = (place.reason(), Place::from(place));
            let is_known = reason.ends_with(" is not set") || reason.ends_with(" is true");
            assert!(is_known || reason.starts_with("there is no /nonexistent/"), "{place}");
            assert!(shown.is_empty && shown.reason().english() == reason, "{place}");
        }
    }

    #[test]
    fn what_cannot_be_used_comes_first() {
        let set = &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nonexistent/token")];
        let places = without_key(set);
        assert_eq!(places.iter().map(PassedOver::is_empty).collect::<Vec<_>>(), [false, false, true, true, true, true]);
        assert!(places[0].reason().contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "{places:?}");
        assert!(places.iter().all(|place| !place.reason().contains("(stage")), "{places:?}");
    }
}
