//! The AccessKey that nobody gave: that of the chain of places which Alibaba Cloud's SDKs ask.

use aliyun_mqtt::{AccessKeyChain, ChainKey, Error, ErrorKind};

use super::places::Place;
use super::{Auth, Key, Settings};
use crate::exit::{Failure, Result};
use crate::lang::{Phrase, phrase};
use crate::time;

/// Why the chain has no key.
#[derive(Debug)]
pub(crate) struct NoKey {
    /// The failure of a command that needs a key: in short, with what is wrong in which place.
    failure: Failure,
    /// The whole message, for programs.
    pub(crate) whole: String,
    /// A setting of the search itself is wrong.
    pub(crate) is_setting: bool,
    /// The hint is about what is wrong in a place, not about the ways to give a key.
    has_own_hint: bool,
    /// The places, if all of them were asked; those with something that cannot be used come first.
    pub(crate) places: Vec<Place>,
}

impl Settings {
    /// Returns true if the AccessKey of this login, and of the API, comes from the chain.
    pub(crate) fn uses_chain(&self) -> bool {
        matches!(self.auth(), Ok(Auth::Chain)) || !self.has_key()
    }

    /// Returns true if the login itself needs the chain.
    pub(crate) fn logs_in_by_chain(&self) -> bool {
        let by_key = match self.auth() {
            Ok(Auth::Signature | Auth::Chain) => true,
            Ok(Auth::Token) => !self.has(Key::Token),
            _ => false,
        };
        by_key && self.uses_chain()
    }

    /// Returns true if an AccessKey is given, or a part of one.
    pub(super) fn has_key(&self) -> bool {
        self.has(Key::AccessKeyId) || self.has(Key::AccessKeySecret)
    }

    /// Returns the chain, which keeps what it has found.
    pub(crate) fn chain(&self) -> &AccessKeyChain {
        self.chain.get_or_init(|| AccessKeyChain::from_env().with_network(self.network(true)))
    }

    /// Returns the key of the chain, which is asked for it for the timeout of a secret at most.
    pub(crate) fn chain_key(&self) -> Result<ChainKey> {
        self.search().map_err(|no_key| no_key.failure.clone())
    }

    /// Like [`chain_key`](Settings::chain_key), with all that is known about a search without success.
    pub(crate) fn search(&self) -> Result<ChainKey, &NoKey> {
        match self.no_key.get() {
            Some(no_key) => Err(no_key),
            None => {
                let found = self.chain().find_within(self.patience);
                found.map_err(|error| self.no_key.get_or_init(|| self.without_key(&error)))
            }
        }
    }

    fn without_key(&self, error: &Error) -> NoKey {
        let mut failure = Failure::from(error);
        let whole = failure.message.clone();
        // A search that was given up has told of none.
        let is_whole = error.missing_setting().is_some();
        let without_key = if is_whole { self.chain().without_key() } else { Vec::new() };
        let places: Vec<_> = without_key.iter().map(Place::from).collect();
        let has_own_hint = !matches!(error.hint_key(), None | Some("key-chain"));
        if is_whole && !has_own_hint {
            failure.hint = Some(self.ways_to_give_a_key());
        }
        if !places.is_empty() {
            let (empty, broken): (Vec<_>, Vec<_>) = places.iter().partition(|place| place.is_empty);
            failure.message = "no AccessKey was found".to_string();
            failure.causes = broken.into_iter().map(|place| place.line().english().to_string()).collect();
            let empty: Vec<_> = empty.into_iter().map(|place| place.title().english()).collect();
            if !empty.is_empty() {
                failure.causes.push(format!("nothing in: {}", empty.join(", ")));
            }
        }
        NoKey { failure, whole, is_setting: error.kind() == ErrorKind::Config, has_own_hint, places }
    }

    fn ways_to_give_a_key(&self) -> Phrase {
        if matches!(self.auth(), Ok(Auth::Chain)) && self.has(Key::Auth) {
            return phrase!(
                "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, run `aliyun configure`, or give \
                 the ECS instance a RAM role; without --auth chain also --access-key-id and --access-key-secret-file; \
                 `aliyun-mqtt config show` tells what each place has"
            );
        }
        let ways = phrase!(
            "give one (--access-key-id and --access-key-secret-file, or ALIBABA_CLOUD_ACCESS_KEY_ID and \
             ALIBABA_CLOUD_ACCESS_KEY_SECRET), run `aliyun configure`, or give the ECS instance a RAM role; \
             `aliyun-mqtt config show` tells what each place has"
        );
        self.in_other_profiles(&[Key::AccessKeyId]).map_or(ways.clone(), |elsewhere| elsewhere.and(&ways))
    }
}

impl NoKey {
    /// Returns true if no place has a key, so that one has to be given.
    pub(super) fn is_missing(&self) -> bool {
        !self.failure.missing.is_empty()
    }

    /// Returns the ways to give a key, if that is what helps.
    pub(crate) fn hint(&self) -> Option<&Phrase> {
        self.failure.hint.as_ref()
    }

    /// Returns the hint about what is wrong in a place.
    pub(crate) fn own_hint(&self) -> Option<&Phrase> {
        self.hint().filter(|_| self.has_own_hint)
    }

    /// Returns what is wrong in which place, for a failure about more than the key.
    pub(super) fn causes(&self) -> Vec<String> {
        let broken = self.places.iter().filter(|place| !place.is_empty);
        broken.map(|place| place.line().english().to_string()).collect()
    }
}

/// Returns when a key of the chain ends.
pub(crate) fn end_of(key: &ChainKey) -> Phrase {
    match (key.expires().map(time::rfc3339), key.is_temporary()) {
        (Some(end), _) => phrase!("until {end}", end),
        (None, true) => phrase!("temporary"),
        (None, false) => phrase!("permanent"),
    }
}
